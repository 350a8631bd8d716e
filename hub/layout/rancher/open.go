package rancher

import (
	"context"
	"errors"
	"io/fs"

	"github.com/drover-dev/drover/hub/layout/planning"
)

// open reads the bundle of a folder; nil if it is not for the cluster. A fleet.yaml that cannot be read is a problem
// of the plan as well: it may give the bundle another name.
func (r *reader) open(ctx context.Context, g *repo, dir string) (*bundle, error) {
	p := r.plan
	b := &bundle{repo: g, dir: dir, name: bundleName(g.o.Name, dir)}
	if info, err := p.Tree.Stat(dir); errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
		b.wrong = p.Errorf(g.o, "spec.paths",
			"%q does not exist at this revision: paths are seen from the repository's root",
			dir)
	} else if b.file, err = readFile(p.Tree, dir); err != nil {
		p.Fault(g.o.App, "%v", err)
		b.wrong = err
	}
	r.read[b.file.path] = true
	b.notes = b.file.repeated()
	if b.file.Name != "" {
		b.name = b.file.Name
	}
	for _, is := range []func() (bool, error){func() (bool, error) { return b.targeted(p) },
		func() (bool, error) { return r.customize(b) }} {
		ok, err := is()
		if err != nil {
			p.Fault(g.o.App, "%v", err)
			b.wrong = errors.Join(b.wrong, err)
		} else if !ok {
			return nil, nil
		}
	}
	if b.wrong != nil || b.Helm == nil {
		return b, nil
	}
	err := r.readValues(ctx, b)
	b.wrong = errors.Join(b.wrong, err)
	return b, err
}

// targeted says whether a bundle is for the cluster.
func (b *bundle) targeted(p *planning.Plan) (bool, error) {
	if len(b.file.OverrideTargets) > 0 {
		at, err := first(b.file.OverrideTargets, p.Cluster, b.repo.groups)
		if err != nil {
			err = b.file.errorf(planning.FieldAt("overrideTargets", at), "%v", err)
		}
		return at >= 0, err
	}
	at, err := first(b.repo.targets(), p.Cluster, b.repo.groups)
	if err != nil {
		err = p.Errorf(b.repo.o, planning.FieldAt("spec.targets", at), "%v", err)
	}
	return at >= 0, err
}

// customize takes the options of a bundle: those of its file, with the first customization laid over that is for the
// cluster. It is false if that one says not to deploy.
func (r *reader) customize(b *bundle) (bool, error) {
	b.options = b.file.options
	b.Helm = b.file.Helm.layered("helm")
	all, places := b.file.customizations()
	targets := make([]target, len(all))
	for i := range all {
		targets[i] = all[i].target
	}
	custom := ""
	switch at, err := first(targets, r.plan.Cluster, b.repo.groups); {
	case err != nil:
		return true, b.file.errorf(places[at], "%v", err)
	case at >= 0 && all[at].DoNotDeploy:
		return false, nil
	case at >= 0:
		custom = places[at]
		all[at].Helm = all[at].Helm.layered(custom + ".helm")
		b.options = merged(b.options, all[at].options)
	}
	if b.repo.TargetNamespace != "" {
		b.Namespace = b.repo.TargetNamespace
	}
	if b.repo.ServiceAccount != "" {
		b.ServiceAccount = b.repo.ServiceAccount
	}
	b.wrong = errors.Join(b.wrong, b.file.weigh(custom, &b.notes))
	b.notes = append(b.notes, b.file.partitions()...)
	return true, nil
}
