package rollouts

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/fleet/rollout"
	"github.com/drover-dev/drover/hub/rollouts/earlier"
	"github.com/drover-dev/drover/protocol"
)

// rev is the commit of a number.
func rev(n int) string { return fmt.Sprintf("%07x%033d", 0xa0+n, 0) }

// revisions has clusters at the last of some revisions, each of which all waves have passed.
func revisions(t *testing.T, contents ...string) *fleet {
	t.Helper()
	f := begun(t, inTwo(t))
	for _, text := range contents {
		f.commit++
		for name := range f.labels {
			f.asked[name] = appsOf(text)
			f.publish(name)
		}
		f.d.Offer(protocol.Revision{Hash: rev(f.commit), Subject: text}, Commit{Author: "ann@example.com"},
			func(string) bool { return false })
		f.roll()
		for range 3 {
			f.reports(protocol.PhaseHealthy, "a", "b")
		}
	}
	return f
}

// orders has a person decide, and says what followed or why it did not.
func (f *fleet) orders(o Order) string {
	f.t.Helper()
	o.Policy = "production"
	if o.Reason == "" {
		o.Reason = "an audit"
	}
	text, err := f.d.Decide(f.now, o)
	if err != nil {
		if !errors.Is(err, ErrRefused) {
			f.t.Error(err)
		}
		return err.Error()
	}
	f.roll()
	return text
}

func TestClustersAreHeldAtWhatTheyHad(t *testing.T) {
	t.Parallel()
	f := revisions(t, "web=2 db=2", "web=3 db=2", "web=4 db=4")
	f.want("a: db=4 web=4", "b: db=4 web=4")
	until := f.now.Add(time.Hour)
	f.orders(Order{Action: Pin, Cluster: "a", To: rev(3), Until: until})
	f.want("a: db=2 web=3", "b: db=4 web=4")
	if s := f.publish("a"); strings.Join(s.Back["web"], " ") != "4" || strings.Join(s.Back["db"], " ") != "4" {
		t.Errorf("it goes back from %v", s.Back)
	}
	f.start() // it is not forgotten
	f.follow()
	f.turn()
	f.want("a: db=2 web=3", "b: db=4 web=4")
	if got := f.d.Show()[0].Pinned; len(got) != 1 || got[0].Revision != rev(3) || !got[0].Until.Equal(until) {
		t.Errorf("it shows %+v", got)
	}
	f.orders(Order{Action: Pin, Selector: "ring", To: rev(2)[:7], Apps: []string{"web"}, Until: until})
	f.want("a: db=4 web=2", "b: db=4 web=2")
	f.orders(Order{Action: Pin, To: earlier.Before, Until: until})
	f.want("a: web=1", "b: web=1")
	f.orders(Order{Action: Unpin, Cluster: "a"})
	f.want("a: db=4 web=4", "b: web=1")
	if s := f.publish("a"); s.Back["web"] != nil {
		t.Errorf("on the way forward it goes back from %v", s.Back)
	}
	f.now = until.Add(time.Second)
	f.roll()
	f.want("a: db=4 web=4", "b: db=4 web=4")
}

func TestWhatCannotBeHeldIsRefusedWithWhatCan(t *testing.T) {
	t.Parallel()
	var contents []string
	for i := range 12 { // more than are held
		contents = append(contents, fmt.Sprintf("web=%d", i+2))
	}
	f := revisions(t, contents...)
	until := f.now.Add(time.Hour)
	newest := f.given["a"].Apps[0].Blob.Digest
	for name, c := range map[string]struct {
		o    Order
		says []string
	}{
		"too old":        {Order{To: rev(2)}, []string{"a: what the app web was at", "held any more; available: 00000ad, "}},
		"before":         {Order{To: earlier.Before}, []string{"is not held any more; available: 00000ad"}},
		"unknown":        {Order{To: "fffffff"}, []string{`a was at no revision "fffffff" that is still held; available: `}},
		"too short":      {Order{To: "0"}, []string{"was at no revision"}},
		"no end":         {Order{To: rev(12), Until: f.now.Add(-time.Second)}, []string{"a pin needs an end"}},
		"too long":       {Order{To: rev(12), Until: f.now.Add(91 * 24 * time.Hour)}, []string{"90 days away at most"}},
		"no such app":    {Order{To: rev(12), Apps: []string{"x"}}, []string{`a has no app "x"`}},
		"no cluster":     {Order{To: rev(12), Cluster: "z"}, []string{`does not hold a cluster "z"`}},
		"none selected":  {Order{To: rev(12), Selector: "ring=z"}, []string{"selects no cluster"}},
		"not a selector": {Order{To: rev(12), Selector: "a b c"}, []string{"a b c"}},
	} {
		c.o.Action = Pin
		if c.o.Until.IsZero() {
			c.o.Until = until
		}
		got := f.orders(c.o)
		for _, want := range c.says {
			if !strings.Contains(strings.ReplaceAll(got, "available: "+rev(13)[:8], "available: 00000ad"), want) {
				t.Errorf("%s: it says %q, want %q", name, got, want)
			}
		}
		if len(f.d.Show()[0].Pinned) > 0 || f.given["a"].Apps[0].Blob.Digest != newest {
			t.Fatalf("%s: something is pinned", name)
		}
	}
	f.asks("web=bad")
	f.reports(protocol.PhaseFailed, "a")
	got := f.orders(Order{Action: Pin, Cluster: "a", To: fmt.Sprintf("%040d", f.commit), Until: until})
	if !strings.Contains(got, "a: held at") { // what was taken back is no entry any more: it has what it went back to
		t.Errorf("at the bad revision it says %q", got)
	}
	f.want("a: web="+newest, "b: web="+newest)
}

// What is kept although it is bad is not what a person would go back to.
func TestNothingIsHeldAtWhatIsBad(t *testing.T) {
	t.Parallel()
	p := inTwo(t)
	p.OnFailure = rollout.Halt
	f := begun(t, p)
	f.asks("web=2")
	bad := fmt.Sprintf("%040d", f.commit)
	f.reports(protocol.PhaseFailed, "a")
	if got := f.orders(Order{Action: Pin, Cluster: "a", To: bad, Until: f.now.Add(time.Hour)}); !strings.Contains(got,
		"is bad; available: before (what it had before the policy)") {
		t.Errorf("it says %q", got)
	}
}

func TestAPersonHasARevertPushed(t *testing.T) {
	t.Parallel()
	f := revisions(t, "web=2", "web=3", "web=4")
	got := f.orders(Order{Action: Revert, By: "ann"})
	if !strings.Contains(got, "a revert goes to the branch drover/revert-"+rev(4)[:8]+";") {
		t.Errorf("it says %q", got)
	}
	f.orders(Order{Action: Revert, To: rev(2)[:9]})
	f.start() // it is stored before it is done
	f.follow()
	due := f.due()
	if len(due) != 2 {
		t.Fatalf("%d are due", len(due))
	}
	one, all := due[0], due[1]
	if one.Last != rev(4) || one.After != rev(3) || one.Exactly || !strings.Contains(one.Evidence, "by ann: an audit") ||
		one.Subject != `Revert "web=4"` {
		t.Errorf("of the newest it proposes %+v", one)
	}
	if all.Last != rev(4) || all.After != rev(2)[:9] || !all.Exactly || all.Branch != "drover/revert-"+rev(4)[:8]+"-to-"+
		rev(2)[:8] {
		t.Errorf("of all it proposes %+v", all)
	}
	if got := f.orders(Order{Action: Revert}); !strings.Contains(got, "there is such a revert already") {
		t.Errorf("a second time it says %q", got)
	}
	Reverts{f.d}.Done(f.now, all, Pushed{Commit: "c0ffee"}, nil)
	f.roll()
	if got := f.shown(); len(got) != 2 || got[1].Commit != "c0ffee" || got[1].By != "a user" || got[0].By != "ann" {
		t.Errorf("it shows %+v", got)
	}
	for text, o := range map[string]Order{
		"is no revision": {To: "../../x"},
		"Git asks for":   {To: rev(4)[:8]},
	} {
		o.Action = Revert
		if got := f.orders(o); !strings.Contains(got, text) {
			t.Errorf("it says %q, want %q", got, text)
		}
	}
}

// A revert in Git is made for no part of the fleet: what is said instead is a command that works.
func TestARevertIsForTheWholeFleet(t *testing.T) {
	t.Parallel()
	f := revisions(t, "web=2 db=2", "web=3 db=2", "web=4 db=2")
	for _, c := range []struct {
		name string
		o    Order
		want string
		at   string // what a is then
	}{
		{"a cluster", Order{Cluster: "a"}, "drover rollback a --policy production --to " + rev(3)[:8] +
			" --pin --until 3d --reason 'an audit'", "db=2 web=3"},
		{"a revision", Order{Cluster: "a", To: rev(2)[:9], Reason: "it's bad\n`rm`"}, "drover rollback a --policy " +
			"production --to " + rev(2)[:9] + ` --pin --until 3d --reason 'it'\''s bad ` + "`rm`'", "db=2 web=2"},
		{"a selector", Order{Selector: "ring in (a,b)", Apps: []string{"web"}}, "drover rollback -l 'ring in (a,b)' " +
			"--policy production --app web --to " + rev(3)[:8] + " --pin --until 3d --reason 'an audit'", "db=2 web=3"},
		{"an app of all", Order{Apps: []string{"db"}}, "drover rollback --policy production --app db --to before --pin",
			"web=4"},
		{"no such cluster", Order{Cluster: "z"}, `does not hold a cluster "z"`, ""},
		{"no such app", Order{Cluster: "a", Apps: []string{"x"}, To: rev(2)}, `a has no app "x"`, ""},
		{"nothing held", Order{Cluster: "a", To: "fffffff"}, "they cannot be held at it either: a was at no revision", ""},
		{"an app that is not there", Order{Apps: []string{"x"}}, "Nothing earlier is held of a", ""},
	} {
		c.o.Action = Revert
		got := f.orders(c.o)
		if !strings.Contains(got, c.want) || strings.Contains(got, "\n") {
			t.Errorf("%s: it says %q, want %q", c.name, got, c.want)
		}
		if len(f.shown()) > 0 {
			t.Fatalf("%s: a revert was decided on: %+v", c.name, f.shown())
		}
		if c.at == "" {
			continue
		}
		_, to, _ := strings.Cut(got, "--to ")
		c.o.To, _, _ = strings.Cut(to, " ")
		c.o.Action, c.o.Until = Pin, f.now.Add(time.Hour)
		f.orders(c.o)
		if is := textOf(f.given["a"].Apps); is != c.at {
			t.Errorf("%s: after the command a has %s, want %s", c.name, is, c.at)
		}
		for _, name := range []string{"a", "b"} {
			f.orders(Order{Action: Unpin, Cluster: name})
		}
		f.want("a: db=2 web=4", "b: db=2 web=4")
	}
}
