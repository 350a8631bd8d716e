package flux

import (
	"fmt"

	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/protocol"
)

// releaseHandling is what the spec of a HelmRelease says about how a chart's objects are treated, applied and judged.
type releaseHandling struct {
	Install struct {
		CRDs                                                             string
		SkipCRDs, CreateNamespace, DisableHooks, DisableSchemaValidation bool
	}
	Upgrade struct {
		CRDs                                         string
		Force, DisableHooks, DisableSchemaValidation bool
	}
	Uninstall, Rollback struct{ DisableHooks bool }
	DriftDetection      struct {
		Mode   string
		Ignore []ignoreSpec
	}
	PostRenderStrategy string
	PostRenderers      []struct {
		Kustomize *struct {
			Patches []model.Patch
			Images  []model.Image
		}
	}
}

// What a release may say of definitions in crds/ (helm-controller's CRDsPolicy).
const (
	crdsSkip    = "Skip"
	crdsCreate  = "Create"
	crdsReplace = "CreateReplace"
)

// readReleaseHandling takes what a HelmRelease says about how the chart's objects are treated, applied and judged.
func readReleaseHandling(p *planning.Plan, o *planning.Object, h releaseHandling, app *model.App) error {
	for at, policy := range map[string]string{"spec.install.crds": h.Install.CRDs, "spec.upgrade.crds": h.Upgrade.CRDs} {
		switch policy {
		case "", crdsSkip, crdsCreate, crdsReplace:
		default:
			return p.Errorf(o, at, "%q is not known: it is Skip, Create or CreateReplace", policy)
		}
	}
	app.Chart.ChartTreatment = h.treatment()
	app.Chart.SkipSchema = h.Install.DisableSchemaValidation || h.Upgrade.DisableSchemaValidation
	skipped := h.Install.SkipCRDs || h.Install.CRDs == crdsSkip
	app.Chart.SkipCRDs = skipped && (h.Upgrade.CRDs == "" || h.Upgrade.CRDs == crdsSkip)
	app.Handling.Recreate, app.Ignore = h.Upgrade.Force, ignoreRules(h.DriftDetection.Ignore)
	if h.Install.CreateNamespace {
		app.Handling.CreateNamespace = &protocol.NamespaceRequest{}
	}
	switch mode := h.DriftDetection.Mode; mode {
	case "", "enabled":
	case "warn", "disabled":
		app.Handling.KeepDrift = true
	default:
		return p.Errorf(o, "spec.driftDetection.mode", "%q is not known: it is enabled, warn or disabled", mode)
	}
	switch s := h.PostRenderStrategy; s {
	case "", "combined", "separate", "nohooks":
		return nil
	default:
		return p.Errorf(o, "spec.postRenderStrategy", "%q is not known: it is combined, separate or nohooks", s)
	}
}

// treatment is what becomes of the chart's objects.
func (h releaseHandling) treatment() model.ChartTreatment {
	// Flux creates definitions when it installs, and leaves them alone when it upgrades unless it is told otherwise.
	out := model.ChartTreatment{CreateCRDs: h.Upgrade.CRDs != crdsReplace}
	for _, phase := range []struct {
		disabled bool
		name     string
	}{{h.Install.DisableHooks, "install"}, {h.Upgrade.DisableHooks, "upgrade"}, {h.Rollback.DisableHooks, "rollback"},
		{h.Uninstall.DisableHooks, "delete"}} {
		if phase.disabled {
			out.SkipHooks = append(out.SkipHooks, "pre-"+phase.name, "post-"+phase.name)
		}
	}
	for _, r := range h.PostRenderers {
		if r.Kustomize != nil {
			out.PostRender = append(out.PostRender, model.Overlay{Patches: r.Kustomize.Patches, Images: r.Kustomize.Images})
			out.PostRenderHooks = h.PostRenderStrategy != "nohooks"
		}
	}
	return out
}

// readReleaseValue takes one of spec.valuesFrom.
func readReleaseValue(p *planning.Plan, o *planning.Object, i int, ref valuesFrom) (model.Values, error) {
	at := fmt.Sprintf("spec.valuesFrom[%d]", i)
	if ref.Kind != "ConfigMap" && ref.Kind != "Secret" || ref.Name == "" {
		return model.Values{}, p.Errorf(o, at, "it is to have a name, and the kind ConfigMap or Secret")
	}
	if ref.ValuesKey == "" {
		ref.ValuesKey = "values.yaml"
	}
	return model.Values{Key: ref.ValuesKey, Target: ref.TargetPath, Literal: ref.Literal,
		From: &protocol.VarsRef{Kind: ref.Kind, Namespace: o.Namespace, Name: ref.Name, Optional: ref.Optional}}, nil
}
