package live

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/drover-dev/drover/hub/api"
	"github.com/drover-dev/drover/hub/cmd/drover/call"
	"github.com/drover-dev/drover/protocol"
)

var errUsage = errors.New("usage")

// run runs a command against a hub that gives parts as its answer, and says what it was asked.
func run(t *testing.T, parts []api.AnswerPart, args ...string) (out, said string, asked api.Question, err error) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/v1/clusters/east/ask" {
			w.WriteHeader(http.StatusNotFound)
			_ = json.NewEncoder(w).Encode(api.Failure{Error: "there is no cluster"})
			return
		}
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
			t.Error(err)
		}
		for _, p := range parts {
			_ = json.NewEncoder(w).Encode(p)
		}
	}))
	defer server.Close()
	m := Command{Usage: func(err error) error { return errors.Join(errUsage, err) }, Connection: func() call.Connection {
		return call.Connection{Flags: func(*cobra.Command) {}, Client: func() (api.Client,
			error) {
			return api.Client{URL: server.URL}, nil
		}}
	}}
	root := &cobra.Command{Use: "drover", SilenceErrors: true, SilenceUsage: true}
	root.AddCommand(append(m.Commands(), m.DiffCommand())...)
	var stdout, stderr strings.Builder
	root.SetArgs(args)
	root.SetOut(&stdout)
	root.SetErr(&stderr)
	err = root.ExecuteContext(t.Context())
	return stdout.String(), stderr.String(), asked, err
}

// answer is an answer of lines, in pieces that end anywhere.
func answer(t *testing.T, end api.AnswerEnd, lines ...any) (out []api.AnswerPart) {
	t.Helper()
	var text []byte
	for _, l := range lines {
		data, err := json.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		text = append(append(text, data...), '\n')
	}
	for len(text) > 7 {
		out, text = append(out, api.AnswerPart{Data: text[:7]}), text[7:]
	}
	return append(out, api.AnswerPart{Data: text, End: &end})
}

func object(kind, name string) protocol.ObjectRef {
	return protocol.ObjectRef{Kind: kind, Namespace: "shop", Name: name}
}

func TestATreeIsShownAsOne(t *testing.T) {
	t.Parallel()
	parts := answer(t, api.AnswerEnd{Cut: "the rest is left out"},
		protocol.TreeNode{Object: object("Deployment", "web"), Health: protocol.HealthProgressing,
			Message: "1 of 2\x1b[2J are ready"},
		protocol.TreeNode{Object: object("Pod", "web-1"), Depth: 2, Health: protocol.HealthCurrent, Message: "it runs"},
		protocol.TreeNode{Object: object("ConfigMap", "gone"), Missing: true})
	out, said, asked, err := run(t, parts, "tree", "east/media/web")
	const want = `OBJECT NAMESPACE HEALTH MESSAGE
Deployment/web shop progressing 1 of 2 [2J are ready
Pod/web-1 shop current
ConfigMap/gone shop missing`
	if got := squeeze(out); got != want || said != "drover: the rest is left out\n" || err != nil {
		t.Errorf("got\n%s\n%q %v", got, said, err)
	}
	if !strings.Contains(out, "\n    Pod/web-1") {
		t.Errorf("what is owned is not indented:\n%s", out)
	}
	if asked != (api.Question{Kind: protocol.QuestionTree, Path: "media/web"}) {
		t.Errorf("the hub is asked %+v", asked)
	}
	out, _, _, err = run(t, parts, "tree", "east/media/web", "-o", "json")
	var nodes []protocol.TreeNode
	if err != nil || json.Unmarshal([]byte(out), &nodes) != nil || len(nodes) != 3 || strings.Contains(out, "\x1b") {
		t.Errorf("as JSON: %s %v", out, err)
	}
}

// squeeze has one space where a table has several.
func squeeze(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	for i := range lines {
		lines[i] = strings.Join(strings.Fields(lines[i]), " ")
	}
	return strings.Join(lines, "\n")
}

func TestADiffEndsWithACodeThatSaysWhatItFound(t *testing.T) {
	t.Parallel()
	same := protocol.ObjectDiff{App: "web", Change: protocol.DiffSame, Same: 4}
	changed := protocol.ObjectDiff{App: "web", Object: object("ConfigMap", "a"), Change: protocol.DiffChange,
		Fields: []protocol.FieldDiff{{Path: "/data/k", Live: json.RawMessage(`"x"`), Desired: json.RawMessage(`"y"`)}},
		More:   2}
	failed := protocol.ObjectDiff{App: "web", Object: object("ConfigMap", "b"), Change: protocol.DiffFailed,
		Message: "a webhook is away"}
	for name, c := range map[string]struct {
		lines []any
		end   api.AnswerEnd
		code  int
		want  string
	}{
		"nothing differs": {[]any{same}, api.AnswerEnd{}, 0, "4 objects as desired, 0 differ\n"},
		"something": {[]any{changed, same}, api.AnswerEnd{}, 1, "~ ConfigMap/a in shop (web)\n    /data/k: \"x\" " +
			"-> \"y\"\n    and 2 more fields\n4 objects as desired, 1 differs\n"},
		"it is not known": {[]any{changed, failed, same}, api.AnswerEnd{}, 3, "! ConfigMap/b in shop (web): a webhook is " +
			"away\n4 objects as desired, 1 differs\n"},
		"it broke off": {[]any{same}, api.AnswerEnd{Reason: protocol.AnswerFailed, Message: "away"}, 3, ""},
		"it is not there": {[]any{protocol.ObjectDiff{App: "web", Object: object("Pod", "x"), Change: protocol.DiffCreate},
			same}, api.AnswerEnd{}, 1, "+ Pod/x in shop (web)\n"},
		"Git has it not": {[]any{protocol.ObjectDiff{App: "web", Object: object("Pod", "x"), Change: protocol.DiffDelete},
			same}, api.AnswerEnd{}, 1, "- Pod/x in shop (web)\n"},
		"a later change": {[]any{protocol.ObjectDiff{App: "web", Object: object("Pod", "x"), Change: "moved"}, same},
			api.AnswerEnd{}, 1, "? Pod/x in shop (web)\n"},
	} {
		out, _, asked, err := run(t, answer(t, c.end, c.lines...), "diff", "east/web")
		code := 0
		var ended interface{ ExitCode() int }
		if errors.As(err, &ended) {
			code = ended.ExitCode()
		} else if err != nil {
			code = -1
		}
		if code != c.code || !strings.Contains(out, c.want) || asked.Path != "web" || asked.Kind != protocol.QuestionDiff {
			t.Errorf("%s: code %d (%v), asked %+v\n%s", name, code, err, asked, out)
		}
	}
}

func TestAnObjectIsShownAsYAMLOrJSON(t *testing.T) {
	t.Parallel()
	parts := []api.AnswerPart{{Data: []byte(`{"kind":"Pod","meta`)}, {Data: []byte(`data":{"name":"\u001b[2Ja"}}` + "\n"),
		End: &api.AnswerEnd{}}}
	out, _, asked, err := run(t, parts, "get", "east", "po", "a", "-n", "shop")
	if !strings.Contains(out, "kind: Pod\nmetadata:\n  name:") || strings.Contains(out, "\x1b") || strings.Contains(out,
		`\e`) || err != nil {
		t.Errorf("as YAML: %q %v", out, err)
	}
	if asked != (api.Question{Kind: protocol.QuestionGet, Resource: "po", Namespace: "shop", Name: "a"}) {
		t.Errorf("the hub is asked %+v", asked)
	}
	if out, _, _, err := run(t, parts, "get", "east", "po", "a", "-o", "json"); !strings.Contains(out,
		"\"kind\": \"Pod\"") || err != nil {
		t.Errorf("as JSON: %q %v", out, err)
	}
	refused := []api.AnswerPart{{End: &api.AnswerEnd{Reason: protocol.AnswerRefused, Message: "nobody is shown this"}}}
	if out, _, _, err := run(t, refused, "get", "east", "po", "a"); out != "" || err == nil ||
		err.Error() != "nobody is shown this (Refused)" {
		t.Errorf("what is refused: %q %v", out, err)
	}
	broken := []api.AnswerPart{{Data: []byte(`{"kind":"Pod"`)}}
	if out, _, _, err := run(t, broken, "get", "east", "po", "a"); out != "" || err == nil || !strings.Contains(
		err.Error(), "broke off") {
		t.Errorf("a part of an object: %q %v", out, err)
	}
}

func TestLogsSayWhoWroteThem(t *testing.T) {
	t.Parallel()
	parts := answer(t, api.AnswerEnd{}, protocol.LogLine{Pod: "web-1", Container: "app", Text: "hello\x1b[2J"},
		protocol.LogLine{Pod: "web-2", Container: "app", Problem: "no kubelet"})
	out, said, asked, err := run(t, parts, "logs", "east/web/deployment/web", "-c", "app", "--tail", "5", "-f", "-p")
	if out != "web-1/app: hello\ufffd[2J\n" || !strings.Contains(said, "web-2/app: no kubelet") || err == nil {
		t.Errorf("%q %q %v", out, said, err)
	}
	if asked != (api.Question{Kind: protocol.QuestionLogs, Path: "web/deployment/web", Container: "app", Tail: 5,
		Follow: true, Previous: true}) {
		t.Errorf("the hub is asked %+v", asked)
	}
}

func TestWrongUseOfLiveQuestionsIsSaidAtOnce(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"get", "east", "pod"}, {"get", "east", "pod", "a", "-o", "table"}, {"tree", "east"},
		{"tree", "east/"},
		{"tree"}, {"logs", "east"}, {"logs", "east/web", "--tail", "-1"}, {"diff"}, {"diff", "east", "-o", "yaml"},
		{"events"}, {"get", "", "pod", "a"}} {
		if _, _, asked, err := run(t, nil, args...); !errors.Is(err, errUsage) || asked.Kind != "" {
			t.Errorf("%q: %v", args, err)
		}
	}
	if _, _, _, err := run(t, nil, "tree", "west/web"); err == nil || err.Error() != "there is no cluster" {
		t.Errorf("the hub's own words: %v", err)
	}
}

func TestADiffIsOfRevisionsUnlessAClusterIsNamed(t *testing.T) {
	t.Parallel()
	revisions := 0
	m := Command{Usage: func(err error) error { return err }, Connection: func() call.Connection {
		return call.Connection{Flags: func(*cobra.Command) {}, Client: func() (api.Client, error) {
			return api.Client{},
				errUsage
		}}
	}}
	var output string
	diff := &cobra.Command{Use: "diff", SilenceErrors: true, SilenceUsage: true, Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { revisions++; return nil }}
	diff.Flags().StringVarP(&output, "output", "o", "text", "")
	diff = m.Join(diff)
	for _, c := range []struct {
		args      []string
		revisions int
		text      string
	}{{nil, 1, ""}, {[]string{"east/web"}, 1, errUsage.Error()}, {[]string{"a", "b"}, 1, "unknown command"},
		{[]string{"east", "-o", "markdown"}, 1, "choose text or json"}} {
		diff.SetArgs(append([]string{}, c.args...))
		err := diff.ExecuteContext(t.Context())
		if revisions != c.revisions || (err != nil) != (c.text != "") || err != nil && !strings.Contains(err.Error(),
			c.text) {
			t.Errorf("%q: %d times of revisions, %v", c.args, revisions, err)
		}
	}
}
