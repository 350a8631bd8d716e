package asks

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// cluster is a Reader and Apps with a few objects.
type cluster struct {
	objects map[protocol.ObjectRef]string
	fails   error
	blocks  chan struct{} // reads wait until it is closed, if it is not nil
	secret  bool          // objects of apps may hold values of Secrets
}

var kinds = map[string]agent.Resource{
	"Secret":     {Version: "v1", Kind: "Secret", Plural: "secrets", Namespaced: true},
	"ConfigMap":  {Version: "v1", Kind: "ConfigMap", Plural: "configmaps", Namespaced: true},
	"Pod":        {Version: "v1", Kind: "Pod", Plural: "pods", Namespaced: true},
	"Deployment": {Group: "apps", Version: "v1", Kind: "Deployment", Plural: "deployments", Namespaced: true},
}

func (c *cluster) Resolve(ctx context.Context, _, kind string) (agent.Resource, error) {
	return c.Find(ctx, kind)
}

func (c *cluster) Find(_ context.Context, word string) (agent.Resource, error) {
	if res, ok := kinds[word]; ok {
		return res, nil
	}
	return agent.Resource{}, &agent.Failure{Reason: agent.ReasonKind, Text: "no kind"}
}

func (c *cluster) Read(ctx context.Context, _ agent.Resource, ref protocol.ObjectRef) (json.RawMessage, error) {
	if c.blocks != nil {
		select {
		case <-c.blocks:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if text, ok := c.objects[ref]; ok && c.fails == nil {
		return json.RawMessage(text), nil
	} else if c.fails != nil {
		return nil, c.fails
	}
	return nil, &agent.Failure{Reason: agent.ReasonMissing, Text: "not there"}
}

func (c *cluster) List(context.Context, agent.Resource, string, int, func(json.RawMessage)) (bool, error) {
	return false, nil
}

func (c *cluster) Would(_ context.Context, _ agent.Resource, w agent.Wish) (json.RawMessage, error) {
	return json.RawMessage(w.Patch.Line), nil
}

func (c *cluster) Logs(context.Context, string, string, LogOptions) (io.ReadCloser, error) {
	return nil, c.fails
}

func (c *cluster) Names() []string { return []string{"shop"} }

func (c *cluster) Wishes(app string, _ bool) (out []agent.Wish, known bool, err error) {
	for ref, text := range c.objects {
		out = append(out, agent.Wish{Ref: ref, APIVersion: "v1", Present: true, Patch: agent.Patch{Line: []byte(text)}})
	}
	return out, app == "shop", nil
}

func (c *cluster) Secretive(string) bool { return c.secret }

// desk is a desk over a cluster, and the answers that it sends.
type desk struct {
	*Desk
	t     *testing.T
	mu    sync.Mutex
	parts map[string][]protocol.Answer
	wg    sync.WaitGroup
}

func newDesk(t *testing.T, c *cluster, grants ...protocol.QuestionKind) *desk {
	d := &desk{t: t, parts: map[string][]protocol.Answer{}}
	d.Desk = New(Config{Cluster: "east-1", Namespace: "drover-system", Grants: grants, Reader: c, Apps: c, Log: slog.New(
		slog.DiscardHandler),
		Start: func(f func()) bool { d.wg.Go(f); return true },
		Send: func(_ context.Context, id string, part []byte) error {
			var a protocol.Answer
			if err := json.Unmarshal(part, &a); err != nil {
				t.Error(err)
			}
			d.mu.Lock()
			defer d.mu.Unlock()
			d.parts[id] = append(d.parts[id], a)
			return nil
		}})
	return d
}

func question(id string, kind protocol.QuestionKind) protocol.Question {
	return protocol.Question{ID: id, Kind: kind, Expires: time.Now().Add(time.Minute), App: "shop", Resource: "ConfigMap",
		Namespace: "shop", Name: "a"}
}

// ask asks, and gives the answer as the hub takes it.
func (d *desk) ask(q protocol.Question) (data string, end protocol.Answer) {
	d.t.Helper()
	d.Ask(d.t.Context(), protocol.Ask{Kind: protocol.AskQuestion, Question: &q})
	d.wg.Wait()
	return d.answer(q.ID)
}

// begun counts the answers that have begun and not ended.
func (d *desk) begun() (n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, parts := range d.parts {
		if !parts[len(parts)-1].Last {
			n++
		}
	}
	return n
}

func (d *desk) answer(id string) (data string, end protocol.Answer) {
	d.t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	tr := protocol.Transcript{Cluster: "east-1", ID: id}
	for _, a := range d.parts[id] {
		payload, err := json.Marshal(a)
		if err == nil {
			end, err = tr.Take(payload)
		}
		if err != nil {
			d.t.Fatal(err)
		}
		data += string(end.Data)
	}
	return data, end
}

var settings = protocol.ObjectRef{Kind: "ConfigMap", Namespace: "shop", Name: "a"}

func TestWhatIsNotGrantedIsNotRead(t *testing.T) {
	t.Parallel()
	c := &cluster{objects: map[protocol.ObjectRef]string{settings: `{"metadata":{"name":"a"},"data":{"k":"v"}}`}}
	d := newDesk(t, c, protocol.QuestionGet)
	if data, end := d.ask(question("1", protocol.QuestionGet)); !strings.Contains(data, `"k":"v"`) || end.Reason != "" {
		t.Errorf("what is granted: %q %+v", data, end)
	}
	for i, kind := range []protocol.QuestionKind{protocol.QuestionTree, protocol.QuestionDiff, protocol.QuestionEvents,
		protocol.QuestionLogs} {
		data, end := d.ask(question(fmt.Sprint("n", i), kind))
		if data != "" || end.Reason != protocol.AnswerNotGranted || !strings.Contains(end.Message, "--answers get,"+string(
			kind)) {
			t.Errorf("%s: %q %+v", kind, data, end)
		}
	}
	if _, end := newDesk(t, c).ask(question("1", protocol.QuestionGet)); end.Reason != protocol.AnswerNotGranted {
		t.Errorf("nothing is granted: %+v", end)
	}
}

func TestQuestionsAreAnsweredAFewAtATimeAndStopped(t *testing.T) {
	t.Parallel()
	c := &cluster{blocks: make(chan struct{})}
	d := newDesk(t, c, protocol.QuestionGet)
	begin := func(id string) {
		q := question(id, protocol.QuestionGet)
		d.Ask(t.Context(), protocol.Ask{Kind: protocol.AskQuestion, Question: &q})
	}
	for i := range maxRunning {
		begin(fmt.Sprint(i))
	}
	begin("more")
	for deadline := time.Now().Add(90 * time.Second); d.begun() < maxRunning; <-time.After(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the hub is not told that its questions were heard")
		}
	}
	stop := func(id string) {
		d.Ask(t.Context(), protocol.Ask{Kind: protocol.AskStop, Question: &protocol.Question{ID: id}})
	}
	stop("another") // which ends nothing
	for i := range maxRunning {
		stop(fmt.Sprint(i))
	}
	d.wg.Wait() // nothing else ends them
	if _, end := d.answer("more"); end.Reason != protocol.AnswerBusy {
		t.Errorf("one more than may be is answered: %+v", end)
	}
	for i := range maxRunning {
		if _, end := d.answer(fmt.Sprint(i)); end.Reason != protocol.AnswerFailed || !strings.Contains(end.Message,
			"stopped") {
			t.Errorf("one that was stopped: %+v", end)
		}
	}
	close(c.blocks)
	if _, end := d.ask(question("later", protocol.QuestionGet)); end.Reason != protocol.AnswerNotFound {
		t.Errorf("when they have ended: %+v", end)
	}
}

func TestAQuestionThatIsNoneIsIgnored(t *testing.T) {
	t.Parallel()
	d := newDesk(t, &cluster{}, protocol.QuestionGet)
	d.Ask(t.Context(), protocol.Ask{Kind: protocol.AskQuestion})
	bad := question("x", protocol.QuestionGet)
	bad.Name = "../../namespaces/kube-system"
	d.Ask(t.Context(), protocol.Ask{Kind: protocol.AskQuestion, Question: &bad})
	d.wg.Wait()
	if len(d.parts) != 0 {
		t.Errorf("it is answered: %+v", d.parts)
	}
}

func TestWhyThereIsNoAnswer(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err  error
		want protocol.AnswerReason
		text string
	}{
		"a right is missing": {&agent.Failure{Reason: agent.ReasonForbidden, Said: `cannot get resource "configmaps"`},
			protocol.AnswerForbidden, `drover-system/drover-leader the right (cannot get resource "configmaps")`},
		"it is not there": {&agent.Failure{Reason: agent.ReasonMissing, Text: "gone"}, protocol.AnswerNotFound,
			"gone"},
		"the API server is away": {&agent.Failure{Reason: agent.ReasonUnreachable, Text: "away"}, protocol.AnswerFailed,
			"away"},
		"anything else": {io.ErrUnexpectedEOF, protocol.AnswerFailed, "unexpected EOF"},
	} {
		d := newDesk(t, &cluster{fails: c.err}, protocol.QuestionGet)
		if _, end := d.ask(question("1", protocol.QuestionGet)); end.Reason != c.want || !strings.Contains(end.Message,
			c.text) {
			t.Errorf("%s: %s %q", name, end.Reason, end.Message)
		}
	}
}

func TestAnAnswerIsCutWhereItIsTooLarge(t *testing.T) {
	t.Parallel()
	large := `{"metadata":{"name":"a"},"data":{"k":"` + strings.Repeat("x", protocol.MaxAnswerPart*3) + `"}}`
	d := newDesk(t, &cluster{objects: map[protocol.ObjectRef]string{settings: large}}, protocol.QuestionGet)
	if data, end := d.ask(question("1", protocol.QuestionGet)); len(data) != len(large)+1 || end.Cut != "" {
		t.Errorf("of %d bytes %d came: %s", len(large), len(data), end.Cut)
	}
	var parts int
	w := &writer{cluster: "east-1", id: "1", send: func([]byte) error { parts++; return nil }}
	var err error
	for range protocol.MaxAnswer/1000 + 2 {
		if _, err = w.Write(make([]byte, 1000)); err != nil {
			break
		}
	}
	if err != errFull || w.cut == "" || w.bytes > protocol.MaxAnswer || parts > protocol.MaxAnswer/protocol.MaxAnswerPart {
		t.Errorf("an endless answer: %v, %d bytes in %d parts, cut %q", err, w.bytes, parts, w.cut)
	}
	if _, err := w.Write([]byte("x")); err != errFull {
		t.Errorf("a small piece is taken after one that was left out: %v", err)
	}
}

func TestWhatMayHoldSecretsIsMasked(t *testing.T) {
	t.Parallel()
	const text = `{"apiVersion":"v1","kind":"X","metadata":{"name":"a","namespace":"shop","managedFields":[1],
		"labels":{"` + fleet.LabelApp + `":"shop"},"annotations":{
		"kubectl.kubernetes.io/last-applied-configuration":"{\"pass\":1}","team":"blue"}},
		"data":{"k":"pass"},"stringData":{"k":"pass"},"spec":{"env":[{"name":"pass","value":7}],"on":true}}`
	secret := protocol.ObjectRef{Kind: "Secret", Namespace: "shop", Name: "a"}
	for name, c := range map[string]struct {
		ref    protocol.ObjectRef
		secret bool
		hidden []string
		shown  []string
	}{
		"a ConfigMap": {settings, false, []string{"managedFields"}, []string{`"k":"pass"`, `"value":7`,
			`{\"pass\":1}`}},
		"a Secret": {secret, false, []string{`"k":"pass"`, `{\"pass\":1}`}, []string{`"k":"***"`,
			`"team":"blue"`}},
		"a ConfigMap made of Secrets": {settings, true, []string{"pass", `"value":7`, "blue"}, []string{`"k":"***"`,
			`"name":"a"`, `"on":true`}},
	} {
		d := newDesk(t, &cluster{objects: map[protocol.ObjectRef]string{c.ref: text}, secret: c.secret}, protocol.QuestionGet)
		q := question("1", protocol.QuestionGet)
		q.Resource = c.ref.Kind
		data, end := d.ask(q)
		for _, part := range c.hidden {
			if strings.Contains(data, part) || end.Reason != "" {
				t.Errorf("%s shows %s: %s %s", name, part, data, end.Message)
			}
		}
		for _, part := range c.shown {
			if !strings.Contains(data, part) {
				t.Errorf("%s does not show %s: %s", name, part, data)
			}
		}
	}
}

// A pod has no label of an app: it is what it belongs to that says whether its variables may be those of a Secret.
func TestWhatAnObjectBelongsToDecidesWhetherItIsMasked(t *testing.T) {
	t.Parallel()
	owned := func(kind, name string) string {
		return fmt.Sprintf(`{"metadata":{"name":"a","ownerReferences":[
			{"apiVersion":"v1","kind":%q,"name":%q,"controller":true}]},"spec":{"k":"pass"}}`, kind, name)
	}
	pod := protocol.ObjectRef{Kind: "Pod", Namespace: "shop", Name: "a"}
	web := protocol.ObjectRef{Group: "apps", Kind: "Deployment", Namespace: "shop", Name: "web"}
	const labelled = `{"metadata":{"name":"web","labels":{"` + fleet.LabelApp + `":"shop"}}}`
	for name, c := range map[string]struct {
		objects map[protocol.ObjectRef]string
		masked  bool
	}{
		"of an app": {map[protocol.ObjectRef]string{pod: owned("Deployment", "web"), web: labelled}, true},
		"of no app": {map[protocol.ObjectRef]string{pod: owned("Deployment", "web"),
			web: `{"metadata":{"name":"web"}}`}, false},
		"the owner is gone":   {map[protocol.ObjectRef]string{pod: owned("Deployment", "web")}, false},
		"of an unknown kind":  {map[protocol.ObjectRef]string{pod: owned("Gadget", "web")}, true},
		"an owner of its own": {map[protocol.ObjectRef]string{pod: owned("Pod", "a")}, true},
	} {
		d := newDesk(t, &cluster{objects: c.objects, secret: true}, protocol.QuestionGet)
		q := question("1", protocol.QuestionGet)
		q.Resource = "Pod"
		if data, end := d.ask(q); strings.Contains(data, "pass") == c.masked || end.Reason != "" {
			t.Errorf("%s: %s %+v", name, data, end)
		}
	}
}

func TestFieldsThatDifferAreFound(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		live, desired, want string
		hide                bool
		left                []string
	}{
		"nothing":            {live: `{"a":{"b":[1]}}`, desired: `{"a":{"b":[1]}}`, want: ``},
		"a value":            {live: `{"a":{"b":1}}`, desired: `{"a":{"b":2}}`, want: `/a/b 1 2`},
		"one that is gone":   {live: `{"a":{"b":1,"c":2}}`, desired: `{"a":{"c":2}}`, want: `/a/b 1 -`},
		"an item of a list":  {live: `{"a":[1,{"b":2}]}`, desired: `{"a":[1,{"b":3}]}`, want: `/a/1/b 2 3`},
		"a longer list":      {live: `{"a":[1]}`, desired: `{"a":[1,2]}`, want: `/a [1] [1,2]`},
		"a key with a slash": {live: `{"a/b~c":1}`, desired: `{"a/b~c":2}`, want: `/a~1b~0c 1 2`},
		"what is left to others": {live: `{"spec":{"replicas":1,"x":1}}`, desired: `{"spec":{"replicas":2,"x":2}}`,
			left: []string{"/spec/replicas"}, want: `/spec/x 1 2`},
		"not what begins like it": {live: `{"ab":1}`, desired: `{"ab":2}`, left: []string{"/a"}, want: `/ab 1 2`},
		"values of a Secret": {live: `{"a":"x","n":1,"t":true}`, desired: `{"a":"y","n":2,"t":false}`, hide: true,
			want: `/a "***" "***"; /n "***" "***"; /t "***" "***"`},
		"a structure in a Secret": {live: `{"a":{"b":["x"]}}`, desired: `{}`, hide: true, want: `/a {"b":["***"]} -`},
	} {
		var live, desired map[string]any
		if err := json.Unmarshal([]byte(c.live), &live); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(c.desired), &desired); err != nil {
			t.Fatal(err)
		}
		f := finder{hide: c.hide, left: c.left}
		f.values("", live, desired)
		var got []string
		for _, d := range f.found {
			text := func(v json.RawMessage) string {
				if v == nil {
					return "-"
				}
				return string(v)
			}
			got = append(got, d.Path+" "+text(d.Live)+" "+text(d.Desired))
		}
		if s := strings.Join(got, "; "); s != c.want {
			t.Errorf("%s: %s, want %s", name, s, c.want)
		}
	}
	f := finder{}
	many := map[string]any{}
	for i := range maxFields + 5 {
		many[fmt.Sprint(i)] = strings.Repeat("x", maxValue*2)
	}
	f.values("", map[string]any{}, many)
	if len(f.found) != maxFields || f.more != 5 || len(f.found[0].Desired) > maxValue {
		t.Errorf("many large fields: %d and %d more, %d bytes each", len(f.found), f.more, len(f.found[0].Desired))
	}
}
