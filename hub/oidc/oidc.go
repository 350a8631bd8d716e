// Package oidc knows users by the ID tokens of an OpenID Connect provider
// (https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation): it verifies issuer, audience, expiry and
// signature, with the provider's keys of now, which rotate.
//
// It may import fleet/access, hub/people, internal/outbound and go-oidc.
package oidc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/drover-dev/drover/fleet/access"
	"github.com/drover-dev/drover/hub/people"
	"github.com/drover-dev/drover/internal/outbound"
)

// Limits of what a provider and its tokens may cost.
const (
	maxToken   = 32 << 10 // bytes of a token
	maxAnswer  = 1 << 20  // bytes of an answer of the provider
	maxName    = 256
	maxGroups  = 500
	askTime    = 15 * time.Second
	asksAtOnce = 5 // and one more every askEvery: a flood of tokens with unknown keys is none for the provider
	askEvery   = 2 * time.Second
)

// algorithms are the signatures that are accepted: none with a shared secret, and not "none".
var algorithms = []string{oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.PS256,
	oidc.PS384, oidc.PS512, oidc.EdDSA}

// Options say which provider is trusted, and how its tokens are read.
type Options struct {
	Issuer   string // its address, exactly as its tokens have it
	ClientID string // of the hub, for which tokens are to be made
	// Username is the claim with the name of a user, Groups the one with their groups.
	Username, Groups string
	CA               []byte // PEM of authorities beside those of the system
	// Local lets the provider be at addresses of this machine and of its link; Allowed are single exceptions.
	Local   bool
	Allowed []outbound.Allowed
}

// Users knows the users of a provider. It is safe for concurrent use.
type Users struct {
	opts   Options
	client *http.Client

	mu       sync.Mutex
	verifier *oidc.IDTokenVerifier // nil until the provider was found
}

var _ people.Users = (*Users)(nil)

// New makes Users. The provider is asked when the first token comes, so that it may be away when the hub starts.
func New(o Options) (*Users, error) {
	u, err := url.Parse(o.Issuer)
	switch {
	case err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("the issuer %.200q: write an https URL without password, query and fragment, as tokens have "+
			"it in \"iss\"", o.Issuer)
	case o.ClientID == "" || o.Username == "" || o.Groups == "":
		return nil, errors.New("an issuer needs the client ID of the hub and the names of the claims with user and groups")
	}
	transport, err := outbound.Transport(askTime, o.CA, nil, nil)
	if err != nil {
		return nil, err
	}
	out := &Users{opts: o}
	out.client = &http.Client{Timeout: askTime, Transport: &bounded{next: transport},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return out, nil
}

// Looks says whether a secret may be an ID token.
func (*Users) Looks(token string) bool {
	return len(token) <= maxToken && strings.HasPrefix(token, "ey") && strings.Count(token, ".") == 2
}

// found gives what verifies tokens, and looks for the provider if that was not found yet.
func (u *Users) found(ctx context.Context) (*oidc.IDTokenVerifier, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.verifier != nil {
		return u.verifier, nil
	}
	// The provider keeps this context for later questions for its keys.
	ctx = oidc.ClientContext(context.WithoutCancel(ctx), u.client)
	if !u.opts.Local {
		ctx = outbound.Restrict(ctx, u.opts.Allowed...)
	}
	p, err := oidc.NewProvider(ctx, u.opts.Issuer)
	if err != nil {
		return nil, err
	}
	u.verifier = p.Verifier(&oidc.Config{ClientID: u.opts.ClientID, SupportedSigningAlgs: algorithms})
	return u.verifier, nil
}

// Authenticate says whose token it is. An error wraps people.ErrRefused and says why it is not accepted.
func (u *Users) Authenticate(ctx context.Context, token string) (people.Who, error) {
	refuse := func(err error) (people.Who, error) {
		return people.Who{}, fmt.Errorf("%w: the ID token of %s: %w: log in again", people.ErrRefused, u.opts.Issuer, err)
	}
	if !u.Looks(token) {
		return refuse(errors.New("it is none"))
	}
	v, err := u.found(ctx)
	if err != nil {
		return refuse(fmt.Errorf("the provider cannot be asked: %w", err))
	}
	id, err := v.Verify(ctx, token)
	if err != nil {
		return refuse(err)
	}
	claims := map[string]any{}
	if err := id.Claims(&claims); err != nil {
		return refuse(fmt.Errorf("its claims cannot be read: %w", err))
	}
	who, err := u.read(claims)
	if err != nil {
		return refuse(err)
	}
	who.Until = id.Expiry
	return who, nil
}

// read takes who it is out of the claims of a token that was verified.
func (u *Users) read(claims map[string]any) (who people.Who, err error) {
	name, _ := claims[u.opts.Username].(string)
	if err := plain(name); err != nil {
		return who, fmt.Errorf("the claim %q, which is to name the user: %w", u.opts.Username, err)
	}
	verified, told := claims["email_verified"].(bool)
	if u.opts.Username == "email" && told && !verified {
		return who, fmt.Errorf("the mail address %q is not verified by the provider", name)
	}
	groups, err := groupsOf(claims[u.opts.Groups])
	if err != nil {
		return who, fmt.Errorf("the claim %q, which is to name groups: %w", u.opts.Groups, err)
	}
	who = people.Who{Name: "oidc:" + name, Groups: groups,
		Caller: access.Caller{Kind: access.User, Name: name, Groups: groups}}
	if mail, _ := claims["email"].(string); plain(mail) == nil && (verified || !told) {
		who.Email = mail
	}
	return who, nil
}

// groupsOf reads groups: a list of texts, or one text. Without the claim there are none.
func groupsOf(claim any) (out []string, err error) {
	switch c := claim.(type) {
	case nil:
		return nil, nil
	case string:
		return []string{c}, plain(c)
	case []any:
		if len(c) > maxGroups {
			return nil, fmt.Errorf("%d groups are more than %d: have the provider leave out those that are not needed", len(c),
				maxGroups)
		}
		for _, item := range c {
			name, _ := item.(string)
			if err := plain(name); err != nil {
				return nil, err
			}
			out = append(out, name)
		}
		return out, nil
	}
	return nil, errors.New("it is neither a text nor a list of texts")
}

// plain says what is wrong with a name.
func plain(name string) error {
	switch {
	case name == "":
		return errors.New("it is missing or empty")
	case len(name) > maxName:
		return fmt.Errorf("it has more than %d characters", maxName)
	case strings.ContainsFunc(name, func(c rune) bool { return !unicode.IsPrint(c) }):
		return errors.New("it has characters that cannot be printed")
	}
	return nil
}

// bounded bounds what is asked of the provider, and what it may answer.
type bounded struct {
	next http.RoundTripper

	mu   sync.Mutex
	left int // of asksAtOnce
	at   time.Time
}

// RoundTrip implements http.RoundTripper.
func (b *bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	if !b.take(time.Now()) {
		return nil, errors.New("it was asked too often just now: try again in a moment")
	}
	resp, err := b.next.RoundTrip(r)
	if err == nil {
		resp.Body = &limited{io.LimitReader(resp.Body, maxAnswer), resp.Body}
	}
	return resp, err
}

// take says whether one more question may be asked.
func (b *bounded) take(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if more := int(now.Sub(b.at) / askEvery); more > 0 {
		b.left, b.at = min(asksAtOnce, b.left+more), now
	}
	if b.left == 0 {
		return false
	}
	b.left--
	return true
}

// limited is the beginning of a body.
type limited struct {
	io.Reader
	io.Closer
}
