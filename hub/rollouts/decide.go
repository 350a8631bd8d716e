package rollouts

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/drover-dev/drover/fleet/rollout"
	"github.com/drover-dev/drover/fleet/rollout/forget"
	"github.com/drover-dev/drover/hub/rollouts/approval"
	"github.com/drover-dev/drover/hub/rollouts/unread"
)

// Decide takes a decision of a person, and says what follows from it. An error says why it is not taken. The next step
// acts on it.
func (d *Driver) Decide(now time.Time, o Order) (text string, err error) {
	if !o.Who.Shared() {
		o.By = o.Who.Name
	}
	if o.Policy == "" && (o.Action == Freeze || o.Action == Unfreeze) {
		return freeze(d, now, o)
	}
	r := d.rollouts[o.Policy]
	if r == nil {
		return "", fmt.Errorf("%w %.80q: `drover rollout` lists them", ErrNoRollout, o.Policy)
	}
	if text, err = r.decide(d, now, &o); err != nil {
		return "", fmt.Errorf("%w: %w", ErrRefused, err)
	}
	d.notes = append(d.notes, noteOf(now, o, text))
	target := o.Target
	if o.Cluster != "" {
		target = o.Cluster
	}
	r.note(Event{Time: now, Kind: string(o.Action), Wave: o.Wave, Target: target, By: o.By, Text: o.Reason})
	d.log.Info("a person decided on a rollout", "policy", o.Policy, "action", o.Action, "wave", o.Wave, "target", target,
		"by", o.By, "reason", o.Reason)
	d.staged = true
	return text, nil
}

// decide takes a decision.
func (r *rolling) decide(d *Driver, now time.Time, o *Order) (string, error) {
	switch {
	case !r.policy.HasWaves():
		return "", fmt.Errorf("the policy %s has no waves and holds nothing back: it only bounds deletions, which `drover "+
			"approve` lets through", r.policy.Name)
	case o.tooLong():
		return "", errors.New("the reason, the name or the list of apps is too long")
	case o.Wave != "" && !slices.ContainsFunc(r.policy.Waves, func(w rollout.Wave) bool { return w.Name == o.Wave }):
		return "", fmt.Errorf("the policy %s has no wave %.80q: it has %s", o.Policy, o.Wave, wavesOf(r.policy))
	case o.Reason == "" && o.Action != Approve:
		return "", fmt.Errorf("%s needs a reason, for those who come later: --reason TEXT", o.Action)
	}
	if o.Action == Resume && o.Target == "" && r.unread.Any() {
		return forgetUnread(d, r)
	}
	if r.unread.All() {
		return "", r.unread.Refuse(r.policy.Name)
	}
	r.decisions = forget.InDecisions(r.decisions, r.memory.Targets, now)
	switch o.Action {
	case Approve, Skip:
		return r.letThrough(o)
	case Halt, Resume:
		return r.stopOrGo(now, *o)
	case Expedite, Rollback:
		return r.force(now, o)
	case Pin, Unpin:
		return r.pin(now, *o)
	case Revert:
		return revertTo(r, now, *o)
	}
	return "", fmt.Errorf("there is no action %.80q on a rollout", o.Action)
}

func wavesOf(p rollout.Policy) string {
	names := make([]string, len(p.Waves))
	for i, w := range p.Waves {
		names[i] = w.Name
	}
	return strings.Join(names, ", ")
}

// at is the target that a wave is at or would take next.
func (r *rolling) at(wave string) string {
	for _, w := range r.why {
		if w.Wave == wave {
			return w.Target
		}
	}
	return ""
}

// letThrough is for an approval, and for a person who skips what a wave waits for.
func (r *rolling) letThrough(o *Order) (string, error) {
	if o.Wave == "" {
		return "", fmt.Errorf("name the wave, as %s/%s: the waves are %s", r.policy.Name, r.policy.Waves[0].Name,
			wavesOf(r.policy))
	}
	if o.Target == "" {
		if o.Target = r.at(o.Wave); o.Target == "" {
			return "", fmt.Errorf("the wave %s is at nothing yet", o.Wave)
		}
	}
	t, err := held(r).Target(o.Target)
	if err != nil {
		return "", err
	}
	if t.ID == "" || t.Seq <= r.memory.Waves[o.Wave].Seq {
		return "", fmt.Errorf("the wave %s waits for nothing: it has passed %s", o.Wave, t.ID)
	}
	if t.Failed != nil {
		return "", fmt.Errorf("%s has failed, and no wave takes it any more: %s; "+
			"`drover rollout resume %s@%[1]s` takes it for good again", t.ID, t.Failed.Why, r.policy.Name)
	}
	if o.Target = t.ID; o.Action == Skip {
		return fmt.Sprintf("the wave %s counts %s as passed", o.Wave, t.ID), add(&r.decisions.Skips,
			rollout.Skip{Wave: o.Wave, Target: t.ID})
	}
	return approve(r, o, t)
}

// approve takes the approval of a wave for a target, and says how many more it takes.
func approve(r *rolling, o *Order, t rollout.Known) (string, error) {
	w := r.policy.Waves[slices.IndexFunc(r.policy.Waves, func(w rollout.Wave) bool { return w.Name == o.Wave })]
	a := rollout.WaveApproval{Wave: o.Wave, Target: t.ID, By: o.By, Person: o.Who.Name, Groups: o.Who.Groups,
		Email: o.Who.Email}
	if err := approval.May(r.policy.Name, w, a, t); err != nil {
		return "", err
	}
	before := w.Approved(r.decisions.Approvals, t.Target)
	if w.Approved(append(slices.Clone(r.decisions.Approvals), a), t.Target) == before {
		who := o.Who.String() + " has approved it already"
		if o.Who.Shared() {
			who = "the shared token has approved it already, and counts for one person whatever --as says"
		}
		return "", errors.New(strings.TrimSuffix(who+"; "+approval.Missing(w, before), "; "))
	}
	if err := add(&r.decisions.Approvals, a); err != nil {
		return "", err
	}
	if more := approval.Missing(w, w.Approved(r.decisions.Approvals, t.Target)); more != "" {
		return fmt.Sprintf("the wave %s with %s has %s", o.Wave, t.ID, more), nil
	}
	return fmt.Sprintf("the wave %s may begin with %s", o.Wave, t.ID), nil
}

// stopOrGo halts and resumes.
func (r *rolling) stopOrGo(now time.Time, o Order) (string, error) {
	where := "all waves"
	if o.Wave != "" {
		where = "the wave " + o.Wave
	}
	switch {
	case o.Action == Halt && !o.Until.IsZero() && !o.Until.After(now):
		return "", errors.New("that time is over")
	case o.Action == Halt:
		return where + ": nothing is released any more; what goes back goes on", add(&r.decisions.Halts,
			rollout.HaltOrder{Wave: o.Wave, Until: o.Until, By: o.By, Reason: o.Reason})
	case o.Target != "":
		t, err := held(r).Target(o.Target)
		if err != nil {
			return "", err
		}
		if t.Failed == nil {
			return "", fmt.Errorf("%s has not failed", t.ID)
		}
		return fmt.Sprintf("%s is taken for good again", t.ID), add(&r.decisions.Resumes, rollout.Resume{Target: t.ID,
			Time: now})
	}
	before := len(r.decisions.Halts)
	r.decisions.Halts = slices.DeleteFunc(slices.Clone(r.decisions.Halts), func(h rollout.HaltOrder) bool {
		return o.Wave == "" || h.Wave == o.Wave
	})
	if len(r.decisions.Halts) == before {
		return "", fmt.Errorf("%s: nothing is halted; a target that failed goes on with `drover rollout resume %s@TARGET`",
			where, r.policy.Name)
	}
	return where + ": releases go on", nil
}

// force has a target taken by all waves at once, or taken back.
func (r *rolling) force(now time.Time, o *Order) (string, error) {
	if o.Target == "" {
		return "", fmt.Errorf("name the target, as %s@REVISION", r.policy.Name)
	}
	t, err := held(r).Target(o.Target)
	if err != nil {
		return "", err
	}
	if o.Target = t.ID; o.Action == Rollback {
		return fmt.Sprintf("%s is taken back where it was released", t.ID), add(&r.decisions.Rollbacks,
			rollout.RollbackOrder{Target: t.ID, Apps: o.Apps, Time: now, By: o.By, Reason: o.Reason})
	}
	if t.Failed != nil {
		return "", fmt.Errorf("%s has failed: %s; `drover rollout resume %s@%[1]s` first", t.ID, t.Failed.Why, r.policy.Name)
	}
	if slices.Contains(r.decisions.Expedites, t.ID) {
		return fmt.Sprintf("all waves take %s already", t.ID), nil
	}
	return fmt.Sprintf("all waves take %s at once", t.ID), add(&r.decisions.Expedites, t.ID)
}

// pin holds a cluster at what it has, or ends that.
func (r *rolling) pin(now time.Time, o Order) (string, error) {
	if o.Action == Pin && (o.Selector != "" || o.To != "") {
		return pinAt(r, now, o)
	}
	if r.members[o.Cluster] == nil {
		return "", fmt.Errorf("the policy %s does not hold a cluster %.80q", r.policy.Name, o.Cluster)
	}
	pins := map[string]rollout.Pin{}
	for name, p := range r.decisions.Pins {
		pins[name] = p
	}
	if _, is := pins[o.Cluster]; o.Action == Unpin && !is {
		return "", fmt.Errorf("the cluster %s is not pinned", o.Cluster)
	}
	delete(pins, o.Cluster)
	text := fmt.Sprintf("%s takes part again", o.Cluster)
	if o.Action == Pin {
		if err := checkEnd(now, o.Until); err != nil {
			return "", err
		}
		pins[o.Cluster] = rollout.Pin{Until: o.Until, Reason: o.Reason}
		text = fmt.Sprintf("%s keeps what it has until %s", o.Cluster, o.Until.UTC().Format(time.RFC3339))
	}
	r.decisions.Pins = pins
	return text, nil
}

// add adds to a list of decisions, of which there may be so many.
func add[T any](to *[]T, v T) error {
	if len(*to) >= maxOrders {
		return fmt.Errorf("there are %d such decisions in force, which is the most there may be", len(*to))
	}
	*to = append(slices.Clone(*to), v)
	return nil
}

// forgetUnread has a policy go on without what could not be read of it: what clusters have counts as released.
func forgetUnread(d *Driver, r *rolling) (string, error) {
	name := r.policy.Name
	if r.unread.Undefined() && r.ends == nil {
		return "", r.unread.Refuse(name)
	}
	for _, key := range r.unread.Keys(keyCluster + name + "/") {
		d.dropped[key] = true
	}
	if r.unread.Undefined() {
		end(d, r)
		d.thawed = true // every cluster is to be looked at
		return "the policy is given up, because neither the store nor Git says what it is: its clusters get what Git asks " +
			"for", nil
	}
	sees(r, func() { r.unread = unread.Parts{} })
	for wave, w := range r.memory.Waves {
		if _, known := r.memory.Targets[w.Busy]; !known {
			w.Busy, w.Slice, w.Soak = "", 0, time.Time{}
			r.memory.Waves[wave] = w
		}
	}
	return "what could not be read is forgotten: what clusters have counts as released, and releases go on", nil
}
