package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/hub/rollouts"
)

// Rollouts are what people do to rollouts.
type Rollouts interface {
	// Decide takes a decision, and says what follows from it.
	Decide(ctx context.Context, o rollouts.Order) (string, error)
	// RolloutHistory is what a policy's rollout has done, the newest last; rollouts.ErrNoRollout if there is none.
	RolloutHistory(ctx context.Context, policy string) ([]rollouts.Event, error)
}

// Decided says what follows from a decision.
type Decided struct {
	Text string `json:"text"`
}

// rollouts is how all policies stand.
func (s *Server) rollouts(*http.Request) (any, error) {
	return append([]query.Rollout{}, s.State.Source().Rollouts...), nil
}

// decide takes a decision on a rollout.
func (s *Server) decide(r *http.Request) (any, error) {
	var o rollouts.Order
	if err := json.NewDecoder(r.Body).Decode(&o); err != nil {
		return nil, failure{http.StatusBadRequest, fmt.Sprintf("the request is no JSON: %v", err)}
	}
	o.Policy = r.PathValue("policy")
	text, err := s.Rollouts.Decide(r.Context(), o)
	switch {
	case errors.Is(err, rollouts.ErrNoRollout):
		return nil, failure{http.StatusNotFound, err.Error()}
	case errors.Is(err, rollouts.ErrRefused):
		return nil, failure{http.StatusConflict, err.Error()}
	}
	return Decided{text}, err
}

// rolloutHistory is what a policy's rollout has done.
func (s *Server) rolloutHistory(r *http.Request) (any, error) {
	events, err := s.Rollouts.RolloutHistory(r.Context(), r.PathValue("policy"))
	if errors.Is(err, rollouts.ErrNoRollout) {
		return nil, failure{http.StatusNotFound, fmt.Sprintf("%v %.80q: `drover rollout` lists them", err, r.PathValue("policy"))}
	}
	return append([]rollouts.Event{}, events...), err
}

// Rollouts asks how all policies stand.
func (c Client) Rollouts(ctx context.Context) ([]query.Rollout, error) {
	var out []query.Rollout
	return out, c.do(ctx, http.MethodGet, "/api/v1/rollouts", nil, &out)
}

// Decide takes a decision on a rollout, and says what follows from it.
func (c Client) Decide(ctx context.Context, o rollouts.Order) (string, error) {
	var out Decided
	err := c.do(ctx, http.MethodPost, "/api/v1/rollouts/"+url.PathEscape(o.Policy), o, &out)
	return out.Text, err
}

// RolloutHistory asks what a policy's rollout has done, the newest last.
func (c Client) RolloutHistory(ctx context.Context, policy string) ([]rollouts.Event, error) {
	var out []rollouts.Event
	return out, c.do(ctx, http.MethodGet, "/api/v1/rollouts/"+url.PathEscape(policy)+"/history", nil, &out)
}
