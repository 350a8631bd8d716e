package resolve

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/drover-dev/drover/hub/memtree"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/record"
)

// readFolder reads the folder of a cluster, with what its kustomizations name by addresses. Where that is not at hand,
// what the folder holds is not known, and nothing that seems to be gone is taken for gone.
func readFolder(ctx context.Context, e *expansion, site model.Site) (*Render, error) {
	var known *Render // without what is needed
	r := e.r
	folder, err := supplied(ctx, e, e.snap, "the folder of cluster "+site.Name, false, nil, func(view model.View) (*Render, error) {
		out, err := r.aside(ctx, view, folderKey(site, view), func(ctx context.Context, rec *record.Recorder) (Render, []model.Packed, error) {
			f, err := r.cfg.Layout.Read(ctx, rec, site)
			needed, needs := errors.AsType[*model.NeededError](err)
			if err != nil && !needs {
				return Render{}, nil, err
			}
			out, blobs, err := r.pack(f.Root)
			out.Cluster, out.Declared, out.Encrypted, out.Ciphertext = &f.Cluster, f.Declared, f.Encrypted, f.Ciphertext
			if needs {
				out.Needs = needed.Sources
			}
			return out, blobs, err
		})
		if err == nil && len(out.Needs) > 0 {
			known = out
		}
		return out, err
	})
	if err != nil || known == nil || known.Cluster == nil || folder.Err == "" || folder.Pending {
		return folder, err
	}
	return lacking(known, folder.Err), nil
}

// folderKey names the question. It changes with what a folder may say: what an older release took for a mistake is read
// again.
func folderKey(site model.Site, view model.View) string {
	if stock := memtree.Stock(view); len(stock) > 0 {
		return memoKey("folder-9", struct {
			model.Site
			Stock []string
		}{site, stock})
	}
	return memoKey("folder-9", site)
}

// lacking is the render of a folder, or of a plan, whose needs cannot be met, which says why.
func lacking(folder *Render, why string) *Render {
	out, cluster := *folder, *folder.Cluster
	said := (&model.NeededError{Sources: folder.Needs}).Error()
	words := []string{said, why}
	for _, n := range folder.Needs {
		words = append(words, (&model.NeededError{Sources: []model.Needed{n}}).Error(), why)
	}
	cluster.Problems = slices.Clone(cluster.Problems)
	for i := range cluster.Problems {
		cluster.Problems[i] = strings.NewReplacer(words...).Replace(cluster.Problems[i])
	}
	slices.Sort(cluster.Problems)
	cluster.Apps = slices.Clone(cluster.Apps)
	for i := range cluster.Apps {
		cluster.Apps[i].Err = strings.NewReplacer(words...).Replace(cluster.Apps[i].Err)
	}
	out.Cluster, out.Needs = &cluster, nil
	return &out
}
