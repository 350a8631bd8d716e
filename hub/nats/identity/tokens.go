package identity

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/drover-dev/drover/hub/nats/files"
	"github.com/drover-dev/drover/protocol"
)

const (
	// tokenTTL is how long a join token is good for, where nobody says otherwise.
	tokenTTL = 24 * time.Hour
	// tokenKept is how long a token is remembered after it expired. The JWTs of those that an older release made live
	// as long.
	tokenKept = 30 * 24 * time.Hour
	// tokenRepeat is how long a token that was used still connects: the grant may be lost on the way, and the same
	// request gets it again. Its JWT outlives it by as much.
	tokenRepeat = 10 * time.Minute
)

// token is what the hub keeps of a join token: no secret. One JSON file each, named after the user.
type token struct {
	Cluster string     `json:"cluster"`
	User    string     `json:"user"` // public NATS user key
	Expires time.Time  `json:"expires"`
	Replace bool       `json:"replace,omitempty"` // it takes the place of the credentials there are
	Revoked time.Time  `json:"revoked,omitzero"`
	Used    credential `json:"used,omitzero"` // what it bought
	// Connects is when its JWT expires; zero for a token of an older release.
	Connects time.Time `json:"connects,omitzero"`
}

// connects is when its JWT expires.
func (t token) connects() time.Time {
	if t.Connects.IsZero() {
		return t.Expires.Add(tokenKept)
	}
	return t.Connects
}

// end is when its NATS user ends.
func (t token) end() time.Time {
	switch {
	case !t.Revoked.IsZero():
		return t.Revoked
	case t.Used.User != "":
		return t.Used.Issued.Add(tokenRepeat)
	}
	return t.Expires
}

// forgotten says that the token's time, and the time in which it is explained, is over.
func (t token) forgotten(now time.Time) bool { return now.After(t.Expires.Add(tokenKept)) }

// open says whether it can still be used.
func (t token) open(now time.Time) bool {
	return t.Revoked.IsZero() && t.Used.User == "" && now.Before(t.Expires)
}

// tokens are the join tokens, one file each. They are safe for concurrent use.
type tokens struct {
	dir string

	mu     sync.Mutex // guards what follows
	byUser map[string]token
}

// openTokens reads the tokens in a directory, and removes those that are forgotten.
func openTokens(dir string, now time.Time) (*tokens, error) {
	s := &tokens{dir: dir, byUser: map[string]token{}}
	return s, files.ReadAll(dir, "the join tokens", func(file, name string, data []byte) error {
		var t token
		if err := json.Unmarshal(data, &t); err != nil || t.User != name || protocol.CheckName(t.Cluster) != nil {
			return fmt.Errorf("%s does not hold a join token: bring it back from a backup, or remove it and make a new "+
				"token", file)
		}
		if t.forgotten(now) {
			return os.Remove(file)
		}
		s.byUser[name] = t
		return nil
	})
}

// save remembers a token: on disk first.
func (s *tokens) save(t token) error {
	if err := files.SaveJSON(filepath.Join(s.dir, t.User+".json"), t); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byUser[t.User] = t
	return nil
}

// get gives the token of a user key.
func (s *tokens) get(user string) (token, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.byUser[user]
	return t, ok
}

// those are the tokens that are so.
func (s *tokens) those(is func(token) bool) (out []token) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.byUser {
		if is(t) {
			out = append(out, t)
		}
	}
	return out
}

// ends are when the tokens end that have not at a time.
func (s *tokens) ends(after time.Time) (out []time.Time) {
	for _, t := range s.those(func(t token) bool { return t.end().After(after) }) {
		out = append(out, t.end())
	}
	return out
}

// forget removes tokens whose time is over.
func (s *tokens) forget(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for user, t := range s.byUser {
		if t.forgotten(now) {
			_ = os.Remove(filepath.Join(s.dir, user+".json")) // or else at the next start
			delete(s.byUser, user)
		}
	}
}
