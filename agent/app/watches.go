package app

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/board"
	"github.com/drover-dev/drover/agent/input"
	"github.com/drover-dev/drover/agent/orders"
	"github.com/drover-dev/drover/agent/watch"
	"github.com/drover-dev/drover/internal/backoff"
	"github.com/drover-dev/drover/protocol"
)

// listener is what watches tell the session of objects.
func (e *Env) listener() watch.Listener {
	return watch.Listener{Objects: e.Objects, Hooks: e.HookObjects, Rules: e.Board.Rules, Sight: e.sight, Listed: e.listed,
		Synced:   e.Moved.Announce,
		Regained: e.regained, Changed: func() { e.Out.Changed(false) }}
}

// listed has the apps take what a complete list said into account, before it is reported.
func (e *Env) listed() {
	e.TellAll(func(a *App) { a.assessor.AssessIdle(e.Life) })
}

// regained tries again what failed because the API server did not answer, or refused.
func (e *Env) regained() {
	e.TellAll(func(a *App) { a.retrier.Regained() })
}

// WatchAll starts the watches of all kinds that there are objects of. A kind of which the API server does not say
// whether it serves it is asked for again until it does, or ctx ends: that it is not served is never concluded.
func (e *Env) WatchAll(ctx context.Context) {
	pause := backoff.Backoff{Min: 100 * time.Millisecond, Max: 10 * time.Second}
	for versions := e.versions(); ; {
		for key, apiVersion := range versions {
			res, err := e.Cluster.Resolve(ctx, apiVersion, key.Kind)
			switch {
			case err == nil:
				e.Watches.Watch(res, key)
			case agent.ReasonOf(err) == agent.ReasonKind:
				e.Unserved(key)
			default:
				e.Log.Debug("whether a kind is served is not known; it is asked for again", "kind", key.Kind, "err", err)
				continue
			}
			delete(versions, key)
		}
		if len(versions) == 0 || pause.Wait(ctx, nil) != nil {
			return
		}
	}
}

// versions are those in which the kinds are known that there are objects of.
func (e *Env) versions() map[agent.Watched]string {
	versions := map[agent.Watched]string{}
	for _, a := range e.Board.All() {
		a.Do(func() {
			for ref, o := range a.ByRef {
				if !e.Scope.Outside(ref) {
					versions[e.Scope.Covering(ref)] = o.Item.APIVersion
				}
			}
			for ref, apiVersion := range a.hooks.Followed() {
				versions[e.Scope.Covering(ref)] = apiVersion
			}
		})
	}
	return versions
}

// Unserved is for objects whose kind the cluster no longer has: they do not exist, and are applied when it has it
// again.
func (e *Env) Unserved(key agent.Watched) {
	e.Watches.Unserved(key)
	e.TellAll(func(a *App) {
		for ref, o := range a.ByRef {
			if e.Scope.Covering(ref) == key && o.Want != nil && !o.Ended() {
				o.Drifted = true
				a.Kick()
			}
		}
	})
	e.Moved.Announce()
}

// defined tries what waits for a kind of the group of a definition that came or changed.
func (e *Env) defined(name string) {
	_, group, _ := strings.Cut(name, ".")
	e.TellAll(func(a *App) {
		a.retrier.Group(group)
		if a.hooks.Retry(group) {
			a.Kick()
		}
	})
}

// inputChanged has the apps that take something from an input look whether they have to be read again.
func (e *Env) inputChanged(ref protocol.VarsRef, version uint64) {
	namespace := e.Namespace
	for _, a := range e.Board.Where(func(e *board.Entry[*App]) bool {
		return !e.Order.Leaving && slices.Contains(input.Of(e.Order.Spec.Handling, namespace), ref)
	}) {
		a.Post(func() { a.Fetcher.Supplied(ref, version) })
	}
}

// StopUnusedInputs ends the watches of inputs that no app has any more.
func (e *Env) StopUnusedInputs(given map[string]orders.Order) {
	e.Inputs.StopUnused(func(ref protocol.VarsRef) bool {
		for _, o := range given {
			if slices.Contains(input.Of(o.Spec.Handling, e.Namespace), ref) {
				return true
			}
		}
		return false
	})
}
