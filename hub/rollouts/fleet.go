package rollouts

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/fleet/rollout"
	"github.com/drover-dev/drover/hub/audit"
	"github.com/drover-dev/drover/hub/rollouts/journal"
)

// fleetState is what is remembered of all clusters together.
type fleetState struct {
	// Frozen stops all releases; nil is that nothing does.
	Frozen *rollout.HaltOrder `json:"frozen,omitempty"`
	// Doubt is why every policy that is met is halted until all of them were: the store may be older than the fleet.
	Doubt string    `json:"doubt,omitempty"`
	Since time.Time `json:"since,omitzero"` // of Doubt
	// Doubted are the last doubts that were acted on: none of them is a second time.
	Doubted []string `json:"doubted,omitempty"`
}

// maxFreeze is how long a freeze may be.
const maxFreeze = 90 * 24 * time.Hour

// freeze stops the releases of all clusters, or lets them go on.
func freeze(d *Driver, now time.Time, o Order) (text string, err error) {
	was := d.fleet.Frozen
	switch {
	case o.tooLong():
		err = errors.New("the reason or the name is too long")
	case o.Reason == "":
		err = fmt.Errorf("%s needs a reason, for those who come later: --reason TEXT", o.Action)
	case o.Action == Unfreeze && was == nil:
		err = errors.New("the fleet is not frozen")
	case o.Action == Freeze && !o.Until.IsZero() && (!o.Until.After(now) || o.Until.After(now.Add(maxFreeze))):
		err = errors.New("a freeze ends in the future, 90 days away at most: --until TIME")
	}
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrRefused, err)
	}
	text = "nothing new is released to any cluster; what goes back and what Git suspends is not stopped"
	next := &rollout.HaltOrder{Until: o.Until, By: o.By, Reason: o.Reason}
	if o.Action == Unfreeze {
		text, next, d.thawed = "releases go on", nil, true
	} else if !o.Until.IsZero() {
		text += ", until " + o.Until.UTC().Format(time.RFC3339)
	}
	d.fleet.Frozen, d.staged = next, true
	d.notes = append(d.notes, noteOf(now, o, text))
	d.log.Warn("a person decided on all releases", "action", o.Action, "by", o.By, "until", o.Until, "reason", o.Reason)
	return text, nil
}

// Frozen is what stops all releases; nil is that nothing does.
func Frozen(d *Driver) *query.Halt {
	f := d.fleet.Frozen
	if f == nil {
		return nil
	}
	return &query.Halt{Until: f.Until, By: f.By, Reason: f.Reason}
}

// Thaw ends a freeze whose time is over, and says, once, that one has ended: every cluster is to be looked at then.
func Thaw(d *Driver, now time.Time) (ended bool) {
	if f := d.fleet.Frozen; f != nil && !f.Until.IsZero() && !now.Before(f.Until) {
		d.log.Info("the freeze of all releases is over", "reason", f.Reason)
		d.fleet.Frozen, d.thawed, d.staged = nil, true, true
	}
	ended, d.thawed = d.thawed, false
	return ended
}

// maxDoubted is how many doubts are remembered.
const maxDoubted = 8

// Distrust halts every policy there is, and those that Git is found to have: the hub cannot prove what was decided. A
// doubt that was acted on before is not a second time.
func Distrust(d *Driver, now time.Time, why string) {
	if slices.Contains(d.fleet.Doubted, why) {
		return
	}
	d.fleet.Doubt, d.fleet.Since, d.staged = why, now, true
	d.fleet.Doubted = append(slices.Clone(d.fleet.Doubted), why)
	d.fleet.Doubted = d.fleet.Doubted[max(0, len(d.fleet.Doubted)-maxDoubted):]
	d.log.Error("all rollouts are halted, because this hub cannot prove what was decided on them", "why", why,
		"resume", "drover rollout resume POLICY --reason …")
	d.notes = append(d.notes, audit.Entry{Time: now, Kind: string(Halt), Why: why,
		What: "all policies are halted, because this hub cannot prove what was decided"})
	met(d)
}

// met halts the policies there are, if there is a doubt. It ends when all that Git has were met.
func met(d *Driver) {
	if d.fleet.Doubt == "" {
		return
	}
	for _, r := range d.sorted() {
		distrust(r, d.fleet.Since, d.fleet.Doubt)
	}
	if d.sure {
		d.fleet.Doubt, d.fleet.Since = "", time.Time{}
	}
}

// distrust halts a policy, once.
func distrust(r *rolling, now time.Time, why string) {
	reason := fmt.Sprintf("this hub cannot prove what was decided: %s. Compare halts, pins and approvals with what you "+
		"know, then `drover rollout resume %s --reason …`", why, r.policy.Name)
	same := func(h rollout.HaltOrder) bool { return h.Reason == reason }
	if slices.ContainsFunc(r.decisions.Halts, same) {
		return
	}
	r.decisions.Halts = append(slices.Clone(r.decisions.Halts), rollout.HaltOrder{By: "the hub", Reason: reason})
	r.note(Event{Time: now, Kind: string(Halt), By: "the hub", Text: reason})
}

// expected is what agents may have accepted at most, if the store has all that was decided.
type expected struct {
	epoch func() uint64 // of what this hub publishes
	known map[string]generation
}

type generation struct{ epoch, number uint64 }

// Expect has what agents report be held against what the store knows of them now. It is for a hub whose store may be
// older than the fleet: epoch gives the one that it takes over with.
func Expect(d *Driver, facts Facts, clusters []string, epoch func() uint64) {
	d.expected, d.staged = &expected{epoch, map[string]generation{}}, true // what they have said counts, too
	for _, name := range clusters {
		b, _ := facts.Given(name)
		d.expected.known[name] = generation{b.Epoch, b.Generation}
	}
}

// suspect has a doubt where an agent has accepted what the store does not know of. The first one is enough. It looks at
// all clusters, or at those of which something may be news.
func suspect(d *Driver, now time.Time, facts Facts, all bool) {
	if d.expected == nil {
		return
	}
	for _, r := range d.sorted() {
		names := maps.Keys(r.news.clusters)
		if all {
			names = maps.Keys(r.members)
		}
		for name := range names {
			report, _ := facts.Heard(name)
			known := d.expected.known[name]
			if report == nil || report.Epoch >= d.expected.epoch() || report.Epoch < known.epoch ||
				report.Epoch == known.epoch && report.Generation <= known.number {
				continue
			}
			why := fmt.Sprintf("the agent of cluster %s has accepted generation %d of epoch %d, and the store of this hub ends "+
				"with generation %d of epoch %d", name, report.Generation, report.Epoch, known.number, known.epoch)
			d.expected = nil
			Distrust(d, now, why)
			return
		}
	}
}

// Notes is what the journal is to have before what was decided is stored. Noted says that it has it.
func Notes(d *Driver) []audit.Entry { return d.notes }

// Noted is told that the journal has what Notes gave.
func Noted(d *Driver) { d.notes = nil }

// noteOf is the entry of a person's decision.
func noteOf(now time.Time, o Order, what string) audit.Entry {
	who := o.Who
	if who.Shared() {
		who.Says = o.By
	}
	e := audit.Entry{Time: now, Kind: string(o.Action), By: &who, Policy: o.Policy, Wave: o.Wave, Target: o.Target,
		Why: o.Reason, What: what, Until: o.Until}
	if o.Cluster != "" {
		e.Count, e.Clusters = 1, []string{o.Cluster}
	}
	if len(o.Apps) > 0 {
		e.What += "; apps: " + strings.Join(o.Apps, ", ")
	}
	return e
}

// notesOf are the entries of what a step decided: one for each event that says how far a wave is, and those of the
// releases that were not decided before.
func notesOf(r *rolling, now time.Time, releases []rollout.Release, events []Event) (out []audit.Entry) {
	for _, e := range events {
		if e.Kind != string(rollout.EventSuperseded) {
			out = append(out, audit.Entry{Time: e.Time, Kind: e.Kind, Policy: r.policy.Name, Wave: e.Wave, Target: e.Target,
				What: e.Text})
		}
	}
	var decided []journal.Release
	for _, rel := range releases {
		m, sum := r.members[rel.Cluster], journal.Sum(rel)
		if m == nil || m.noted == sum {
			continue // it was decided before, and has yet to be published
		}
		m.noted = sum
		decided = append(decided, journal.Release{Release: rel, Labels: m.labels, Has: m.given.Content})
	}
	return append(out, journal.Releases(now, r.policy, decided)...)
}
