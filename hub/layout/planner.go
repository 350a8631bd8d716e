package layout

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/layout/native"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/protocol"
)

// planner makes apps of all that a cluster declares: its own Apps, and what dialects read.
type planner struct {
	*planning.Plan
	layout  *Layout
	readers []tongue
}

// tongue is a dialect with its reader for the plan.
type tongue struct {
	planning.Dialect
	kinds  planning.Kinds
	reader planning.Reader
}

// Plan implements model.Layout.
func (l *Layout) Plan(ctx context.Context, tree model.Tree, in model.Declarations) (model.Cluster, error) {
	clusters := func() ([]model.Cluster, error) { return l.fleet(tree) }
	p := &planner{Plan: planning.NewPlan(tree, in.Cluster.Folder, in, clusters), layout: l}
	for _, d := range l.dialects() {
		p.readers = append(p.readers, tongue{d, d.Kinds(), d.Open(p.Plan)})
	}
	for _, d := range in.Declared {
		p.index(d)
	}
	p.Sort()
	transient := p.expand(ctx)
	p.nameApps()
	for _, o := range p.Objects() {
		p.take(o)
	}
	p.meetDependencies()
	p.confine()
	p.inherit()
	p.holdPlugins()
	p.keepUnpruned()
	for _, r := range p.readers {
		r.reader.Conclude()
	}
	p.noteCircles()
	p.placeDependencies()
	p.Stop()
	p.Cluster.Apps = slices.SortedFunc(maps.Values(p.Apps), model.CompareApps)
	if len(p.Needs) > 0 {
		return p.Cluster, &model.NeededError{Sources: p.Needs}
	}
	return p.Cluster, transient
}

// of is the dialect that reads objects of a group and a kind; nil if none does.
func (p *planner) of(group, kind string) *tongue {
	for i, t := range p.readers {
		if t.kinds.Declares(group, kind) {
			return &p.readers[i]
		}
	}
	return nil
}

// expand learns from what is declared, and adds what objects stand for.
func (p *planner) expand(ctx context.Context) (transient error) {
	for _, o := range p.Objects() {
		if t := p.of(o.Group, o.Kind); t != nil && p.Party(o.App).Rank() == 0 { // a tenant does not say what the repository is
			t.reader.Learn(o)
		}
	}
	for _, t := range p.readers {
		more, err := t.reader.Expand(ctx)
		if err != nil {
			transient = err
		}
		for _, d := range more {
			p.index(d)
		}
	}
	p.Sort()
	return transient
}

// index takes in a declared object.
func (p *planner) index(d model.Declaration) {
	if native.DeclaredIn(d.Rendered) {
		p.takeNative(d)
		return
	}
	o := &planning.Object{Declaration: d}
	var h document.Head
	var body map[string]json.RawMessage // a field in another letter case is another field
	if json.Unmarshal(d.JSON, &h) != nil || json.Unmarshal(d.JSON, &body) != nil ||
		body["spec"] != nil && json.Unmarshal(body["spec"], &o.Spec) != nil || h.Metadata.Name == "" {
		p.Fault(d.App, "%s: a %s of %s that cannot be read: give it metadata.name and a spec", o.Where(), h.Kind, h.APIVersion)
		return
	}
	o.Group, o.Kind, o.Namespace, o.Name = h.Group(), string(h.Kind), string(h.Metadata.Namespace), string(h.Metadata.Name)
	if says := p.layout.lookalike(string(h.APIVersion), o.Kind); says != "" {
		p.Fault(d.App, "%s", fleet.Note{File: o.Where(), Line: p.Line(o, ""), Object: h.String(), Text: says})
		return
	}
	if document.Encrypted(d.Rendered, h) && o.Err == "" {
		o.Err = p.Errorf(o, "", "it is encrypted with SOPS, and apps are declared before anything is decrypted in the "+
			"cluster: "+
			"keep what is secret in a Secret of its own").Error()
	}
	if says := p.layout.unknownVersion(string(h.APIVersion), o.Kind); says != "" && o.Err == "" {
		o.Err = p.Errorf(o, "", "%s", says).Error()
	}
	namespace := ""
	if t := p.of(o.Group, o.Kind); t != nil {
		o.Fields = t.kinds.Fields
		o.IsApp, o.Home = t.kinds.IsApp(o.Group, o.Kind), t.kinds.Home
		namespace = t.kinds.Namespace
	}
	o.Namespace = cmp.Or(o.Namespace, namespace, defaultNamespace)
	p.Add(o)
}

// defaultNamespace is that of objects that name none, for whose dialect no other is known.
const defaultNamespace = "default"

// nameApps gives every app of a dialect its key, which follows from what declares it alone.
func (p *planner) nameApps() {
	for _, o := range p.Objects() {
		if o.IsApp {
			o.AppName = planning.KeyOf(o.Kind, o.Namespace, o.Name)
		}
	}
}

// formerly are the names that Drover gave an app until commit c9a339c: the plain name in the tool's own namespace, with
// the namespace before it elsewhere; where two would have been the same, or it would be no DNS label, with a digest.
func formerly(o *planning.Object) (out []string) {
	name := o.Name
	if o.Namespace != o.Home {
		name = o.Namespace + "-" + o.Name
	}
	if protocol.CheckName(name) == nil && name != model.RootApp {
		out = append(out, name)
	}
	return append(out, digested(name, o.Key()))
}

// projectAnnotation on a declared object names the project of its app, where the object has no field for it.
const projectAnnotation = "drover.dev/project"

// take makes an app of a declared object, if it declares one.
func (p *planner) take(o *planning.Object) {
	t := p.of(o.Group, o.Kind)
	if t == nil {
		return
	}
	app := model.App{Name: o.AppName, File: o.Where(), Parent: o.App, Declared: o.Key(), Formerly: formerly(o), Foreign: true}
	var odd string
	app.DependsAt = o.Where()
	if app.Intents, odd = o.Intents(); odd != "" {
		app.Notes = append(app.Notes, p.Note(o, "metadata.annotations."+model.AnnotationRollback,
			fmt.Sprintf("not done: there is no %q; it is never", odd)))
	}
	declared, err := t.reader.Read(o, &app)
	if !declared {
		return
	}
	if app.Handling.Opaque = o.Opaque; app.Project == "" {
		app.Project = o.Annotation(projectAnnotation)
	}
	if clash := p.Clashes(o); clash != nil {
		err = clash
	}
	if err != nil {
		app.Err = document.OneLine(err).Error()
	}
	app.Err = cmp.Or(o.Err, app.Err)
	if app.Path == p.Folder && app.Objects == nil && app.Chart == nil && app.Source == nil && len(app.More) == 0 {
		if o.App == model.RootApp || o.App == "" {
			p.takeSelf(o, app)
			return
		}
		app.Err = p.Errorf(o, "spec.path",
			"it delivers the cluster's own folder, and only what stands in that folder may say how: "+
				"the app %s may not", o.App).Error()
	}
	p.Apps[app.Name] = app
}

// takeSelf lets the object that delivers the cluster's own folder say how: the folder is the root app already.
func (p *planner) takeSelf(o *planning.Object, app model.App) {
	root, ok := p.Apps[model.RootApp]
	if !ok {
		root = model.App{Name: model.RootApp, File: app.Path, Part: model.Part{Path: app.Path}}
	}
	switch overlay := app.Overlay; {
	case root.Err != "":
	case app.Err != "":
		root.Err = app.Err
	case overlay.Namespace != "" || overlay.NamePrefix != "" || overlay.NameSuffix != "",
		len(overlay.Patches)+len(overlay.Images)+len(overlay.Components) > 0,
		overlay.Edit != nil && !overlay.Edit.IsZero():
		root.Err = p.Errorf(o, "spec",
			"it delivers the cluster's own folder, on which patches, images, components, names and targetNamespace "+
				"are not supported: write them in a kustomization.yaml in that folder").Error()
	}
	own := root.Handling.Decrypt
	root.Handling, root.Ignore, root.Intents = app.Handling, app.Ignore, app.Intents
	root.Handling.Decrypt = cmp.Or(app.Handling.Decrypt, own)
	root.Metadata, root.Substitute, root.SubstituteEmpty, root.Foreign = app.Metadata, app.Substitute, app.SubstituteEmpty, true
	root.Vars, root.VarsFrom, root.Prune, root.Suspend = app.Vars, app.VarsFrom, app.Prune, app.Suspend
	root.Timeout, root.Notes, root.Namespace, root.Manual = app.Timeout, app.Notes, app.Namespace, app.Manual
	p.Apps[model.RootApp] = root
}

// maxName is how long an app's name may be, as a DNS label.
const maxName = 63

// digested is a name with a digest of what declares the app, as Drover made it until commit c9a339c.
func digested(name, key string) string {
	sum := sha256.Sum256([]byte(key))
	name = strings.ReplaceAll(strings.ToLower(name), ".", "-")
	return strings.Trim(name[:min(len(name), maxName-9)], "-") + "-" + hex.EncodeToString(sum[:4])
}
