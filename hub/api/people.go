package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/drover-dev/drover/hub/audit"
	"github.com/drover-dev/drover/hub/people"
)

// NewToken is a token that was made, with its secret.
type NewToken struct {
	people.Token
	Secret string `json:"secret"`
}

// tokens answers requests on the tokens of people.
type tokens struct {
	register *people.Register
	sight
}

func (t tokens) list(*http.Request) (any, error) {
	if t.register == nil {
		return []people.Token{}, nil
	}
	return t.register.List(), nil
}

// create makes a token.
func (t tokens) create(r *http.Request) (any, error) {
	var ask people.Request
	if err := json.NewDecoder(r.Body).Decode(&ask); err != nil {
		return nil, failure{http.StatusBadRequest, fmt.Sprintf("the request is no JSON: %v", err)}
	}
	if err := ask.Check(); err != nil {
		return nil, failure{http.StatusBadRequest, err.Error()}
	}
	other, _ := ask.Caller()
	who, _ := people.Of(r.Context())
	if ok, lacks := t.policy().Covers(who.Caller, other); !ok {
		return nil, t.denied(who, "create tokens", r.URL.Path, fmt.Sprintf("%s may not make the token %s, which would have "+
			"%s: nobody makes tokens that may do more than they may themselves", who.Caller, ask.Name, lacks))
	}
	if ask.Role != "" && !t.policy().Has(ask.Role) {
		return nil, failure{http.StatusConflict, fmt.Sprintf("there is no role %.80q: write viewer, operator, admin, or a "+
			"Role below fleet/", ask.Role)}
	}
	e := audit.Entry{Kind: "create-token", Target: ask.Name,
		What: fmt.Sprintf("a token for %s, of the groups %q, with the mail address %q, %s", ask.Name, ask.Groups, ask.Email,
			ask.Rights)}
	out, err := noted(t.journal, r, e, func() (out NewToken, err error) {
		out.Secret, out.Token, err = t.register.Create(time.Now(), ask)
		return out, err
	})
	switch {
	case errors.Is(err, people.ErrKnown), errors.Is(err, people.ErrRequest):
		return nil, failure{http.StatusConflict, err.Error()}
	case err != nil:
		return nil, err
	}
	t.log.Info("a token of a person was made", "name", out.Name, "groups", out.Groups, "expires", out.Expires)
	return out, nil
}

// revoke ends a token.
func (t tokens) revoke(r *http.Request) (any, error) {
	name := r.PathValue("name")
	if !t.register.Has(name) {
		return nil, failure{http.StatusNotFound, fmt.Sprintf("%v: %.80q: `drover token list` shows those there are",
			people.ErrNone, name)}
	}
	out, err := noted(t.journal, r, audit.Entry{Kind: "revoke-token", Target: name, What: "the token of " + name +
		" is not accepted any more"}, func() (people.Token, error) { return t.register.Revoke(time.Now(), name) })
	if err == nil {
		t.log.Info("a token of a person was revoked", "name", name)
	}
	return out, err
}

// about is the entry of a decision on a cluster.
func about(kind, cluster, target string) audit.Entry {
	return audit.Entry{Kind: kind, Target: target, Count: 1, Clusters: []string{cluster}}
}

// noted does what a person decided when the journal has it. That it was not done is noted, too.
func noted[T any](j *audit.Journal, r *http.Request, e audit.Entry, do func() (T, error)) (out T, err error) {
	who, known := people.Of(r.Context())
	if !known {
		return out, errToken
	}
	e.Time, e.By = time.Now(), &who
	if err := j.Append(e); err != nil {
		return out, fmt.Errorf("it is not done, because it cannot be noted: %w: check the disk of the hub", err)
	}
	if out, err = do(); err != nil {
		e.Time, e.What, e.Why = time.Now(), e.Kind+" was not done", err.Error()
		e.Kind = "not-done"
		if noteErr := j.Append(e); noteErr != nil {
			err = errors.Join(err, noteErr)
		}
	}
	return out, err
}
