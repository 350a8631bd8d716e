package layout

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub"
)

// ArgoDialect reads what was written for Argo CD.
type ArgoDialect struct {
	Templates hub.Templates // executes the Go templates of ApplicationSets; nil if nothing does
}

var _ Dialect = ArgoDialect{}

var kindsOfArgo = KindsRead{
	Tool: "Argo CD", Home: argoNamespace, Namespace: argoNamespace, Central: true,
	Groups: []Group{{Name: argoGroup, Version: "v1alpha1", Apps: []string{kindApplication},
		Others: []string{kindApplicationSet, kindAppProject}, Resembles: resemblesArgo}},
}

// Kinds implements Dialect.
func (ArgoDialect) Kinds() KindsRead { return kindsOfArgo }

// resemblesArgo recognises groups that are a slip away from Argo CD's.
func resemblesArgo(group string) bool {
	first, _, _ := strings.Cut(group, ".")
	return strings.Contains(group, "argoproj") || first == "argocd" || first == "argo"
}

// Sort implements Dialect. Its group is also that of Rollouts and Workflows.
func (ArgoDialect) Sort(_ string, h head) Use {
	switch {
	case kindsOfArgo.Declares(h.group(), string(h.Kind)):
		return Declares
	case h.Metadata.Labels["app.kubernetes.io/part-of"] == "argocd": // of its install manifests
		return Component
	}
	return NotMine
}

// Targets implements Dialect: of an ApplicationSet only its generators tell.
func (ArgoDialect) Targets(o hub.Rendered, cluster fleet.Cluster) bool {
	var a struct {
		Kind string
		Spec argoApplication
	}
	if json.Unmarshal(o.JSON, &a) != nil || a.Kind != kindApplication {
		return true
	}
	return a.Spec.Destination.is(cluster)
}

// Open implements Dialect.
func (d ArgoDialect) Open(p *Plan) Reader { return argoReader{p, d.Templates} }

// argoReader reads the objects of Argo CD for one plan.
type argoReader struct {
	plan      *Plan
	templates hub.Templates
}

// Learn takes the address of an Application that delivers the cluster's own folder for one of this repository.
func (r argoReader) Learn(o *Object) {
	p := r.plan
	var a struct{ Source argoSource }
	if o.Kind != kindApplication || o.Decode(&a) != nil || a.Source.Path == "" || !p.Own(a.Source.Path) {
		return
	}
	p.Known = append(p.Known, a.Source.RepoURL)
	if source := gitRevision("", a.Source.TargetRevision); p.Branch == "" {
		p.Branch = source.Branch
	}
}

// Expand gives the Applications of all ApplicationSets.
func (r argoReader) Expand(ctx context.Context) ([]hub.Declaration, error) {
	return generate(ctx, r.plan, r.templates)
}

// Read implements Reader.
func (r argoReader) Read(o *Object, app *fleet.App) (bool, error) {
	p := r.plan
	switch o.Kind {
	case kindAppProject:
		p.NoteOnce(p.Note(o, "", "left out: what a project forbids (sources, destinations, kinds, sync windows) is not forbidden here; "+
			"who may change what is decided in Git"))
	case kindApplication:
		for _, either := range append([]*Object{o}, o.Rivals...) {
			if destined(p, either) {
				return true, readApplication(p, o, app)
			}
		}
	}
	return false, nil
}

// Conclude implements Reader: no app waits for what others wait for.
func (r argoReader) Conclude() {}
