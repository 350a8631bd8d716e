package deliver

import (
	"slices"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/protocol"
)

func TestAMessageSaysHowOldItIs(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	const old = "some kinds could not be watched since 2026-11-20T11:59:00Z: what is said of their objects is from before"
	for name, c := range map[string]struct {
		message string
		since   time.Time
		want    string
	}{
		"all watches hold":       {"trouble", time.Time{}, "trouble"},
		"lost a moment ago":      {"", now.Add(-awayAfter + time.Millisecond), ""},
		"lost for a while":       {"", now.Add(-time.Minute), old},
		"lost, and more is said": {"trouble", now.Add(-time.Minute), "trouble; " + old},
		"in another time zone":   {"", now.Add(-time.Minute).In(time.FixedZone("here", 3600)), old},
	} {
		if got := away(c.message, c.since, now); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// A report is the whole account: what it says of the session is all that there is to say, each once.
func TestAReportSaysAllThatIsKnown(t *testing.T) {
	t.Parallel()
	play(t, func(s *scene) {
		x := s.session(func(c *Config) { c.Outdated = "installed from an older manifest" })
		b := bundle(7, s.app("shop", "a"), s.app("web", "b"))
		b.Suspend = true
		s.receive(x, b)
		r := s.reported(x)
		who := s.id.Credential()
		if r.Cluster != "east-1" || r.Epoch != 2 || r.Generation != 7 || r.Digest != b.Digest() || r.Revision != b.Revision ||
			!r.Suspended || r.Agent.Trust != who.Trust.ID() || r.Agent.APIs != s.cluster.APIsDigest() ||
			r.Version != protocol.Version {
			t.Errorf("it reports %+v", r)
		}
		var names []string
		for _, a := range r.Apps {
			names = append(names, a.Name+" "+string(a.Phase))
		}
		same(t, "apps", names, []string{"shop suspended", "web suspended"})
		if r.Message != "installed from an older manifest" {
			t.Errorf("the message is %q", r.Message)
		}
		x.Notes.With(func() {
			x.Notes.Message, x.Notes.Version = "the bundle cannot be stored", "upgrading to agent:2"
			x.Notes.Drift.Corrected = 3
			x.Notes.Refused = &protocol.Refusal{Generation: 6, Reason: "older"}
		})
		r = s.reported(x)
		if want := "the bundle cannot be stored; upgrading to agent:2; installed from an older manifest"; r.Message != want {
			t.Errorf("the message is %q, want %q", r.Message, want)
		}
		if r.Drift.Corrected != 3 || r.Refused == nil || r.Refused.Reason != "older" {
			t.Errorf("it reports drift %+v and the refusal %+v", r.Drift, r.Refused)
		}
	})
}

// reported has a report made and gives it as the hub has it.
func (s *scene) reported(x *term) protocol.Report {
	s.t.Helper()
	s.bus.said()
	x.Out.Changed(true)
	s.settle()
	all := s.bus.said()
	if len(all) == 0 {
		s.t.Fatal("nothing was reported")
	}
	return all[len(all)-1]
}

// What the API server serves is much, and nobody needs it in every report.
func TestWhatIsServedIsReportedWhenItIsAskedFor(t *testing.T) {
	t.Parallel()
	play(t, func(s *scene) {
		x := s.session()
		if r := s.reported(x); r.APIs != nil {
			t.Errorf("unasked it reports %q", r.APIs)
		}
		x.asked(protocol.Ask{Kind: protocol.AskAPIs})
		s.settle()
		said := s.bus.said()
		if len(said) != 1 || !slices.Equal(said[0].APIs, []string{"v1 ConfigMap"}) {
			t.Errorf("asked for it reports %+v", said)
		}
		if r := s.reported(x); r.APIs != nil {
			t.Errorf("the next report has %q, too", r.APIs)
		}
	})
}

func TestWhatTheHubAsksForIsDone(t *testing.T) {
	t.Parallel()
	play(t, func(s *scene) {
		x := s.session()
		for _, text := range []string{"one", "two", "three"} {
			x.journal.Record(protocol.Event{Kind: protocol.EventFailed, Message: text})
		}
		s.settle()
		first := s.bus.events[0].Seq
		s.bus.set(func() { s.bus.events = nil })
		x.asked(protocol.Ask{Kind: protocol.AskJournal, From: first + 1, To: first + 2})
		s.settle()
		same(t, "told again", s.bus.told(protocol.EventFailed), []string{"two", "three"})
		s.bus.said()
		x.asked(protocol.Ask{Kind: protocol.AskFetch})
		s.settle()
		if n := len(s.bus.said()); n != 1 {
			t.Errorf("%d reports when the hub asks to fetch, want 1", n)
		}
		x.asked(protocol.Ask{Kind: "dance"})
		s.settle()
		if n := len(s.bus.said()); n != 0 || !s.log.has("the hub asks for what this version cannot do; it is ignored") {
			t.Errorf("%d reports after something that this version cannot do", n)
		}
	})
}

// The upgrade of the agent is looked at again and again. Only what is new of it is said.
func TestTheSameOfTheVersionIsSaidOnce(t *testing.T) {
	t.Parallel()
	play(t, func(s *scene) {
		x := s.session()
		s.reported(x)
		for range 3 {
			x.sayVersion("upgrading to agent:2", false)
			s.settle()
		}
		said := s.bus.said()
		if len(said) != 1 || said[0].Message != "upgrading to agent:2" {
			t.Errorf("it reports %+v", said)
		}
		x.sayVersion("agent:2 failed: crash", true)
		s.settle()
		same(t, "told", s.bus.told(protocol.EventFailed), []string{"agent:2 failed: crash"})
		if said = s.bus.said(); len(said) != 1 || said[0].Message != "agent:2 failed: crash" {
			t.Errorf("it reports %+v", said)
		}
		x.sayVersion("", false)
		s.settle()
		if said = s.bus.said(); len(said) != 1 || said[0].Message != "" {
			t.Errorf("it reports %+v", said)
		}
	})
}

// What would be deleted beyond what is permitted waits for a person, and the report says so.
func TestWhatWaitsForAPersonIsReported(t *testing.T) {
	t.Parallel()
	play(t, func(s *scene) {
		web := s.app("web", "a")
		web.Suspend = false
		st := s.stored(web, 7, "a", "b", "c")
		st.Packed = agent.Pack(lines([]string{"a"}))
		deleted := uint64(0)
		st.Deleted = &deleted
		s.store.apps = map[string]agent.AppState{"web": st}
		b := bundle(7, web)
		b.Deletions = &protocol.Deletions{}
		s.store.envelope, s.cluster.silent = s.signed(b), true
		x := s.restored()
		r := s.reported(x)
		if len(r.Held) != 1 || r.Held[0].App != "web" || r.Held[0].Count != 2 || r.Held[0].ID == "" {
			t.Errorf("held are %+v of %+v", r.Held, r.Apps)
		}
		if owner := x.Objects.Owner(mapRef("b")); owner != "web" {
			t.Errorf("b is of %q", owner)
		}
	})
}
