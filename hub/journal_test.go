package hub_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"

	"github.com/drover-dev/drover/fleet/identity"
	"github.com/drover-dev/drover/protocol"
)

// tell has a cluster's agent tell of events, given by their numbers and those before them.
func (r *rig) tell(name string, events ...[2]uint64) {
	r.t.Helper()
	for _, e := range events {
		r.say(protocol.SpeechEvent, r.creds[name], must(json.Marshal(protocol.Event{Version: protocol.Version, Cluster: name, Seq: e[0], Prev: e[1],
			Time: time.Now(), Kind: protocol.EventDrift})))
	}
}

// journal waits until a cluster's journal has the events of these numbers, newest first; 0 stands for missing ones.
func (r *rig) journal(name string, want ...uint64) {
	r.t.Helper()
	r.until("the journal of "+name, func() bool {
		c, _ := r.hub.State().Get(name)
		events := c.Journal()
		if len(events) != len(want) {
			return false
		}
		for i, e := range events {
			if e.Kind == protocol.EventMissing && want[i] != 0 || e.Kind != protocol.EventMissing && e.Seq != want[i] {
				return false
			}
		}
		return true
	})
}

// A gap is shown, asked for with the hub's signature and for the cluster's eyes only, and filled in its place.
func TestAGapInTheJournalIsFilled(t *testing.T) {
	t.Parallel()
	r := newRig(t, twoClusters())
	r.join("a")
	asked := make(chan *natsgo.Msg, 10)
	must(r.agent("a").ChanSubscribe(protocol.AskSubject("a"), asked))
	r.tell("a", [2]uint64{5, 4}, [2]uint64{9, 8})
	r.journal("a", 9, 0, 5)
	c, _ := r.hub.State().Get("a")
	if got := c.Journal()[1].Message; !strings.HasPrefix(got, "3 events are missing here") {
		t.Errorf("the gap is shown as %q", got)
	}
	var ask protocol.Ask
	select {
	case m := <-asked:
		envelope, err := protocol.Unseal(r.creds["a"].OpenKey, "a", m.Data)
		if err == nil {
			ask, err = protocol.VerifyMessage[protocol.Ask](envelope, "a", r.creds["a"].SigningKeys())
		}
		if err != nil || ask.Kind != protocol.AskJournal || ask.From != 6 || ask.To != 8 {
			t.Fatalf("the hub asks %+v, %v", ask, err)
		}
	case <-time.After(patience):
		t.Fatal("the hub does not ask")
	}
	r.tell("a", [2]uint64{6, 5}, [2]uint64{7, 6}, [2]uint64{8, 7}, [2]uint64{8, 7}, [2]uint64{10, 9})
	r.journal("a", 10, 9, 8, 7, 6, 5)
	r.restart(nil)
	r.journal("a", 10, 9, 8, 7, 6, 5)
}

func TestWhoHasNoAgentIsNotAsked(t *testing.T) {
	t.Parallel()
	r := newRig(t, twoClusters())
	err := r.hub.Bus.Ask(t.Context(), "b", protocol.Ask{Version: protocol.Version, Cluster: "b", Kind: protocol.AskJournal})
	if err == nil || !strings.Contains(err.Error(), "cluster b has no agent") {
		t.Errorf("asking a cluster without an agent gives %v", err)
	}
}

// The journal shows people the name of an app that Git no longer has, to a hub that never knew it as well.
func TestTheJournalNamesAnAppThatLeft(t *testing.T) {
	t.Parallel()
	r := newRig(t, twoClusters())
	r.join("a")
	id := identity.ID{Kind: "HelmRelease", Namespace: "media", Name: "plex"}
	r.say(protocol.SpeechEvent, r.creds["a"], must(json.Marshal(protocol.Event{Version: protocol.Version, Cluster: "a", Seq: 5, Time: time.Now(),
		Kind: protocol.EventPruned, App: id.Key(), Declared: id.String(), Message: "app " + id.Key() + " left"})))
	named := func() {
		t.Helper()
		r.journal("a", 5)
		c, _ := r.hub.State().Get("a")
		shown := string(r.hub.State().Shown().JSON(must(json.Marshal(c.Journal()))))
		if !strings.Contains(shown, `"app":"media/plex"`) || !strings.Contains(shown, "app media/plex left") || strings.Contains(shown, id.Key()) {
			t.Errorf("the journal is shown as %s", shown)
		}
	}
	named()
	r.restart(nil)
	named()
}
