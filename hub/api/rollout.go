package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/drover-dev/drover/fleet/access"
	"github.com/drover-dev/drover/hub/people"
	"github.com/drover-dev/drover/hub/rollouts"
)

// Rollouts are what people do to rollouts.
type Rollouts interface {
	// Decide takes a decision, and says what follows from it.
	Decide(ctx context.Context, o rollouts.Order) (string, error)
	// History is what a policy's rollout has done, the newest last; rollouts.ErrNoRollout if there is none.
	History(ctx context.Context, policy string) ([]rollouts.Event, error)
}

// Decided says what follows from a decision.
type Decided struct {
	Text string `json:"text"`
}

// rolling answers requests on rollouts.
type rolling struct {
	sight
	do Rollouts
}

// list is how all policies stand.
func (s rolling) list(r *http.Request) (any, error) {
	return s.rollouts(s.view(r, access.List, access.Rollouts)), nil
}

// verbOf is the verb of an action; "" if there is no such action.
func verbOf(a rollouts.Action) access.Verb {
	switch a {
	case rollouts.Approve:
		return access.Approve
	case rollouts.Skip, rollouts.Expedite:
		return access.Skip
	case rollouts.Halt, rollouts.Freeze:
		return access.Halt
	case rollouts.Resume, rollouts.Unfreeze:
		return access.Resume
	case rollouts.Rollback, rollouts.Revert:
		return access.Rollback
	case rollouts.Pin, rollouts.Unpin:
		return access.Pin
	}
	return ""
}

// permitted says whether the caller may take a decision.
func (s rolling) permitted(r *http.Request, o rollouts.Order) (*http.Request, error) {
	verb := verbOf(o.Action)
	switch {
	case o.Action == rollouts.Freeze, o.Action == rollouts.Unfreeze:
		return s.may(r, verb, access.Rollouts, access.Target{})
	case verb == "":
		return r, failure{http.StatusBadRequest,
			fmt.Sprintf("there is no action %.80q: see `drover rollout --help`", o.Action)}
	case verb == access.Pin && o.Cluster != "" && o.Selector == "":
		c, _ := s.state.Get(o.Cluster)
		return s.may(r, verb, access.Rollouts, access.In(c.Labels))
	}
	return s.rollout(r, verb, o.Policy)
}

// decide takes a decision on a rollout.
func (s rolling) decide(r *http.Request) (any, error) {
	var o rollouts.Order
	if err := json.NewDecoder(r.Body).Decode(&o); err != nil {
		return nil, failure{http.StatusBadRequest, fmt.Sprintf("the request is no JSON: %v", err)}
	}
	o.Policy = r.PathValue("policy")
	return s.take(r, o)
}

// take takes a decision of the person who asks.
func (s rolling) take(r *http.Request, o rollouts.Order) (any, error) {
	if _, known := people.Of(r.Context()); !known {
		return nil, errToken
	}
	r, err := s.permitted(r, o)
	if err != nil {
		return nil, err
	}
	who, _ := people.Of(r.Context())
	if o.Who = who; !who.Shared() && o.By != "" {
		return nil, failure{http.StatusBadRequest, fmt.Sprintf("the token says who decides, %s: leave out --as", o.Who.Name)}
	}
	text, err := s.do.Decide(r.Context(), o)
	switch {
	case errors.Is(err, rollouts.ErrNoRollout):
		return nil, failure{http.StatusNotFound, err.Error()}
	case errors.Is(err, rollouts.ErrRefused):
		return nil, failure{http.StatusConflict, err.Error()}
	}
	return Decided{text}, err
}

// freeze stops the releases of all clusters, or lets them go on.
func (s rolling) freeze(r *http.Request) (any, error) {
	var o rollouts.Order
	if err := json.NewDecoder(r.Body).Decode(&o); err != nil {
		return nil, failure{http.StatusBadRequest, fmt.Sprintf("the request is no JSON: %v", err)}
	}
	if o.Policy = ""; o.Action != rollouts.Freeze && o.Action != rollouts.Unfreeze {
		return nil, failure{http.StatusBadRequest, fmt.Sprintf("the action %.80q: write freeze or unfreeze", o.Action)}
	}
	return s.take(r, o)
}

// frozen is what stops the releases of all clusters; null for nothing.
func (s rolling) frozen(*http.Request) (any, error) { return s.state.Source().Frozen, nil }

// history is what a policy's rollout has done.
func (s rolling) history(r *http.Request) (any, error) {
	if _, err := s.rollout(r, access.Get, r.PathValue("policy")); err != nil {
		return nil, err
	}
	events, err := s.do.History(r.Context(), r.PathValue("policy"))
	if errors.Is(err, rollouts.ErrNoRollout) {
		return nil, failure{http.StatusNotFound, fmt.Sprintf("%v %.80q: `drover rollout` lists them", err,
			r.PathValue("policy"))}
	}
	return append([]rollouts.Event{}, events...), err
}
