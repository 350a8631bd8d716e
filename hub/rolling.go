package hub

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/hub/audit"
	"github.com/drover-dev/drover/hub/batch"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/release"
	"github.com/drover-dev/drover/hub/rollouts"
	"github.com/drover-dev/drover/hub/rollouts/content"
	"github.com/drover-dev/drover/hub/rollouts/policies"
	"github.com/drover-dev/drover/protocol"
)

// rolling has the rollouts of policies see what is asked, given and reported, and remembers what they decide. The loop
// alone touches it, but for soon.
type rolling struct {
	driver   *rollouts.Driver
	store    Store
	policies Policies
	state    *State
	plans    *plans        // only asked
	back     *content.Back // which apps go back
	ledger   *ledger       // only asked
	began    time.Time
	journal  *audit.Journal
	proved   uint64 // the epoch, and 1, in which the journal was held against its copy on the bus last

	active atomic.Bool           // there is a policy
	heard  batch.Batch[struct{}] // of clusters that are to be judged soon
	took   atomic.Int64          // nanoseconds, of the last step
}

func newRolling(s Settings, state *State, plans *plans, l *ledger) (*rolling, error) {
	saved, err := s.Store.Rollouts()
	if err != nil {
		return nil, err
	}
	x := &rolling{driver: rollouts.New(saved, s.Policies.Policies, s.Log), store: s.Store, policies: s.Policies,
		state: state, plans: plans, ledger: l, began: time.Now(), back: content.NewBack(s.Resolver.Objects, s.Log),
		journal: s.Journal}
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
	declared, sure := policies.Declare(x.plans.apps.Declared(), x.policies.Policies)
	whole := len(x.plans.apps.Problems()) == 0
	if x.state.told != nil {
		x.state.told(x.plans.apps.Declared(), whole)
	}
	if sure = sure && whole; len(declared) == 0 && !x.driver.Active() {
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
	unsure := len(x.plans.apps.Problems()) > 0
	s := x.driver.Stage(time.Now(), labels, !c.Unclear, c.Bundle, last, func(app string) rollouts.Said {
		stays, known := c.Stays[app]
		says := rollouts.Said{Free: c.Declared[app].Spec != "", Stays: stays, Unclear: !known, Policies: c.Policies[app]}
		if unsure { // what the app names may be among what cannot be read
			says.Policies = append(slices.Clone(says.Policies), model.PolicyUnclear)
		}
		return says
	})
	c.Bundle.Apps = s.Apps
	x.back.Say(c.Bundle.Apps, s.Back)
	if len(s.Other) > 0 {
		c.Refs = maps.Clone(c.Refs) // they are those of what waits
		for app := range s.Other {
			delete(c.Refs, app)
		}
	}
	if s.Absent {
		c.Bundle.Incomplete = cmp.Or(c.Bundle.Incomplete, s.Why)
	}
}

// reviewed says why deletions of an app that begin now are meant, where the commit says so that brings them.
func (x *rolling) reviewed(cluster, app string) string {
	if why, held := rollouts.BudgetOf(x.driver).Reviewed(cluster, app); held {
		return why
	}
	return x.plans.reviewed
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
	x.driver.Offer(x.plans.revision, rollouts.Commit{Author: x.plans.author, Reviewed: x.plans.reviewed}, x.waits)
	names := x.driver.Step(time.Now(), x)
	x.active.Store(x.driver.Active())
	if err := x.save(); err != nil {
		return nil, err
	}
	x.show()
	return names, nil
}

func (x *rolling) save() error {
	if err := x.journal.Append(rollouts.Notes(x.driver)...); err != nil {
		return err
	}
	rollouts.Noted(x.driver)
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
	x.state.roll(x.driver.Show(), rollouts.Frozen(x.driver))
}

// prove halts every policy if more was decided than the store knows of, whenever the hub begins to publish.
func (x *rolling) prove(ctx context.Context, epoch uint64) error {
	if x.proved == epoch+1 {
		return nil
	}
	doubt, err := x.journal.Compare(ctx)
	if err != nil {
		return err
	}
	if doubt != "" {
		rollouts.Distrust(x.driver, time.Now(), doubt)
	}
	x.proved = epoch + 1
	return x.save()
}
