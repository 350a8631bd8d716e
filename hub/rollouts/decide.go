package rollouts

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/drover-dev/drover/fleet/rollout"
)

// Action is what a person has a rollout do.
type Action string

// The actions.
const (
	Approve  Action = "approve"  // lets a wave begin with a target
	Skip     Action = "skip"     // has a wave count a target as passed
	Halt     Action = "halt"     // stops releases, of a wave or of all
	Resume   Action = "resume"   // ends halts, or takes a failed target for good again
	Expedite Action = "expedite" // has all waves take a target at once
	Rollback Action = "rollback" // takes a target back
	Pin      Action = "pin"      // holds a cluster at what it has
	Unpin    Action = "unpin"
)

// Order is a decision of a person.
type Order struct {
	Action  Action    `json:"action"`
	Policy  string    `json:"policy"`
	Wave    string    `json:"wave,omitempty"`
	Target  string    `json:"target,omitempty"` // id, or the beginning of it; "" for the one that is meant by itself
	Cluster string    `json:"cluster,omitempty"`
	Apps    []string  `json:"apps,omitempty"`
	Until   time.Time `json:"until,omitzero"`
	Reason  string    `json:"reason,omitempty"`
	By      string    `json:"by,omitempty"`
}

// Limits of an order.
const (
	maxReason = 1 << 10
	maxBy     = 256
	maxPin    = 90 * 24 * time.Hour
	maxOrders = 1000 // of one kind that are in force at once, of one policy
)

// ErrNoRollout says that there is no policy of a name.
var ErrNoRollout = errors.New("there is no such RolloutPolicy")

// ErrRefused says that a decision was not taken; its text says why.
var ErrRefused = errors.New("not done")

// Decide takes a decision of a person, and says what follows from it. An error says why it is not taken. The next step
// acts on it.
func (d *Driver) Decide(now time.Time, o Order) (text string, err error) {
	r := d.rollouts[o.Policy]
	if r == nil {
		return "", fmt.Errorf("%w %.80q: `drover rollout` lists them", ErrNoRollout, o.Policy)
	}
	if text, err = r.decide(now, o); err != nil {
		return "", fmt.Errorf("%w: %w", ErrRefused, err)
	}
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
func (r *rolling) decide(now time.Time, o Order) (string, error) {
	switch {
	case len(o.Reason) > maxReason || len(o.By) > maxBy || len(o.Apps) > maxOrders:
		return "", errors.New("the reason, the name or the list of apps is too long")
	case o.Wave != "" && !slices.ContainsFunc(r.policy.Waves, func(w rollout.Wave) bool { return w.Name == o.Wave }):
		return "", fmt.Errorf("the policy %s has no wave %.80q: it has %s", o.Policy, o.Wave, wavesOf(r.policy))
	case o.Reason == "" && o.Action != Approve:
		return "", fmt.Errorf("%s needs a reason, for those who come later: --reason TEXT", o.Action)
	}
	r.forget(now)
	switch o.Action {
	case Approve, Skip:
		return r.letThrough(o)
	case Halt, Resume:
		return r.stopOrGo(now, o)
	case Expedite, Rollback:
		return r.force(now, o)
	case Pin, Unpin:
		return r.pin(now, o)
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

// find gives the target that begins with what a person wrote.
func (r *rolling) find(text string) (rollout.Known, error) {
	var found []rollout.Known
	for id, t := range r.memory.Targets {
		if id == text {
			return t, nil
		}
		if strings.HasPrefix(id, text) {
			found = append(found, t)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return rollout.Known{}, fmt.Errorf("the policy %s knows no target %.80q: `drover rollout %[1]s` shows those "+
			"there are",
			r.policy.Name, text)
	}
	return rollout.Known{}, fmt.Errorf("%.80q is the beginning of %d targets: write more of it", text, len(found))
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
func (r *rolling) letThrough(o Order) (string, error) {
	if o.Wave == "" {
		return "", fmt.Errorf("name the wave, as %s/%s: the waves are %s", r.policy.Name, r.policy.Waves[0].Name,
			wavesOf(r.policy))
	}
	if o.Target == "" {
		if o.Target = r.at(o.Wave); o.Target == "" {
			return "", fmt.Errorf("the wave %s is at nothing yet", o.Wave)
		}
	}
	t, err := r.find(o.Target)
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
	if o.Action == Skip {
		return fmt.Sprintf("the wave %s counts %s as passed", o.Wave, t.ID), add(&r.decisions.Skips,
			rollout.Skip{Wave: o.Wave, Target: t.ID})
	}
	w := r.policy.Waves[slices.IndexFunc(r.policy.Waves, func(w rollout.Wave) bool { return w.Name == o.Wave })]
	switch {
	case w.Approval == nil:
		return "", fmt.Errorf("the wave %s asks for no approval", o.Wave)
	case len(w.Approval.Groups) > 0:
		return "", fmt.Errorf("the wave %s asks for the word of a person of %s, and this hub does not know who people are: "+
			"`drover rollout skip %s/%[1]s` goes on without", o.Wave, strings.Join(w.Approval.Groups, " or "), r.policy.Name)
	case w.Approval.NotAuthor && o.By == "":
		return "", fmt.Errorf("the wave %s asks for another person than the author: say who you are with --as", o.Wave)
	case w.Approval.NotAuthor && o.By == t.Author:
		return "", fmt.Errorf("the wave %s asks for another person than the author, %s", o.Wave, t.Author)
	}
	return fmt.Sprintf("the wave %s may begin with %s", o.Wave, t.ID), add(&r.decisions.Approvals,
		rollout.WaveApproval{Wave: o.Wave, Target: t.ID, By: o.By})
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
		t, err := r.find(o.Target)
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
func (r *rolling) force(now time.Time, o Order) (string, error) {
	if o.Target == "" {
		return "", fmt.Errorf("name the target, as %s@REVISION", r.policy.Name)
	}
	t, err := r.find(o.Target)
	if err != nil {
		return "", err
	}
	if o.Action == Rollback {
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
		if !o.Until.After(now) || o.Until.After(now.Add(maxPin)) {
			return "", errors.New("a pin needs an end, 90 days away at most: --until TIME")
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

// forget drops decisions that nothing refers to any more.
func (r *rolling) forget(now time.Time) {
	known := func(target string) bool { _, is := r.memory.Targets[target]; return is }
	d := &r.decisions
	d.Approvals = keepIf(d.Approvals, func(a rollout.WaveApproval) bool { return known(a.Target) })
	d.Skips = keepIf(d.Skips, func(s rollout.Skip) bool { return known(s.Target) })
	d.Expedites = keepIf(d.Expedites, known)
	d.Rollbacks = keepIf(d.Rollbacks, func(o rollout.RollbackOrder) bool { return known(o.Target) })
	d.Resumes = keepIf(d.Resumes, func(x rollout.Resume) bool { return known(x.Target) })
	d.Halts = keepIf(d.Halts, func(h rollout.HaltOrder) bool { return h.Until.IsZero() || now.Before(h.Until) })
	pins := map[string]rollout.Pin{}
	for name, p := range d.Pins {
		if now.Before(p.Until) {
			pins[name] = p
		}
	}
	d.Pins = pins
}

func keepIf[T any](list []T, keep func(T) bool) []T {
	return slices.DeleteFunc(slices.Clone(list), func(v T) bool { return !keep(v) })
}
