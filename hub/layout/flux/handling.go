package flux

import (
	"fmt"

	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
)

// handlingSpec is what the spec of a Kustomization says about how its objects are applied and judged.
type handlingSpec struct {
	Wait, Force  bool
	HealthChecks []planning.HealthRef
	Ignore       []ignoreSpec
}

// ignoreSpec is a rule on fields that are left to others, as Kustomizations and HelmReleases have it.
type ignoreSpec struct {
	Paths  []string
	Target *model.Target
}

func ignoreRules(rules []ignoreSpec) []model.IgnoreRule {
	var out []model.IgnoreRule
	for _, r := range rules {
		rule := model.IgnoreRule{Paths: r.Paths}
		if r.Target != nil {
			rule.Target = *r.Target
		}
		out = append(out, rule)
	}
	return out
}

// readHandling takes what a Kustomization says about how its objects are applied and judged.
func readHandling(p *planning.Plan, o *planning.Object, h handlingSpec, deletionPolicy string, app *model.App) error {
	app.Handling.Recreate, app.Ignore = h.Force, ignoreRules(h.Ignore)
	if h.Wait { // Flux does not look at healthChecks then
		return readDeletionPolicy(p, o, deletionPolicy, app)
	}
	for i, c := range h.HealthChecks {
		at := fmt.Sprintf("spec.healthChecks[%d]", i)
		if c.Kind == "" || c.Name == "" {
			return p.Errorf(o, at, "it is to have a kind and a name")
		}
		switch ref := c.Ref(); {
		case !isOwn(ref.Group):
			app.Handling.Checks = append(app.Handling.Checks, ref)
		case checkedApp(p, c) == nil:
			app.Notes = append(app.Notes, p.Note(o, at,
				fmt.Sprintf("there is no app %s in what the cluster's folder renders to: nothing waits for it",
					planning.ObjectKey(c.Kind, c.Namespace, c.Name))))
		}
	}
	return readDeletionPolicy(p, o, deletionPolicy, app)
}

// checkedApp is the object of Flux that a health check names, if it is an app; nil if not.
func checkedApp(p *planning.Plan, c planning.HealthRef) *planning.Object {
	if on := p.Object(planning.ObjectKey(c.Kind, c.Namespace, c.Name)); on != nil && on.IsApp {
		return on
	}
	return nil
}

// readDeletionPolicy takes what becomes of the objects when the app goes.
func readDeletionPolicy(p *planning.Plan, o *planning.Object, policy string, app *model.App) error {
	switch policy {
	case "", "MirrorPrune":
	case "Orphan":
		app.Handling.Orphan = true
	case "Delete", "WaitForTermination":
		if !app.Prune {
			app.Notes = append(app.Notes, p.Note(o, "spec.deletionPolicy",
				"not done with prune: false: the objects stay when the Kustomization goes; say prune: true"))
		}
	default:
		return p.Errorf(o, "spec.deletionPolicy",
			"%q is not known: it is MirrorPrune, Delete, WaitForTermination or Orphan", policy)
	}
	return nil
}
