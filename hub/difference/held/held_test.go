package held

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/fleet/deletions"
	"github.com/drover-dev/drover/fleet/rollout"
	"github.com/drover-dev/drover/fleet/rollout/lint"
	"github.com/drover-dev/drover/fleet/schedule"
	"github.com/drover-dev/drover/fleet/selector"
	"github.com/drover-dev/drover/hub/release"
	"github.com/drover-dev/drover/protocol"
)

var now = time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)

// had gives a blob as many ConfigMaps as its digest says: "5".
func had(_, _ string, g release.Given) (out []deletions.Owned) {
	var n int
	if _, err := fmt.Sscan(g.Blob.Digest, &n); err != nil {
		panic(err)
	}
	for i := range n {
		out = append(out, deletions.Owned{Ref: protocol.ObjectRef{Kind: "ConfigMap", Namespace: "n", Name: fmt.Sprint("c",
			i)}})
	}
	return out
}

// with is a candidate with one app of so many objects; -1 is one that does not render.
func with(cluster string, objects int) *release.Candidate {
	a := protocol.App{Name: "web", Prune: true, Blob: &protocol.Blob{Digest: fmt.Sprint(objects), Objects: objects}}
	if objects < 0 {
		a.Blob, a.Error = nil, "it does not render"
	}
	return &release.Candidate{Described: true, Bundle: protocol.Bundle{Version: protocol.Version, Cluster: cluster,
		Apps: []protocol.App{a}}}
}

func site(name string, before, after int, labels map[string]string) Site {
	return Site{Site: lint.Site{Name: name, Labels: labels, Apps: []string{"web"}}, Before: with(name, before),
		After: with(name, after)}
}

func labelled(t *testing.T, text string) selector.Selector {
	t.Helper()
	s, err := selector.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestDeletions(t *testing.T) {
	t.Parallel()
	production := map[string]string{"env": "production"}
	strict := []rollout.Policy{{Name: "strict", Selector: labelled(t, "env=production"),
		Deletions: &deletions.Limits{App: 1, AtLeast: 1}}}
	closed := []rollout.Policy{{Name: "closed", Deletions: &deletions.Limits{Closed: true}}}
	var everywhere []Site
	for i := range 4 {
		everywhere = append(everywhere, site(fmt.Sprint("c", i), 100, 94, nil))
	}
	for name, c := range map[string]struct {
		fleet Fleet
		sites []Site
		want  string
	}{
		"little":                  {Fleet{Clusters: 10}, []Site{site("a", 100, 96, nil)}, ""},
		"more than half":          {Fleet{Clusters: 10}, []Site{site("a", 20, 6, nil)}, "a/web 14 of 20 (2)"},
		"what does not render":    {Fleet{Clusters: 10}, []Site{site("a", 20, -1, nil)}, ""},
		"nothing is known before": {Fleet{Clusters: 10}, []Site{site("a", -1, 6, nil)}, ""},
		"of a policy": {Fleet{Clusters: 10, Policies: strict}, []Site{site("a", 100, 96, production), site("b",
			100, 96, nil)}, "a/web 4 of 100 (1)"},
		"everywhere": {Fleet{Clusters: 10}, everywhere, "c0/web 6 of 100 (1), c1/web 6 of 100 (1), c2/web " +
			"6 of 100 (1), c3/web 6 of 100 (1)"},
		"in few of many":      {Fleet{Clusters: 100}, everywhere, ""},
		"that a commit means": {Fleet{Clusters: 10, Reviewed: "it moved"}, []Site{site("a", 20, 6, nil)}, ""},
		"that no commit may permit": {Fleet{Clusters: 10, Reviewed: "it moved", Policies: closed}, []Site{site("a", 20, 6,
			nil)}, "a/web 14 of 20 (2)"},
	} {
		c.fleet.Contents, c.fleet.Now = had, now
		var got []string
		for _, d := range c.fleet.Deletions(c.sites) {
			got = append(got, fmt.Sprintf("%s/%s %d of %d (%d)", d.Cluster, d.App, d.Count, d.Had, len(d.Why)))
			if d.ID == "" {
				t.Errorf("%s: there is no id to approve it by", name)
			}
		}
		if said := strings.Join(got, ", "); said != c.want {
			t.Errorf("%s: held are %s, want %s", name, said, c.want)
		}
	}
}

// TestTheIDIsTheHubs: what is approved here by an id is the same that the hub holds, where it released the base.
func TestTheIDIsTheHubs(t *testing.T) {
	t.Parallel()
	s := site("a", 20, 6, nil)
	got := Fleet{Clusters: 1, Contents: had, Now: now}.Deletions([]Site{s})
	gate := release.Gate{Contents: had}
	first := gate.Release(now, *s.Before, release.Released{}, release.Facts{}, nil).Released
	held := gate.Release(now, *s.After, first, release.Facts{}, nil).Holds
	if len(held) != 1 || len(got) != 1 || held[0].ID != got[0].ID {
		t.Errorf("held is %+v, and told was %+v", held, got)
	}
}

func TestLeaving(t *testing.T) {
	t.Parallel()
	gone := func(name string, prunes bool) Site {
		return Site{Site: lint.Site{Name: name}, Before: with(name, 20), Prunes: prunes}
	}
	for name, c := range map[string]struct {
		fleet Fleet
		sites []Site
		want  []string
	}{
		"one":             {Fleet{}, []Site{gone("a", false), site("b", 1, 1, nil)}, nil},
		"one, with all":   {Fleet{}, []Site{gone("a", true)}, []string{"a"}},
		"two":             {Fleet{}, []Site{gone("b", false), gone("a", false)}, []string{"a", "b"}},
		"two that are so": {Fleet{Reviewed: "x"}, []Site{gone("b", false), gone("a", false)}, nil},
		"two, not by that": {Fleet{Reviewed: "x", Policies: []rollout.Policy{{Deletions: &deletions.Limits{Closed: true}}}},
			[]Site{gone("b", false), gone("a", false)}, []string{"a", "b"}},
	} {
		c.fleet.Contents, c.fleet.Now, c.fleet.Clusters = had, now, 10
		if got := c.fleet.Leaving(c.sites); !slices.Equal(got, c.want) {
			t.Errorf("%s: held are %v, want %v", name, got, c.want)
		}
	}
}

func TestWaves(t *testing.T) {
	t.Parallel()
	canary := labelled(t, "ring=0")
	policies := []rollout.Policy{{Name: "first", Selector: labelled(t, "env=production"), After: "staging",
		Windows: schedule.Windows{{Deny: true, From: now.Add(-time.Hour), Until: now.Add(time.Hour), Reason: "a fair"}},
		Waves:   []rollout.Wave{{Name: "canary", Selector: &canary}, {Name: "rest", Approval: &rollout.Approval{}}}},
		{Name: "second", Selector: labelled(t, "env=edge"), Waves: []rollout.Wave{{Name: "canary", Selector: &canary}}},
		{Name: "third", Apps: []string{"other"}, Waves: []rollout.Wave{{Name: "all"}}}}
	of := func(name, env, ring string) Site {
		return site(name, 1, 2, map[string]string{"env": env, "ring": ring})
	}
	manual := of("m", "production", "0")
	manual.After.Declared = map[string]release.Declaration{"web": {Spec: "x", Manual: "Application argocd/web"}}
	sites := []Site{of("b", "production", "1"), of("a", "production", "0"), of("c", "production", "2"), of("e", "edge",
		"1"),
		of("s", "staging", "0"), manual}
	var got []string
	for _, w := range (Fleet{Policies: policies, Now: now}).Waves(sites) {
		got = append(got, fmt.Sprintf("%s/%s %d/%d %v %v: %s", w.Policy, w.Wave, w.Place, w.Of, w.Apps, w.Clusters,
			strings.Join(w.Waits, "; ")))
	}
	want := []string{
		"first/canary 1/2 [web] [a]: the last wave of the policy staging must have passed; no window is open now (a " +
			"fair), the " +
			"next opens at 2026-12-01T10:00:00Z",
		"first/rest 2/2 [web] [b c]: the wave canary must have passed; 1 person must approve (drover rollout approve " +
			"first/rest); no window is open now (a fair), the next opens at 2026-12-01T10:00:00Z",
		"second/ 0/1 [web] [e]: its clusters are in no wave, so that nothing is released to them: add a last wave without " +
			"a " +
			"clusterSelector",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
	if by := Manual(sites); len(by) != 1 || !slices.Equal(by["Application argocd/web"], []string{"m"}) {
		t.Errorf("a person releases %v", by)
	}
}
