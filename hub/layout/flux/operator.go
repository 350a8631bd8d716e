package flux

import (
	"github.com/drover-dev/drover/hub/layout/planning"
)

// operatorKinds says what is to be done about objects of the Flux Operator.
var operatorKinds = map[string]string{
	kindFluxInstance: "not delivered: it has the Flux Operator install Flux, in whose place Drover delivers; what " +
		"spec.sync names " +
		"is this folder, and spec.kustomize is not done: write its patches in a kustomization.yaml of the folder",
	kindResourceSet: "not delivered, nor is what it makes: Drover does not expand a ResourceSet; write its " +
		"resources as " +
		"manifests (`flux-operator build rset -f FILE` prints them), or as an ApplicationSet of Argo CD, which Drover reads",
	kindInputProvider: "not delivered: ResourceSets alone read it, and Drover does not expand these",
}

// fluxInstance is what Drover takes from the spec of a FluxInstance (fluxcd.controlplane.io/v1).
type fluxInstance struct {
	Sync struct{ Kind, URL, Ref, Path string }
}

// noteOperator names an object of the Flux Operator.
func noteOperator(p *planning.Plan, o *planning.Object) {
	says := operatorKinds[o.Kind]
	if says == "" {
		says = "not delivered: it is for the Flux Operator, and Drover has nothing that does this"
	}
	p.NoteOnce(p.Note(o, "", says))
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
