package hub

import (
	"cmp"
	"context"
	"maps"
	"reflect"
	"strings"
	"sync/atomic"
	"time"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/hub/release"
	"github.com/drover-dev/drover/hub/rollouts"
	"github.com/drover-dev/drover/protocol"
)

// rolling has the rollouts of policies see what is asked, given and reported, and remembers what they decide. The loop
// alone touches it, but for soon.
type rolling struct {
	driver   *rollouts.Driver
	store    Store
	policies Policies
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
	x := &rolling{driver: rollouts.New(saved, s.Policies.Policy, s.Log), store: s.Store, policies: s.Policies,
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
	declared, sure := rollouts.Declare(x.plans.apps.Declared(), x.policies.Policy)
	sure = sure && len(x.plans.apps.Problems()) == 0
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
		c.Bundle.Incomplete = cmp.Or(c.Bundle.Incomplete, "a RolloutPolicy has yet to release apps to this cluster, and "+
			"it is not known which of them it has: `drover rollout` shows what it waits for")
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
