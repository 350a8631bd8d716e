package app

import (
	"context"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/actor"
	"github.com/drover-dev/drover/agent/assess"
	"github.com/drover-dev/drover/agent/board"
	"github.com/drover-dev/drover/agent/checks"
	"github.com/drover-dev/drover/agent/fetch"
	"github.com/drover-dev/drover/agent/heal"
	"github.com/drover-dev/drover/agent/hookrun"
	"github.com/drover-dev/drover/agent/input"
	"github.com/drover-dev/drover/agent/inventory"
	"github.com/drover-dev/drover/agent/mailbox"
	"github.com/drover-dev/drover/agent/move"
	"github.com/drover-dev/drover/agent/outcome"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/pass"
	"github.com/drover-dev/drover/agent/planning"
	"github.com/drover-dev/drover/agent/prune"
	"github.com/drover-dev/drover/agent/relation"
	"github.com/drover-dev/drover/agent/report"
	"github.com/drover-dev/drover/agent/retry"
	"github.com/drover-dev/drover/agent/saving"
	"github.com/drover-dev/drover/agent/sight"
	"github.com/drover-dev/drover/agent/watch"
	"github.com/drover-dev/drover/fleet/health"
	"github.com/drover-dev/drover/protocol"
)

const (
	// applySlots is how many requests may be under way for passes: more than a small API server can use.
	applySlots = 16
	// healSlots are kept free for drift, so that a large pass does not delay it.
	healSlots = 4
)

// NewEnv makes what the apps of a session share, with watches that tell them what they see. end ends the session.
func NewEnv(ctx context.Context, p Ports, out *report.Outbox, end context.CancelCauseFunc) *Env {
	e := &Env{Ports: p, Life: ctx, Out: out, End: end, Notes: &Notes{}, Online: mailbox.NewLink(),
		Applies: make(chan struct{}, applySlots), Heals: make(chan struct{}, healSlots),
		Shared: Shared{Board: board.New(func(a *App) string { return a.Name }), Stands: board.NewStandings(),
			Objects:     inventory.New(),
			HookObjects: inventory.New()}}
	w := &watch.Session{Cluster: e.Cluster, Scope: e.Scope, Log: e.Log, Life: e.Life, Start: e.Crew.Start}
	e.Watches = watch.NewObjects(w, e.listener())
	e.Kinds = watch.NewDefinitions(w, e.defined)
	e.Inputs = watch.NewInputs(w, e.inputChanged)
	e.Scaling = watch.NewScalers(w, func() {
		e.TellAll(func(a *App) { a.retrier.Unscaled(e.Scaling.Scales) })
	})
	e.Looks = watch.NewLooks(w)
	e.Plans = planning.Maker{Blobs: e.Bus, Watched: e.Inputs, Kinds: e.Kinds, Scope: e.Scope, Online: e.Online, Log: e.Log,
		Inputs: input.Reader{Reach: e.Reach, Plugins: e.Plugins, Scope: e.Scope, Namespace: e.Namespace,
			Watch: e.Inputs.Watch}}
	return e
}

// NewApp makes an app, whose goroutine is yet to be started.
func (e *Env) NewApp(name string) *App {
	a := &App{env: e}
	p := &a.parts
	p.Set, p.Actor, p.common = owned.NewSet(name), actor.New(&e.Crew, a), common{e.Out, e.Reach}
	a.turns = turns{p, a, e}
	set, current, act := &p.Set, &p.Current, &p.Actor
	p.beside = relation.New(set, act, e.forRelations())
	p.retrier = retry.New(set, act, e.tellRetriers)
	p.Fetcher = fetch.New(fetch.Config{Set: set, Current: current, Actor: act, App: p, Env: e.forFetching()})
	p.applier = pass.New(pass.Config{Set: set, Current: current, Actor: act, Relations: &p.beside, App: p,
		Env: e.forPasses()})
	p.seer = sight.New(sight.Config{Set: set, Actor: act, Env: sight.Env{Looks: e.Looks, Jobs: e.Cluster, Log: e.Log},
		App: seen{&p.pruner, &p.healer, &p.outcomes, &p.assessor, e.Watches.Synced}})
	p.mover = move.New(move.Config{Set: set, Actor: act, Relations: &p.beside, Env: e.forMoves(),
		JudgeStash: p.seer.JudgeStash})
	p.pruner = prune.New(prune.Config{Set: set, Current: current, Actor: act, App: p, Env: e.forPruning(),
		JudgeStash: p.seer.JudgeStash})
	p.healer = heal.New(heal.Config{Set: set, Current: current, Actor: act, App: p, Env: e.forHealing(&p.applier)})
	p.hooks = hookrun.New(hookrun.Config{Set: set, Order: current, Actor: act, App: p, Env: e.forHooks()})
	p.assessor = assess.New(assess.Config{Set: set, Current: current, Actor: act, App: p, Checks: e.newChecks(a),
		Retrier: &p.retrier, Env: e.forAssessing()})
	p.outcomes = outcome.New(outcome.Config{Set: set, Actor: act, Progress: &p.hooks.Progress, Relations: &p.beside,
		Journal: p, Retrier: &p.retrier, Env: outcome.Env{Watches: e.Watches, Kinds: e.Cluster}})
	p.saver = saving.New(saving.Config{Set: set, Current: current, Actor: act, Progress: &p.hooks.Progress,
		Deletions: &p.pruner.Deletions, Store: e.Store})
	return a
}

// newChecks are the checks of an app.
func (e *Env) newChecks(a *App) checks.Checks {
	return checks.New(checks.Config{Cluster: e.Cluster, Scope: e.Scope, Start: e.Crew.Start, Post: a.Post,
		Changed: func() {
			if e.Life.Err() == nil {
				a.checked()
			}
		},
		Brought: func(group, kind string) protocol.HealthRule { return e.Board.Rules(group, kind)[a.Name] },
		Rule: func(group, kind string) *health.Rule {
			rules, brought := e.Watches.RulesFor(agent.Watched{Group: group, Kind: kind})
			own, ok := brought[a.Name]
			if !ok {
				return rules.For(a.Name)
			}
			own.Message = nil // an app is not to quote from what belongs to others
			return health.New(own)
		}})
}

// tellRetriers tells the retriers of all apps but one something.
func (e *Env) tellRetriers(name string, what func(*retry.Retrier)) {
	e.tellOthers(name, func(a *App) { what(&a.retrier) })
}

// forFetching is what the fetchers of all apps reach and share.
func (e *Env) forFetching() fetch.Env {
	return fetch.Env{Life: e.Life, Maker: &e.Plans, Namespace: e.Namespace, Log: e.Log,
		Known: func(app string) {
			e.tellOthers(app, func(other *App) {
				if other.Leftover() { // which may have been held until this was known
					other.Kick()
				}
			})
		}}
}

// forAssessing is what the assessors of all apps reach and share.
func (e *Env) forAssessing() assess.Env {
	return assess.Env{Neighbours: &e.Shared, Scope: e.Scope, News: e.Out.Changed, End: e.End,
		FollowKinds: func() { e.Kinds.Follow(e.waitsForKinds) }}
}

// forPruning is what the pruners of all apps reach and share.
func (e *Env) forPruning() prune.Env {
	return prune.Env{ClusterName: e.ClusterName, Kinds: e.Cluster, Board: e.Board, Objects: e.Objects, Check: e.Check,
		Scope: e.Scope, Slots: e.Applies, Protected: e.Protected, News: func() { e.Out.Changed(true) }}
}

// forHealing is what the healers of all apps reach and share.
func (e *Env) forHealing(s heal.Sender) heal.Env {
	return heal.Env{ClusterName: e.ClusterName, Sender: s, Slots: e.Heals, News: e.Out.Changed,
		Corrected: e.Notes.corrected, Lost: e.Plans.Lost}
}

// forRelations is what the apps share for what their objects are to each other.
func (e *Env) forRelations() relation.Env {
	return relation.Env{Board: e.Board, Stands: e.Stands, Objects: e.Objects,
		Tell: func(name string, what func(*relation.Relations)) { e.tellApp(name, func(a *App) { what(&a.beside) }) },
		TellOthers: func(name string, what func(*relation.Relations)) {
			e.tellOthers(name, func(a *App) { what(&a.beside) })
		}}
}

// forMoves is what the apps share for objects that move.
func (e *Env) forMoves() move.Env {
	return move.Env{Life: e.Life, Objects: e.Objects, Watches: e.Watches, Keeps: e.Board.Keeps, RefOf: e.RefOf,
		Peer: func(name string) *move.Mover {
			if a := e.Board.App(name); a != nil {
				return &a.mover
			}
			return nil
		}}
}

// forPasses is what the appliers of all apps reach and share.
func (e *Env) forPasses() pass.Env {
	return pass.Env{Kinds: e.Cluster, Watches: e.Watches, Scaling: e.Scaling, Objects: e.Objects, Scope: e.Scope,
		Slots: e.Applies, Protected: e.Protected}
}

// forHooks is what the hooks of all apps reach and share.
func (e *Env) forHooks() hookrun.Env {
	return hookrun.Env{Kinds: e.Cluster, Watches: e.Watches, Claims: e.HookObjects, Objects: e.Objects, Scope: e.Scope,
		Protected: e.Protected, News: func() { e.Out.Changed(false) },
		Settle: func(owner string, ref protocol.ObjectRef) {
			if a := e.Board.App(owner); a != nil {
				a.mover.WhenSettled(ref)
			}
		}}
}
