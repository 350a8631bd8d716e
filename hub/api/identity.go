package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/hub/audit"
	"github.com/drover-dev/drover/protocol"
)

// Identities are the credentials of the clusters, as people manage them.
type Identities interface {
	Credentials
	Issuer
}

// Credentials says which credentials there are.
type Credentials interface {
	// Clusters are those that have a credential, or had one until it was revoked, in no order.
	Clusters() []string
	// Identity is what is known of cluster's credentials.
	Identity(cluster string) hub.Identity
	// Joins says what came of the requests for credentials since the hub started.
	Joins() hub.Joins
}

// Issuer makes and ends credentials.
type Issuer interface {
	// Token makes a join token for cluster's agent. If the cluster has a live credential it is an error wrapping
	// hub.ErrIssued, unless o.Replace is set: then all older credentials end when the token is used.
	Token(cluster string, o hub.TokenOptions) (protocol.JoinToken, error)
	// Rotate has cluster's agent make a new credential, now or when it is back; when it uses that, all older ones are
	// revoked. It is an error wrapping hub.ErrNoCredential if the cluster has none.
	Rotate(cluster string) error
	// Revoke ends every credential of a cluster, at once: live connections are cut. It is no error if there is none.
	Revoke(cluster string) error
	// EndFormer ends all credentials and join tokens of an older release, whose NATS users are not bounded, at once. left
	// are the clusters whose agents still use one: where there are any, it does nothing unless force is set.
	EndFormer(force bool) (left []string, err error)
}

// TokenRequest asks for a join token.
type TokenRequest struct {
	Replace bool `json:"replace,omitempty"` // it takes the place of the credentials there are
	TTL     int  `json:"ttl,omitempty"`     // how long it is good for, in seconds; 0 means a day
}

// The shortest and the longest time for which a join token may be good.
const (
	MinTokenTTL = time.Minute
	MaxTokenTTL = 30 * 24 * time.Hour
)

func (s *Server) token(r *http.Request) (any, error) {
	var ask TokenRequest
	if err := json.NewDecoder(r.Body).Decode(&ask); err != nil && !errors.Is(err, io.EOF) {
		return nil, failure{http.StatusBadRequest, fmt.Sprintf("the request is no JSON: %v", err)}
	}
	if ask.TTL != 0 && (ask.TTL < int(MinTokenTTL.Seconds()) || ask.TTL > int(MaxTokenTTL.Seconds())) {
		return nil, failure{http.StatusBadRequest, fmt.Sprintf("a join token cannot be good for %d s: choose between %s and %s",
			ask.TTL, MinTokenTTL, MaxTokenTTL)}
	}
	c, err := s.find(r)
	if err != nil {
		return nil, err
	}
	if !c.Released.IsZero() {
		return nil, failure{http.StatusConflict, fmt.Sprintf("the folder of cluster %s is gone from Git: bring it back first", c.Name)}
	}
	t, err := noted(s.Journal, r, about("join-token", c.Name, ""), func() (protocol.JoinToken, error) {
		return s.Identities.Token(c.Name, hub.TokenOptions{Replace: ask.Replace, TTL: time.Duration(ask.TTL) * time.Second})
	})
	if errors.Is(err, hub.ErrIssued) {
		return nil, failure{http.StatusConflict, err.Error()}
	}
	if err != nil {
		return nil, err
	}
	s.Log.Info("a join token was made", "cluster", c.Name, "replace", ask.Replace, "expires", t.Expires)
	return t, nil
}

// revoke ends the credentials of a cluster, and gives what its identity was.
func (s *Server) revoke(r *http.Request) (any, error) {
	c, err := s.find(r)
	if err != nil {
		return nil, err
	}
	was := s.Identities.Identity(c.Name)
	if _, err := noted(s.Journal, r, about("revoke", c.Name, ""), func() (any, error) {
		return nil, s.Identities.Revoke(c.Name)
	}); err != nil {
		return nil, fmt.Errorf("revoke the credentials of %s: %w", c.Name, err)
	}
	s.Log.Info("a cluster's credentials were revoked", "cluster", c.Name, "credentials", was.Valid)
	return was, nil
}

// rotate has a cluster's agent make a new credential, and gives its identity.
func (s *Server) rotate(r *http.Request) (any, error) {
	c, err := s.find(r)
	if err != nil {
		return nil, err
	}
	if _, err := noted(s.Journal, r, about("rotate", c.Name, ""), func() (any, error) {
		return nil, s.Identities.Rotate(c.Name)
	}); errors.Is(err, hub.ErrNoCredential) {
		return nil, failure{http.StatusConflict, err.Error()}
	} else if err != nil {
		return nil, fmt.Errorf("rotate the credential of %s: %w", c.Name, err)
	}
	s.Log.Info("a cluster's credential is to be rotated", "cluster", c.Name)
	return s.Identities.Identity(c.Name), nil
}

// EndFormer is the answer to POST /api/v1/credentials/end.
type EndFormer struct {
	Left  []string `json:"left,omitempty"` // clusters whose agents still use a credential of an older release
	Ended bool     `json:"ended"`
}

// endFormer ends the credentials of an older release. ?force=true does where agents still use one, too.
func (s *Server) endFormer(r *http.Request) (any, error) {
	force := r.URL.Query().Get("force") == "true"
	e := audit.Entry{Kind: "end-former", What: fmt.Sprintf("credentials of older releases; forced: %t", force)}
	left, err := noted(s.Journal, r, e, func() ([]string, error) { return s.Identities.EndFormer(force) })
	if err != nil {
		return nil, err
	}
	out := EndFormer{left, force || len(left) == 0}
	if out.Ended {
		s.Log.Info("the credentials of older releases were ended", "used", len(left))
	}
	return out, nil
}
