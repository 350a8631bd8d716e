package worker

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	releaseutil "helm.sh/helm/v4/pkg/release/v1/util"
	"sigs.k8s.io/kustomize/kyaml/kio"
	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"
)

// filenameAnnotation is Helm's: it tells a post-rendered document's template.
const filenameAnnotation = "postrenderer.helm.sh/postrender-filename"

// postRender passes rendered templates through the caller's function and gives what came of them, by template.
func (r *render) postRender(files map[string]string) (map[string]string, error) {
	kept := map[string]string{}
	if !r.job.Options.PostRenderHooks {
		hooks, manifests, err := releaseutil.SortManifests(files, nil, releaseutil.InstallOrder)
		if err != nil {
			return nil, err
		}
		files = map[string]string{}
		for _, h := range hooks {
			appendDocument(kept, h.Path, h.Manifest)
		}
		for _, m := range manifests {
			appendDocument(files, m.Name, m.Content)
		}
	}
	stream, err := merge(files)
	if err != nil {
		return nil, err
	}
	changed, err := r.post([]byte(stream))
	if err != nil {
		return nil, err
	}
	out, err := split(string(changed))
	if err != nil {
		return nil, r.fail("what post-rendering gave is no YAML: "+err.Error(), "correct the post-renderer")
	}
	for name, text := range kept {
		appendDocument(out, name, text)
	}
	return out, nil
}

func appendDocument(files map[string]string, name, text string) {
	if known, ok := files[name]; ok {
		text = known + "\n---\n" + text
	}
	files[name] = text
}

// merge makes one stream of documents that know their templates.
func merge(files map[string]string) (string, error) {
	var all []*kyaml.RNode
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if strings.HasPrefix(path.Base(name), "_") {
			continue
		}
		documents := releaseutil.SplitManifests(files[name])
		order := slices.Collect(maps.Keys(documents))
		slices.SortFunc(order, func(a, b string) int {
			if releaseutil.BySplitManifestsOrder([]string{a, b}).Less(0, 1) {
				return -1
			}
			return 1
		})
		for _, key := range order {
			nodes, err := kio.ParseAll(documents[key])
			if err != nil {
				return "", fmt.Errorf("YAML parse error on %s: %w", name, err)
			}
			for _, n := range nodes {
				if err := n.PipeE(kyaml.SetAnnotation(filenameAnnotation, name)); err != nil {
					return "", fmt.Errorf("YAML parse error on %s: %w", name, err)
				}
				all = append(all, n)
			}
		}
	}
	return kio.StringAll(all)
}

// split gives the documents of a stream back to their templates.
func split(stream string) (map[string]string, error) {
	nodes, err := kio.ParseAll(stream)
	if err != nil {
		return nil, err
	}
	byName := map[string][]*kyaml.RNode{}
	for i, n := range nodes {
		meta, err := n.GetMeta()
		if err != nil {
			return nil, err
		}
		name := meta.Annotations[filenameAnnotation]
		if name == "" {
			name = fmt.Sprintf("generated-by-postrender-%d.yaml", i)
		}
		if err := n.PipeE(kyaml.ClearAnnotation(filenameAnnotation)); err != nil {
			return nil, err
		}
		byName[name] = append(byName[name], n)
	}
	out := map[string]string{}
	for name, nodes := range byName {
		if out[name], err = kio.StringAll(nodes); err != nil {
			return nil, err
		}
	}
	return out, nil
}
