package release

import (
	"fmt"
	"strings"
	"testing"

	"github.com/drover-dev/drover/fleet/deletions"
)

// newLoose is newCluster, of whose objects those may be deleted whose names begin with "may".
func newLoose(apps ...string) *cluster {
	c := newCluster(apps...)
	all := c.gate.Contents
	c.gate.Contents = func(cluster, app string, g Given) []deletions.Owned {
		out := all(cluster, app, g)
		for i := range out {
			out[i].Permitted = strings.HasPrefix(out[i].Ref.Name, "may")
		}
		return out
	}
	return c
}

func permitting(c Candidate, apps ...string) Candidate {
	c.Permits = map[string]bool{}
	for _, app := range apps {
		c.Permits[app] = true
	}
	return c
}

// What Git says is meant waits for no person, and what it says nothing of does.
func TestDeletionsThatGitPermits(t *testing.T) {
	t.Parallel()
	ten := "web=" + numbers(1, 10)
	loose := "web=" + strings.ReplaceAll(numbers(1, 8), "o", "may") + " x y"
	reviewed := func(f *Facts) { f.Reviewed = func(string) string { return "a commit says so" } }
	limit := func(l deletions.Limits) func(*Facts) {
		return func(f *Facts) { f.Limits = func(string) deletions.Limits { return l } }
	}
	for name, c := range map[string]struct {
		had       string
		candidate Candidate
		facts     func(*Facts)
		want      string // total that is permitted, apps that are held with their counts and reasons, approvals
	}{
		"nothing says so": {ten, candidate("web=o1"), nil, "0 [web 9 [AppShare ClusterShare]] []"},
		"the app does": {ten, permitting(candidate("web=o1"), "web"), nil,
			"9 [] [9 the declaration of the app allows deletions]"},
		"another one does": {ten, permitting(candidate("web=o1", "db=z"), "db"), nil,
			"0 [web 9 [AppShare ClusterShare]] []"},
		"the commit does":                   {ten, candidate("web=o1"), reviewed, "9 [] [9 a commit says so]"},
		"the commit says so of little":      {ten, candidate("web=" + numbers(1, 9)), reviewed, "1 [] []"},
		"the objects do":                    {loose, candidate("web=x y"), nil, "8 [] []"},
		"some objects do, and the rest not": {loose, candidate("web=may1"), nil, "9 [] []"},
		"the commit says so, and a policy has it not count": {ten, candidate("web=o1"), func(f *Facts) {
			reviewed(f)
			limit(deletions.Limits{Closed: true})(f)
		}, "0 [web 9 [AppShare ClusterShare]] []"},
		"the app says so, and a policy has it not count": {ten, permitting(candidate("web=o1"), "web"),
			limit(deletions.Limits{Closed: true}), "0 [web 9 [AppShare ClusterShare]] []"},
		"the objects say so, and a policy has it not count": {loose, candidate("web=x y"),
			limit(deletions.Limits{Closed: true}), "0 [web 8 [AppShare ClusterShare]] []"},
		"a policy is stricter": {ten, candidate("web=" + numbers(1, 9)), limit(deletions.Limits{AtLeast: 1, Cluster: 1}),
			"0 [web 1 [ClusterShare]] []"},
		"a policy is laxer": {ten, candidate("web=o1"), limit(deletions.Limits{App: 100, Cluster: 100}), "9 [] []"},
		"a policy protects a kind": {ten, candidate("web=" + numbers(1, 9)),
			limit(deletions.Limits{Kinds: []string{"ConfigMap"}}), "0 [web 1 [Data]] []"},
	} {
		oslo := newLoose(c.had)
		if c.facts != nil {
			c.facts(&oslo.facts)
		}
		r := oslo.gate.Release(now, c.candidate, oslo.before, oslo.facts, nil)
		var held, approvals []string
		for _, h := range r.Holds {
			held = append(held, fmt.Sprint(h.App, " ", h.Count, " ", h.Reasons))
		}
		for _, a := range r.Released.Deletions.Approvals {
			approvals = append(approvals, fmt.Sprint(a.Count, " ", a.Why))
		}
		if got := fmt.Sprint(r.Released.Bundle.Deletions.Apps["web"], " ", held, " ", approvals); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// What the declaration of an app permitted last counts when the app is gone from Git, and no longer than it says so.
func TestAPermissionOutlivesItsApp(t *testing.T) {
	t.Parallel()
	ten := "web=" + numbers(1, 10)
	for name, c := range map[string]struct {
		said []Candidate
		want int // holds
	}{
		"it said so":           {[]Candidate{permitting(candidate(ten), "web")}, 0},
		"it said nothing":      {[]Candidate{candidate(ten)}, 1},
		"it said so, and left": {[]Candidate{permitting(candidate(ten), "web"), candidate(ten)}, 1},
	} {
		oslo := newCluster(ten)
		for _, s := range c.said {
			oslo.take(oslo.gate.Release(now, s, oslo.before, oslo.facts, nil))
			if r := oslo.before.Deletions; r.Note(s) {
				t.Errorf("%s: what is remembered is news a second time", name)
			}
		}
		if r := oslo.gate.Release(now, candidate("db=x"), oslo.before, oslo.facts, nil); len(r.Holds) != c.want {
			t.Errorf("%s: held are %+v", name, r.Holds)
		}
	}
	broken := candidate(ten)
	broken.Bundle.Apps[0].Error = "it cannot be read"
	d := Deletions{Apps: map[string]AppDeletions{"web": {Permitted: true}}}
	if d.Note(broken) || !d.Apps["web"].Permitted {
		t.Error("a declaration that cannot be read takes back what it said")
	}
}

// A commit says so of what it brings, and of nothing that was held before.
func TestACommitPermitsNothingThatWasHeldBefore(t *testing.T) {
	t.Parallel()
	oslo := newCluster("web=" + numbers(1, 10))
	oslo.take(oslo.gate.Release(now, candidate("web="+numbers(1, 4)), oslo.before, oslo.facts, nil))
	oslo.facts.Reviewed = func(string) string { return "a commit says so" }
	for _, c := range []Candidate{candidate("web=" + numbers(1, 4)), candidate("web=" + numbers(1, 3))} {
		if r := oslo.gate.Release(now, c, oslo.before, oslo.facts, nil); len(r.Holds) != 1 {
			t.Errorf("held are %+v", r.Holds)
		}
	}
	c := permitting(candidate("web="+numbers(1, 4)), "web") // the declaration says so of all, from now on
	if r := oslo.gate.Release(now, c, oslo.before, oslo.facts, nil); len(r.Holds) != 0 {
		t.Errorf("held are %+v", r.Holds)
	}
}

// While clusters are gone through, what Git permits waits for no other cluster.
func TestWhatIsMeantIsNotCollected(t *testing.T) {
	t.Parallel()
	oslo := newCluster("web="+numbers(1, 100), "db=x")
	oslo.facts.Collecting = true
	c := candidate("web="+numbers(6, 100), "db=x")
	if r := oslo.gate.Release(now, permitting(c, "web"), oslo.before, oslo.facts, nil); r.Collect {
		t.Error("it waits")
	}
	oslo.facts.Limits = func(string) deletions.Limits { return deletions.Limits{AtLeast: 6} }
	if r := oslo.gate.Release(now, c, oslo.before, oslo.facts, nil); r.Collect {
		t.Error("fewer than count wait")
	}
}

func TestAHoldSaysByWhichLimits(t *testing.T) {
	t.Parallel()
	oslo := newCluster("web=" + numbers(1, 10))
	oslo.facts.Limits = func(string) deletions.Limits { return deletions.Limits{App: 30, Cluster: 90} }
	r := oslo.gate.Release(now, candidate("web="+numbers(1, 5)), oslo.before, oslo.facts, nil)
	if len(r.Holds) != 1 || fmt.Sprint(r.Holds[0].Why()) != "[that is more than 30 % of the app]" {
		t.Errorf("held are %+v", r.Holds)
	}
}

func TestWhatTrailersSay(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"approved (the shop moves)": "the commit 01234567 by ann approves its deletions: the shop moves",
		"Approved":                  "the commit 01234567 by ann approves its deletions",
		"approved the shop moves":   "the commit 01234567 by ann approves its deletions: the shop moves",
		"approvednot":               "", "no": "", "": "", "not approved": "",
	} {
		if got := Reviewed("0123456789", "ann", value); got != want {
			t.Errorf("%q: %q", value, got)
		}
	}
	long := Reviewed("0123456789", "ann", "approved ("+strings.Repeat("ä", 1000)+")")
	if len(long) > 300 || !strings.HasSuffix(long, "ä") {
		t.Errorf("a long reason is remembered as %d bytes", len(long))
	}
}
