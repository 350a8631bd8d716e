package layout

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/protocol"
)

// Bounds on what apps may declare: apps in apps, and apps at all.
const (
	maxDepth = 12
	maxApps  = 5000
)

// planner makes apps of all that a cluster declares.
type planner struct {
	layout  *Layout
	tree    hub.Tree
	in      hub.Declarations
	cluster fleet.Cluster
	apps    map[string]fleet.App

	objects []*fluxObject // all that is Flux' or Argo CD's, sorted; each once
	byKey   map[string]*fluxObject
	known   []string // addresses of this repository
	branch  string   // that is followed
	way     []string // keys of the composed sources that are being resolved, each for the one before it
}

// fluxObject is a declared object of Flux or Argo CD.
type fluxObject struct {
	hub.Declaration
	group, kind, namespace, name string

	spec    map[string]any
	appName string // of the app that it is, if it is one
	clash   string // where the same object is declared otherwise
	rivals  []*fluxObject
	again   []string // apps that declare the same once more
}

func (o *fluxObject) String() string { return o.key() }

func (o *fluxObject) key() string { return objectKey(o.kind, o.namespace, o.name) }

func objectKey(kind, namespace, name string) string { return kind + " " + namespace + "/" + name }

// declaresNative says whether an object is one of Drover's own.
func declaresNative(o hub.Rendered) bool {
	var h head
	return json.Unmarshal(o.JSON, &h) == nil && h.group() == fleet.GroupOf(fleet.APIVersion)
}

// Plan implements hub.Layout.
func (l *Layout) Plan(ctx context.Context, tree hub.Tree, in hub.Declarations) (fleet.Cluster, error) {
	p := &planner{layout: l, tree: tree, in: in, cluster: in.Cluster, apps: map[string]fleet.App{}, byKey: map[string]*fluxObject{}, known: slices.Clone(in.Repository), branch: in.Branch}
	p.cluster.Problems, p.cluster.Notes = slices.Clone(in.Cluster.Problems), slices.Clone(in.Cluster.Notes)
	for _, a := range in.Cluster.Apps {
		p.apps[a.Name] = a
	}
	for _, d := range in.Declared {
		p.index(d)
	}
	p.sort()
	p.learnAddresses()
	transient := p.generate(ctx)
	p.nameApps()
	for _, o := range p.objects {
		p.take(o)
	}
	p.inherit()
	p.keepUnpruned()
	p.awaitApps()
	p.noteCircles()
	p.cluster.Apps = slices.SortedFunc(maps.Values(p.apps), fleet.CompareApps)
	return p.cluster, transient
}

func (p *planner) sort() {
	slices.SortFunc(p.objects, func(a, b *fluxObject) int { return strings.Compare(a.key(), b.key()) })
}

func (p *planner) problem(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(p.cluster.Problems, text) {
		p.cluster.Problems = append(p.cluster.Problems, text)
	}
}

// index takes note of a declared object.
func (p *planner) index(d hub.Declaration) {
	if declaresNative(d.Rendered) {
		p.takeNative(d)
		return
	}
	o := &fluxObject{Declaration: d}
	var h head
	var body struct{ Spec map[string]any }
	if json.Unmarshal(d.JSON, &h) != nil || json.Unmarshal(d.JSON, &body) != nil || h.Metadata.Name == "" {
		p.problem("%s: a %s of %s that cannot be read: give it metadata.name and a spec", o.where(), h.Kind, h.APIVersion)
		return
	}
	o.group, o.kind, o.namespace, o.name = h.group(), string(h.Kind), string(h.Metadata.Namespace), string(h.Metadata.Name)
	o.spec = body.Spec
	if says := lookalike(string(h.APIVersion), o.kind); says != "" {
		p.problem("%s", fleet.Note{File: o.where(), Line: p.line(o, ""), Object: h.String(), Text: says})
		return
	}
	if encrypted(d.Rendered, h) && o.Err == "" {
		o.Err = p.errorf(o, "", "it is encrypted with SOPS, and apps are declared before anything is decrypted in the cluster: keep what is secret in a Secret of its own").Error()
	}
	if says := unknownVersion(string(h.APIVersion), o.kind); says != "" && o.Err == "" {
		o.Err = p.errorf(o, "", "%s", says).Error()
	}
	if o.namespace == "" {
		o.namespace = "default"
		if isArgo(o.group, o.kind) {
			o.namespace = argoNamespace
		}
	}
	if first, ok := p.byKey[o.key()]; ok {
		if string(first.JSON) != string(o.JSON) {
			first.clash = o.where()
			first.rivals = append(first.rivals, o)
		} else {
			first.again = append(first.again, o.App)
		}
		return
	}
	p.byKey[o.key()] = o
	p.objects = append(p.objects, o)
}

// where says where an object is declared.
func (o *fluxObject) where() string {
	if o.File != "" {
		return o.File
	}
	return "the app " + o.App
}

// takeNative takes an App that an app declares.
func (p *planner) takeNative(d hub.Declaration) {
	docs, err := parse(d.File, d.JSON)
	if err != nil || len(docs) != 1 {
		p.problem("%s: an object that cannot be read: %v", d.File, err)
		return
	}
	doc := docs[0]
	doc.rendered = true
	if says := lookalike(scalar(field(doc.node, "apiVersion")), scalar(field(doc.node, "kind"))); says != "" {
		p.problem("%s: %s in the app %s: %s", d.File, doc.name(), d.App, says)
		return
	}
	if kind := scalar(field(doc.node, "kind")); kind != fleet.KindApp {
		p.problem("%s: %s %s in the app %s: only Apps may be declared by an app", d.File, kind, doc.name(), d.App)
		return
	}
	app, err := readApp(p.tree, doc)
	if err != nil {
		err = inSource(p.tree, doc, err)
	}
	if app.Name == "" {
		p.problem("%v", err)
		return
	}
	app.Parent = d.App
	if unmade := p.unmade(d); unmade != nil {
		err = unmade
	}
	if d.Err != "" {
		err = errors.New(d.Err)
	}
	switch {
	case err != nil:
		app.Err = err.Error()
	case p.cluster.Unclear && app.Substitute:
		app.Err = "the cluster's vars cannot be known, so the app is kept as last published: " + strings.Join(p.cluster.Problems, "; ")
	}
	if prev, ok := p.apps[app.Name]; ok {
		if prev.Parent = app.Parent; equalApps(prev, app) {
			return
		}
		app.Err = fmt.Sprintf("the app %s is declared in %s and in %s: rename or remove one", app.Name, p.apps[app.Name].File, app.File)
		app.Parent = p.apps[app.Name].Parent
	}
	p.apps[app.Name] = app
}

// equalApps says whether two declarations of an app say the same, wherever they stand.
func equalApps(a, b fleet.App) bool {
	a.File, a.DependsAt, b.File, b.DependsAt = "", "", "", ""
	left, _ := json.Marshal(a)
	right, _ := json.Marshal(b)
	return string(left) == string(right)
}

// nameApps gives every app of Flux or Argo CD a name that is no other's. It follows from namespace and name alone, so
// that it stays when others come and go: the plain name in their own namespace, with the namespace before it elsewhere.
// Only where two would be the same, or it would be no DNS label, a digest is added.
func (p *planner) nameApps() {
	count := map[string]int{fleet.RootApp: 1}
	for name := range p.apps {
		count[name] = 1
	}
	for _, o := range p.objects {
		if o.declaresApp() {
			o.appName = o.name
			if o.namespace != o.home() {
				o.appName = o.namespace + "-" + o.name
			}
			count[o.appName]++
		}
	}
	for _, o := range p.objects {
		if o.appName != "" && (count[o.appName] > 1 || protocol.CheckName(o.appName) != nil) {
			o.appName = digested(o.appName, o.key())
		}
	}
}

// maxName is how long an app's name may be, as a DNS label.
const maxName = 63

func digested(name, key string) string {
	sum := sha256.Sum256([]byte(key))
	name = strings.ReplaceAll(strings.ToLower(name), ".", "-")
	return strings.Trim(name[:min(len(name), maxName-9)], "-") + "-" + hex.EncodeToString(sum[:4])
}

// inherit gives apps what follows from the apps that declare them.
func (p *planner) inherit() {
	if len(p.apps) > maxApps {
		p.problem("the cluster %s declares %d apps, and %d is the most: does an app declare others without end?", p.cluster.Name, len(p.apps), maxApps)
	}
	for name, a := range p.apps {
		way, account := []string{name}, ""
		for parent := a.Parent; parent != ""; parent = p.apps[parent].Parent {
			way = append(way, parent)
			if p.apps[parent].Suspend {
				a.Suspend = true
			}
			account = cmp.Or(p.apps[parent].Handling.ServiceAccount, account) // that of the highest counts
			if len(way) > maxDepth {
				slices.Reverse(way)
				a.Err = fmt.Sprintf("%s: apps declare apps more than %d deep (%s): declare it higher up", a.File, maxDepth, strings.Join(way, " → "))
				break
			}
		}
		bind(&a, account)
		p.apps[name] = a
	}
}

// noteCircles names apps that are declared again, above all by an app that they declare themselves. Nothing runs in a
// circle: what is declared twice alike is one app.
func (p *planner) noteCircles() {
	for _, o := range p.objects {
		app, ok := p.apps[o.appName]
		if o.appName == "" || !ok {
			continue
		}
		for _, by := range o.again {
			text := fmt.Sprintf("the app %s declares it once more: remove one of the two", by)
			way := []string{o.appName}
			for at := by; at != ""; at = p.apps[at].Parent {
				way = append(way, at)
				if at == o.appName {
					slices.Reverse(way)
					text = fmt.Sprintf("it declares itself (%s): take it out of the app %s", strings.Join(way, " → "), by)
					break
				}
			}
			app.Notes = append(app.Notes, p.note(o, "", text))
		}
		p.apps[o.appName] = app
	}
}
