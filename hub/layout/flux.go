package layout

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// fluxNamespace is where Flux and what it was bootstrapped with live.
const fluxNamespace = "flux-system"

// kustomization is what Drover takes from the spec of a Kustomization (kustomize.toolkit.fluxcd.io).
type kustomization struct {
	Path      string
	SourceRef sourceRef
	DependsOn []dependency
	Prune     bool
	Suspend   bool
	Timeout   string
	PostBuild *postBuild
	fleet.Overlay
	TargetNamespace         string
	ServiceAccountName      string
	IgnoreMissingComponents bool
	CommonMetadata          fleet.Metadata
	DeletionPolicy          string
	HealthCheckExprs        []healthCheck
	Decryption              *decryption
	fluxHandling
}

type postBuild struct {
	SubstituteStrategy string
	Substitute         map[string]string
	SubstituteFrom     []struct {
		Kind, Name string
		Optional   bool
	}
}

func (o *fluxObject) declaresApp() bool {
	return o.kind == kindKustomization && o.group == kustomizeGroup || o.kind == kindHelmRelease && o.group == helmGroup || o.isApplication()
}

func (o *fluxObject) decode(to any) error {
	body := struct{ Spec any }{to}
	err := json.Unmarshal(o.JSON, &body)
	var typed *json.UnmarshalTypeError
	if errors.As(err, &typed) {
		return fmt.Errorf("%s of %s is a %s, which it cannot be: see the reference of its kind", strings.ToLower(typed.Field), o, typed.Value)
	}
	return err
}

// learnAddresses finds out by which address the cluster's files name this repository: whatever delivers the cluster's
// own folder, as `flux bootstrap` sets it up, is of this repository. Where nobody says which branch is followed, it is
// of that branch too.
func (p *planner) learnAddresses() {
	for _, o := range p.objects {
		p.learnArgo(o)
		var k kustomization
		if o.kind != kindKustomization || o.decode(&k) != nil || cleaned(k.Path) != p.layout.folder(p.cluster.Name) {
			continue
		}
		var g gitRepository
		if s := p.byKey[k.sourceKey(o)]; s != nil && s.kind == kindGitRepository && s.decode(&g) == nil && g.URL != "" {
			p.known = append(p.known, g.URL)
			if p.branch == "" {
				p.branch = g.branch()
			}
		}
	}
}

// cleaned is a path as Flux takes it: seen from the root of the source, above which nothing leads
// (kustomize-controller uses securejoin.SecureJoin).
func cleaned(name string) string {
	if name = strings.TrimPrefix(path.Clean("/"+name), "/"); name == "" {
		return "."
	}
	return name
}

func (k kustomization) sourceKey(o *fluxObject) string {
	return o.sourceKey(k.SourceRef.Kind, k.SourceRef.Namespace, k.SourceRef.Name)
}

// sourceKey is the key of a source that an object names.
func (o *fluxObject) sourceKey(kind, namespace, name string) string {
	if namespace == "" {
		namespace = o.namespace
	}
	return objectKey(kind, namespace, name)
}

// take makes an app of a declared object, if it declares one.
func (p *planner) take(o *fluxObject) {
	if !o.declaresApp() {
		p.noteProject(o)
		return
	}
	if o.isApplication() && !slices.ContainsFunc(append([]*fluxObject{o}, o.rivals...), p.destined) {
		return
	}
	app := fleet.App{Name: o.appName, File: o.where(), Parent: o.App, Declared: o.key(), Foreign: true}
	app.DependsAt, app.AllowEmpty = o.where(), o.allowsEmpty()
	var err error
	switch o.kind {
	case kindKustomization:
		err = p.kustomization(o, &app)
	case kindApplication:
		err = p.application(o, &app)
	default:
		err = p.helmRelease(o, &app)
	}
	if o.clash != "" {
		err = p.errorf(o, "", "it is declared in %s as well, and otherwise: keep one", o.clash)
	}
	if err != nil {
		app.Err = oneLine(err).Error()
	}
	app.Err = cmp.Or(o.Err, app.Err)
	if app.Path == p.layout.folder(p.cluster.Name) && app.Chart == nil && app.Source == nil && len(app.More) == 0 {
		if o.App == fleet.RootApp || o.App == "" {
			p.takeSelf(o, app)
			return
		}
		app.Err = p.errorf(o, "spec.path", "it delivers the cluster's own folder, and only what stands in that folder may say how: the app %s may not", o.App).Error()
	}
	p.apps[app.Name] = app
}

// takeSelf lets the Kustomization or the Application that delivers the cluster's own folder say how: the folder is the
// root app already.
func (p *planner) takeSelf(o *fluxObject, app fleet.App) {
	root, ok := p.apps[fleet.RootApp]
	if !ok {
		root = fleet.App{Name: fleet.RootApp, File: app.Path, Part: fleet.Part{Path: app.Path}}
	}
	switch overlay := app.Overlay; {
	case root.Err != "":
	case app.Err != "":
		root.Err = app.Err
	case overlay.Namespace != "" || overlay.NamePrefix != "" || overlay.NameSuffix != "" || len(overlay.Patches)+len(overlay.Images)+len(overlay.Components) > 0,
		overlay.Edit != nil && !overlay.Edit.IsZero():
		root.Err = p.errorf(o, "spec", "it delivers the cluster's own folder, on which patches, images, components, names and targetNamespace "+
			"are not supported: write them in a kustomization.yaml in that folder").Error()
	}
	root.Handling, root.Ignore, root.AllowEmpty = app.Handling, app.Ignore, app.AllowEmpty
	root.Metadata, root.Substitute, root.SubstituteEmpty, root.Foreign = app.Metadata, app.Substitute, app.SubstituteEmpty, true
	root.Vars, root.VarsFrom, root.Prune, root.Suspend, root.Timeout, root.Notes = app.Vars, app.VarsFrom, app.Prune, app.Suspend, app.Timeout, app.Notes
	if o.isApplication() {
		root.Namespace = app.Namespace
	}
	p.apps[fleet.RootApp] = root
}

// kustomization reads a Kustomization of Flux.
func (p *planner) kustomization(o *fluxObject, app *fleet.App) error {
	var k kustomization
	if err := o.decode(&k); err != nil {
		return p.errorf(o, "spec", "%v", err)
	}
	app.Path, app.Overlay, app.Metadata = cleaned(k.Path), k.Overlay, k.CommonMetadata
	app.Overlay.Namespace, app.Overlay.IgnoreMissing, app.Overlay.Flux = k.TargetNamespace, k.IgnoreMissingComponents, true
	app.Prune, app.Suspend = k.Prune, k.Suspend
	app.Handling.ServiceAccount = o.account(k.ServiceAccountName)
	source, unknown := p.source(o, "spec.sourceRef", k.SourceRef)
	p.takeSource(o, source, app)
	errs := []error{p.depends(o, k.DependsOn, app), p.checks(o, k.HealthCheckExprs, app), p.weigh(o, &app.Notes), unknown, p.checkPath(o, k, app), p.substitution(o, k.PostBuild, app), p.handling(o, k.fluxHandling, k.DeletionPolicy, app), p.decryption(o, k.Decryption, app)}
	if k.Timeout != "" {
		d, err := time.ParseDuration(k.Timeout)
		if err != nil || d <= 0 {
			errs = append(errs, p.errorf(o, "spec.timeout", "%q is no duration: write one such as 90s or 5m", k.Timeout))
		}
		app.Timeout = d
	}
	return errors.Join(errs...)
}

// nameOf is the app that another Kustomization is; the name it would have if there is none.
func (p *planner) nameOf(o *fluxObject, namespace, name string) string {
	if namespace == "" {
		namespace = o.namespace
	}
	on := p.byKey[objectKey(o.kind, namespace, name)]
	switch {
	case on == nil && namespace == fluxNamespace:
		return name
	case on == nil:
		return namespace + "-" + name
	}
	var k kustomization
	if on.decode(&k) == nil && cleaned(k.Path) == p.layout.folder(p.cluster.Name) {
		return fleet.RootApp
	}
	return on.appName
}

// weigh names what the object asks for and Drover does not do. What cannot be left out is an error.
func (p *planner) weigh(o *fluxObject, notes *[]fleet.Note) error {
	var errs []error
	for _, a := range judge(o.kind, o.spec) {
		if a.Support == Refused {
			errs = append(errs, p.errorf(o, a.path, "%s", a.Says))
			continue
		}
		if n := p.note(o, a.path, a.Says); !slices.Contains(*notes, n) {
			*notes = append(*notes, n)
		}
	}
	return errors.Join(errs...)
}

func (p *planner) checkPath(o *fluxObject, k kustomization, app *fleet.App) error {
	if app.Source != nil {
		return nil // it is seen when it is rendered
	}
	info, err := p.tree.Stat(app.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return p.errorf(o, "spec.path", "%q does not exist at this revision: paths are seen from the repository's root", k.Path)
	case err != nil:
		return p.errorf(o, "spec.path", "%q cannot be read: %v", k.Path, err)
	case !info.IsDir():
		return p.errorf(o, "spec.path", "%q is a file: name the folder it is in", k.Path)
	}
	return nil
}

func (p *planner) substitution(o *fluxObject, b *postBuild, app *fleet.App) error {
	if b == nil {
		return nil
	}
	app.Vars, app.SubstituteEmpty = b.Substitute, b.SubstituteStrategy == "Always"
	for i, ref := range b.SubstituteFrom {
		if ref.Kind != "ConfigMap" && ref.Kind != "Secret" || ref.Name == "" {
			return p.errorf(o, fmt.Sprintf("spec.postBuild.substituteFrom[%d]", i), "it is to have a name, and the kind ConfigMap or Secret")
		}
		app.VarsFrom = append(app.VarsFrom, protocol.VarsRef{Kind: ref.Kind, Namespace: o.namespace, Name: ref.Name, Optional: ref.Optional})
	}
	app.Substitute = app.SubstituteEmpty || len(app.Vars)+len(app.VarsFrom) > 0
	return nil
}

// noteOnce adds a note on the cluster as a whole.
func (p *planner) noteOnce(n fleet.Note) {
	if !slices.Contains(p.cluster.Notes, n) {
		p.cluster.Notes = append(p.cluster.Notes, n)
	}
}

// errorf places a message at a field of a declared object.
func (p *planner) errorf(o *fluxObject, at, format string, args ...any) error {
	return errors.New(p.note(o, at, fmt.Sprintf(format, args...)).String())
}

func (p *planner) note(o *fluxObject, at, text string) fleet.Note {
	return fleet.Note{File: o.where(), Line: p.line(o, at), Object: o.String(), Field: at, Text: text}
}

// line finds the line on which a field of an object stands in the file that the object comes from; 0 if it cannot be
// found, since a kustomization may have made the object otherwise than it was written.
func (p *planner) line(o *fluxObject, at string) int {
	if o.File == "" {
		return 0
	}
	data, err := p.tree.ReadFile(o.File)
	if err != nil {
		return 0
	}
	docs, _ := parse(o.File, data) // what is broken in it, the build has said
	for _, d := range docs {
		for _, item := range d.items() {
			if scalar(field(item.node, "kind")) == o.kind && item.name() == o.name {
				return lineAt(item.node, at)
			}
		}
	}
	return 0
}

// lineAt is the line of a field such as spec.dependsOn[0].readyExpr, or of the deepest part of it that is there.
func lineAt(n *yaml.Node, at string) int {
	line := n.Line
	for _, step := range strings.FieldsFunc(at, func(r rune) bool { return r == '.' || r == '[' || r == ']' }) {
		next, nextLine := below(n, step)
		if next == nil {
			return line
		}
		n, line = next, nextLine
	}
	return line
}

// below is the value at a key or an index of a node, and the line on which it begins.
func below(n *yaml.Node, step string) (*yaml.Node, int) {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == step {
				return n.Content[i+1], n.Content[i].Line
			}
		}
	case yaml.SequenceNode:
		if i, err := strconv.Atoi(step); err == nil && i >= 0 && i < len(n.Content) {
			return n.Content[i], n.Content[i].Line
		}
	}
	return nil, 0
}
