package release

import (
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/drover-dev/drover/fleet/deletions"
	"github.com/drover-dev/drover/protocol"
)

// weighing compares what a cluster may have with what a bundle asks for.
type weighing struct {
	of         Contents
	cluster    string
	last, next protocol.Bundle
	refs       map[string][]protocol.ObjectRef // what apps of next render to, by app, where that is known

	lastWants, nextWants map[protocol.ObjectRef]bool // by any app; nil before it is needed
}

// change is what becomes of one app.
type change struct {
	name    string
	state   AppDeletions
	had     int                  // objects that the app had with the last bundle, those among them that are held
	gone    []protocol.ObjectRef // leave the app
	counted []protocol.ObjectRef // those of gone that were permitted before
	held    bool                 // some of gone was held before
	deletes []protocol.ObjectRef // those of gone that are deleted: what is new, and what is held
	allowed []protocol.ObjectRef // that say of themselves that they may be deleted
	judged  []protocol.ObjectRef // those of deletes that the guard judges
	permit  string               // where Git says that all of deletes are meant; "" if it does not
}

// fresh is how much more is to be permitted.
func (c *change) fresh() int { return len(c.gone) - len(c.counted) }

// budget sets what the agent of a cluster may delete for a bundle, and what waits for a person. collect says that
// nothing is to be released before it is known what the other clusters lose.
func (g Gate) budget(now time.Time, c Candidate, last protocol.Bundle, out *Released, f Facts, p *Decision) (collect bool) {
	d := out.Deletions
	w := g.weigh(c, last)
	changes, had := w.compare(d)
	meant := permit(changes, c, f)
	flags := deletions.AppLoss{}
	if !c.Removed {
		flags.FleetGone = d.HadFleet && c.FleetGone
		flags.FileGone = d.HadFile && !c.Described && !c.Unclear
	}
	held := deletions.Guard(lossOf(changes, had, c, flags, f))
	would := held // if Git did not say that any of it is meant
	if meant {
		would = deletions.Guard(lossOf(unpermitted(changes), had, c, flags, f))
	}
	if f.Collecting && !c.Removed && undecided(w, changes, held, f) {
		return true
	}
	for _, x := range changes {
		a := x.state
		id := w.id(x)
		approved := p != nil && p.Apps[x.name] == id
		switch {
		case x.fresh() == 0:
			a.Hold, a.Counted = nil, nil
		case c.Removed, approved, x.permit != "", len(held[x.name]) == 0 && (a.Hold == nil || a.Hold.ID != id):
			a.Total += uint64(x.fresh())
			a.Hold, a.Counted = nil, nil
			if x.permit != "" && len(would[x.name]) > 0 && !c.Removed && !approved {
				d.Remember(Approval{ID: id, Kind: protocol.HoldDeletions, Time: now, Apps: []string{x.name},
					Count: len(x.deletes), Why: x.permit})
			}
		default:
			a.Counted = x.counted
			if a.Hold == nil || a.Hold.ID != id {
				a.Hold = x.hold(now, id, c.Bundle.Revision, held[x.name], f.limits(x.name))
			}
		}
		d.Apps[x.name] = a
	}
	d.settle(p)
	d.Note(c)
	out.Deletions, out.Bundle.Deletions = d, d.Wire()
	return false
}

// settle takes in what was approved of what the agent reported, and forgets apps of which nothing is left to know.
func (d *Deletions) settle(p *Decision) {
	if p != nil {
		for app, total := range p.Totals {
			a := d.Apps[app]
			a.Total = max(a.Total, total)
			d.Apps[app] = a
		}
		if p.ID != "" && !slices.Contains(d.Approved, p.ID) {
			d.Approved = slices.Sorted(slices.Values(append(slices.Clone(d.Approved), p.ID)))
		}
	}
	maps.DeleteFunc(d.Apps, func(_ string, a AppDeletions) bool { return a.empty() })
}

// Note remembers what a candidate was made with, and says whether that is news. What cannot be read is not taken for
// gone.
func (d *Deletions) Note(c Candidate) (news bool) {
	if c.Removed {
		return false
	}
	before := *d
	broken := slices.ContainsFunc(c.Bundle.Apps, func(a protocol.App) bool { return a.Error != "" })
	doubt := c.Doubt || c.Bundle.Incomplete != "" || c.Unclear || broken
	d.HadFleet = c.FleetApps || doubt && d.HadFleet
	d.HadFile = c.Described || doubt && d.HadFile
	return d.permitted(c) || d.HadFleet != before.HadFleet || d.HadFile != before.HadFile
}

// permitted remembers of which apps Git says that deletions are meant, and says whether that is news. It is kept of an
// app that Git has no more, which is what is then deleted.
func (d *Deletions) permitted(c Candidate) (news bool) {
	apps := maps.Clone(d.Apps)
	for _, b := range c.Bundle.Apps {
		a := apps[b.Name]
		if a.Permitted == c.Permits[b.Name] || b.Error != "" {
			continue
		}
		if apps == nil {
			apps = map[string]AppDeletions{}
		}
		a.Permitted, news = c.Permits[b.Name], true
		if apps[b.Name] = a; a.empty() {
			delete(apps, b.Name)
		}
	}
	d.Apps = apps
	return news
}

// unpermitted are changes as if Git said of none that it is meant.
func unpermitted(changes []change) []change {
	out := slices.Clone(changes)
	for i := range out {
		out[i].judged = out[i].deletes
	}
	return out
}

// permit finds out what of the changes Git says is meant: of an app by its declaration, by the commit that brings what
// begins now, or by objects of themselves. It says whether that is any app.
func permit(changes []change, c Candidate, f Facts) (some bool) {
	for i := range changes {
		x := &changes[i]
		declared := c.Permits[x.name]
		if find(c.Bundle.Apps, x.name) == nil {
			declared = x.state.Permitted
		}
		x.judged = x.deletes
		switch closed := f.limits(x.name).Closed; {
		case closed:
		case declared:
			x.permit, x.judged = "the declaration of the app allows deletions", nil
		case x.state.Hold == nil && f.reviewed(x.name) != "":
			x.permit, x.judged = f.reviewed(x.name), nil
		default:
			x.judged = without(x.deletes, x.allowed)
		}
		some = some || x.permit != ""
	}
	return some
}

// hold begins to hold an app's deletions.
func (c *change) hold(now time.Time, id string, at protocol.Revision, reasons []deletions.Reason,
	limits deletions.Limits) *AppHold {
	had := c.had
	if c.held {
		had = min(had, c.state.Hold.Had)
	}
	if reflect.DeepEqual(limits, deletions.Default) {
		limits = deletions.Limits{}
	}
	return &AppHold{Limits: limits, ID: id, Revision: at, Since: now, Reasons: reasons, Count: len(c.deletes),
		Objects: slices.Clone(c.deletes[:min(len(c.deletes), protocol.MaxHeldObjects)]), Had: had}
}

// lossOf is what the guard judges. Why an app was held before goes on to count until its objects are back, or what was
// gone is: what is still missing then left Git by itself.
func lossOf(changes []change, had int, now Candidate, flags deletions.AppLoss, f Facts) deletions.Loss {
	fleetBack, fileBack := !now.Removed && now.FleetApps, !now.Removed && now.Described
	loss := deletions.Loss{Had: had, Losing: f.Losing, Clusters: f.Clusters}
	for _, c := range changes {
		l := flags
		l.App, l.Deletes, l.Had, l.Limits = c.name, c.judged, c.had, f.limits(c.name)
		if hold := c.state.Hold; c.held {
			l.Had = min(l.Had, hold.Had)
			l.FleetGone = l.FleetGone || !fleetBack && slices.Contains(hold.Reasons, deletions.FleetGone)
			l.FileGone = l.FileGone || !fileBack && slices.Contains(hold.Reasons, deletions.FileGone)
			l.Everywhere = l.Everywhere || slices.Contains(hold.Reasons, deletions.Everywhere)
		}
		loss.Apps = append(loss.Apps, l)
	}
	return loss
}

// undecided says whether so much is deleted now that it matters how many other clusters lose as much, and the guard
// lets any of it through.
func undecided(w *weighing, changes []change, held map[string][]deletions.Reason, f Facts) bool {
	n, least, through := 0, 0, false
	for _, c := range changes {
		if c.fresh() == 0 || len(c.judged) == 0 || c.state.Hold != nil && c.state.Hold.ID == w.id(c) {
			continue
		}
		n += len(c.judged)
		if at := f.limits(c.name).AtLeast; least == 0 || at < least {
			least = at
		}
		through = through || len(held[c.name]) == 0
	}
	return through && n >= least
}

// id identifies an app's deletions in this cluster, as the agent does that holds the same.
func (w *weighing) id(c change) string {
	lines := make([]string, len(c.deletes))
	for i, ref := range c.deletes {
		lines[i] = ref.Group + " " + ref.String()
	}
	return protocol.HoldID(protocol.HoldDeletions, w.cluster+"/"+c.name, lines...)
}

func (g Gate) weigh(c Candidate, last protocol.Bundle) *weighing {
	w := &weighing{of: g.Contents, cluster: c.Bundle.Cluster, last: last, next: c.Bundle, refs: c.Refs}
	return w
}

// compare gives the apps that have something else now, or whose last change the agent has yet to acknowledge, and how
// many objects the cluster has.
func (w *weighing) compare(d Deletions) (changes []change, had int) {
	names := map[string]bool{}
	for _, apps := range [][]protocol.App{w.last.Apps, w.next.Apps} {
		for _, a := range apps {
			names[a.Name] = true
		}
	}
	for name := range d.Apps {
		names[name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		c, changed := w.app(name, d.Apps[name])
		if changed {
			changes = append(changes, c)
			had += c.had
		} else if last := find(w.last.Apps, name); last != nil && last.Blob != nil {
			had += last.Blob.Objects
		}
	}
	return changes, had
}

// app compares one app.
func (w *weighing) app(name string, state AppDeletions) (c change, changed bool) {
	last, now := find(w.last.Apps, name), find(w.next.Apps, name)
	given := slices.Clone(state.Given)
	was, known := givenOf(last)
	if known {
		given = append(given, was)
	}
	if len(given) == 0 || now != nil && now.Blob == nil {
		return c, false // nothing is known of what it had, or of what it wants
	}
	is, _ := givenOf(now)
	if known && now != nil && is.equal(was) && len(state.Given) == 0 && state.Hold == nil {
		return c, false
	}
	c = change{name: name, state: state}
	had := w.had(name, given)
	var wants, wanted []protocol.ObjectRef
	prunes := slices.ContainsFunc(given, func(g Given) bool { return !g.Keep }) // whichever of them the agent knows
	if now != nil {
		prunes, wants = now.Prune, w.wants(*now)
	}
	if last != nil {
		wanted = w.wants(*last)
	}
	c.gone, c.deletes = deletions.Gone(had, wants, w.wanted(&w.nextWants, w.next), prunes)
	c.had = len(wanted)
	if len(state.Given) > 0 {
		before, _ := deletions.Gone(had, wanted, w.wanted(&w.lastWants, w.last), true)
		if state.Hold != nil { // else all was permitted
			waits := without(before, state.Counted)
			c.had += len(waits)
			c.held = len(common(waits, c.gone)) > 0
			before = state.Counted
		}
		c.counted = common(before, c.gone)
	}
	c.deletes = without(c.deletes, c.counted)
	for _, o := range had {
		if o.Permitted {
			c.allowed = append(c.allowed, o.Ref)
		}
	}
	c.state.Given = w.distinct(given, now)
	return c, true
}

// had is what an app may have of what it was given.
func (w *weighing) had(app string, given []Given) []deletions.Owned {
	at := map[protocol.ObjectRef]int{}
	var out []deletions.Owned
	for _, g := range given {
		for _, o := range w.of(w.cluster, app, g) {
			if i, ok := at[o.Ref]; ok {
				out[i].Keep = out[i].Keep && o.Keep // whichever of them the agent knows
				out[i].Permitted = o.Permitted      // what was said last
				continue
			}
			at[o.Ref] = len(out)
			out = append(out, o)
		}
	}
	return out
}

// wants are the objects that an app of a bundle asks for.
func (w *weighing) wants(a protocol.App) []protocol.ObjectRef {
	g, ok := givenOf(&a)
	if !ok {
		return nil
	}
	var out []protocol.ObjectRef
	for _, o := range w.of(w.cluster, a.Name, g) {
		out = append(out, o.Ref)
	}
	return out
}

// wanted says whether any app of a bundle asks for an object. set remembers that.
func (w *weighing) wanted(set *map[protocol.ObjectRef]bool, b protocol.Bundle) func(protocol.ObjectRef) bool {
	return func(ref protocol.ObjectRef) bool {
		if *set == nil {
			*set = map[protocol.ObjectRef]bool{}
			for _, a := range b.Apps {
				refs, known := w.refs[a.Name]
				if !known || set != &w.nextWants {
					refs = w.wants(a)
				}
				for _, r := range refs {
					(*set)[r] = true
				}
			}
		}
		return (*set)[ref]
	}
}

// distinct is what has to be remembered of what an app was given: what has an object that the app does not want now, or
// wants to be kept otherwise.
func (w *weighing) distinct(given []Given, now *protocol.App) []Given {
	keeps := map[protocol.ObjectRef]bool{}
	current, _ := givenOf(now)
	if now != nil {
		for _, o := range w.of(w.cluster, now.Name, current) {
			keeps[o.Ref] = o.Keep
		}
	}
	covered := func(g Given) bool {
		if now == nil || g.Keep != current.Keep {
			return false
		}
		return !slices.ContainsFunc(w.of(w.cluster, now.Name, g), func(o deletions.Owned) bool {
			keep, wanted := keeps[o.Ref]
			return !wanted || keep != o.Keep
		})
	}
	var out []Given
	for _, g := range given {
		if !covered(g) && !slices.ContainsFunc(out, g.equal) {
			out = append(out, g)
		}
	}
	if n := len(out) - maxGiven; n > 0 {
		out = slices.Delete(out, 1, 1+n)
	}
	return out
}

// without gives the references of a that are not in b.
func without(a, b []protocol.ObjectRef) []protocol.ObjectRef { return choose(a, b, false) }

// common gives the references of a that are in b.
func common(a, b []protocol.ObjectRef) []protocol.ObjectRef { return choose(a, b, true) }

func choose(a, b []protocol.ObjectRef, in bool) (out []protocol.ObjectRef) {
	set := make(map[protocol.ObjectRef]bool, len(b))
	for _, ref := range b {
		set[ref] = true
	}
	for _, ref := range a {
		if set[ref] == in {
			out = append(out, ref)
		}
	}
	return out
}
