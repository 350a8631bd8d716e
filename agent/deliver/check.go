package deliver

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

// maxChecks is how many objects of others an app may have watched: each takes a watch of its own.
const maxChecks = 100

// check is an object of somebody else that must be healthy for an app to be.
type check struct {
	ref     protocol.ObjectRef // as the bundle names it
	verdict fleet.Verdict
	stop    context.CancelFunc
	rule    protocol.HealthRule // of the app, for its kind; zero if there is none
}

// problem describes a check that is not current.
func (c *check) problem() protocol.Problem {
	return protocol.Problem{Object: c.ref, Health: c.verdict.Health, Message: c.verdict.Message}
}

// recheck watches what the app's bundle says is to be checked, and nothing else.
func (a *app) recheck(ctx context.Context) {
	if len(a.spec.Handling.Checks) == 0 && len(a.checks) == 0 {
		return
	}
	var want []protocol.ObjectRef
	for _, ref := range a.spec.Handling.Checks {
		if !a.leaving && ctx.Err() == nil && !slices.Contains(want, ref) && !a.has(ref) {
			want = append(want, ref)
		}
	}
	a.unchecked = max(0, len(want)-maxChecks)
	want = want[:len(want)-a.unchecked]
	a.checks = slices.DeleteFunc(a.checks, func(c *check) bool {
		gone := !slices.Contains(want, c.ref) || !reflect.DeepEqual(c.rule, a.env.board.rules(c.ref.Group, c.ref.Kind)[a.name])
		if gone {
			c.stop()
		}
		return gone
	})
	for _, ref := range want {
		if !slices.ContainsFunc(a.checks, func(c *check) bool { return c.ref == ref }) {
			a.check(ctx, ref)
		}
	}
}

// has says whether an object is the app's own, which is judged anyway.
func (a *app) has(ref protocol.ObjectRef) bool {
	homes := []string{ref.Namespace}
	if ref.Namespace == "" {
		homes = append(homes, a.home())
	} else {
		homes = append(homes, "") // of a kind that has no namespaces
	}
	for _, ns := range homes {
		ref.Namespace = ns
		if o := a.byRef[ref]; o != nil && o.want != nil {
			return true
		}
	}
	return false
}

// home is the namespace of objects that name none.
func (a *app) home() string {
	if a.spec.Namespace == "" {
		return "default"
	}
	return a.spec.Namespace
}

// check begins to watch an object.
func (a *app) check(ctx context.Context, ref protocol.ObjectRef) {
	checking, stop := context.WithCancel(ctx)
	rules, brought := a.env.watches.RulesFor(agent.Watched{Group: ref.Group, Kind: ref.Kind})
	rule := rules.For(a.name)
	c := &check{ref: ref, verdict: unseen, stop: stop, rule: brought[a.name]}
	if own, ok := brought[a.name]; ok {
		own.Message = nil // an app is not to quote from what belongs to others
		rule = health.New(own)
	}
	a.checks = append(a.checks, c)
	home := a.home()
	told := func(v fleet.Verdict) {
		if checking.Err() == nil {
			a.post(func() { a.checked(c, v) })
		}
	}
	env := a.env
	if !env.crew.Start(func() {
		defer stop()
		pause := backoff.Backoff{Min: time.Second, Max: absentPause}
		for {
			res, err := env.cluster.Served(checking, ref.Group, ref.Kind)
			if err == nil {
				env.follow(checking, ref, res, home, rule, told)
				return
			}
			told(fleet.Verdict{Health: protocol.HealthProgressing, Message: "it is waited for: " + err.Error()})
			if pause.Wait(checking, nil) != nil {
				return
			}
		}
	}) {
		stop()
	}
}

// follow watches an object until ctx is done.
func (s *session) follow(ctx context.Context, ref protocol.ObjectRef, res agent.Resource, home string, rule *health.Rule, told func(fleet.Verdict)) {
	switch {
	case !res.Namespaced:
		ref.Namespace = ""
	case ref.Namespace == "":
		ref.Namespace = home
	}
	if s.scope.Outside(ref) {
		told(fleet.Verdict{Health: protocol.HealthDegraded, Message: s.scope.Failure().Text})
		return
	}
	s.cluster.Follow(ctx, res, ref.Namespace, ref.Name, rule, func(sg agent.Sighting) {
		v := sg.Verdict
		if sg.Kind == agent.SightGone {
			v = fleet.Verdict{Health: protocol.HealthProgressing, Message: "it is not there, and waited for: no part of this app makes it"}
		}
		told(v)
	})
}

// checked takes down how the object is.
func (a *app) checked(c *check, v fleet.Verdict) {
	if a.env.life.Err() != nil || c.verdict == v || !slices.Contains(a.checks, c) {
		return
	}
	c.verdict = v
	if a.hooks.Run.Open() {
		a.kick()
	}
	a.assessIdle(a.env.life)
}

// illChecks are those that are not current, and a word on those that are not looked at.
func (a *app) illChecks() []protocol.Problem {
	var out []protocol.Problem
	for _, c := range a.checks {
		if c.verdict.Health != protocol.HealthCurrent {
			out = append(out, c.problem())
		}
	}
	if a.unchecked > 0 {
		out = append(out, protocol.Problem{Object: a.spec.Handling.Checks[len(a.spec.Handling.Checks)-1], Health: protocol.HealthDegraded,
			Message: fmt.Sprintf("it is not looked at: an app may have %d objects of others checked, and this one names %d more; name fewer in Git", maxChecks, a.unchecked)})
	}
	return out
}
