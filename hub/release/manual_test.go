package release

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/fleet/deletions"
	"github.com/drover-dev/drover/protocol"
)

// manual is a cluster behind a gate in which a person releases the content of some apps. The content of an object is
// what stands behind its name: "a:1 b:2".
func manual(apps ...string) *cluster {
	c := newCluster()
	c.gate.Texts = func(_, _ string, g Given) map[protocol.ObjectRef]string {
		out := map[protocol.ObjectRef]string{}
		for of := range strings.FieldsSeq(g.Blob.Digest) {
			name, text, _ := strings.Cut(of, ":")
			out[protocol.ObjectRef{Kind: "ConfigMap", Namespace: "ns", Name: name}] = text
		}
		return out
	}
	owned := c.gate.Contents
	c.gate.Contents = func(cluster, app string, g Given) []deletions.Owned {
		g.Blob.Digest = named(g.Blob.Digest)
		return owned(cluster, app, g)
	}
	c.take(c.gate.Release(now, byHand(apps...), c.before, c.facts, nil))
	return c
}

// named leaves the names of objects.
func named(objects string) string {
	var out []string
	for of := range strings.FieldsSeq(objects) {
		name, _, _ := strings.Cut(of, ":")
		out = append(out, name)
	}
	return strings.Join(out, " ")
}

// byHand is a candidate: "web!=a:1" is an app that a person releases, "db/web=b" one that web declares.
func byHand(apps ...string) Candidate {
	c := candidate()
	c.Declared = map[string]Declaration{}
	declares := map[string]string{}
	for _, app := range apps {
		name, content, _ := strings.Cut(app, "=")
		name, isManual := strings.CutSuffix(name, "!")
		name, parent, declared := strings.Cut(name, "/")
		content, broken := strings.CutPrefix(content, "broken ")
		content, spec, _ := strings.Cut(content, "@")
		a := protocol.App{Name: name, Parent: parent, Namespace: "ns", Prune: true, Blob: &protocol.Blob{Digest: content}}
		if broken {
			a.Error, a.Blob = "it cannot be rendered", nil
		}
		c.Refs[name] = objects(named(content))
		c.Bundle.Apps = append(c.Bundle.Apps, a)
		d := Declaration{Spec: "spec of " + name + spec}
		if isManual {
			d.Manual = "Application argocd/" + name
		}
		if declared {
			declares[parent] += " " + name + spec
		}
		if isManual || declared {
			c.Declared[name] = d
		}
	}
	for name, d := range c.Declared {
		d.Declares = cmp.Or(declares[name], "-")
		c.Declared[name] = d
	}
	return c
}

// given lists what the apps of a result are given.
func given(r Result) string {
	var out []string
	for _, a := range r.Released.Bundle.Apps {
		text := a.Name + "=" + string(a.Reason)
		if a.Blob != nil {
			text = a.Name + "=" + a.Blob.Digest
		}
		out = append(out, text)
	}
	return strings.Join(out, ", ")
}

func waits(r Result) string {
	var out []string
	for _, name := range r.Released.Waiting.Holds() {
		h := r.Released.Waiting.Apps[name].Hold
		out = append(out, strings.TrimSpace(fmt.Sprint(name, " +", h.Added, " ~", h.Changed, " -", h.Removed, " ", strings.Join(h.With, " "))))
	}
	return strings.Join(out, ", ")
}

func yes(r Result, apps ...string) *Decision {
	d := &Decision{Contents: map[string]string{}}
	for _, app := range apps {
		d.Contents[app] = r.Released.Waiting.Apps[app].Hold.ID
	}
	return d
}

func TestNewerContentWaitsForAPerson(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		was, is     []string
		given, held string
	}{
		"nothing of it was delivered":      {nil, []string{"db=x:1", "web!=a:1 b:1"}, "db=x:1, web=ReleaseHeld", "web +2 ~0 -0"},
		"it changes":                       {[]string{"db=x:1", "web!=a:1 b:1 c:1"}, []string{"db=x:2", "web!=a:1 b:2 d:1"}, "db=x:2, web=a:1 b:1 c:1", "web +1 ~1 -1"},
		"nothing changes":                  {[]string{"web!=a:1"}, []string{"web!=a:1"}, "web=a:1", ""},
		"it becomes automated":             {[]string{"web!=a:1"}, []string{"web=a:2"}, "web=a:2", ""},
		"it is gone":                       {[]string{"db=x:1", "web!=a:1"}, []string{"db=x:1"}, "db=x:1", ""},
		"it cannot be rendered":            {[]string{"web!=a:1"}, []string{"web!=broken "}, "web=", ""},
		"an object moves into it":          {[]string{"db=x:1 y:1", "web!=a:1"}, []string{"db=x:1", "web!=a:1 y:1"}, "db=x:1 y:1, web=a:1", "web +1 ~0 -0 db"},
		"an object moves out of it":        {[]string{"db=x:1", "web!=a:1 b:1"}, []string{"db=x:1 b:1", "web!=a:1"}, "db=x:1, web=a:1 b:1", "web +0 ~0 -1 db"},
		"others move among themselves":     {[]string{"db=x:1 y:1", "dc=z:1", "web!=a:1"}, []string{"db=x:1", "dc=y:1 z:1", "web!=a:2"}, "db=x:1, dc=y:1 z:1, web=a:1", "web +0 ~1 -0"},
		"what it declares is new":          {[]string{"web!=a:1"}, []string{"db/web=x:1", "web!=a:1"}, "db=ReleaseHeld, web=a:1", "web +1 ~0 -0 db"},
		"what it declares is declared so":  {[]string{"db/web=x:1", "web!=a:1"}, []string{"db/web=x:2", "web!=a:2"}, "db=x:2, web=a:1", "web +0 ~1 -0"},
		"what it declares changes":         {[]string{"db/web=x:1@v1", "web!=a:1"}, []string{"db/web=y:1@v2", "web!=a:1"}, "db=x:1, web=a:1", "web +0 ~1 -0 db"},
		"what it declares is gone":         {[]string{"db/web=x:1", "web!=a:1"}, []string{"web!=a:1"}, "db=x:1, web=a:1", "web +0 ~0 -1"},
		"what is declared two levels down": {[]string{"db/web=x:1@v1", "web!=a:1"}, []string{"da/db=z:1", "db/web=x:1@v2", "web!=a:1"}, "da=ReleaseHeld, db=x:1, web=a:1", "web +0 ~1 -0 da db"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := manual()
			first := m.gate.Release(now, byHand(c.was...), m.before, m.facts, nil)
			if names := first.Released.Waiting.Holds(); len(names) > 0 {
				first = m.gate.Release(now, byHand(c.was...), m.before, m.facts, yes(first, names...))
			}
			m.take(first)
			was := given(first)
			r := m.gate.Release(now, byHand(c.is...), m.before, m.facts, nil)
			if given(r) != c.given && strings.TrimSpace(given(r)) != c.given || waits(r) != c.held {
				t.Errorf("after %q it is given %q, and %q waits; want %q, %q", was, given(r), waits(r), c.given, c.held)
			}
			if len(r.Released.Bundle.Deletions.Apps) > 0 && name != "it is gone" {
				t.Errorf("deletions are permitted: %v", r.Released.Bundle.Deletions.Apps)
			}
		})
	}
}

// An approval is for content: another commit that asks for the same changes nothing, and other content is asked about
// again. What is remembered survives as JSON.
func TestAnApprovalIsForContent(t *testing.T) {
	t.Parallel()
	m := manual()
	first := m.gate.Release(now, byHand("web!=a:1"), m.before, m.facts, nil)
	m.take(m.gate.Release(now, byHand("web!=a:1"), m.before, m.facts, yes(first, "web")))
	newer := byHand("web!=a:2")
	held := m.gate.Release(now, newer, m.before, m.facts, nil)
	m.take(held)
	newer.Bundle.Revision.Hash = "another"
	again := m.gate.Release(now.Add(time.Hour), newer, m.before, m.facts, nil)
	if a, b := held.Released.Waiting.Apps["web"].Hold, again.Released.Waiting.Apps["web"].Hold; a.ID != b.ID || !b.Since.Equal(now) || b.Revision.Hash != "rev" {
		t.Errorf("another commit with the same content makes %+v of %+v", b, a)
	}
	other := m.gate.Release(now, byHand("web!=a:3"), m.before, m.facts, yes(held, "web"))
	if given(other) != "web=a:1" || other.Released.Waiting.Apps["web"].Hold.ID == held.Released.Waiting.Apps["web"].Hold.ID {
		t.Errorf("with the approval of other content it is given %s", given(other))
	}
	if back := m.gate.Release(now, byHand("web!=a:1"), m.before, m.facts, nil); given(back) != "web=a:1" || waits(back) != "" {
		t.Errorf("back in Git: %s, %s", given(back), waits(back))
	}
	var stored Waiting
	if data, err := json.Marshal(m.before.Waiting); err != nil || json.Unmarshal(data, &stored) != nil {
		t.Fatal(err)
	}
	m.before.Waiting = stored
	done := m.gate.Release(now, newer, m.before, m.facts, yes(held, "web"))
	if given(done) != "web=a:2" || waits(done) != "" {
		t.Errorf("approved: %s, %s", given(done), waits(done))
	}
}

// What was approved while it could not be rendered is released when it can be again, and nothing else is.
func TestAnApprovalWaitsForARender(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]string{"a:2": "web=a:2", "a:3": "web=a:1"} {
		m := manual()
		first := m.gate.Release(now, byHand("web!=a:1"), m.before, m.facts, nil)
		m.take(m.gate.Release(now, byHand("web!=a:1"), m.before, m.facts, yes(first, "web")))
		held := m.gate.Release(now, byHand("web!=a:2"), m.before, m.facts, nil)
		m.take(held)
		broken := byHand("web!=a:2")
		broken.Bundle.Apps[0] = m.before.Bundle.Apps[0]
		broken.Bundle.Apps[0].Error = "it cannot be rendered"
		if r := m.gate.Release(now, broken, m.before, m.facts, nil); waits(r) != "web +0 ~1 -0" {
			t.Errorf("while it is broken waits %q", waits(r))
		}
		r := m.gate.Release(now, broken, m.before, m.facts, yes(held, "web"))
		if waits(r) != "" || given(r) != "web=a:1" {
			t.Errorf("approved while it is broken: %s, %s", given(r), waits(r))
		}
		m.take(r)
		if r = m.gate.Release(now, byHand("web!="+content), m.before, m.facts, nil); given(r) != want {
			t.Errorf("repaired as %s: %s, want %s", content, given(r), want)
		}
	}
}

// A hub of a release before this one delivered such apps: what runs is released, with how drift is handled.
func TestWhatAnOlderHubDeliveredIsReleased(t *testing.T) {
	t.Parallel()
	m := manual()
	m.before.Bundle.Apps = byHand("db/web=x:1", "web!=a:1").Bundle.Apps
	m.before.Bundle.Apps[1].KeepDrift = true
	m.before.Waiting = Waiting{}
	r := m.gate.Release(now, byHand("db/web=x:1", "web!=a:1"), m.before, m.facts, nil)
	if given(r) != "db=x:1, web=a:1" || waits(r) != "" || !r.Released.Bundle.Apps[1].KeepDrift {
		t.Errorf("it is given %s, %+v; waits %s", given(r), r.Released.Bundle.Apps[1], waits(r))
	}
	m.take(r)
	held := m.gate.Release(now, byHand("db/web=x:2", "web!=a:2"), m.before, m.facts, nil)
	if given(held) != "db=x:2, web=a:1" {
		t.Errorf("then it is given %s", given(held))
	}
	m.take(held)
	r = m.gate.Release(now, byHand("db/web=x:2", "web!=a:2"), m.before, m.facts, yes(held, "web"))
	if given(r) != "db=x:2, web=a:2" || r.Released.Bundle.Apps[1].KeepDrift {
		t.Errorf("after the approval it is given %s, %+v", given(r), r.Released.Bundle.Apps[1])
	}
}

// Whether an app is suspended, and what becomes of its objects when it goes, is not content.
func TestWhatIsSaidOfAnAppAsAWholeDoesNotWait(t *testing.T) {
	t.Parallel()
	m := manual()
	first := m.gate.Release(now, byHand("web!=a:1"), m.before, m.facts, nil)
	m.take(m.gate.Release(now, byHand("web!=a:1"), m.before, m.facts, yes(first, "web")))
	c := byHand("web!=a:2")
	c.Bundle.Apps[0].Suspend, c.Bundle.Apps[0].Orphan = true, true
	a := m.gate.Release(now, c, m.before, m.facts, nil).Released.Bundle.Apps[0]
	if !a.Suspend || !a.Orphan || !slices.Contains(a.Needs, protocol.NeedOrphan) || a.Blob.Digest != "a:1" {
		t.Errorf("it is given %+v", a)
	}
}
