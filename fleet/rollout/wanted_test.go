package rollout

import (
	"slices"
	"testing"
)

// A cluster that is pinned at what it has goes back from what it was taken back from before, as without the pin.
func TestWhatAPinnedClusterIsToBe(t *testing.T) {
	t.Parallel()
	c := Cluster{Apps: map[string][]Entry{"web": {{App: App{Digest: "two"}, From: []string{"bad"}},
		{App: App{Digest: "one"}}}}}
	at := func(digest string) *Pin { return &Pin{Content: Content{"web": {Digest: digest}}} }
	for name, tc := range map[string]struct {
		app    string
		pin    *Pin
		digest string
		from   []string
		known  bool
	}{
		"no pin":                {"web", nil, "two", []string{"bad"}, true},
		"at what it has":        {"web", at("two"), "two", []string{"bad"}, true},
		"at what it had before": {"web", at("one"), "one", []string{"two", "bad"}, true},
		"at what it never had":  {"web", at("zero"), "zero", nil, true},
		"at what is not known":  {"web", &Pin{}, "", nil, false},
		"an app that is new":    {"api", nil, "", nil, false},
	} {
		digest, from, known := c.Wanted(tc.app, tc.pin)
		if digest != tc.digest || !slices.Equal(from, tc.from) || known != tc.known {
			t.Errorf("%s: %q, %q, %t; want %q, %q, %t", name, digest, from, known, tc.digest, tc.from, tc.known)
		}
	}
}

// Targets are known by their number: one that is not newer than the newest is an old one, whatever it is called.
func TestATargetThatIsNotNewerIsNotTaken(t *testing.T) {
	t.Parallel()
	s := newSim(t, Policy{Waves: []Wave{{Name: "all"}}}, map[string]string{"a": "0"})
	offer := func(id string, seq uint64) Output {
		s.in.Candidates = []Target{{ID: id, Seq: seq, Content: map[string]Content{"a": {"web": {Digest: id}}}}}
		out := Step(s.m, s.in)
		s.m = out.Memory
		return out
	}
	offer("two", 2)
	for id, seq := range map[string]uint64{"one": 1, "other": 2} {
		out := offer(id, seq)
		if m := out.Memory; m.Seq != 2 || m.Targets[id].ID != "" || m.Targets["two"].ID != "two" || len(out.Events) > 0 {
			t.Errorf("%s with the number %d is taken: %+v, %+v", id, seq, m.Targets, out.Events)
		}
	}
	if m := offer("three", 3).Memory; m.Seq != 3 || m.Targets["three"].ID != "three" {
		t.Errorf("a newer one is not taken: %+v", m.Targets)
	}
}
