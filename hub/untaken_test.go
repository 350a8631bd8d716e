package hub_test

import (
	"strings"
	"testing"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/protocol"
)

// What an agent says and the hub does not take is shown, with how often and why, and no more is shown when it is heard
// again.
func TestWhatIsNotTakenIsShown(t *testing.T) {
	t.Parallel()
	r := newRig(t, twoClusters())
	r.join("a", "b")
	untaken := func(name string) query.Untaken {
		c, _ := r.hub.State().Get(name)
		return c.Untaken
	}
	for i := range uint64(4) {
		if i < 3 {
			r.say(protocol.SpeechReport, r.creds["a"], []byte(`{"version":1,"cluster":"b"}`))
		} else {
			r.say(protocol.SpeechEvent, r.creds["a"], []byte(`no event`))
		}
		r.until("it is counted", func() bool { return untaken("a").Count == i+1 })
	}
	row, last := r.row("a"), untaken("a")
	if !strings.Contains(last.Reason, "an event: malformed") || !strings.Contains(row.Message,
		"4 messages of its agent were not taken since the hub started") {
		t.Errorf("%+v, and the message is %q", last, row.Message)
	}
	if other := untaken("b"); other.Count != 0 {
		t.Errorf("of b: %+v", other)
	}
	r.report("a", func(*protocol.Report) {})
	r.until("the next report is taken", func() bool { return !strings.Contains(r.row("a").Message, "not taken") })
	if u := untaken("a"); u.Count != 4 {
		t.Errorf("the count is gone: %+v", u)
	}
}

// An image of the agent that a tag names is told of in Git's terms, with the way out; one by digest is not.
func TestAnAgentImageByTagIsNoted(t *testing.T) {
	t.Parallel()
	s := newScene(t, `
-- clusters/a/cluster.yaml --
labels: {env: test}
agent: {image: registry.example.com/drover-agent:v1}
-- clusters/b/cluster.yaml --
agent: {image: "registry.example.com/drover-agent@sha256:`+strings.Repeat("0", 64)+`"}
`)
	notesOf := func(cluster string) []fleet.Note {
		res := s.resolve(cluster)
		return res.Notes()
	}
	notes := notesOf("a")
	if len(notes) != 1 || !strings.HasPrefix(notes[0].String(), "clusters/a/cluster.yaml:2: ") ||
		!strings.Contains(notes[0].String(), "by digest") {
		t.Errorf("notes of a tag: %v", notes)
	}
	if notes := notesOf("b"); len(notes) != 0 {
		t.Errorf("notes of a digest: %v", notes)
	}
}
