package nats

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"

	"github.com/drover-dev/drover/protocol"
)

// answerer is an agent on the bus of a test, which answers as the test says.
type answerer struct {
	t       *testing.T
	cluster string
	conn    *natsgo.Conn
	key     ed25519.PrivateKey
	private []byte // opens what is sealed to the cluster
	hub     []byte // what answers are sealed to
	asked   chan protocol.Ask
	refused chan error
}

// answerer enrols a cluster and connects as its agent.
func (s site) answerer(t *testing.T, cluster string) *answerer {
	t.Helper()
	user := newUser()
	private, open, err := protocol.NewOpenKey()
	if err != nil {
		t.Fatal(err)
	}
	a := &answerer{t: t, cluster: cluster, key: must(signerOf(user)), private: private, asked: make(chan protocol.Ask, 16),
		refused: make(chan error, 16)}
	jwt := must(s.keys.AgentJWT(cluster, user.public, time.Now().Add(time.Hour)))
	hello := must(protocol.SignMessage(protocol.Hello{Version: protocol.Version, Cluster: cluster, Time: time.Now(),
		JWT:     jwt,
		OpenKey: open}, a.key))
	if _, err := s.ids.Hello(cluster, hello); err != nil {
		t.Fatal(err)
	}
	if _, a.hub, err = protocol.HubOpenKey(s.keys.Secret); err != nil {
		t.Fatal(err)
	}
	a.conn = s.dial(t, jwt, user.seed, cluster, natsgo.ErrorHandler(func(_ *natsgo.Conn, _ *natsgo.Subscription,
		err error) {
		a.refused <- err
	}))
	keys := must(s.keys.Trust([]string{s.url}, "")).SigningKeys()
	must(a.conn.Subscribe(protocol.AskSubject(cluster), func(m *natsgo.Msg) {
		envelope, err := protocol.Unseal(private, cluster, m.Data)
		if err != nil {
			t.Errorf("an ask: %v", err)
			return
		}
		ask, err := protocol.VerifyMessage[protocol.Ask](envelope, cluster, keys)
		if err != nil {
			t.Errorf("an ask: %v", err)
			return
		}
		a.asked <- ask
	}))
	if err := a.conn.Flush(); err != nil {
		t.Fatal(err)
	}
	return a
}

// next is what the hub asks next.
func (a *answerer) next() protocol.Ask {
	a.t.Helper()
	select {
	case ask := <-a.asked:
		return ask
	case <-time.After(patience):
		a.t.Fatal("nothing is asked")
	}
	panic("unreachable")
}

// part is a part of an answer, as the agent speaks it.
func (a *answerer) part(kind protocol.SpeechKind, id string, n int, text string, last bool) []byte {
	a.t.Helper()
	payload := must(json.Marshal(protocol.Answer{Version: protocol.Version, Cluster: a.cluster, ID: id, Part: n,
		Data: []byte(text), Last: last}))
	return must(protocol.Speak(kind, a.cluster, a.key, a.hub, payload))
}

// says publishes something where the answer to a question is expected.
func (a *answerer) says(cluster, id string, data []byte) {
	a.t.Helper()
	if err := errors.Join(a.conn.Publish(protocol.AnswerSubject(cluster, id), data), a.conn.Flush()); err != nil {
		a.t.Fatal(err)
	}
}

// question asks for something, and gives the answer and how it ended.
func (s site) question(t *testing.T, cluster string) <-chan string {
	out := make(chan string, 1)
	go func() {
		var text strings.Builder
		err := s.bus.Question(t.Context(), cluster, protocol.Question{Kind: protocol.QuestionTree, App: "shop", By: "ann"},
			func(a protocol.Answer) error { text.Write(a.Data); return nil })
		out <- fmt.Sprint(text.String(), " ", err)
	}()
	return out
}

func got(t *testing.T, answer <-chan string) string {
	t.Helper()
	select {
	case text := <-answer:
		return text
	case <-time.After(patience):
		t.Fatal("the question does not end")
	}
	panic("unreachable")
}

// What does not come from the cluster's own agent, for this question, once and in order, is as if it had never come.
func TestOnlyTheClustersAgentAnswersAQuestion(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	a, thief := s.answerer(t, "a"), s.answerer(t, "b")
	answer := s.question(t, "a")
	ask := a.next()
	q := ask.Question
	if ask.Kind != protocol.AskQuestion || q == nil || q.App != "shop" || q.By != "ann" || ask.Nonce == "" ||
		!q.Expires.After(ask.Time) || q.Expires.Sub(ask.Time) > protocol.QuestionLife+time.Second {
		t.Fatalf("the agent is asked %+v %+v", ask, q)
	}
	// Another cluster's agent may not even publish there.
	thief.says("a", q.ID, thief.part(protocol.SpeechAnswer, q.ID, 0, "forged", true))
	select {
	case err := <-thief.refused:
		if !strings.Contains(strings.ToLower(err.Error()), "permissions violation") {
			t.Errorf("the server says of an answer for another cluster: %v", err)
		}
	case <-time.After(patience):
		t.Error("the server lets an agent answer for another cluster")
	}
	// And what a server that was captured puts there is not taken.
	forged := must(protocol.Speak(protocol.SpeechAnswer, "a", thief.key, a.hub, must(json.Marshal(protocol.Answer{
		Version: protocol.Version, Cluster: "a", ID: q.ID, Data: []byte("forged"), Last: true}))))
	other := a.part(protocol.SpeechAnswer, "another", 0, "foreign", true)
	first := a.part(protocol.SpeechAnswer, q.ID, 0, "one ", false)
	for _, data := range [][]byte{forged, other, []byte("noise"), nil, a.part(protocol.SpeechReport, q.ID, 0, "report",
		true),
		must(json.Marshal(protocol.Answer{Version: protocol.Version, Cluster: "a", ID: q.ID, Data: []byte("clear"),
			Last: true})),
		first, first, a.part(protocol.SpeechAnswer, q.ID, 0, "replayed", true), a.part(protocol.SpeechAnswer, q.ID, 1, "two",
			true)} {
		a.says("a", q.ID, data)
	}
	if text := got(t, answer); text != "one two <nil>" {
		t.Errorf("the answer is %q", text)
	}
}

func TestAnAnswerThatIsNotWholeIsRefused(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	a := s.answerer(t, "a")
	large := strings.Repeat("x", protocol.MaxAnswerPart+1)
	for name, c := range map[string]struct {
		parts []int
		text  string
		want  string
	}{
		"a part is missing":    {[]int{0, 2}, "x", protocol.ErrGap.Error()},
		"parts are re-ordered": {[]int{1, 0}, "x", protocol.ErrGap.Error()},
		"a part is too large":  {[]int{0}, large, protocol.ErrOversized.Error()},
	} {
		answer := s.question(t, "a")
		id := a.next().Question.ID
		for _, n := range c.parts {
			a.says("a", id, a.part(protocol.SpeechAnswer, id, n, c.text, false))
		}
		if text := got(t, answer); !strings.Contains(text, c.want) {
			t.Errorf("%s: %q", name, text)
		}
		if stop := a.next(); stop.Kind != protocol.AskStop || stop.Question.ID != id {
			t.Errorf("%s: the agent is not told to stop: %+v", name, stop)
		}
	}
}

func TestAQuestionThatNobodyWaitsForIsStopped(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	a := s.answerer(t, "a")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- s.bus.Question(ctx, "a", protocol.Question{Kind: protocol.QuestionLogs, Follow: true},
			func(protocol.Answer) error { return nil })
	}()
	id := a.next().Question.ID
	a.says("a", id, a.part(protocol.SpeechAnswer, id, 0, "x", false))
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the question ends with %v", err)
	}
	if stop := a.next(); stop.Kind != protocol.AskStop || stop.Question.ID != id {
		t.Errorf("the agent is not told to stop: %+v", stop)
	}
	if err := s.bus.Question(t.Context(), "nobody", protocol.Question{Kind: protocol.QuestionTree}, nil); err == nil ||
		!strings.Contains(err.Error(), "no agent that could be asked") {
		t.Errorf("to ask a cluster without an agent: %v", err)
	}
}

// A credential of an agent allows it to answer for its cluster, and to hear no answer.
func TestNoAgentHearsAnAnswer(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	thief := s.answerer(t, "b")
	for _, subject := range []string{"answer.>", protocol.AnswerSubject("a", "*"), protocol.AnswerSubject("b", "*"),
		protocol.AskSubject("a")} {
		if _, err := thief.conn.Subscribe(subject, func(*natsgo.Msg) {
			t.Errorf("something is heard on %s",
				subject)
		}); err != nil {
			t.Fatal(err)
		}
		if err := thief.conn.Flush(); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-thief.refused:
			if !strings.Contains(err.Error(), subject) {
				t.Errorf("%s: %v", subject, err)
			}
		case <-time.After(patience):
			t.Errorf("the server lets an agent listen on %s", subject)
		}
	}
}
