package model

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"strings"
)

// Key names what is fetched for a source: two sources of one key are one download, whatever part of it each looks at
// and however often each wants to be asked for.
func (s Source) Key() string {
	s = s.Fetched()
	data, _ := json.Marshal(s) // texts and numbers alone: it cannot fail
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:16])
}

// Fetched is a source without what is done after it was fetched, and without how often that is.
func (s Source) Fetched() Source {
	s.Folder, s.Ignore, s.SourceIgnore, s.Submodules, s.Interval = "", "", false, false, 0
	return s
}

// Fixed says whether a source can never be at another revision than it is.
func (s Source) Fixed() bool { return s.Revision != "" }

// String is the source for people: its address without what may be secret in it, the chart, and what of it is wanted.
func (s Source) String() string {
	out := WithoutUser(s.URL)
	if s.Chart != "" {
		out = "chart " + s.Chart + " of " + out
	}
	for _, at := range []string{s.Branch, s.Ref, s.SemVer, s.Revision} {
		if at != "" {
			out += " at " + at
		}
	}
	return out
}

// Place is how people are told of a file in the source. It is never a path of the repository that the hub follows.
func (s Source) Place(file string) string {
	place := WithoutUser(s.URL)
	if s.Chart != "" {
		place += "/" + s.Chart
	}
	return place + "//" + file
}

// WithoutUser is an address without user, password, query and fragment, all of which may hold a secret; an address as
// scp has it keeps its user.
func WithoutUser(address string) string {
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok {
		return address
	}
	if u, err := url.Parse(address); err == nil {
		u.User, u.RawQuery, u.Fragment, u.ForceQuery = nil, "", "", false
		return u.String()
	}
	if at := strings.LastIndex(rest, "@"); at >= 0 {
		rest = rest[at+1:]
	}
	rest, _, _ = strings.Cut(rest, "?")
	return scheme + "://" + rest
}
