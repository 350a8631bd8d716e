package api

import (
	"net/http"

	"github.com/drover-dev/drover/fleet/selector"
	"github.com/drover-dev/drover/protocol"
)

// Trust answers "may the hub's old keys go?".
type Trust struct {
	Trust    protocol.Trust `json:"trust"`            // what clusters are told to trust by the hub that runs now
	Clusters int            `json:"clusters"`         // that have a credential
	Behind   []string       `json:"behind,omitempty"` // those of them that have not reported to trust just that, sorted
	// AccountKey signs the credentials that the hub issues; empty if it was never rotated. Moving are the clusters that
	// still use one of another key, sorted.
	AccountKey string   `json:"accountKey,omitempty"`
	Moving     []string `json:"moving,omitempty"`
}

func (s *Server) trust(*http.Request) (any, error) {
	out := Trust{Trust: s.Trust}
	id := s.Trust.ID()
	for _, c := range s.State.Select(selector.Selector{}) {
		if !c.Joined || !c.Released.IsZero() {
			continue
		}
		out.Clusters++
		if c.Report == nil || c.Report.Agent.Trust != id {
			out.Behind = append(out.Behind, c.Name)
		}
	}
	if s.Identities != nil {
		joins := s.Identities.Joins()
		out.AccountKey, out.Moving = joins.AccountKey, joins.Moving
	}
	return out, nil
}
