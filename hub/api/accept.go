package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/hub"
)

// accept decides that a cluster's credential belongs to another cluster that uses it.
func (s *Server) accept(r *http.Request) (any, error) {
	var ask struct{ UID string }
	if err := json.NewDecoder(r.Body).Decode(&ask); err != nil {
		return nil, failure{http.StatusBadRequest, fmt.Sprintf("the request is no JSON: %v", err)}
	}
	c, err := s.find(r)
	if err != nil {
		return nil, err
	}
	accepted, err := noted(s.Journal, r, about("accept", c.Name, ask.UID), func() (query.Copy, error) {
		return s.Accept(r.Context(), c.Name, ask.UID)
	})
	if errors.Is(err, hub.ErrNotCopied) {
		return nil, failure{http.StatusConflict, err.Error()}
	}
	return accepted, err
}
