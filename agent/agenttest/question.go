package agenttest

import (
	"crypto/rand"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent/deliver"
	"github.com/drover-dev/drover/agent/kube"
	"github.com/drover-dev/drover/agent/kube/inspect"
	"github.com/drover-dev/drover/protocol"
	"github.com/nats-io/nats.go"
)

// Answering has an agent answer questions of some kinds; of all, if none are named.
func Answering(client *kube.Client, kinds ...protocol.QuestionKind) func(*deliver.Config) {
	if len(kinds) == 0 {
		kinds = protocol.QuestionKinds()
	}
	return func(c *deliver.Config) { c.Reader, c.Answers = inspect.New(client), kinds }
}

// signed is an ask that carries a question, as the hub signs it. ID and Expires are set where they are not.
func signed(t testing.TB, h *Hub, q *protocol.Question) []byte {
	t.Helper()
	if q.ID == "" {
		q.ID = rand.Text()
	}
	if q.Expires.IsZero() {
		q.Expires = time.Now().Add(protocol.QuestionLife)
	}
	a := protocol.Ask{Version: protocol.Version, Cluster: h.Cluster, Kind: protocol.AskQuestion, Question: q,
		Time:  time.Now(),
		Nonce: rand.Text()}
	h.note(func() { a.Epoch = h.epoch })
	envelope, err := protocol.SignMessage(a, h.Keys...)
	if err != nil {
		t.Fatal(err)
	}
	return envelope
}

// Question has the hub ask the agent, and gives what it answers and how that ended.
func Question(t testing.TB, h *Hub, q protocol.Question) (data string, end protocol.Answer) {
	t.Helper()
	envelope := signed(t, h, &q)
	sub, err := h.nc.SubscribeSync(protocol.AnswerSubject(h.Cluster, q.ID))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	h.AskRaw(t, envelope)
	tr := protocol.Transcript{Cluster: h.Cluster, ID: q.ID}
	for !tr.Over() {
		a := part(t, h, sub, &tr, patience)
		data, end = data+string(a.Data), a
	}
	return data, end
}

// part waits for the next part of an answer.
func part(t testing.TB, h *Hub, sub *nats.Subscription, tr *protocol.Transcript, limit time.Duration) protocol.Answer {
	t.Helper()
	m, err := sub.NextMsg(limit)
	if err != nil {
		t.Fatalf("the agent does not answer: %v", err)
	}
	payload, err := h.hear(protocol.SpeechAnswer, m.Data)
	if err != nil {
		t.Fatalf("a part of the answer: %v", err)
	}
	a, err := tr.Take(payload)
	if err != nil {
		t.Fatalf("a part of the answer: %v", err)
	}
	return a
}

// Replayed has an ask that the agent has answered reach it again, and says how many parts of an answer came before the
// agent answered another question.
func Replayed(t testing.TB, h *Hub, q protocol.Question) int {
	t.Helper()
	envelope := signed(t, h, &q)
	sub, err := h.nc.SubscribeSync(protocol.AnswerSubject(h.Cluster, q.ID))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	h.AskRaw(t, envelope)
	tr := protocol.Transcript{Cluster: h.Cluster, ID: q.ID}
	for !tr.Over() {
		part(t, h, sub, &tr, patience)
	}
	h.AskRaw(t, envelope)
	q.ID = ""
	Question(t, h, q) // which the agent takes after the replay
	n, _, err := sub.Pending()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// GrantFormer has the hub grant credentials as one did before agents could answer, until Hub.Answer is called again.
func GrantFormer(t testing.TB, h *Hub) {
	h.Answer(func(g *protocol.Grant) bool {
		publish, subscribe := protocol.AgentSubjects(h.Cluster)
		publish = slices.DeleteFunc(publish, func(s string) bool { return s == protocol.AnswerSubject(h.Cluster, "*") })
		g.JWT = h.bus.user(t, g.User, publish, subscribe, g.Expires)
		return true
	})
}

// Follow asks a question whose answer has no end, and waits for a text in it. stop has the agent end it, and waits for
// the last part.
func Follow(t testing.TB, h *Hub, q protocol.Question, want string) (data string, stop func()) {
	t.Helper()
	envelope := signed(t, h, &q)
	sub, err := h.nc.SubscribeSync(protocol.AnswerSubject(h.Cluster, q.ID))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sub.Unsubscribe() })
	h.AskRaw(t, envelope)
	tr := protocol.Transcript{Cluster: h.Cluster, ID: q.ID}
	for !strings.Contains(data, want) {
		if tr.Over() {
			t.Fatalf("the answer ends after %q", data)
		}
		data += string(part(t, h, sub, &tr, patience).Data)
	}
	return data, func() {
		t.Helper()
		a := protocol.Ask{Version: protocol.Version, Cluster: h.Cluster, Kind: protocol.AskStop,
			Question: &protocol.Question{ID: q.ID},
			Time:     time.Now(), Nonce: rand.Text()}
		h.note(func() { a.Epoch = h.epoch })
		stopping, err := protocol.SignMessage(a, h.Keys...)
		if err != nil {
			t.Fatal(err)
		}
		h.AskRaw(t, stopping)
		for !tr.Over() {
			part(t, h, sub, &tr, patience)
		}
	}
}
