// Package retry has what could not be applied tried again at once, where the reason may be gone: a kind is served, a
// namespace is there, an admission webhook answers, the API server does. Without it every failure is tried again after
// its own pause.
//
// A Retrier belongs to the goroutine of its app. It may import agent, the packages actor and owned in agent/, fleet and
// protocol.
package retry

import (
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/actor"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/protocol"
)

// Retrier tries again what failed of one app.
type Retrier struct {
	*owned.Set
	*actor.Actor
	// others tells the retriers of the other apps something.
	others func(app string, what func(*Retrier))
}

// New makes one. others tells the retriers of all apps but one.
func New(set *owned.Set, act *actor.Actor, others func(app string, what func(*Retrier))) Retrier {
	return Retrier{Set: set, Actor: act, others: others}
}

// Kinds is for kinds that the cluster serves from now on, for any app.
func (r *Retrier) Kinds(served []agent.Resource) { r.everywhere(ofKind(served)) }

// Namespace is for a namespace that is there from now on, for any app.
func (r *Retrier) Namespace(name string) { r.everywhere(lacksNamespace(name)) }

// Webhooks is for an app that became healthy: it may be what answers for an admission webhook.
func (r *Retrier) Webhooks() { r.everywhere(failedBy(agent.ReasonWebhook)) }

// Regained is for an API server that answers again, or gives rights that it did not give.
func (r *Retrier) Regained() { r.try(failedBy(agent.ReasonUnreachable, agent.ReasonForbidden)) }

// Group is for a group in which a kind came or changed. Its kinds are served a moment after that is told, so they are
// asked for often at first.
func (r *Retrier) Group(group string) {
	waits := func(o *owned.Object) bool { return o.Kindless() && o.Item.Ref.Group == group }
	for _, o := range r.Own {
		if waits(o) {
			o.Trouble.Pause = owned.ServedSoon()
		}
	}
	r.try(waits)
}

// Unscaled has the replicas applied again of what no autoscaler scales any more.
func (r *Retrier) Unscaled(scales func(protocol.ObjectRef) bool) {
	for _, o := range r.Own {
		if o.Item.Scaled && o.Want != nil && !scales(o.Item.Ref) {
			o.Again()
			r.Kick()
		}
	}
}

// everywhere tries again for all apps.
func (r *Retrier) everywhere(is rule) {
	r.try(is)
	r.TellLater(func() { r.others(r.Name, func(o *Retrier) { o.try(is) }) })
}

// try makes due at once what failed and is so.
func (r *Retrier) try(is rule) {
	for _, o := range r.Own {
		if o.Trouble != nil && is(o) {
			o.Trouble.Next = time.Time{}
			r.Kick()
		}
	}
}

// rule says of an object that could not be applied, or deleted, whether it is tried again.
type rule func(*owned.Object) bool

// failedBy is for what failed for one of some reasons.
func failedBy(reasons ...agent.Reason) rule {
	return func(o *owned.Object) bool {
		for _, r := range reasons {
			if agent.ReasonOf(o.Trouble.Err) == r {
				return true
			}
		}
		return false
	}
}

// lacksNamespace is for what failed because a namespace was not there, or was being deleted.
func lacksNamespace(name string) rule {
	missing := failedBy(agent.ReasonNamespace, agent.ReasonNamespaceEnding)
	return func(o *owned.Object) bool { return o.Item.Ref.Namespace == name && missing(o) }
}

// ofKind is for the objects of some kinds, whatever failed.
func ofKind(kinds []agent.Resource) rule {
	return func(o *owned.Object) bool {
		for _, k := range kinds {
			if k.Kind == o.Item.Ref.Kind && k.Group == o.Item.Ref.Group {
				return true
			}
		}
		return false
	}
}
