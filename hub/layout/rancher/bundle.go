package rancher

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
)

// accountNamespace is where Fleet's agent runs, and where the service accounts are that bundles name.
const accountNamespace = "cattle-fleet-system"

// readBundle makes an app of a bundle.
func (r *reader) readBundle(b *bundle, app *model.App) error {
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
	if at := b.file.note("dependsOn", ""); len(b.file.DependsOn) > 0 && at.Line > 0 {
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
func (r *reader) depend(b *bundle, app *model.App) error {
	var errs []error
	for i, d := range b.file.DependsOn {
		at := planning.FieldAt("dependsOn", i)
		names, err := r.matching(b, d)
		switch {
		case err != nil:
			errs = append(errs, b.file.errorf(at+".selector", "%v", err))
		case len(names) == 0 && d.Name != "":
			errs = append(errs, b.file.errorf(at,
				"the bundle %s is not among those of this cluster: correct the name, or "+
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
func (b *bundle) compare(app *model.App) {
	if b.Diff == nil {
		return
	}
	for _, c := range b.Diff.ComparePatches {
		rule := model.IgnoreRule{Paths: slices.Clone(c.JSONPointers), Target: model.Target{
			Group: fleet.GroupOf(c.APIVersion), Kind: regexp.QuoteMeta(c.Kind),
			Namespace: regexp.QuoteMeta(c.Namespace),
			Name:      regexp.QuoteMeta(c.Name)}}
		if c.APIVersion != "" && rule.Target.Group == "" {
			rule.Target.Group = "^$" // the core group alone
		}
		for _, op := range c.Operations {
			if op.Op != "remove" {
				app.Notes = append(app.Notes, b.file.note("diff.comparePatches",
					fmt.Sprintf("the operation %q is not done: only "+
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
