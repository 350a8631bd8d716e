package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/drover-dev/drover/agent"
	"k8s.io/client-go/rest"
)

const (
	// leaderTokenLife is how long a token of the leader lasts. A watch goes on beyond it, so an agent at rest asks for none.
	leaderTokenLife = 30 * time.Minute
	// leaderTokenPause is the time between two tries to replace a token that is still good.
	leaderTokenPause = 10 * time.Second
)

// Leader is how the agent that leads comes to its rights. The pods' own account may do nothing but lead; tokens of
// another account, which may do what the agent is for, are asked for with it, and are kept in memory only. Who may ask
// is decided by the API server: RBAC knows the account, and an admission policy the node.
type Leader struct {
	own                *Client
	namespace, account string

	mu      sync.Mutex // over the request, so that one token is asked for at a time
	token   string
	renew   time.Time // when to ask for the next
	expires time.Time
}

// NewLeader prepares a client that acts as a service account of namespace, with tokens that own asks for when they are
// needed. cfg is what own was made of.
func NewLeader(cfg *rest.Config, own *Client, namespace, account string) (*Client, *Leader, error) {
	c, err := New(rest.AnonymousClientConfig(cfg), own.log)
	if err != nil {
		return nil, nil, err
	}
	l := &Leader{own: own, namespace: namespace, account: account}
	c.http.Transport = &leaderTransport{leader: l, base: c.http.Transport}
	return c, l, nil
}

// Forget drops the token: this agent no longer leads.
func (l *Leader) Forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.token = ""
}

// refused drops a token that the API server does not accept.
func (l *Leader) refused(token string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.token == token {
		l.token = ""
	}
}

// get gives a token that is good for a while yet.
func (l *Leader) get(ctx context.Context) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if l.token != "" && now.Before(l.renew) {
		return l.token, nil
	}
	token, life, err := l.request(ctx)
	switch {
	case err == nil:
		// By this machine's clock, from before the request was sent: no two clocks are compared.
		l.token, l.renew, l.expires = token, now.Add(life*2/3), now.Add(life)
	case l.token != "" && now.Before(l.expires):
		l.renew = now.Add(leaderTokenPause)
	default:
		l.token = ""
		return "", err
	}
	return l.token, nil
}

// request asks for a token, and says how long it is good for.
func (l *Leader) request(ctx context.Context) (string, time.Duration, error) {
	path := "/api/v1/namespaces/" + l.namespace + "/serviceaccounts/" + l.account + "/token"
	body, err := json.Marshal(map[string]any{"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
		"spec": map[string]any{"expirationSeconds": int(leaderTokenLife.Seconds())}})
	if err != nil {
		return "", 0, err
	}
	var answer struct {
		Spec   struct{ ExpirationSeconds int64 }
		Status struct{ Token string }
	}
	_, err = l.own.do(ctx, call{method: http.MethodPost, path: path, accept: acceptJSON, contentType: acceptJSON, body: body, secret: true}, &answer)
	var f *agent.Failure
	if errors.As(err, &f) {
		return "", 0, &agent.Failure{Reason: f.Reason, After: f.After, Text: fmt.Sprintf("request a token of ServiceAccount %s/%s, "+
			"which the agent that leads acts as: %s", l.namespace, l.account, f.Text)}
	}
	if err == nil && answer.Status.Token == "" {
		err = fmt.Errorf("the API server gave no token of ServiceAccount %s/%s", l.namespace, l.account)
	}
	return answer.Status.Token, time.Duration(answer.Spec.ExpirationSeconds) * time.Second, err
}

// leaderTransport sends requests with the leader's token.
type leaderTransport struct {
	leader *Leader
	base   http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t *leaderTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	token, err := t.leader.get(req.Context())
	if err != nil {
		if req.Body != nil {
			_ = req.Body.Close() // as a RoundTripper has to
		}
		return nil, err
	}
	req = req.Clone(req.Context())
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := t.base.RoundTrip(req)
	if err == nil && resp.StatusCode == http.StatusUnauthorized {
		t.leader.refused(token)
	}
	return resp, err
}
