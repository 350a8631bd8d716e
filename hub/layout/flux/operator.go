package flux

import (
	"github.com/drover-dev/drover/hub/layout/planning"
)

// fluxInstance is what Drover takes from the spec of a FluxInstance (fluxcd.controlplane.io/v1).
type fluxInstance struct {
	Sync struct{ Kind, URL, Ref, Path string }
}

// noteOperator names an object of the Flux Operator, as far as nothing is done that it asks for.
func noteOperator(p *planning.Plan, o *planning.Object) {
	switch o.Kind {
	case kindFluxInstance:
		noteInstance(p, o)
	case kindInputProvider:
		// ResourceSets read it, and say where they cannot
	default:
		p.NoteOnce(p.Note(o, "", "not delivered: it is for the Flux Operator, and Drover has nothing that does this"))
	}
}

// noteInstance says what becomes of a FluxInstance.
func noteInstance(p *planning.Plan, o *planning.Object) {
	var i fluxInstance
	folder := "no folder"
	if o.Decode(&i) == nil && i.Sync.Path != "" {
		folder = "another folder than this cluster's: give it a name with --path NAME=" + planning.Cleaned(i.Sync.Path)
		if p.Own(i.Sync.Path) {
			folder = "this folder, so nothing is to be done"
		}
	}
	p.NoteOnce(p.Note(o, "", "not delivered: it has the Flux Operator install Flux, in whose place Drover delivers; what spec.sync names is "+folder))
	if o.Spec["kustomize"] != nil {
		p.NoteOnce(p.Note(o, "spec.kustomize", "not done: its patches are for the parts of Flux, or for the Kustomization that syncs "+
			"this folder: write what "+
			"they set for that in a kustomization.yaml of the folder"))
	}
}

// learnInstance takes the address of this repository from the FluxInstance that delivers the cluster's own folder.
func learnInstance(p *planning.Plan, o *planning.Object) {
	var i fluxInstance
	if o.Decode(&i) != nil || i.Sync.URL == "" || !p.Own(i.Sync.Path) {
		return
	}
	if i.Sync.Kind == kindOCIRepository {
		p.Artifacts = append(p.Artifacts, i.Sync.URL)
	}
	if i.Sync.Kind != kindGitRepository {
		return
	}
	p.Known = append(p.Known, i.Sync.URL)
	if p.Branch == "" {
		p.Branch = gitRepository{Ref: gitRef{Name: i.Sync.Ref}}.branch()
	}
}
