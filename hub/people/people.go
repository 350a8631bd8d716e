package people

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/drover-dev/drover/fleet/access"
	"github.com/drover-dev/drover/fleet/selector"
)

// Token is a named token, without its secret.
type Token struct {
	Name   string   `json:"name"`
	Groups []string `json:"groups,omitempty"` // sorted
	Rights
	Email   string    `json:"email,omitempty"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires"`
	Revoked time.Time `json:"revoked,omitzero"`
}

// Rights are what a token was made with, beside what RoleBindings give its name and groups.
type Rights struct {
	Role string `json:"role,omitempty"` // that it has wherever it may do anything
	// Selector and Projects bound all that the token may do, whatever gives it; empty, they bound nothing.
	Selector string   `json:"selector,omitempty"`
	Projects []string `json:"projects,omitempty"`
}

// String is the rights for people.
func (r Rights) String() string {
	text := "without a role of its own"
	if r.Role != "" {
		text = "with the role " + r.Role
	}
	if r.Selector != "" {
		text += ", in clusters with " + r.Selector
	}
	if len(r.Projects) > 0 {
		text += ", for the projects " + strings.Join(r.Projects, ", ")
	}
	return text
}

// check says what is wrong with rights.
func (r Rights) check() error {
	if r.Role != "" && !name.MatchString(r.Role) {
		return fmt.Errorf("%.80q is no name for a role: write viewer, operator, admin, or a Role below fleet/", r.Role)
	}
	if len(r.Selector) > maxSelector || len(r.Projects) > maxGroups {
		return fmt.Errorf("the selector may have %d characters, and there may be %d projects", maxSelector, maxGroups)
	}
	if _, err := selector.Parse(r.Selector); err != nil {
		return err
	}
	for _, p := range r.Projects {
		if !name.MatchString(p) {
			return fmt.Errorf("%.80q is no name for a project: write names, not patterns", p)
		}
	}
	return nil
}

// caller is who has a token, for decisions about what it may do. ok is false for rights that cannot be read.
func (t Token) caller() (c access.Caller, ok bool) {
	sel, err := selector.Parse(t.Selector)
	return access.Caller{Kind: access.Token, Name: t.Name, Groups: t.Groups, Role: t.Role,
		Limit: access.Scope{Clusters: sel, Projects: t.Projects}}, err == nil
}

// Good says whether the token is accepted at a time.
func (t Token) Good(now time.Time) bool { return t.Revoked.IsZero() && now.Before(t.Expires) }

// Caller is who a token that is asked for would be.
func (q Request) Caller() (access.Caller, bool) {
	return Token{Name: q.Name, Groups: q.Groups, Rights: q.Rights}.caller()
}

// Request asks for a token.
type Request struct {
	Name   string   `json:"name"`
	Groups []string `json:"groups,omitempty"`
	Email  string   `json:"email,omitempty"`
	Rights
	TTL int `json:"ttl,omitempty"` // seconds that it is good for; 0 is DefaultTTL
}

// Limits of tokens.
const (
	DefaultTTL = 90 * 24 * time.Hour
	minTTL     = time.Minute
	maxTTL     = 5 * 365 * 24 * time.Hour
	maxTokens  = 1000 // with those that are not accepted any more
	maxGroups  = 32
	maxEmail   = 254
	maxSecret  = 128 // bytes of what a client may send

	maxSelector = 1 << 10
)

// prefix is how tokens begin, so that scanners of repositories find one that was committed.
const prefix = "drover_person_"

// name is what tokens and groups may be called.
var name = regexp.MustCompile(`^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$`)

// reserved are names that would be taken for someone else in a history.
var reserved = []string{"admin", "hub", "drover", "root", "system"}

// Errors about tokens. Their texts say what to do.
var (
	ErrRequest = errors.New("no token is made")
	ErrKnown   = errors.New("there is such a token already")
	ErrNone    = errors.New("there is no such token")
	ErrRefused = errors.New("the hub does not accept this token")
)

// Store keeps what there is by key. Save stores all that it is given, or nothing; nil is a key that is dropped.
type Store interface {
	Load() (map[string][]byte, error)
	Save(changes map[string][]byte) error
}

// Users knows people by the tokens of an identity provider.
type Users interface {
	// Looks says whether a secret may be such a token.
	Looks(secret string) bool
	// Authenticate says whose it is. An error wraps ErrRefused and says why it is not accepted.
	Authenticate(ctx context.Context, secret string) (Who, error)
}

// Register has all tokens. It is safe for concurrent use.
type Register struct {
	Users Users // beside the tokens; nil if there is no identity provider. It is set before the register is used

	store  Store
	mu     sync.Mutex
	tokens map[string]kept // by name
	// revoked is closed, and replaced, when a token is revoked.
	revoked chan struct{}
}

// kept is what is stored of a token.
type kept struct {
	Token
	Hash []byte `json:"hash"` // SHA-256 of the secret
}

// Open reads the tokens there are. One that cannot be read is not accepted.
func Open(store Store) (*Register, error) {
	all, err := store.Load()
	if err != nil {
		return nil, fmt.Errorf("read the tokens of people: %w", err)
	}
	r := &Register{store: store, tokens: map[string]kept{}, revoked: make(chan struct{})}
	for name, data := range all {
		var t kept
		if json.Unmarshal(data, &t) == nil && t.Name == name && len(t.Hash) == sha256.Size {
			r.tokens[name] = t
		}
	}
	return r, nil
}

// Check says what is wrong with a request for a token; nil if nothing is.
func (q Request) Check() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: "+format, append([]any{ErrRequest}, args...)...)
	}
	if !name.MatchString(q.Name) {
		return bad("%.80q is no name for a token: use up to 63 lower-case letters, digits, '-', '_' and '.', "+
			"beginning and ending with a letter or digit", q.Name)
	}
	if slices.Contains(reserved, q.Name) {
		return bad("the name %s would be taken for another's in the journal: choose another", q.Name)
	}
	if len(q.Groups) > maxGroups {
		return bad("%d groups are more than the %d that a token may have", len(q.Groups), maxGroups)
	}
	for _, g := range q.Groups {
		if !name.MatchString(g) {
			return bad("%.80q is no name for a group: use up to 63 lower-case letters, digits, '-', '_' and '.', "+
				"beginning and ending with a letter or digit", g)
		}
	}
	if err := q.Rights.check(); err != nil {
		return bad("%w", err)
	}
	if q.Email != "" {
		a, err := mail.ParseAddress(q.Email)
		if err != nil || a.Address != q.Email || len(q.Email) > maxEmail {
			return bad("%.80q is no mail address: write it as ann@example.com", q.Email)
		}
	}
	if ttl := q.ttl(); q.TTL < 0 || q.TTL > int(maxTTL/time.Second) || ttl < minTTL {
		return bad("it cannot be good for %d s: choose between a minute and five years", q.TTL)
	}
	return nil
}

func (q Request) ttl() time.Duration {
	if q.TTL == 0 {
		return DefaultTTL
	}
	return time.Duration(q.TTL) * time.Second
}

// Create makes a token, and gives its secret, which nobody can be told again. A name may be used again when its token
// is not accepted any more.
func (r *Register) Create(now time.Time, q Request) (secret string, t Token, err error) {
	if err := q.Check(); err != nil {
		return "", Token{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if was, known := r.tokens[q.Name]; known && was.Good(now) {
		return "", Token{}, fmt.Errorf("%w: %s, which is good until %s: revoke it first with `drover token revoke %[2]s`",
			ErrKnown, q.Name, was.Expires.UTC().Format(time.RFC3339))
	}
	changes, err := r.makePlace(now, q.Name)
	if err != nil {
		return "", Token{}, err
	}
	random := make([]byte, 32)
	_, _ = rand.Read(random) // never fails: crypto/rand
	secret = prefix + base64.RawURLEncoding.EncodeToString(random)
	sum := sha256.Sum256([]byte(secret))
	groups := slices.Compact(slices.Sorted(slices.Values(q.Groups)))
	q.Projects = slices.Compact(slices.Sorted(slices.Values(q.Projects)))
	k := kept{Token{Name: q.Name, Groups: groups, Rights: q.Rights, Email: q.Email, Created: now.UTC(),
		Expires: now.Add(q.ttl()).UTC()}, sum[:]}
	if changes[q.Name], err = json.Marshal(k); err != nil {
		return "", Token{}, err
	}
	if err := r.store.Save(changes); err != nil {
		return "", Token{}, fmt.Errorf("the token %s is not stored, and not accepted: %w: try again", q.Name, err)
	}
	for gone := range changes {
		delete(r.tokens, gone)
	}
	r.tokens[q.Name] = k
	return secret, k.Token, nil
}

// makePlace gives the oldest token that is not accepted any more, to be dropped, if there are as many as there may be.
// mu is held.
func (r *Register) makePlace(now time.Time, q string) (map[string][]byte, error) {
	changes := map[string][]byte{}
	if _, known := r.tokens[q]; known || len(r.tokens) < maxTokens {
		return changes, nil
	}
	oldest := ""
	for name, t := range r.tokens {
		if !t.Good(now) && (oldest == "" || t.Created.Before(r.tokens[oldest].Created)) {
			oldest = name
		}
	}
	if oldest == "" {
		return nil, fmt.Errorf("%w: there are %d, which is the most there may be: revoke one with `drover token revoke NAME`",
			ErrRequest, len(r.tokens))
	}
	changes[oldest] = nil
	return changes, nil
}

// Revoke ends a token at once.
func (r *Register) Revoke(now time.Time, name string) (Token, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t, known := r.tokens[name]
	switch {
	case !known:
		return Token{}, fmt.Errorf("%w: %.80q: `drover token list` shows those there are", ErrNone, name)
	case !t.Revoked.IsZero():
		return t.Token, nil
	}
	t.Revoked = now.UTC()
	data, err := json.Marshal(t)
	if err != nil {
		return Token{}, err
	}
	if err := r.store.Save(map[string][]byte{name: data}); err != nil {
		return Token{}, fmt.Errorf("the token %s is still accepted, because this cannot be stored: %w: try again", name, err)
	}
	r.tokens[name] = t
	close(r.revoked)
	r.revoked = make(chan struct{})
	return t.Token, nil
}

// Revoked is closed when the next token is revoked; never, where there is no register.
func (r *Register) Revoked() <-chan struct{} {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.revoked
}

// List gives all tokens, by name.
func (r *Register) List() []Token {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]Token, 0, len(r.tokens))
	for _, name := range slices.Sorted(maps.Keys(r.tokens)) {
		out = append(out, r.tokens[name].Token)
	}
	return out
}

// Has says whether there is a token of a name, accepted or not.
func (r *Register) Has(name string) bool {
	if r == nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	_, known := r.tokens[name]
	return known
}

// Looks says whether a secret may be that of a token.
func Looks(secret string) bool { return strings.HasPrefix(secret, prefix) && len(secret) <= maxSecret }

// Looks says whether a secret may be one that Who knows.
func (r *Register) Looks(secret string) bool {
	return r != nil && (Looks(secret) || r.Users != nil && r.Users.Looks(secret))
}

// Who says whose a secret is: that of a named token, or one of the identity provider.
func (r *Register) Who(ctx context.Context, now time.Time, secret string) (Who, error) {
	if !Looks(secret) && r.Users != nil {
		return r.Users.Authenticate(ctx, secret)
	}
	return r.Authenticate(now, secret)
}

// Authenticate says whose token a secret is. An error wraps ErrRefused and says why it is not accepted. How long it
// takes says nothing of the tokens there are.
func (r *Register) Authenticate(now time.Time, secret string) (Who, error) {
	if !Looks(secret) {
		return Who{}, ErrRefused
	}
	sum := sha256.Sum256([]byte(secret))
	r.mu.Lock()
	defer r.mu.Unlock()
	var found kept
	for _, t := range r.tokens {
		if subtle.ConstantTimeCompare(sum[:], t.Hash) == 1 {
			found = t
		}
	}
	switch {
	case found.Name == "":
		return Who{}, fmt.Errorf("%w: it was never made here, or is long gone: ask for a new one "+
			"(`drover token create NAME`)", ErrRefused)
	case !found.Revoked.IsZero():
		return Who{}, fmt.Errorf("%w: the token of %s was revoked on %s: ask for a new one (`drover token create %[2]s`)",
			ErrRefused, found.Name, found.Revoked.Format(time.RFC3339))
	case !now.Before(found.Expires):
		return Who{}, fmt.Errorf("%w: the token of %s expired on %s: ask for a new one (`drover token create %[2]s`)",
			ErrRefused, found.Name, found.Expires.Format(time.RFC3339))
	}
	caller, ok := found.caller()
	if !ok {
		return Who{}, fmt.Errorf("%w: the rights of the token of %s cannot be read: make another one", ErrRefused, found.Name)
	}
	return Who{Caller: caller, Name: found.Name, Groups: slices.Clone(found.Groups), Email: found.Email,
		Until: found.Expires}, nil
}
