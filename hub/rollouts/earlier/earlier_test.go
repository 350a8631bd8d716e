package earlier

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/drover-dev/drover/fleet/rollout"
)

// held has a cluster a that was at three targets, of which the second was bad.
func held() Held {
	entry := func(digest string, seq uint64) rollout.Entry {
		return rollout.Entry{App: rollout.App{Digest: digest}, Seq: seq}
	}
	return Held{Policy: "production", Names: map[uint64]string{1: "aaaaaaaaaa", 2: "bbbbbbbbbb", 3: "cccccccccc"},
		Memory: rollout.Memory{Bad: []rollout.BadContent{{App: "web", Digest: "w2", Seq: 2}},
			Clusters: map[string]rollout.Cluster{"a": {Seq: 3, Apps: map[string][]rollout.Entry{
				"web": {entry("w3", 3), entry("w2", 2), entry("w1", 1), entry("w0", 0)},
				"db":  {entry("d1", 1), entry("", 0)}}}}}}
}

func TestWhatAClusterHad(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		to   string
		only []string
		want map[string]string
		err  string
	}{
		{to: "aaaaaaa", want: map[string]string{"web": "w1", "db": "d1"}},
		{to: Before, want: map[string]string{"web": "w0"}},
		{to: Before, only: []string{"db"}, want: map[string]string{"web": "w3"}},
		{to: "cccccccccc", want: map[string]string{"web": "w3", "db": "d1"}},
		{to: "bbbbbbb", err: "a: what the app web was at bbbbbbbbbb is bad; available: cccccccc, aaaaaaaa, before"},
		{to: "aaaaaa", err: `a was at no revision "aaaaaa" that is still held`},
		{to: Before, only: []string{"none"}, err: `a has no app "none" under the policy production`},
	} {
		got, _, err := held().Had("a", c.to, c.only)
		if c.err != "" {
			if err == nil || !strings.HasPrefix(err.Error(), c.err) {
				t.Errorf("%s: %v, want %s", c.to, err, c.err)
			}
			continue
		}
		digests := map[string]string{}
		for app, is := range got {
			digests[app] = is.Digest
		}
		if err != nil || !maps.Equal(digests, c.want) {
			t.Errorf("%s %s: %v, %v, want %v", c.to, c.only, digests, err, c.want)
		}
	}
}

func TestWhereAClusterCanGoBackTo(t *testing.T) {
	t.Parallel()
	h := held()
	if got := h.At("a", nil); !slices.Equal(got, []string{"cccccccc", "aaaaaaaa", Before}) {
		t.Errorf("it can go back to %v", got)
	}
	if got := h.At("a", []string{"db"}); !slices.Equal(got, []string{"aaaaaaaa", Before}) {
		t.Errorf("db can go back to %v", got)
	}
	c := h.Memory.Clusters["a"]
	c.Apps["web"] = c.Apps["web"][:1] // what it had before is not held any more
	if got := h.At("a", nil); !slices.Equal(got, []string{"cccccccc"}) {
		t.Errorf("without what it had it can go back to %v", got)
	}
	if _, _, err := h.Had("a", "aaaaaaa", nil); err == nil || !strings.Contains(err.Error(), "is not held any more") {
		t.Errorf("what is not held any more gives %v", err)
	}
	if got := (Held{}).available(rollout.Cluster{}); got != "nothing" {
		t.Errorf("of nothing it is %s", got)
	}
}
