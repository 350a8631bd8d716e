package api

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/hub/people"
	"github.com/drover-dev/drover/hub/rollouts"
	"github.com/drover-dev/drover/protocol"
)

// Client asks a hub.
type Client struct {
	URL      string // of the hub, as http://127.0.0.1:7780
	APIToken string
	CA       string // PEM of the authorities that its certificate comes from; the system's, if empty
}

// answerTimeout is how long a hub may take to answer a question that is not live.
const answerTimeout = 30 * time.Second

// Clusters asks for the clusters that a selector chooses.
func (c Client) Clusters(ctx context.Context, selector string) (Fleet, error) {
	var f Fleet
	return f, c.do(ctx, http.MethodGet, "/api/v1/clusters?selector="+url.QueryEscape(selector), nil, &f)
}

// Cluster asks for one cluster.
func (c Client) Cluster(ctx context.Context, name string) (Detail, error) {
	var d Detail
	return d, c.do(ctx, http.MethodGet, "/api/v1/clusters/"+url.PathEscape(name), nil, &d)
}

// Token asks for a new join token for a cluster's agent.
func (c Client) Token(ctx context.Context, name string, o TokenRequest) (protocol.JoinToken, error) {
	var t protocol.JoinToken
	return t, c.do(ctx, http.MethodPost, "/api/v1/clusters/"+url.PathEscape(name)+"/token", o, &t)
}

// Revoke ends the credentials of a cluster at once, and gives what its identity was before.
func (c Client) Revoke(ctx context.Context, name string) (hub.Identity, error) {
	var was hub.Identity
	return was, c.do(ctx, http.MethodPost, "/api/v1/clusters/"+url.PathEscape(name)+"/revoke", nil, &was)
}

// EndFormer ends the credentials of an older release; where agents still use one, only if force is set.
func (c Client) EndFormer(ctx context.Context, force bool) (EndFormer, error) {
	var out EndFormer
	return out, c.do(ctx, http.MethodPost, "/api/v1/credentials/end?force="+strconv.FormatBool(force), nil, &out)
}

// Rotate has a cluster's agent make a new credential; older ones end when it uses that.
func (c Client) Rotate(ctx context.Context, name string) (hub.Identity, error) {
	var id hub.Identity
	return id, c.do(ctx, http.MethodPost, "/api/v1/clusters/"+url.PathEscape(name)+"/rotate", nil, &id)
}

// Approve lets through what is held under an id, or at a revision where that is one thing alone, and says what that
// was.
func (c Client) Approve(ctx context.Context, id string) (query.Hold, error) {
	var hold query.Hold
	return hold, c.do(ctx, http.MethodPost, "/api/v1/approve", map[string]string{"revision": id}, &hold)
}

// Held says what Approve would let through.
func (c Client) Held(ctx context.Context, id string) (query.Hold, error) {
	var hold query.Hold
	return hold, c.do(ctx, http.MethodGet, "/api/v1/held/"+url.PathEscape(id), nil, &hold)
}

// Ask asks one of the questions over the fleet, by its name and parameters, and decodes the answer.
func Ask(ctx context.Context, c Client, question string, parameters url.Values, into any) error {
	return c.do(ctx, http.MethodGet, "/api/v1/ask/"+question+"?"+parameters.Encode(), nil, into)
}

// Rollouts asks how all policies stand.
func (c Client) Rollouts(ctx context.Context) ([]query.Rollout, error) {
	var out []query.Rollout
	return out, c.do(ctx, http.MethodGet, "/api/v1/rollouts", nil, &out)
}

// Decide takes a decision on a rollout, and says what follows from it.
func (c Client) Decide(ctx context.Context, o rollouts.Order) (string, error) {
	var out Decided
	path := "/api/v1/rollouts/" + url.PathEscape(o.Policy)
	if o.Action == rollouts.Freeze || o.Action == rollouts.Unfreeze {
		path = "/api/v1/freeze"
	}
	err := c.do(ctx, http.MethodPost, path, o, &out)
	return out.Text, err
}

// Frozen asks what stops the releases of all clusters; nil for nothing.
func (c Client) Frozen(ctx context.Context) (*query.Halt, error) {
	var out *query.Halt
	return out, c.do(ctx, http.MethodGet, "/api/v1/freeze", nil, &out)
}

// RolloutHistory asks what a policy's rollout has done, the newest last.
func (c Client) RolloutHistory(ctx context.Context, policy string) ([]rollouts.Event, error) {
	var out []rollouts.Event
	return out, c.do(ctx, http.MethodGet, "/api/v1/rollouts/"+url.PathEscape(policy)+"/history", nil, &out)
}

// Trust asks what clusters are told to trust, and which have yet to say that they do.
func (c Client) Trust(ctx context.Context) (Trust, error) {
	var t Trust
	return t, c.do(ctx, http.MethodGet, "/api/v1/trust", nil, &t)
}

// Accept decides that a cluster's credential belongs to the cluster with a uid, which was seen using it.
func (c Client) Accept(ctx context.Context, name, uid string) (query.Copy, error) {
	var accepted query.Copy
	return accepted, c.do(ctx, http.MethodPost, "/api/v1/clusters/"+url.PathEscape(name)+"/accept",
		map[string]string{"uid": uid}, &accepted)
}

// Forget takes a released cluster off the list.
func (c Client) Forget(ctx context.Context, name string) error {
	return c.do(ctx, http.MethodDelete, "/api/v1/clusters/"+url.PathEscape(name), nil, &struct{}{})
}

// Poke has the hub look at its repository at once.
func (c Client) Poke(ctx context.Context) error {
	return c.do(ctx, http.MethodPost, "/api/v1/poke", nil, &struct{}{})
}

// Store writes a copy of the hub's store to w.
func (c Client) Store(ctx context.Context, w io.Writer) error {
	return c.download(ctx, "/api/v1/store", w)
}

func (c Client) download(ctx context.Context, path string, w io.Writer) error {
	resp, err := c.send(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(w, resp.Body); err != nil {
		return fmt.Errorf("the hub at %s ended the answer: %w: try again", c.URL, err)
	}
	return nil
}

// Watch calls f with the clusters that a selector chooses, now and whenever something changed, until f gives an error
// or ctx is done.
func (c Client) Watch(ctx context.Context, selector string, f func(Fleet) error) error {
	resp, err := c.send(ctx, http.MethodGet, "/api/v1/watch?selector="+url.QueryEscape(selector), nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	lines := bufio.NewReader(resp.Body)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("the hub at %s ended the answer: %w: is it being restarted? Try again", c.URL, err)
		}
		data, ok := bytes.CutPrefix(line, []byte("data: "))
		if !ok {
			continue
		}
		var fl Fleet
		if err := json.Unmarshal(data, &fl); err != nil {
			return fmt.Errorf("the hub's answer: %w", err)
		}
		if err := f(fl); err != nil {
			return err
		}
	}
}

// CreateToken makes a token that stands for a person.
func (c Client) CreateToken(ctx context.Context, q people.Request) (NewToken, error) {
	var out NewToken
	return out, c.do(ctx, http.MethodPost, "/api/v1/tokens", q, &out)
}

// Tokens asks which tokens of people there are.
func (c Client) Tokens(ctx context.Context) ([]people.Token, error) {
	var out []people.Token
	return out, c.do(ctx, http.MethodGet, "/api/v1/tokens", nil, &out)
}

// RevokeToken ends the token of a person.
func (c Client) RevokeToken(ctx context.Context, name string) (people.Token, error) {
	var out people.Token
	return out, c.do(ctx, http.MethodDelete, "/api/v1/tokens/"+url.PathEscape(name), nil, &out)
}

// Audit writes the journal of decisions to w, as audit.Verify reads it.
func (c Client) Audit(ctx context.Context, w io.Writer) error {
	return c.download(ctx, "/api/v1/audit", w)
}

func (c Client) do(ctx context.Context, method, path string, body, into any) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	resp, err := c.send(ctx, method, path, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		return fmt.Errorf("the answer of %s: %w: is that the address of a Drover hub?", c.URL, err)
	}
	return nil
}

// httpOf is the client for one question: a command asks few.
func httpOf(c Client) *http.Client {
	if c.CA == "" {
		return http.DefaultClient
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(c.CA))
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig, t.DisableKeepAlives = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}, true
	return &http.Client{Transport: t}
}

// send asks, and turns answers that are not 200 into errors in the hub's words.
func (c Client) send(ctx context.Context, method, path string, body any) (*http.Response, error) {
	data, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.URL, "/")+path, bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("the hub's address %q: %w", c.URL, err)
	}
	req.Header.Set("Authorization", "Bearer "+c.APIToken)
	resp, err := httpOf(c).Do(req)
	var unknown x509.UnknownAuthorityError
	if errors.As(err, &unknown) {
		return nil, fmt.Errorf("the certificate of %s is from no authority that is trusted here: name the hub's with --hub-ca; it stands under \"ca\" in client.json "+
			"of the hub's data directory", c.URL)
	}
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err
		}
		return nil, fmt.Errorf("no hub answers at %s (%w): start one with `drover hub --repo …`, or say where it is with --hub", c.URL, err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	var f Failure
	if json.Unmarshal(text, &f) != nil || f.Error == "" {
		return nil, fmt.Errorf("%s answered %s: is that the address of a Drover hub?", c.URL, resp.Status)
	}
	return nil, errors.New(f.Error)
}
