package checks

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/fleet/health"
	"github.com/drover-dev/drover/internal/backoff"
	"github.com/drover-dev/drover/protocol"
)

// limit is how many objects of others an app may have followed.
const limit = 100

// Cluster is what Checks needs of the cluster, see agent.Kinds and agent.Watcher.
type Cluster interface {
	Served(ctx context.Context, group, kind string) (agent.Resource, error)
	Follow(ctx context.Context, res agent.Resource, namespace, name string, rule *health.Rule, sight func(agent.Sighting))
}

// Config is what Checks is made of.
type Config struct {
	Cluster Cluster
	Scope   agent.Scope
	Start   func(func()) bool // runs something in a goroutine of its own, unless the session is over
	Post    func(func())      // runs something on the goroutine of the app
	Changed func()            // is called on that goroutine when the health of an object is another
	// Brought is the health rule of the app for a kind; zero if there is none.
	Brought func(group, kind string) protocol.HealthRule
	// Rule is what the health of a kind is judged by.
	Rule func(group, kind string) *health.Rule
	// Account is the service account of the app, as namespace/name; "" for the agent's own rights.
	Account func() string
	// May says whether an account may read an object, and if not, why. What is watched is watched with the agent's own
	// rights, and a health rule of the app could ask it anything.
	May func(ctx context.Context, account string, res agent.Resource, ref protocol.ObjectRef) error
}

// Checks are the objects that an app has followed.
type Checks struct {
	c       Config
	list    []*check
	skipped int                // objects beyond the limit
	last    protocol.ObjectRef // the last that is named
}

// check is one object.
type check struct {
	ref     protocol.ObjectRef // as the bundle names it
	verdict fleet.Verdict
	stop    context.CancelFunc
	rule    protocol.HealthRule // of the app, for its kind; zero if there is none
	account string              // with whose rights it was asked for
}

// New has nothing followed.
func New(c Config) Checks { return Checks{c: c} }

// Set has objects followed, and no others. Those that name no namespace, and whose kind has namespaces, are in home.
func (s *Checks) Set(ctx context.Context, refs []protocol.ObjectRef, home string) {
	if len(refs) == 0 && len(s.list) == 0 && s.skipped == 0 {
		return
	}
	if s.skipped = max(0, len(refs)-limit); s.skipped > 0 {
		s.last = refs[len(refs)-1]
	}
	refs = refs[:len(refs)-s.skipped]
	s.list = slices.DeleteFunc(s.list, func(c *check) bool {
		gone := !slices.Contains(refs, c.ref) || !reflect.DeepEqual(c.rule, s.c.Brought(c.ref.Group, c.ref.Kind)) ||
			c.account != s.c.Account()
		if gone {
			c.stop()
		}
		return gone
	})
	for _, ref := range refs {
		if !slices.ContainsFunc(s.list, func(c *check) bool { return c.ref == ref }) {
			s.add(ctx, ref, home)
		}
	}
}

// Stop ends all watches.
func (s *Checks) Stop() {
	for _, c := range s.list {
		c.stop()
	}
}

// Ill are those objects that are not current, and a word on those that are not followed.
func (s *Checks) Ill() (out []protocol.Problem) {
	for _, c := range s.list {
		if c.verdict.Health != protocol.HealthCurrent {
			out = append(out, protocol.Problem{Object: c.ref, Health: c.verdict.Health, Message: c.verdict.Message})
		}
	}
	if s.skipped > 0 {
		out = append(out, protocol.Problem{Object: s.last, Health: protocol.HealthDegraded,
			Message: fmt.Sprintf("it is not looked at: an app may have %d objects of others checked, and this one names %d "+
				"more; name fewer in Git", limit, s.skipped)})
	}
	return out
}

// absentPause is how long a kind rests at most that is not served.
const absentPause = time.Minute

// add begins to follow an object.
func (s *Checks) add(ctx context.Context, ref protocol.ObjectRef, home string) {
	following, stop := context.WithCancel(ctx)
	c := &check{ref: ref, stop: stop, rule: s.c.Brought(ref.Group, ref.Kind), account: s.c.Account(),
		verdict: fleet.Verdict{Health: protocol.HealthUnknown, Message: "it was not looked at yet"}}
	rule := s.c.Rule(ref.Group, ref.Kind)
	s.list = append(s.list, c)
	told := func(v fleet.Verdict) {
		if following.Err() == nil {
			s.c.Post(func() { s.checked(c, v) })
		}
	}
	conf := s.c
	if !conf.Start(func() {
		defer stop()
		pause := backoff.Backoff{Min: time.Second, Max: absentPause}
		for {
			res, err := conf.Cluster.Served(following, ref.Group, ref.Kind)
			if err == nil {
				conf.follow(following, ref, res, home, terms{c.account, rule, told})
				return
			}
			told(fleet.Verdict{Health: protocol.HealthProgressing, Message: "it is waited for: " + err.Error()})
			if pause.Wait(following, nil) != nil {
				return
			}
		}
	}) {
		stop()
	}
}

// terms are with whose rights an object is followed, by what it is judged, and who is told.
type terms struct {
	account string
	rule    *health.Rule
	told    func(fleet.Verdict)
}

// permitted waits until the app's account may read an object; false if ctx is done before. It is asked again, less and
// less often, because nothing tells of a right that was given.
func (c Config) permitted(ctx context.Context, ref protocol.ObjectRef, res agent.Resource, how terms) bool {
	pause := backoff.Backoff{Min: time.Second, Max: absentPause}
	for how.account != "" {
		err := c.May(ctx, how.account, res, ref)
		if err == nil {
			return true
		}
		how.told(fleet.Verdict{Health: protocol.HealthDegraded, Message: "it is not looked at: " + err.Error()})
		if pause.Wait(ctx, nil) != nil {
			return false
		}
	}
	return true
}

// follow watches an object until ctx is done.
func (c Config) follow(ctx context.Context, ref protocol.ObjectRef, res agent.Resource, home string, how terms) {
	switch {
	case !res.Namespaced:
		ref.Namespace = ""
	case ref.Namespace == "":
		ref.Namespace = home
	}
	if c.Scope.Outside(ref) {
		how.told(fleet.Verdict{Health: protocol.HealthDegraded, Message: c.Scope.Failure().Text})
		return
	}
	if !c.permitted(ctx, ref, res, how) {
		return
	}
	c.Cluster.Follow(ctx, res, ref.Namespace, ref.Name, how.rule, func(sg agent.Sighting) {
		v := sg.Verdict
		if sg.Kind == agent.SightGone {
			v = fleet.Verdict{Health: protocol.HealthProgressing,
				Message: "it is not there, and waited for: no part of this app makes it"}
		}
		how.told(v)
	})
}

// checked takes down how an object is.
func (s *Checks) checked(c *check, v fleet.Verdict) {
	if c.verdict == v || !slices.Contains(s.list, c) {
		return
	}
	c.verdict = v
	s.c.Changed()
}
