package protocol

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// testQuestion is a question with a value in every field.
func testQuestion() Question {
	return Question{ID: "Q1", Kind: QuestionLogs, Expires: issued.Add(QuestionLife), By: "ada", App: "payment",
		Resource: "deployments.apps", Namespace: "shop", Name: "web", Container: "main", Tail: 10, Follow: true,
		Previous: true}
}

// testAnswer is a part with a value in every field.
func testAnswer() Answer {
	return Answer{Version: 1, Cluster: "staging", ID: "Q1", Part: 0, Data: []byte("{}\n"), Last: true,
		Reason:  AnswerFailed,
		Message: "the API server does not answer", Cut: "the rest, because it is too large"}
}

func TestAQuestionIsChecked(t *testing.T) {
	if err := testQuestion().Check(); err != nil {
		t.Fatal(err)
	}
	for name, edit := range map[string]func(*Question){
		"no id":                    func(q *Question) { q.ID = "" },
		"an id of two tokens":      func(q *Question) { q.ID = "a.b" },
		"an id that is a wildcard": func(q *Question) { q.ID = ">" },
		"an endless id":            func(q *Question) { q.ID = strings.Repeat("a", 65) },
		"a name that is a path":    func(q *Question) { q.Name = "../../secrets/x" },
		"a name of dots":           func(q *Question) { q.Name = ".." },
		"a query in the namespace": func(q *Question) { q.Namespace = "a?b=c" },
		"an escape in the name":    func(q *Question) { q.Name = "a%2fb" },
		"a line break":             func(q *Question) { q.Container = "a\nb" },
		"an endless word":          func(q *Question) { q.Resource = strings.Repeat("a", 300) },
		"an endless asker":         func(q *Question) { q.By = strings.Repeat("a", 300) },
		"a tail below zero":        func(q *Question) { q.Tail = -1 },
		"an endless tail":          func(q *Question) { q.Tail = 1 << 30 },
	} {
		q := testQuestion()
		if edit(&q); !errors.Is(q.Check(), ErrQuestion) {
			t.Errorf("%s: %v", name, q.Check())
		}
	}
}

func TestATranscriptTakesEachPartOnceAndInOrder(t *testing.T) {
	part := func(n int, last bool) Answer {
		return Answer{Version: 1, Cluster: "staging", ID: "Q1", Part: n, Data: []byte("x"), Last: last}
	}
	begin := func(n int) *Transcript {
		tr := &Transcript{Cluster: "staging", ID: "Q1"}
		for i := range n {
			if _, err := tr.Take(mustJSON(t, part(i, false))); err != nil {
				t.Fatal(err)
			}
		}
		return tr
	}
	foreign, other, newer := part(2, false), part(2, false), part(2, false)
	foreign.Cluster, other.ID, newer.Version = "production", "Q2", 99
	for name, c := range map[string]struct {
		payload []byte
		want    error
		over    bool
	}{
		"the next":                {mustJSON(t, part(2, false)), nil, false},
		"the last":                {mustJSON(t, part(2, true)), nil, true},
		"one that came before":    {mustJSON(t, part(1, false)), ErrRepeated, false},
		"an end that is a replay": {mustJSON(t, part(0, true)), ErrRepeated, false},
		"one too early":           {mustJSON(t, part(3, false)), ErrGap, true},
		"one below zero":          {mustJSON(t, part(-1, false)), ErrRepeated, false},
		"of another cluster":      {mustJSON(t, foreign), ErrForeign, false},
		"to another question":     {mustJSON(t, other), ErrForeign, false},
		"no JSON":                 {[]byte("{"), ErrMalformed, false},
		"a flood":                 {bytes.Repeat([]byte(" "), 1<<20), ErrMalformed, false},
	} {
		tr := begin(2)
		if _, err := tr.Take(c.payload); !errors.Is(err, c.want) || c.want == nil && err != nil || tr.Over() != c.over {
			t.Errorf("%s: %v, over %t; want %v, %t", name, err, tr.Over(), c.want, c.over)
		}
	}
	if _, err := begin(2).Take(mustJSON(t, newer)); err == nil {
		t.Error("a part of a later version is taken")
	}
	tr := begin(1)
	if _, err := tr.Take(mustJSON(t, part(1, true))); err != nil {
		t.Fatal(err)
	}
	if _, err := tr.Take(mustJSON(t, part(2, false))); !errors.Is(err, ErrOver) {
		t.Errorf("after the last part another is taken: %v", err)
	}
}

func TestATranscriptIsBounded(t *testing.T) {
	large := Answer{Version: 1, Cluster: "staging", ID: "Q1", Data: make([]byte, MaxAnswerPart)}
	tr := &Transcript{Cluster: "staging", ID: "Q1"}
	for i := range MaxAnswer / MaxAnswerPart {
		large.Part = i
		if _, err := tr.Take(mustJSON(t, large)); err != nil {
			t.Fatalf("part %d: %v", i, err)
		}
	}
	large.Part, large.Data = MaxAnswer/MaxAnswerPart, []byte("x")
	if _, err := tr.Take(mustJSON(t, large)); !errors.Is(err, ErrOversized) || !tr.Over() {
		t.Errorf("more than MaxAnswer: %v, over %t", err, tr.Over())
	}
	tr = &Transcript{Cluster: "staging", ID: "Q1"}
	large.Part, large.Data = 0, make([]byte, MaxAnswerPart+1)
	if _, err := tr.Take(mustJSON(t, large)); !errors.Is(err, ErrOversized) {
		t.Errorf("a part of more than MaxAnswerPart: %v", err)
	}
	tr = &Transcript{Cluster: "staging", ID: "Q1"}
	large.Data, large.Message = nil, strings.Repeat("a", maxAnswerText+1)
	if _, err := tr.Take(mustJSON(t, large)); !errors.Is(err, ErrOversized) {
		t.Errorf("an endless message: %v", err)
	}
}

// An answer is a speech of its own kind: a report or an event that was recorded cannot be passed off as one, nor can
// what another cluster says.
func TestAnAnswerIsSpokenByItsClusterOnly(t *testing.T) {
	private, public, err := HubOpenKey(testSecret)
	if err != nil {
		t.Fatal(err)
	}
	payload := mustJSON(t, testAnswer())
	open := func(kind SpeechKind, cluster, signer string) error {
		said, err := Speak(kind, cluster, testKey(signer), public, payload)
		if err != nil {
			t.Fatal(err)
		}
		s, err := OpenSpeech(SpeechAnswer, "staging", private, said)
		if err == nil {
			_, err = s.Verify([]ed25519.PublicKey{testPublic("staging")})
		}
		return err
	}
	if err := open(SpeechAnswer, "staging", "staging"); err != nil {
		t.Errorf("its own answer: %v", err)
	}
	if err := open(SpeechReport, "staging", "staging"); !errors.Is(err, ErrNotSealed) {
		t.Errorf("a report: %v", err)
	}
	if err := open(SpeechAnswer, "production", "production"); !errors.Is(err, ErrNotSealed) {
		t.Errorf("another cluster's answer: %v", err)
	}
	if err := open(SpeechAnswer, "staging", "production"); !errors.Is(err, ErrUnheard) {
		t.Errorf("another cluster's key: %v", err)
	}
	if _, err := OpenSpeech(SpeechAnswer, "staging", private, payload); !errors.Is(err, ErrNotSealed) {
		t.Errorf("in the clear: %v", err)
	}
}

// An agent of before questions decodes an ask that carries one, and ignores its kind.
func TestAnOlderAgentCanReadAnAskWithAQuestion(t *testing.T) {
	q := testQuestion()
	data := mustJSON(t, Ask{Version: Version, Cluster: "staging", Kind: AskQuestion, Question: &q})
	var older struct {
		Version int
		Cluster string
		Kind    AskKind
		From    uint64
		To      uint64
		Epoch   uint64
		Time    time.Time
		Nonce   string
	}
	if err := json.Unmarshal(data, &older); err != nil || older.Kind != AskQuestion {
		t.Errorf("it reads %+v, %v", older, err)
	}
}

func FuzzTranscript(f *testing.F) {
	f.Add([]byte(`{"version":1,"cluster":"staging","id":"Q1","part":0,"data":"eA==","last":true}`))
	f.Add([]byte(`{"version":1,"cluster":"staging","id":"Q1","part":-9223372036854775808}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		tr := &Transcript{Cluster: "staging", ID: "Q1"}
		for range 2 {
			a, err := tr.Take(payload)
			if err == nil && (a.Cluster != "staging" || a.ID != "Q1" || a.Part != tr.next-1 || len(a.Data) > MaxAnswerPart) {
				t.Fatalf("took %+v", a)
			}
		}
	})
}

func TestKindsAreReadAsTheyAreWritten(t *testing.T) {
	for list, want := range map[string][]QuestionKind{"none": {}, "get": {QuestionGet}, "logs,get,logs": {QuestionLogs,
		QuestionGet},
		"get,tree,diff,events,logs": QuestionKinds()} {
		if got, err := ParseQuestionKinds(list); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q is %q, %v", list, got, err)
		}
	}
	for _, list := range []string{"", "all", "get,", "get, tree", "get\n", "none,get", "get;tree"} {
		if got, err := ParseQuestionKinds(list); err == nil {
			t.Errorf("%q is %q", list, got)
		}
	}
	if slices.Contains(AnsweredByDefault(), QuestionLogs) {
		t.Error("logs are answered without a grant")
	}
}
