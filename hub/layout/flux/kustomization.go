package flux

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"time"

	"github.com/drover-dev/drover/fleet/envsubst"
	"github.com/drover-dev/drover/hub/layout/cel"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/protocol"
)

// kustomization is what Drover takes from the spec of a Kustomization (kustomize.toolkit.fluxcd.io).
type kustomization struct {
	Path      string
	SourceRef sourceRef
	DependsOn []dependency
	Prune     bool
	Suspend   bool
	Timeout   string
	PostBuild *postBuild
	model.Overlay
	TargetNamespace         string
	ServiceAccountName      string
	IgnoreMissingComponents bool
	CommonMetadata          model.Metadata
	DeletionPolicy          string
	HealthCheckExprs        []cel.HealthCheck
	Decryption              *decryption
	handlingSpec
}

type postBuild struct {
	SubstituteStrategy string
	Substitute         map[string]string
	SubstituteFrom     []struct {
		Kind, Name string
		Optional   bool
	}
}

func (k kustomization) sourceKey(o *planning.Object) string {
	return sourceKey(o, k.SourceRef.Kind, k.SourceRef.Namespace, k.SourceRef.Name)
}

// sourceKey is the key of a source that an object names.
func sourceKey(o *planning.Object, kind, namespace, name string) string {
	if namespace == "" {
		namespace = o.Namespace
	}
	return planning.ObjectKey(kind, namespace, name)
}

// readKustomization reads a Kustomization of Flux.
func readKustomization(p *planning.Plan, o *planning.Object, app *model.App) error {
	var k kustomization
	if err := o.Decode(&k); err != nil {
		return p.Undecodable(o, err)
	}
	app.Path, app.Overlay, app.Metadata = planning.Cleaned(k.Path), k.Overlay, k.CommonMetadata
	app.Overlay.Namespace, app.Overlay.IgnoreMissing, app.Overlay.Flux = k.TargetNamespace, k.IgnoreMissingComponents, true
	app.Prune, app.Suspend = k.Prune, k.Suspend
	app.Handling.ServiceAccount = accountOf(p, o, k.ServiceAccountName)
	source, unknown := (&sources{plan: p}).source(o, "spec.sourceRef", k.SourceRef)
	takeSource(p, o, source, app)
	errs := []error{readDependsOn(p, o, k.DependsOn, app), readHealthCheckExprs(p, o, k.HealthCheckExprs, app),
		p.Weigh(judged, o, &app.Notes), unknown, checkPath(p, o, k, app), readSubstitution(p, o, k.PostBuild,
			app), readHandling(p, o, k.handlingSpec, k.DeletionPolicy, app), readDecryption(p, o, k.Decryption, app)}
	if k.Timeout != "" {
		d, err := time.ParseDuration(k.Timeout)
		if err != nil || d <= 0 {
			errs = append(errs, p.Errorf(o, "spec.timeout", "%q is no duration: write one such as 90s or 5m", k.Timeout))
		}
		app.Timeout = d
	}
	return errors.Join(errs...)
}

// dependencyName is the app that another Kustomization is; the name it would have if there is none.
func dependencyName(p *planning.Plan, o *planning.Object, namespace, name string) string {
	if namespace == "" {
		namespace = o.Namespace
	}
	on := p.Object(planning.ObjectKey(o.Kind, namespace, name))
	switch {
	case on == nil:
		return planning.KeyOf(o.Kind, namespace, name)
	}
	var k kustomization
	if on.Decode(&k) == nil && planning.Cleaned(k.Path) == p.Folder {
		return model.RootApp
	}
	return on.AppName
}

func checkPath(p *planning.Plan, o *planning.Object, k kustomization, app *model.App) error {
	if app.Source != nil {
		return nil // it is seen when it is rendered
	}
	info, err := p.Tree.Stat(app.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return p.Errorf(o, "spec.path", "%q does not exist at this revision: paths are seen from the repository's root",
			k.Path)
	case err != nil:
		return p.Errorf(o, "spec.path", "%q cannot be read: %v", k.Path, err)
	case !info.IsDir():
		return p.Errorf(o, "spec.path", "%q is a file: name the folder it is in", k.Path)
	}
	return nil
}

func readSubstitution(p *planning.Plan, o *planning.Object, b *postBuild, app *model.App) error {
	if b == nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(b.Substitute)) {
		if envsubst.CheckNames(map[string]string{name: ""}) != nil {
			return p.Errorf(o, "spec.postBuild.substitute."+name, "no name of a variable: use letters, digits and '_', "+
				"and no digit "+
				"first; Flux refuses it, too, even if nothing uses it")
		}
	}
	app.Vars, app.SubstituteEmpty = b.Substitute, b.SubstituteStrategy == "Always"
	for i, ref := range b.SubstituteFrom {
		if ref.Kind != "ConfigMap" && ref.Kind != "Secret" || ref.Name == "" {
			return p.Errorf(o, fmt.Sprintf("spec.postBuild.substituteFrom[%d]", i),
				"it is to have a name, and the kind ConfigMap or Secret")
		}
		app.VarsFrom = append(app.VarsFrom, protocol.VarsRef{Kind: ref.Kind, Namespace: o.Namespace, Name: ref.Name,
			Optional: ref.Optional})
	}
	app.Substitute = app.SubstituteEmpty || len(app.Vars)+len(app.VarsFrom) > 0
	return nil
}
