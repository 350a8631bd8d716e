package hub

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/fleet/rollout"
	"github.com/drover-dev/drover/hub/release"
	"github.com/drover-dev/drover/hub/rollouts"
	"github.com/drover-dev/drover/protocol"
)

const (
	// rollPause is how long reports are gathered, at least, before they are judged together.
	rollPause = 100 * time.Millisecond
	// rollShare is how much longer than a step took they are gathered: what a step costs follows the number of clusters,
	// and the loop has other things to do.
	rollShare = 20
)

// rolling has the rollouts of policies see what is asked, given and reported, and remembers what they decide. The loop
// alone touches it, but for soon.
type rolling struct {
	driver   *rollouts.Driver
	store    Store
	resolver Resolving
	state    *State
	plans    *plans  // only asked
	ledger   *ledger // only asked
	began    time.Time

	active  atomic.Bool  // there is a policy
	waiting atomic.Bool  // the loop is about to step
	took    atomic.Int64 // nanoseconds, of the last step
}

func newRolling(s Settings, state *State, plans *plans, l *ledger) (*rolling, error) {
	saved, err := s.Store.Rollouts()
	if err != nil {
		return nil, err
	}
	x := &rolling{driver: rollouts.New(saved, s.Resolver.ReadPolicy, s.Log), store: s.Store, resolver: s.Resolver,
		state: state, plans: plans, ledger: l, began: time.Now()}
	x.active.Store(x.driver.Active())
	return x, nil
}

// Given implements rollouts.Facts.
func (x *rolling) Given(cluster string) (protocol.Bundle, time.Time) {
	r := x.ledger.of(cluster)
	return r.Bundle, r.Time
}

// Heard implements rollouts.Facts.
func (x *rolling) Heard(cluster string) (*protocol.Report, query.Link) {
	report, link := x.state.heard(cluster)
	if link.Since.IsZero() { // this hub has not seen it yet: that says nothing of the time before
		link.Since = x.began
	}
	return report, link
}

// heard is the last report of a cluster's agent, and how it is connected.
func (s *State) heard(name string) (*protocol.Report, query.Link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, _ := s.index.Get(name)
	return c.Report, c.Link
}

// follow takes in which policies there are, and says whether they are others than before: then every cluster is to be
// looked at.
func (x *rolling) follow() (changed bool) {
	declared, sure := x.resolver.Policies(x.plans.apps)
	if len(declared) == 0 && !x.driver.Active() {
		return false
	}
	changed = x.driver.Follow(declared, sure)
	x.active.Store(x.driver.Active())
	return changed
}

// stage has a candidate ask for no more than policies let through.
func (x *rolling) stage(c *release.Candidate, labels map[string]string, last protocol.Bundle) {
	if !x.driver.Active() {
		return
	}
	person := func(app string) bool { return c.Declared[app].Spec != "" } // releases it, and no policy
	s := x.driver.Stage(time.Now(), labels, !c.Unclear, c.Bundle, last, person)
	c.Bundle.Apps = s.Apps
	if len(s.Other) > 0 {
		c.Refs = maps.Clone(c.Refs) // they are those of what waits
		for app := range s.Other {
			delete(c.Refs, app)
		}
	}
	if s.Absent {
		c.Bundle.Incomplete = cmp.Or(c.Bundle.Incomplete, "a RolloutPolicy has yet to release apps to this cluster, and it is "+
			"not known which of them it has: `drover rollout` shows what it waits for")
	}
}

// waits says that it will soon be known what Git asks of a cluster.
func (x *rolling) waits(cluster string) bool {
	res := x.plans.of(cluster)
	return res != nil && (x.plans.reading[cluster] || res.Pending() || res.Selecting)
}

// lost finds out which commits of targets the branch does not have any more.
func (x *rolling) lost(ctx context.Context) error {
	commits := x.driver.Commits()
	if len(commits) == 0 || x.plans.base == nil {
		return nil
	}
	lacks, err := x.plans.base.Lacks(ctx, commits)
	if err != nil {
		return err
	}
	lost := make(map[string]bool, len(lacks))
	for _, commit := range lacks {
		lost[commit] = true
	}
	x.driver.Lost(lost)
	return nil
}

// step decides what is released now, remembers it, and gives the clusters that are to be given something.
func (x *rolling) step() ([]string, error) {
	defer func(begin time.Time) { x.took.Store(int64(time.Since(begin))) }(time.Now())
	x.driver.Offer(x.plans.revision, x.plans.author, x.waits)
	names := x.driver.Step(time.Now(), x)
	x.active.Store(x.driver.Active())
	if err := x.save(); err != nil {
		return nil, err
	}
	x.show()
	return names, nil
}

func (x *rolling) save() error {
	unsaved := x.driver.Unsaved()
	if len(unsaved) == 0 {
		return nil
	}
	if err := x.store.Save(Batch{Rollouts: unsaved}); err != nil {
		return err
	}
	x.driver.Saved()
	return nil
}

func (x *rolling) show() {
	now := x.driver.Show()
	if len(now) == 0 {
		now = nil
	}
	if !reflect.DeepEqual(x.state.Source().Rollouts, now) {
		x.state.roll(now)
	}
}

// mailOf is the mail address of "Name <mail>".
func mailOf(author string) string {
	if _, after, has := strings.Cut(author, "<"); has {
		author, _, _ = strings.Cut(after, ">")
	}
	return author
}

// maxRolls is how often what was released is judged again at once: clusters that have it already settle.
const maxRolls = 3

// roll releases what policies let through. Before the first revision is resolved, and while nothing may be published,
// it does nothing.
func (h *Hub) roll(ctx context.Context) error {
	x := h.publisher.rolling
	if !x.driver.Active() || h.plans.base == nil || h.publisher.fresh.fromAll() != nil {
		return nil
	}
	defer h.arm()
	for range maxRolls {
		names, err := x.step()
		if err != nil {
			return err
		}
		h.measure(ctx)
		if len(names) == 0 {
			return nil
		}
		if n, err := h.publisher.publish(ctx, names); err != nil || n == 0 {
			return err
		}
	}
	return nil
}

// measure has the gates asked that are due, beside the loop.
func (h *Hub) measure(ctx context.Context) {
	x := h.publisher.rolling
	for _, q := range x.driver.Questions(time.Now()) {
		go func() {
			verdict, text := judgeGate(ctx, h.Settings, q.Gate)
			h.do(func(ctx context.Context) error {
				x.driver.Answer(time.Now(), q, verdict, text)
				return h.roll(ctx)
			})
		}()
	}
}

// judgeGate takes one measurement, as Argo Rollouts does: a success where successCondition holds and failureCondition
// does not; without one of them the other decides. What has no data or no answer is neither.
func judgeGate(ctx context.Context, s Settings, g rollout.Gate) (rollouts.Verdict, string) {
	if s.Gates == nil || s.Condition == nil {
		return rollouts.Inconclusive, "this hub asks no metrics"
	}
	values, err := s.Gates.Ask(ctx, g, g.Query)
	switch {
	case err != nil:
		return rollouts.Inconclusive, err.Error()
	case len(values) == 0:
		return rollouts.Inconclusive, "the query gives no data"
	case slices.ContainsFunc(values, math.IsNaN):
		return rollouts.Inconclusive, "the query gives NaN"
	}
	text := "result " + strings.Join(strings.Fields(fmt.Sprint(values[:min(len(values), maxShownValues)])), ", ")
	succeeds, fails := g.SuccessCondition != "", false
	if g.SuccessCondition != "" {
		if succeeds, err = s.Condition(g.SuccessCondition, values); err != nil {
			return rollouts.Inconclusive, err.Error()
		}
	}
	if g.FailureCondition != "" {
		if fails, err = s.Condition(g.FailureCondition, values); err != nil {
			return rollouts.Inconclusive, err.Error()
		}
	}
	switch {
	case fails, g.FailureCondition == "" && !succeeds:
		return rollouts.Failure, text
	case succeeds, g.SuccessCondition == "":
		return rollouts.Success, text
	}
	return rollouts.Inconclusive, text + ", of which neither condition holds"
}

// maxShownValues is how many values of an answer are shown.
const maxShownValues = 5

// rollSoon has the loop judge what agents said. It is safe for concurrent use.
func (h *Hub) rollSoon() {
	if x := h.publisher.rolling; x.active.Load() && x.waiting.CompareAndSwap(false, true) {
		time.AfterFunc(max(rollPause, rollShare*time.Duration(x.took.Load())), func() {
			h.do(func(ctx context.Context) error {
				x.waiting.Store(false)
				return h.roll(ctx)
			})
		})
	}
}

// Decide takes a decision of a person on a rollout, and says what follows from it. It returns when that is stored.
func (h *Hub) Decide(ctx context.Context, o rollouts.Order) (string, error) {
	return ask(ctx, h, func(loop context.Context, reply func(string, error)) error {
		x := h.publisher.rolling
		text, err := x.driver.Decide(time.Now(), o)
		if err != nil {
			reply("", err)
			return nil
		}
		if err := x.save(); err != nil {
			return err
		}
		reply(text, nil)
		return h.roll(loop)
	})
}

// RolloutHistory is what a policy's rollout has done and people had it do, the newest last.
func (h *Hub) RolloutHistory(ctx context.Context, policy string) ([]rollouts.Event, error) {
	return ask(ctx, h, func(_ context.Context, reply func([]rollouts.Event, error)) error {
		events, known := h.publisher.rolling.driver.History(policy)
		if !known {
			reply(nil, rollouts.ErrNoRollout)
			return nil
		}
		reply(events, nil)
		return nil
	})
}
