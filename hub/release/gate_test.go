package release

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/fleet/deletions"
	"github.com/drover-dev/drover/protocol"
)

// cluster is one cluster behind a gate, whose blobs are named by the objects in them: "a b c".
type cluster struct {
	gate   Gate
	before Released
	facts  Facts
}

// newCluster has been given apps ("web=a b"), and its agent has acknowledged that.
func newCluster(apps ...string) *cluster {
	c := &cluster{gate: Gate{Contents: func(_, _ string, g Given) (out []deletions.Owned) {
		for _, ref := range objects(g.Blob.Digest) {
			out = append(out, deletions.Owned{Ref: ref})
		}
		return out
	}}}
	c.before.Bundle = candidate(apps...).Bundle
	c.before.Bundle.Generation, c.before.Digest = 1, "first"
	c.facts.Report = &protocol.Report{Generation: 1, Digest: "first", Agent: protocol.Agent{Term: 1}}
	return c
}

// take has the cluster given a result, as the hub does that publishes it.
func (c *cluster) take(r Result) {
	r.Released.Bundle.Generation, r.Released.Digest = c.before.Bundle.Generation+1, fmt.Sprint(c.before.Bundle.Generation)
	c.before = r.Released
}

func objects(names string) (out []protocol.ObjectRef) {
	for name := range strings.FieldsSeq(names) {
		out = append(out, protocol.ObjectRef{Kind: "ConfigMap", Namespace: "ns", Name: name})
	}
	return out
}

func candidate(apps ...string) Candidate {
	c := Candidate{Bundle: protocol.Bundle{Cluster: "oslo", Revision: protocol.Revision{Hash: "rev"}},
		Refs: map[string][]protocol.ObjectRef{}}
	for _, app := range apps {
		name, names, _ := strings.Cut(app, "=")
		c.Refs[name] = objects(names)
		c.Bundle.Apps = append(c.Bundle.Apps, protocol.App{Name: name, Namespace: "ns", Prune: true,
			Blob: &protocol.Blob{Digest: names, Objects: len(c.Refs[name])}})
	}
	return c
}

func numbers(from, upto int) string {
	var out []string
	for i := from; i <= upto; i++ {
		out = append(out, fmt.Sprintf("o%d", i))
	}
	return strings.Join(out, " ")
}

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func TestACandidateIsReleasedAtOnceButForDeletionsThatWait(t *testing.T) {
	t.Parallel()
	ten := "web=" + numbers(1, 10)
	for name, c := range map[string]struct {
		candidate Candidate
		facts     func(*Facts)
		want      string // total that is permitted, apps that are held with their counts and reasons
	}{
		"nothing changes":    {candidate(ten, "db=x"), nil, "0 []"},
		"more of it":         {candidate("web="+numbers(1, 12), "db=x"), nil, "0 []"},
		"a little less":      {candidate("web="+numbers(1, 9), "db=x"), nil, "1 []"},
		"much less":          {candidate("web="+numbers(1, 2), "db=x"), nil, "0 [web 8 [AppShare ClusterShare]]"},
		"the app is gone":    {candidate("db=x"), nil, "0 [web 10 [AppShare ClusterShare]]"},
		"another app has it": {candidate("db=x "+numbers(1, 10), "web=y"), nil, "0 []"},
		"few of many everywhere": {candidate("web="+numbers(6, 10), "db=x"), func(f *Facts) { f.Losing, f.Clusters = 3, 20 },
			"0 [web 5 [ClusterShare Everywhere]]"},
		"nothing, others are to come": {candidate("web="+numbers(1, 10), "db=x"), func(f *Facts) { f.Collecting = true }, "0 []"},
	} {
		oslo := newCluster(ten, "db=x")
		if c.facts != nil {
			c.facts(&oslo.facts)
		}
		r := oslo.gate.Release(now, c.candidate, oslo.before, oslo.facts, nil)
		var held []string
		for _, h := range r.Holds {
			held = append(held, fmt.Sprint(h.App, " ", h.Count, " ", h.Reasons))
			if !h.Since.Equal(now) || h.Revision.Hash != "rev" || h.ID == "" {
				t.Errorf("%s: %s is held as %+v", name, h.App, h.AppHold)
			}
		}
		total := uint64(0)
		if d := r.Released.Bundle.Deletions; d != nil {
			total = d.Apps["web"]
		}
		if got := fmt.Sprint(total, " ", held); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
		if len(r.Released.Bundle.Apps) != len(c.candidate.Bundle.Apps) || r.Collect || !r.Wake.IsZero() {
			t.Errorf("%s: what is released is %+v", name, r)
		}
	}
}

// What deletes much waits until it is known in how many clusters, and changes nothing until then.
func TestMuchIsReleasedWhenItIsKnownOfAllClusters(t *testing.T) {
	t.Parallel()
	oslo := newCluster("web="+numbers(1, 100), "db=x")
	oslo.facts.Collecting = true
	c := candidate("web="+numbers(6, 100), "db=x")
	r := oslo.gate.Release(now, c, oslo.before, oslo.facts, nil)
	if !r.Collect || r.Released.Digest != oslo.before.Digest {
		t.Errorf("while others are gone through it gives %+v", r)
	}
	oslo.facts.Collecting = false
	if r := oslo.gate.Release(now, c, oslo.before, oslo.facts, nil); r.Collect || len(r.Holds) > 0 ||
		r.Released.Bundle.Deletions.Apps["web"] != 5 {
		t.Errorf("then it gives %+v", r)
	}
}

// An approval lets exactly that through which was held, and dies when that changes.
func TestAnApprovalLetsThroughWhatItNames(t *testing.T) {
	t.Parallel()
	oslo := newCluster("web=" + numbers(1, 10))
	less := candidate("web=" + numbers(1, 2))
	oslo.take(oslo.gate.Release(now, less, oslo.before, oslo.facts, nil))
	held := oslo.before.Deletions.Holds()
	if len(held) != 1 {
		t.Fatalf("held are %+v", held)
	}
	yes := &Decision{Approval: Approval{ID: held[0].ID}, Apps: map[string]string{"web": held[0].ID}}
	other := candidate("web=" + numbers(1, 1))
	if r := oslo.gate.Release(now, other, oslo.before, oslo.facts, yes); len(r.Holds) != 1 || r.Holds[0].ID == held[0].ID {
		t.Errorf("more than was approved gives %+v", r.Holds)
	}
	r := oslo.gate.Release(now, less, oslo.before, oslo.facts, yes)
	if len(r.Holds) > 0 || r.Released.Bundle.Deletions.Apps["web"] != 8 {
		t.Errorf("what was approved gives %+v, held %+v", r.Released.Bundle.Deletions, r.Holds)
	}
	if r := oslo.gate.Release(now, candidate("web="+numbers(1, 10)), oslo.before, oslo.facts, nil); len(r.Holds) > 0 {
		t.Errorf("the objects are back, and held are %+v", r.Holds)
	}
}

// For an agent that would delete what a bundle lacks, what is released is not the candidate: the app keeps its last version.
func TestAnAgentThatDoesNotHoldKeepsTheLastVersion(t *testing.T) {
	t.Parallel()
	oslo := newCluster("web="+numbers(1, 10), "db=x")
	oslo.facts.Report.Agent.Term = 0
	r := oslo.gate.Release(now, candidate("db=x"), oslo.before, oslo.facts, nil)
	var got []string
	for _, a := range r.Released.Bundle.Apps {
		got = append(got, fmt.Sprint(a.Name, "=", a.Blob.Digest, " ", strings.Contains(a.Error, "drover approve "+r.Holds[0].ID)))
	}
	if want := []string{"db=x false", "web=" + numbers(1, 10) + " true"}; !slices.Equal(got, want) {
		t.Errorf("it is given %q, want %q", got, want)
	}
}

func TestACandidateIsNotChanged(t *testing.T) {
	t.Parallel()
	oslo := newCluster("web=" + numbers(1, 10))
	c := candidate("web=" + numbers(1, 2))
	oslo.gate.Release(now, c, oslo.before, oslo.facts, nil)
	if c.Bundle.Deletions != nil || len(oslo.before.Deletions.Apps) > 0 {
		t.Errorf("the candidate is %+v, and before was released %+v", c, oslo.before)
	}
}

func TestWhichClustersLeave(t *testing.T) {
	t.Parallel()
	gone := func(cluster string) Gone { return Gone{Cluster: cluster, Known: true, Joined: true, Heard: true} }
	forgotten := Gone{Cluster: "f", Joined: true}
	cut := Gone{Cluster: "x", Heard: true}
	for name, c := range map[string]struct {
		gone     []Gone
		first    bool
		clusters int
		empties  bool
		want     string // leave, held
	}{
		"none":                              {nil, false, 3, false, "[] []"},
		"one of several":                    {[]Gone{gone("a")}, false, 3, false, "[a] []"},
		"two together":                      {[]Gone{gone("b"), gone("a")}, false, 3, false, "[] [a b]"},
		"the last one":                      {[]Gone{gone("a")}, false, 1, false, "[a] []"},
		"the only one, at the start":        {[]Gone{gone("a")}, true, 1, false, "[] [a]"},
		"one of several, at the start":      {[]Gone{gone("a")}, true, 3, false, "[a] []"},
		"one that is forgotten, at start":   {[]Gone{forgotten}, true, 3, false, "[] [f]"},
		"one that is forgotten, later":      {[]Gone{forgotten}, false, 3, false, "[f] []"},
		"one that the guard holds":          {[]Gone{gone("a")}, false, 3, true, "[] [a]"},
		"one that was cut off":              {[]Gone{cut}, true, 1, true, "[x] []"},
		"one, and one that was cut off":     {[]Gone{cut, gone("a")}, false, 3, false, "[a x] []"},
		"two, and one that was cut off":     {[]Gone{cut, gone("b"), gone("a")}, false, 3, false, "[x] [a b]"},
		"one never heard of, with no agent": {[]Gone{{Cluster: "n"}}, false, 3, false, "[n] []"},
	} {
		leave, held := Leaving(c.gone, c.first, c.clusters, func(string) bool { return c.empties })
		if got := fmt.Sprint(leave, held); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestTheGuardHoldsThePruningOfACluster(t *testing.T) {
	t.Parallel()
	for objects, want := range map[int]bool{1: false, 4: false, 5: true, 10: true} {
		oslo := newCluster("web=" + numbers(1, objects))
		c := Emptied(oslo.before.Bundle, protocol.Revision{Hash: "rev"})
		if got := oslo.gate.Empties(c, oslo.before, Facts{}); got != want {
			t.Errorf("%d objects: %t", objects, got)
		}
	}
	// It was decided before that the cluster goes: then all is permitted.
	oslo := newCluster("web=" + numbers(1, 10))
	r := oslo.gate.Release(now, Emptied(oslo.before.Bundle, protocol.Revision{}), oslo.before, oslo.facts, nil)
	if len(r.Holds) > 0 || r.Released.Bundle.Deletions.Apps["web"] != 10 || len(r.Released.Bundle.Apps) > 0 {
		t.Errorf("it is given %+v, held %+v", r.Released.Bundle, r.Holds)
	}
}
