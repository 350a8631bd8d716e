package api

import (
	"fmt"
	"net/http"
	"time"

	"github.com/drover-dev/drover/fleet/access"
	"github.com/drover-dev/drover/hub/people"
)

// Identity answers "who am I?".
type Identity struct {
	Name     string    `json:"name"` // "" for the shared token
	Kind     string    `json:"kind"` // SharedToken, Token or User
	Groups   []string  `json:"groups,omitempty"`
	Email    string    `json:"email,omitempty"`
	Role     string    `json:"role,omitempty"` // that a token was made with
	Limit    string    `json:"limit"`          // beyond which it has no rights
	Expires  time.Time `json:"expires,omitzero"`
	Bindings bool      `json:"bindings"` // RoleBindings decide; otherwise tokens have the rights of earlier releases
}

// Verdict answers "may I?".
type Verdict struct {
	Allowed bool   `json:"allowed"`
	Role    string `json:"role,omitempty"` // that allows it
	Why     string `json:"why"`
}

// Right is a verb on a resource, and where the caller has it.
type Right struct {
	Resource string   `json:"resource"`
	Verb     string   `json:"verb"`
	Where    []string `json:"where,omitempty"` // none is nowhere
}

// whoami says who the caller is.
func (s sight) whoami(r *http.Request) (any, error) {
	who, _ := people.Of(r.Context())
	out := Identity{Name: who.Name, Kind: string(who.Caller.Kind), Groups: who.Groups, Email: who.Email,
		Role: who.Caller.Role, Limit: who.Caller.Limit.String(), Expires: who.Until, Bindings: s.policy().Bound()}
	if who.Caller.Shared {
		out.Kind = "SharedToken"
	}
	return out, nil
}

// canI says whether the caller may do something. Without a cluster it asks for the whole fleet.
func (s sight) canI(r *http.Request) (any, error) {
	q := r.URL.Query()
	v, on := access.Verb(q.Get("verb")), access.Resource(q.Get("resource"))
	if !access.Known(v, on) {
		return nil, failure{http.StatusBadRequest,
			fmt.Sprintf("%.40s has no verb %.40q: `drover auth can-i --list` shows all", on, v)}
	}
	target, name, project := access.Target{}, q.Get("cluster"), q.Get("project")
	if name != "" {
		c, _ := s.state.Get(name)
		target = access.In(c.Labels)
		if project != "" {
			target = access.Of(c.Labels, project)
		}
	} else if project != "" {
		return nil, failure{http.StatusBadRequest, "a project is asked for in a cluster: name it with --cluster"}
	}
	d := s.policy().Decide(caller(r), v, on, target)
	return Verdict{d.Allowed, d.Role, d.Why}, nil
}

// rights are all that the caller has.
func (s sight) rights(r *http.Request) (any, error) {
	out := []Right{}
	for _, on := range access.Resources() {
		for _, v := range access.VerbsOf(on) {
			out = append(out, Right{string(on), string(v), s.view(r, v, on).Scopes()})
		}
	}
	return out, nil
}
