package oidc

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/fleet/access"
)

func TestWhoATokenIsOf(t *testing.T) {
	t.Parallel()
	many := make([]any, maxGroups+1)
	for i := range many {
		many[i] = fmt.Sprint("g", i)
	}
	for _, c := range []struct {
		username string
		claims   map[string]any
		want     string // name, groups and mail; or what is wrong
	}{
		{"email", map[string]any{"email": "ann@example.com", "groups": []any{"sre", "a b"}},
			"oidc:ann@example.com [sre a b] ann@example.com"},
		{"email", map[string]any{"email": "ann@example.com", "email_verified": true, "groups": "sre"},
			"oidc:ann@example.com [sre] ann@example.com"},
		{"email", map[string]any{"email": "ann@example.com", "email_verified": false}, "is not verified"},
		{"sub", map[string]any{"sub": "1", "email": "ann@example.com", "email_verified": false}, "oidc:1 [] "},
		{"sub", map[string]any{"email": "ann@example.com"}, "it is missing or empty"},
		{"sub", map[string]any{"sub": 1.0}, "it is missing or empty"},
		{"sub", map[string]any{"sub": ""}, "it is missing or empty"},
		{"sub", map[string]any{"sub": "a\x1b[2J"}, "cannot be printed"},
		{"sub", map[string]any{"sub": strings.Repeat("a", maxName+1)}, "more than 256"},
		{"sub", map[string]any{"sub": "a", "groups": map[string]any{}}, "neither a text nor a list"},
		{"sub", map[string]any{"sub": "a", "groups": []any{1.0}}, "it is missing or empty"},
		{"sub", map[string]any{"sub": "a", "groups": many}, "501 groups are more than 500"},
	} {
		u := &Users{opts: Options{Username: c.username, Groups: "groups"}}
		who, err := u.read(c.claims)
		got := fmt.Sprint(who.Name, " ", who.Groups, " ", who.Email)
		if err != nil {
			got = err.Error()
		}
		if err != nil && !strings.Contains(got, c.want) || err == nil && got != c.want {
			t.Errorf("%v: %s, want %s", c.claims, got, c.want)
		}
		if err == nil && (who.Caller.Kind != access.User || who.Caller.Shared || who.Shared() ||
			"oidc:"+who.Caller.Name != who.Name || !slices.Equal(who.Caller.Groups, who.Groups)) {
			t.Errorf("%v: it is %+v", c.claims, who)
		}
	}
}

// A flood of tokens is none for the provider.
func TestTheProviderIsAskedInBounds(t *testing.T) {
	t.Parallel()
	b := &bounded{}
	asked, now := 0, time.Unix(1e9, 0)
	for range 1000 {
		if b.take(now) {
			asked++
		}
	}
	if asked != asksAtOnce || b.take(now.Add(askEvery/2)) || !b.take(now.Add(askEvery)) || b.take(now.Add(askEvery)) {
		t.Errorf("it is asked %d times at once", asked)
	}
}
