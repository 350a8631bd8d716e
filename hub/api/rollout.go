package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/hub"
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
	state *hub.State
	do    Rollouts
}

// list is how all policies stand.
func (s rolling) list(*http.Request) (any, error) {
	return append([]query.Rollout{}, s.state.Source().Rollouts...), nil
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
	who, known := people.Of(r.Context())
	if !known {
		return nil, errToken
	}
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
	events, err := s.do.History(r.Context(), r.PathValue("policy"))
	if errors.Is(err, rollouts.ErrNoRollout) {
		return nil, failure{http.StatusNotFound, fmt.Sprintf("%v %.80q: `drover rollout` lists them", err,
			r.PathValue("policy"))}
	}
	return append([]rollouts.Event{}, events...), err
}
