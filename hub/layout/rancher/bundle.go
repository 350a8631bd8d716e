package rancher

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"time"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
)

// repoLabel is the label of every bundle with the name of its GitRepo.
const repoLabel = "fleet.cattle.io/repo-name"

// accountNamespace is where Fleet's agent runs, and where the service accounts are that bundles name.
const accountNamespace = "cattle-fleet-system"

// bundle is a folder of a GitRepo, as it is delivered to the cluster of the plan.
type bundle struct {
	repo *repo
	dir  string
	name string
	file file
	options
	wrong  error
	values []fleet.Values // with the templates in them executed
	notes  []fleet.Note
}

// key is that of the object that stands for the bundle.
func (b *bundle) key() string { return planning.ObjectKey(kindBundle, b.repo.o.Namespace, b.name) }

// declaration is the object that stands for the bundle.
func (b *bundle) declaration() (model.Declaration, error) {
	data, err := json.Marshal(map[string]any{"apiVersion": apiGroup + "/v1alpha1", "kind": kindBundle,
		"metadata": map[string]any{"name": b.name, "namespace": b.repo.o.Namespace, "labels": b.labels()},
		"spec":     map[string]any{"gitRepo": b.repo.o.Name, "path": b.dir}})
	return model.Declaration{Rendered: model.Rendered{JSON: data, File: b.repo.o.File}, App: b.repo.o.App}, err
}

func (b *bundle) labels() map[string]string {
	return overlaid(map[string]string{repoLabel: b.repo.o.Name}, b.file.Labels)
}

// open reads the bundle of a folder; nil if it is not for the cluster. A fleet.yaml that cannot be read is a problem of
// the plan as well: it may give the bundle another name.
func (r *reader) open(ctx context.Context, g *repo, dir string) (*bundle, error) {
	p := r.plan
	b := &bundle{repo: g, dir: dir, name: bundleName(g.o.Name, dir)}
	if info, err := p.Tree.Stat(dir); errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
		b.wrong = p.Errorf(g.o, "spec.paths", "%q does not exist at this revision: paths are seen from the repository's root",
			dir)
	} else if b.file, err = readFile(p.Tree, dir); err != nil {
		p.Problem("%v", err)
		b.wrong = err
	}
	r.read[b.file.path] = true
	if b.file.Name != "" {
		b.name = b.file.Name
	}
	for _, is := range []func() (bool, error){func() (bool, error) { return r.targeted(b) },
		func() (bool, error) { return r.customize(b) }} {
		ok, err := is()
		if err != nil {
			p.Problem("%v", err)
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
func (r *reader) targeted(b *bundle) (bool, error) {
	if len(b.file.OverrideTargets) > 0 {
		at, err := first(b.file.OverrideTargets, r.plan.Cluster, b.repo.groups)
		if err != nil {
			err = b.file.errorf(planning.FieldAt("overrideTargets", at), "%v", err)
		}
		return at >= 0, err
	}
	at, err := first(b.repo.targets(), r.plan.Cluster, b.repo.groups)
	if err != nil {
		err = r.plan.Errorf(b.repo.o, planning.FieldAt("spec.targets", at), "%v", err)
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
	return true, nil
}

// readBundle makes an app of a bundle.
func (r *reader) readBundle(b *bundle, app *fleet.App) error {
	g := b.repo
	app.Namespace, app.Metadata.Namespace = b.namespace(), b.Namespace
	app.Handling.CreateNamespace = b.request()
	app.Prune, app.Suspend = true, g.Paused || b.file.Paused
	app.Handling.Orphan = b.KeepResources || g.KeepResources
	drift := b.CorrectDrift
	if g.CorrectDrift != nil && g.CorrectDrift.Enabled {
		drift = g.CorrectDrift
	}
	app.Handling.KeepDrift = drift == nil || !drift.Enabled
	if b.ServiceAccount != "" {
		app.Handling.ServiceAccount = accountNamespace + "/" + b.ServiceAccount
	}
	if b.Helm != nil {
		app.Handling.Recreate, app.Timeout = b.Helm.Force, time.Duration(max(b.Helm.TimeoutSeconds, 0))*time.Second
	}
	if at := b.file.note("dependsOn", ""); at.Line > 0 {
		app.DependsAt = fmt.Sprintf("%s:%d", at.File, at.Line)
	}
	b.compare(app)
	err := errors.Join(b.wrong, r.depend(b, app))
	if b.wrong == nil {
		err = errors.Join(err, r.readParts(b, app))
	}
	app.Notes = append(app.Notes, b.notes...)
	return err
}

// depend takes the bundles that must be ready first. One that is not there is waited for in Fleet without end.
func (r *reader) depend(b *bundle, app *fleet.App) error {
	var errs []error
	for i, d := range b.file.DependsOn {
		at := planning.FieldAt("dependsOn", i)
		names, err := r.matching(b, d)
		switch {
		case err != nil:
			errs = append(errs, b.file.errorf(at+".selector", "%v", err))
		case len(names) == 0 && d.Name != "":
			errs = append(errs, b.file.errorf(at, "the bundle %s is not among those of this cluster: correct the name, or "+
				"deliver it to the cluster as well", d.Name))
		case len(names) == 0:
			errs = append(errs, b.file.errorf(at, "no bundle of this cluster has these labels: correct the selector"))
		}
		for _, name := range names {
			if !slices.Contains(app.DependsOn, name) {
				app.DependsOn = append(app.DependsOn, name)
			}
		}
	}
	return errors.Join(errs...)
}

// matching are the names of the apps that a dependency of a bundle means, sorted.
func (r *reader) matching(b *bundle, d dependency) (out []string, err error) {
	for _, o := range r.plan.Objects() {
		on := r.bundles[o.Key()]
		if on == nil || o.Kind != kindBundle || on == b || on.repo.o.Namespace != b.repo.o.Namespace {
			continue
		}
		is := d.Name != "" && on.name == d.Name
		if d.Selector != nil && !is {
			if is, err = d.Selector.matches(on.labels()); err != nil {
				return nil, err
			}
		}
		if is {
			out = append(out, o.AppName)
		}
	}
	return out, nil
}

// compare takes the fields that are not compared: they are left to others once the object exists.
func (b *bundle) compare(app *fleet.App) {
	if b.Diff == nil {
		return
	}
	for _, c := range b.Diff.ComparePatches {
		rule := fleet.IgnoreRule{Paths: slices.Clone(c.JSONPointers), Target: fleet.Target{
			Group: fleet.GroupOf(c.APIVersion), Kind: regexp.QuoteMeta(c.Kind), Namespace: regexp.QuoteMeta(c.Namespace),
			Name: regexp.QuoteMeta(c.Name)}}
		if c.APIVersion != "" && rule.Target.Group == "" {
			rule.Target.Group = "^$" // the core group alone
		}
		for _, op := range c.Operations {
			if op.Op != "remove" {
				app.Notes = append(app.Notes, b.file.note("diff.comparePatches", fmt.Sprintf("the operation %q is not done: only "+
					"remove is", op.Op)))
				continue
			}
			rule.Paths = append(rule.Paths, op.Path)
		}
		if len(rule.Paths) > 0 {
			app.Ignore = append(app.Ignore, rule)
		}
	}
}
