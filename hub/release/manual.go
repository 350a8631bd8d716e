package release

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/drover-dev/drover/protocol"
)

// Waiting is what the hub remembers of the apps of a cluster whose newer content a person releases.
type Waiting struct {
	Apps map[string]WaitingApp `json:"apps,omitempty"`
}

// WaitingApp is what is remembered of one of them, or of an app that one of them declares.
type WaitingApp struct {
	// Spec and Declares are Declaration.Spec and Declares as they were released last; "" if that is not known.
	Spec     string       `json:"spec,omitempty"`
	Declares string       `json:"declares,omitempty"`
	Hold     *ContentHold `json:"hold,omitempty"` // nil if nothing newer waits
	// Approved is the id of content that a person approved while it could not be rendered.
	Approved string `json:"approved,omitempty"`
}

// ContentHold says that newer content of an app waits for a person.
type ContentHold struct {
	ID       string            `json:"id"`              // of the content in this cluster, whatever commit brought it
	Group    string            `json:"group,omitempty"` // see Declaration.Manual
	Revision protocol.Revision `json:"revision"`
	Since    time.Time         `json:"since"`
	First    bool              `json:"first,omitempty"` // nothing of the app was released before
	// Added, Changed and Removed count the objects in which it differs from what was released. What is removed stays in
	// the cluster unless the app prunes.
	Added   int `json:"added,omitempty"`
	Changed int `json:"changed,omitempty"`
	Removed int `json:"removed,omitempty"`
	// Objects are the first protocol.MaxHeldObjects of them, each with +, ~ or - before it.
	Objects []string `json:"objects,omitempty"`
	With    []string `json:"with,omitempty"` // other apps that wait for the same, sorted
}

// Declaration is what of an app's declaration the gate has to know.
type Declaration struct {
	// Manual: newer content of the app is released by a person. It names the declaration whose apps are shown as one
	// hold; "" for an app whose content is released at once.
	Manual string
	// Spec is a digest of how the app is declared, and Declares of the declarations among what it renders to. Both are
	// "" for an app that no person releases and that no such app declares.
	Spec, Declares string
}

// Texts gives digests of the objects of something that an app of a cluster was given, by their references as they are
// in the cluster; nothing if they cannot be read.
type Texts func(cluster, app string, g Given) map[protocol.ObjectRef]string

// Holds are the apps whose newer content waits, sorted.
func (w Waiting) Holds() (names []string) {
	for _, name := range slices.Sorted(maps.Keys(w.Apps)) {
		if w.Apps[name].Hold != nil {
			names = append(names, name)
		}
	}
	return names
}

// Settled says whether nothing of a candidate waits, and what is remembered is as the candidate has it.
func (w Waiting) Settled(c Candidate) bool {
	for name, a := range w.Apps {
		if a.Hold != nil || a.Approved != "" || c.Declared[name].Spec == "" {
			return false
		}
	}
	for name, d := range c.Declared {
		if known := w.Apps[name]; d.Spec != known.Spec || d.Declares != known.Declares {
			return false
		}
	}
	return true
}

// withholding finds out what of a candidate waits.
type withholding struct {
	gate   Gate
	c      Candidate
	last   protocol.Bundle
	before Waiting
	refs   map[string]map[protocol.ObjectRef]bool // of apps of the candidate, where they are asked for
	held   map[string]string                      // apps that wait → the app that a person is asked about
	opens  map[string]bool                        // those of held whose newer declarations wait with them
}

// await takes out of a candidate what waits for a person: newer content of apps that a person releases, and what cannot
// be released without it. Each of these apps is in the bundle as it was released last, so that what runs stays applied
// and nothing is deleted for want of it. c is not changed.
func (g Gate) await(now time.Time, c Candidate, before Released, d *Decision) (Candidate, Waiting) {
	if c.Removed || len(c.Declared) == 0 && len(before.Waiting.Apps) == 0 {
		return c, Waiting{}
	}
	w := &withholding{gate: g, c: c, last: before.Bundle, before: before.Waiting,
		refs: map[string]map[protocol.ObjectRef]bool{}, held: map[string]string{}, opens: map[string]bool{}}
	out := Waiting{Apps: map[string]WaitingApp{}}
	for _, a := range c.Bundle.Apps {
		if c.Declared[a.Name].Spec == "" {
			if known, was := before.Waiting.Apps[a.Name]; was && a.Error != "" { // its declaration cannot be read
				out.Apps[a.Name] = known
			}
			continue
		}
		state, waits := w.judge(a, d)
		out.Apps[a.Name] = state
		if waits {
			w.held[a.Name], w.opens[a.Name] = a.Name, w.declares(a.Name)
		}
	}
	for w.spread() || w.entangle() {
	}
	for name := range w.held {
		out.Apps[name] = w.remember(now, name, out.Apps[name])
	}
	if len(out.Apps) == 0 {
		out.Apps = nil
	}
	return w.withhold(), out
}

// judge says whether an app's own newer content waits, and what is remembered of it if it does not.
func (w *withholding) judge(a protocol.App, d *Decision) (state WaitingApp, waits bool) {
	declared, known := w.c.Declared[a.Name], w.before.Apps[a.Name]
	if a.Error != "" && declared.Manual != "" { // its content is not known: what waited is approved for when it is
		if hold := known.Hold; hold != nil && d != nil && d.Contents[a.Name] == hold.ID {
			known.Approved, known.Hold = hold.ID, nil
		}
		return known, false
	}
	released := WaitingApp{Spec: declared.Spec, Declares: declared.Declares}
	if declared.Manual == "" || !w.differs(a) {
		return released, false
	}
	id := w.id(a)
	if known.Approved == id || d != nil && d.Contents[a.Name] == id {
		return released, false
	}
	known.Approved = ""
	return known, true
}

// differs says whether an app is to have other content than was released.
func (w *withholding) differs(a protocol.App) bool {
	last := find(w.last.Apps, a.Name)
	return last == nil || last.Blob == nil || a.Blob == nil || last.Blob.Digest != a.Blob.Digest ||
		last.Namespace != a.Namespace || w.declares(a.Name)
}

// declares says whether what an app declares differs from what was released.
func (w *withholding) declares(app string) bool {
	known := w.before.Apps[app].Declares
	last := find(w.last.Apps, app)
	return last == nil || last.Blob == nil || known != "" && known != w.c.Declared[app].Declares
}

// id identifies content: what would be delivered, and not which commit asks for it.
func (w *withholding) id(a protocol.App) string {
	digest := ""
	if a.Blob != nil {
		digest = a.Blob.Digest
	}
	return protocol.HoldID(protocol.HoldRelease, w.c.Bundle.Cluster+"/"+a.Name, digest, a.Namespace, w.c.Declared[a.Name].Declares)
}

// spread has apps wait whose declaration is part of what waits: those that are new, or declared otherwise than they
// were when their declaration was released.
func (w *withholding) spread() (more bool) {
	for _, a := range w.c.Bundle.Apps {
		if _, held := w.held[a.Name]; held || !w.opens[a.Parent] {
			continue
		}
		known, last := w.before.Apps[a.Name].Spec, find(w.last.Apps, a.Name)
		never := last == nil || last.Blob == nil && last.Reason == protocol.ReasonReleaseHeld
		if !never && (known == "" || known == w.c.Declared[a.Name].Spec) {
			continue
		}
		w.held[a.Name], w.opens[a.Name], more = w.held[a.Parent], true, true
	}
	return more
}

// entangle has apps wait that take over objects of an app which waits, or give objects to it: without the other half an
// object would be deleted, or be in two apps.
func (w *withholding) entangle() (more bool) {
	for _, a := range w.c.Bundle.Apps {
		last := find(w.last.Apps, a.Name)
		if _, held := w.held[a.Name]; held || a.Blob == nil || last != nil && last.Blob != nil && last.Blob.Digest == a.Blob.Digest {
			continue
		}
		was, is := w.released(a.Name), w.wanted(a.Name)
		for _, name := range slices.Sorted(maps.Keys(w.held)) {
			theirs, coming := w.released(name), w.wanted(name)
			takes := anyOf(is, func(ref protocol.ObjectRef) bool { return !was[ref] && theirs[ref] && !coming[ref] })
			gives := anyOf(was, func(ref protocol.ObjectRef) bool { return !is[ref] && coming[ref] && !theirs[ref] })
			if takes || gives {
				w.held[a.Name], more = w.held[name], true
				break
			}
		}
	}
	return more
}

func anyOf(refs map[protocol.ObjectRef]bool, is func(protocol.ObjectRef) bool) bool {
	for ref := range refs {
		if is(ref) {
			return true
		}
	}
	return false
}

// released are the objects that an app was released with, and wanted those that the candidate has for it.
func (w *withholding) released(app string) map[protocol.ObjectRef]bool {
	return w.remembered("was "+app, func() []protocol.ObjectRef { return w.owned(app, find(w.last.Apps, app)) })
}

func (w *withholding) wanted(app string) map[protocol.ObjectRef]bool {
	return w.remembered("is "+app, func() []protocol.ObjectRef {
		if refs, known := w.c.Refs[app]; known {
			return refs
		}
		return w.owned(app, find(w.c.Bundle.Apps, app))
	})
}

func (w *withholding) remembered(key string, refs func() []protocol.ObjectRef) map[protocol.ObjectRef]bool {
	if w.refs[key] == nil {
		w.refs[key] = map[protocol.ObjectRef]bool{}
		for _, ref := range refs() {
			w.refs[key][ref] = true
		}
	}
	return w.refs[key]
}

// owned are the objects of an app of a bundle.
func (w *withholding) owned(name string, a *protocol.App) (out []protocol.ObjectRef) {
	g, ok := givenOf(a)
	if !ok {
		return nil
	}
	for _, o := range w.gate.Contents(w.c.Bundle.Cluster, name, g) {
		out = append(out, o.Ref)
	}
	return out
}

// remember is what is remembered of an app that waits. Only the one that a person is asked about has a hold.
func (w *withholding) remember(now time.Time, name string, state WaitingApp) WaitingApp {
	known := w.before.Apps[name]
	state.Spec, state.Declares, state.Hold = known.Spec, known.Declares, nil
	if w.held[name] != name {
		return state
	}
	a := *find(w.c.Bundle.Apps, name)
	hold := &ContentHold{ID: w.id(a), Group: w.c.Declared[name].Manual, Revision: w.c.Bundle.Revision, Since: now}
	if known.Hold != nil && known.Hold.ID == hold.ID {
		same := *known.Hold
		hold = &same
	} else {
		w.compare(hold, a)
	}
	hold.With = nil
	for other, of := range w.held {
		if of == name && other != name {
			hold.With = append(hold.With, other)
		}
	}
	slices.Sort(hold.With)
	state.Hold = hold
	return state
}

// compare counts in what an app's newer content differs from what was released.
func (w *withholding) compare(hold *ContentHold, a protocol.App) {
	var was, is map[protocol.ObjectRef]string
	last := find(w.last.Apps, a.Name)
	if g, ok := givenOf(last); ok {
		was = w.gate.Texts(w.c.Bundle.Cluster, a.Name, g)
	} else {
		hold.First = true
	}
	if g, ok := givenOf(&a); ok {
		is = w.gate.Texts(w.c.Bundle.Cluster, a.Name, g)
	}
	for _, ref := range slices.SortedFunc(maps.Keys(is), protocol.ObjectRef.Compare) {
		switch text, had := was[ref]; {
		case !had:
			hold.note(&hold.Added, "+ "+ref.String())
		case text != is[ref]:
			hold.note(&hold.Changed, "~ "+ref.String())
		}
	}
	for _, ref := range slices.SortedFunc(maps.Keys(was), protocol.ObjectRef.Compare) {
		if _, has := is[ref]; !has {
			hold.note(&hold.Removed, "- "+ref.String())
		}
	}
	if w.opens[a.Name] {
		w.compareDeclared(hold, a)
	}
}

// compareDeclared counts in what the apps differ that an app declares.
func (w *withholding) compareDeclared(hold *ContentHold, a protocol.App) {
	for _, child := range w.c.Bundle.Apps {
		switch known := w.before.Apps[child.Name].Spec; {
		case child.Parent != a.Name:
		case find(w.last.Apps, child.Name) == nil:
			hold.note(&hold.Added, "+ app "+child.Name)
		case known != "" && known != w.c.Declared[child.Name].Spec:
			hold.note(&hold.Changed, "~ app "+child.Name)
		}
	}
	for _, child := range w.last.Apps {
		if child.Parent == a.Name && find(w.c.Bundle.Apps, child.Name) == nil {
			hold.note(&hold.Removed, "- app "+child.Name)
		}
	}
}

// note counts a difference, and names it if it is among the first.
func (h *ContentHold) note(count *int, what string) {
	if *count++; len(h.Objects) < protocol.MaxHeldObjects {
		h.Objects = append(h.Objects, what)
	}
}

// withhold is the candidate with what waits as it was released last.
func (w *withholding) withhold() Candidate {
	c := w.c
	c.Bundle.Apps, c.Refs = slices.Clone(c.Bundle.Apps), maps.Clone(c.Refs)
	for i, a := range c.Bundle.Apps {
		last := find(w.last.Apps, a.Name)
		if _, held := w.held[a.Name]; held {
			c.Bundle.Apps[i] = kept(a, last, w.held[a.Name])
			delete(c.Refs, a.Name)
			continue
		}
		// Until a person releases something newer, drift is left where it was left.
		if last != nil && last.Blob != nil && w.c.Declared[a.Name].Manual != "" && !w.differs(a) {
			c.Bundle.Apps[i].KeepDrift = a.KeepDrift || last.KeepDrift
		}
	}
	for _, a := range w.last.Apps { // a declaration that is gone is part of what waits
		if find(c.Bundle.Apps, a.Name) == nil && w.declaredByHeld(a) {
			c.Bundle.Apps = append(c.Bundle.Apps, a)
		}
	}
	slices.SortFunc(c.Bundle.Apps, func(a, b protocol.App) int { return strings.Compare(a.Name, b.Name) })
	return c
}

// declaredByHeld says whether an app that was released is declared by one whose newer declarations wait.
func (w *withholding) declaredByHeld(a protocol.App) bool {
	seen := map[string]bool{}
	for parent := a.Parent; parent != "" && !seen[parent]; {
		if w.opens[parent] {
			return true
		}
		seen[parent] = true // what is stored may contain a cycle
		p := find(w.last.Apps, parent)
		if p == nil {
			return false
		}
		parent = p.Parent
	}
	return false
}

// kept is an app as it was released last, with what Git says of it as a whole. Without anything that was released it has
// no content, and an agent leaves whatever it knows of it as it is.
func kept(a protocol.App, last *protocol.App, of string) protocol.App {
	if last == nil || last.Blob == nil {
		why := "because it is not automated"
		if of != a.Name {
			why = "because it belongs to newer content of the app " + of + ", which is not automated"
		}
		return protocol.App{Name: a.Name, Declared: a.Declared, Formerly: a.Formerly, Parent: a.Parent, Namespace: a.Namespace, Suspend: a.Suspend,
			Error:  "nothing of it is delivered before a person approves it, " + why + ": see `drover status`",
			Reason: protocol.ReasonReleaseHeld}
	}
	out := *last
	out.Declared, out.Formerly = a.Declared, a.Formerly // which an older hub did not say
	out.Parent, out.Suspend, out.Orphan = a.Parent, a.Suspend, a.Orphan
	out.Needs = out.Handling.Needs()
	return out
}
