package resolve

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/hub/memtree"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/opaque"
	"github.com/drover-dev/drover/hub/project"
	"github.com/drover-dev/drover/hub/record"
	"github.com/drover-dev/drover/hub/trust"
	"github.com/drover-dev/drover/hub/unlock"
	"github.com/drover-dev/drover/protocol"
)

// Bounds on an expansion. An app is rendered again when its variables or its declaration change; one that goes on
// changing depends on itself. There are as many rounds as apps depend on each other in a chain, so their number is
// there for what nobody has thought of.
const (
	maxTurns  = 32
	maxRounds = 10_000
)

// expansion finds the apps of one cluster: what its folder declares is rendered, what these renders declare is
// rendered as well, until nothing new comes up.
type expansion struct {
	r        *Resolver
	snap     model.Snapshot
	folder   *Render
	selected []model.Rendered   // what is declared for many clusters, this one among them
	made     map[string]made    // by app
	order    []string           // the apps in the order in which they came up: who declares an app comes before it
	on       model.Capabilities // what is known of the cluster
	asksAPIs bool               // a chart looks at on.APIs
	pending  bool               // a chart is being rendered
	planning bool               // so are the templates of an ApplicationSet
	turns    map[string]int     // how often an app was rendered, by what declares it
	used     []*Render          // everything that the outcome depends on, beside folder and selected
	foreign  []*Render          // the same, of what was read from other sources
	places   []string           // of sources that the renders of the apps need
	last     []protocol.App     // what the cluster was told to run before
}

// made is an app that was rendered, with what that depended on beyond the tree.
type made struct {
	app    model.App
	vars   map[string]string
	own    map[string]string  // the app's and the cluster's, without what VarsFrom say
	sure   map[string]string  // those of vars that nothing in the cluster goes before
	likely map[string]string  // the same, if optional objects that Git does not have are not in the cluster
	absent []protocol.VarsRef // of its variables
	secret []string           // values of Secrets among its variables and its chart's values, which no error may quote
	held   *unlock.Held       // what the hub decrypted of them; nil if nothing
	result AppResult
	render *Render // that it declares others by; nil if there is none
}

func (e *expansion) run(ctx context.Context) (Resolution, error) {
	for range maxRounds {
		cluster, err := e.plan(ctx)
		if err != nil {
			return Resolution{}, err
		}
		e.drop(cluster.Apps)
		moved, err := e.advance(ctx, cluster, false)
		if err == nil && !moved { // what is still missing will not come any more
			moved, err = e.advance(ctx, cluster, true)
		}
		if err != nil {
			return Resolution{}, err
		}
		if !moved {
			return e.outcome(cluster), nil
		}
	}
	cluster := *e.folder.Cluster
	cluster.Problems = append(slices.Clone(cluster.Problems), fmt.Sprintf("what the apps of the cluster declare did not settle in %d rounds: "+
		"does an app declare another whose variables it depends on itself?", maxRounds))
	return e.outcome(cluster), nil
}

// drop lets go of apps that are not declared any more.
func (e *expansion) drop(apps []model.App) {
	names := make(map[string]bool, len(apps))
	for _, a := range apps {
		names[a.Name] = true
	}
	maps.DeleteFunc(e.made, func(name string, _ made) bool { return !names[name] })
	e.order = slices.DeleteFunc(e.order, func(name string) bool { return !names[name] })
}

// plan asks the layout for the apps, given what is declared so far.
func (e *expansion) plan(ctx context.Context) (model.Cluster, error) {
	in := model.Declarations{Cluster: *e.folder.Cluster, Declared: e.declared(), Branch: e.snap.Revision().Branch, Repository: e.r.cfg.Repository,
		Unautomated: e.r.cfg.Unautomated, Flux: e.r.cfg.Flux, Plugins: e.r.cfg.Plugins,
		AsProject: e.r.cfg.AsProject, Parties: map[string]trust.Party{}, Bounds: map[string]*project.Bounds{}}
	e.declarers(in)
	in.Held = e.held(in.Parties)
	if len(in.Declared) == 0 && in.AsProject == "" && !slices.ContainsFunc(in.Cluster.Apps, func(a model.App) bool { return a.Project != "" }) {
		return in.Cluster, nil
	}
	r, err := planWith(ctx, e, in)
	if err != nil {
		return model.Cluster{}, err
	}
	if r.Pending {
		e.pending, e.planning = true, true
		cluster := in.Cluster // in is what is being planned
		cluster.Problems = append(slices.Clone(cluster.Problems), query.TemplatesRunning)
		return cluster, nil
	}
	e.used = append(e.used, r)
	if r.Err != "" {
		return model.Cluster{}, fmt.Errorf("cluster %s: %s", in.Cluster.Name, r.Err)
	}
	return *r.Cluster, nil
}

// planWith is the plan, with the sources that generators look into.
func planWith(ctx context.Context, e *expansion, in model.Declarations) (*Render, error) {
	var known *Render // without what is needed
	plan := func(ctx context.Context, rec *record.Recorder) (Render, []model.Packed, error) {
		c, err := e.r.cfg.Layout.Plan(ctx, rec, in)
		if _, transient := errors.AsType[*model.TransientError](err); transient {
			return Render{Cluster: &c, Transient: true}, nil, nil
		}
		if needed, ok := errors.AsType[*model.NeededError](err); ok {
			return Render{Cluster: &c, Needs: needed.Sources}, nil, nil
		}
		return Render{Cluster: &c}, nil, err
	}
	r, err := supplied(ctx, e, e.snap, "the plan of cluster "+in.Cluster.Name, false, nil, func(view model.View) (*Render, error) {
		out, err := e.planned(ctx, view, planKey(in, view), templated(in.Declared), plan)
		if err == nil && len(out.Needs) > 0 {
			known = out
		}
		return out, err
	})
	if err != nil || known == nil || known.Cluster == nil || r.Err == "" || r.Pending {
		return r, err
	}
	return lacking(known, r.Err), nil
}

func planKey(in model.Declarations, view model.View) string {
	stock := memtree.Stock(view)
	if len(stock) == 0 {
		return memoKey("plan-8", in)
	}
	return memoKey("plan-8", struct {
		model.Declarations
		Stock []string
	}{in, stock})
}

// declared is what the folder and the apps declare, in a fixed order.
func (e *expansion) declared() []model.Declaration {
	var out []model.Declaration
	add := func(app string, objects []model.Rendered) {
		for _, o := range objects {
			out = append(out, model.Declaration{Rendered: o, App: app})
		}
	}
	add("", e.selected)
	if root, ok := e.made[model.RootApp]; !ok || root.app.Err != "" && root.render == nil { // else its variables are replaced there too
		add(model.RootApp, e.folder.Declared)
	}
	for _, name := range e.order {
		if m := e.made[name]; m.render != nil {
			add(name, m.render.Declared)
		}
	}
	return out
}

// advance renders the apps that were not rendered as they now are, and says whether there were any. An app whose
// variables are missing is rendered without them only if final: what others declare may bring them.
func (e *expansion) advance(ctx context.Context, c model.Cluster, final bool) (moved bool, err error) {
	for _, app := range c.Apps {
		m := made{app: app, vars: app.Variables(c)}
		m.own, m.sure, m.likely = m.vars, m.vars, m.vars
		if app.Err == "" && len(app.VarsFrom) > 0 {
			if err := e.variables(ctx, &m); err != nil {
				m.app.Err, m.app.Reason = err.Error(), reasonOf(err)
			}
		}
		if app.Err == "" {
			absent, err := e.fill(ctx, &m)
			if err == nil {
				err = m.sealed()
			}
			m.absent = append(m.absent, absent...)
			if err == nil && m.app.Err == "" {
				err = hold(ctx, e, &m)
			}
			if err != nil {
				m.app.Err, m.app.Reason = err.Error(), reasonOf(err)
			}
		}
		before, ok := e.made[app.Name]
		if ok && before.same(m) || len(m.absent) > 0 && !final {
			continue
		}
		stuck, err := e.turn(ctx, &m, before)
		if err != nil {
			return false, err
		}
		if stuck {
			e.made[app.Name] = m
			continue
		}
		if app.Err != "" && m.render == nil { // without what it declared it may not be at fault any more, and so on without end
			m.render = before.render
		}
		switch {
		case slices.Contains(e.order, app.Name):
		case app.Name == model.RootApp:
			e.order = append([]string{app.Name}, e.order...)
		default:
			e.order = append(e.order, app.Name)
		}
		e.made[app.Name] = m
		moved = true
	}
	return moved, nil
}

// same says whether an app is rendered as it was before.
func (m *made) same(as made) bool {
	return reflect.DeepEqual(m.app, as.app) && maps.Equal(m.vars, as.vars) && maps.Equal(m.sure, as.sure) &&
		maps.Equal(m.likely, as.likely) && slices.Equal(m.absent, as.absent) && m.held.ID() == as.held.ID()
}

// turn renders an app, unless it was rendered so often that it depends on itself: then it stops, with what it declared
// last, and the others go on.
func (e *expansion) turn(ctx context.Context, m *made, before made) (stuck bool, err error) {
	key := cmp.Or(m.app.Declared, m.app.Name)
	if e.turns[key]++; e.turns[key] <= maxTurns {
		return false, e.make(ctx, m)
	}
	m.render = before.render
	m.result = AppResult{App: m.app, Err: fmt.Sprintf("%s: the app %s does not settle: its variables, or how it is declared, follow from what it delivers or declares itself, "+
		"and differ each time: take them from an object that the app does not change", m.app.File, m.app.Name)}
	return true, nil
}

// make renders an app.
func (e *expansion) make(ctx context.Context, m *made) error {
	m.result = AppResult{App: m.app, Err: m.app.Err, Reason: m.app.Reason}
	defer func() { m.result.Err = fleet.Conceal(m.result.Err, m.secret) }()
	app := m.app
	if m.left() {
		app = m.leave()
		m.result.App = app
	} else {
		if e.pending && len(m.absent) > 0 { // it may come with what is being rendered
			m.result.Err, m.result.Pending = m.app.File+": "+waitsForOthers, true
			m.result.Reason = protocol.ReasonRendering
		}
		for _, ref := range m.absent {
			if !ref.Optional && !m.result.Pending {
				m.result.Err = notDelivered(m.app, ref)
			}
		}
	}
	if m.result.Err != "" {
		return nil
	}
	render, err := e.folder, error(nil)
	if m.app.Name != model.RootApp {
		if render, err = e.parts(ctx, m); render == nil || err != nil {
			return err
		}
	}
	if render, err = e.r.finished(ctx, e.snap, render, m.vars, app); err != nil {
		return err
	}
	if render.Err != "" {
		m.result.Err, m.result.Reason = appError(m.app, render.Err), render.Reason
		return nil
	}
	if render.Ciphertext != "" {
		m.result.Err, m.result.Reason = appError(m.app, render.Ciphertext+undecryptable), protocol.ReasonCiphertext
		return nil
	}
	if render.Encrypted != "" && app.Handling.Decrypt == nil {
		m.result.Err, m.result.Reason = appError(m.app, render.Encrypted+undecrypted), protocol.ReasonCiphertext
		return nil
	}
	if refused := outOfBounds(app, render.Refs); refused != "" {
		m.result.Err, m.result.Reason = refused, protocol.ReasonProjectForbids
		return nil
	}
	if m.render = render; m.left() {
		if m.render, err = e.declaredBy(m); err != nil {
			m.result.Err = appError(m.app, err.Error())
			return nil
		}
	}
	m.result.Ref, m.result.Refs, m.result.declares = &render.Ref, render.Refs, len(render.Declared) > 0
	m.result.Declares = digestOf(m.render.Declared)
	m.result.App.Notes = slices.Concat(app.Notes, m.render.Notes)
	return e.handle(ctx, m)
}

// digestOf is a digest of declarations, in any order; "" if there are none.
func digestOf(declared []model.Rendered) string {
	if len(declared) == 0 {
		return ""
	}
	lines := make([]string, len(declared))
	for i, o := range declared {
		lines[i] = string(o.JSON)
	}
	slices.Sort(lines)
	sum := sha256.Sum256([]byte(strings.Join(lines, "\n")))
	return hex.EncodeToString(sum[:])
}

// parts is the render of all parts of an app together; nil if one of them has none, and m says why.
func (e *expansion) parts(ctx context.Context, m *made) (*Render, error) {
	var renders []*Render
	m.result.App.Handling.Opaque = nil // those that are in the objects
	for _, part := range m.app.Parts() {
		app := m.app
		app.Part, app.More = part, nil
		render, err := e.part(ctx, app, m.vars, m.held)
		if err != nil {
			return nil, err
		}
		if part.Source == nil {
			e.used = append(e.used, render)
		} else {
			e.foreign = append(e.foreign, render)
		}
		e.asksAPIs = e.asksAPIs || render.AsksAPIs
		switch {
		case render.Away:
			m.result.Err, m.result.Pending = m.app.File+": "+render.Err, render.Pending
			if m.result.Reason = protocol.ReasonFetchFailed; render.Pending {
				m.result.Reason = protocol.ReasonRendering
			}
			e.pending = e.pending || render.Pending
			return nil, nil
		case render.Err != "":
			m.result.Err, m.result.Reason = appError(app, render.Err), render.Reason
			return nil, nil
		}
		renders = append(renders, render)
		m.result.App.Handling.Opaque = opaque.Join(m.result.App.Handling.Opaque, render.Opaque)
		m.result.sealed = render.Sealed
	}
	if len(renders) == 1 {
		return renders[0], nil
	}
	return e.r.merged(ctx, e.snap, m.app, renders)
}

// part is the render of an app's first part, with the variables replaced if it is a chart.
func (e *expansion) part(ctx context.Context, app model.App, vars map[string]string, held *unlock.Held) (*Render, error) {
	view, err := e.view(ctx, app.Source)
	if err != nil {
		return unavailable(ctx, err)
	}
	if app.Objects != nil {
		return inline(e.r, ctx, view, app)
	}
	if app.Chart == nil {
		return supplied(ctx, e, view, app.Path, app.Source != nil, app.Bounds, func(view model.View) (*Render, error) {
			return e.r.built(ctx, view, e.on, app)
		})
	}
	if app.Chart, err = e.texts(ctx, app); err != nil {
		return unavailable(ctx, err)
	}
	return supplied(ctx, e, view, app.Path, app.Source != nil, app.Bounds, func(view model.View) (*Render, error) {
		return e.r.charted(ctx, view, e.on, app, vars, held)
	})
}

// outcome is what the cluster is to run.
func (e *expansion) outcome(c model.Cluster) Resolution {
	res := Resolution{Cluster: c, Kubernetes: e.on.Kubernetes, APIs: protocol.APIsDigest(e.on.APIs), AsksAPIs: e.asksAPIs, places: placesOf(e.folder.Deps), Transient: e.folder.Transient}
	for _, r := range e.used {
		res.places = append(res.places, placesOf(r.Deps)...)
		res.Transient = res.Transient || r.Transient
	}
	for _, r := range e.foreign {
		res.Transient = res.Transient || r.Transient
	}
	res.Planning = e.planning
	res.Transient = res.Transient || e.pending // what the render reads is not known yet
	res.places = append(res.places, e.sourcePlaces()...)
	slices.Sort(res.places)
	res.places = slices.Compact(res.places)
	root, ok := e.made[model.RootApp]
	rootless := !ok || root.result.Err == "" && len(root.result.Refs) == 0 // the folder holds nothing beside what declares apps
	for _, name := range slices.Sorted(maps.Keys(e.made)) {
		result := e.made[name].result
		result.cluster = c.Name
		if rootless {
			if name == model.RootApp {
				continue
			}
			result.App.DependsOn = slices.DeleteFunc(slices.Clone(result.App.DependsOn), func(on string) bool { return on == model.RootApp })
		}
		res.Apps = append(res.Apps, result)
	}
	return res
}

// found is an object that some app of the cluster delivers.
type found struct {
	object  []byte // nil if there is none
	by      string // the app
	unknown string // why its content is not known here, although it is there
	unsure  string // the variable in it whose value is not known here, if that is why
	assumed string // the optional object that is taken not to be in the cluster; "" if nothing is assumed
	// opaque are tokens in object for what makes it unknown. Without them its content is that without the variables.
	opaque []protocol.Opaque
}

// find gives an object that an app of the cluster delivers, for one with the rights of a party. What others deliver
// does not count: the party may not be able to read it, and they may not be able to write it.
func (e *expansion) find(by trust.Party, ref protocol.ObjectRef) (found, error) {
	for _, name := range slices.Sorted(maps.Keys(e.made)) {
		m := e.made[name]
		if !by.Reads(m.app.Party()) {
			continue
		}
		for i, have := range m.result.Refs {
			if model.Claimed(have, m.app.Namespace) == ref {
				objects, err := e.r.Objects(*m.result.Ref)
				if err != nil {
					return found{}, err
				}
				return e.content(&m, objects[i])
			}
		}
	}
	return found{}, nil
}
