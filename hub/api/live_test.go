package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/fleet/access"
	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/hub/people"
	"github.com/drover-dev/drover/protocol"
)

// agents answers what it is asked with the same parts.
type agents struct {
	asked []protocol.Question
	parts []protocol.Answer
	fails error
}

func (a *agents) Question(_ context.Context, _ string, q protocol.Question, each func(protocol.Answer) error) error {
	a.asked = append(a.asked, q)
	for _, p := range a.parts {
		if err := each(p); err != nil {
			return err
		}
	}
	return a.fails
}

// connected is a cluster whose agent answers.
func connected() query.Cluster {
	return query.Cluster{Name: "east", Joined: true, Link: query.Link{Connected: true, Since: time.Unix(1e9, 0)},
		Received: time.Unix(1e9, 0),
		Desired: query.Desired{Apps: []query.DesiredApp{{Name: "web"}, {Name: "plex--7djq27h5pborsivstvcy",
			Declared: "HelmRelease media/plex"}}},
		Report: &protocol.Report{Agent: protocol.Agent{Version: "v1.2.3", Answers: true}}}
}

// askOf serves the questions to one cluster, with the journal of an office.
func askOf(t *testing.T, o *office, c query.Cluster, a *agents) Client {
	s := &asked{find: func(name string) (query.Cluster, error) {
		if name != c.Name {
			return c, failure{http.StatusNotFound, "there is no cluster"}
		}
		return c, nil
	}, shown: func(b []byte) []byte { return []byte(strings.ReplaceAll(string(b), "web", "shown")) }, asker: a,
		sight:   o.server.sight(),
		journal: o.server.Journal, log: slog.New(slog.DiscardHandler)}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v1/clusters/{name}/ask", func(w http.ResponseWriter, r *http.Request) {
		if err := s.serve(w, r.WithContext(people.With(r.Context(), people.Who{Name: "ann",
			Caller: access.Caller{Kind: access.Token, Name: "ann"}}))); err != nil {
			o.server.answer(w, nil, err)
		}
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return Client{URL: server.URL}
}

func textOf(t *testing.T, c Client, cluster string, q Question) (string, AnswerEnd, error) {
	var text strings.Builder
	end, err := AskCluster(t.Context(), c, cluster, q, func(data []byte) error { text.Write(data); return nil })
	return text.String(), end, err
}

func TestAnAnswerIsStreamedAndWhoAskedIsNoted(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	a := &agents{parts: []protocol.Answer{{}, {Data: []byte(`{"app":"web"`)}, {Data: []byte("}\n{}\n"), Last: true,
		Cut: "the rest"}}}
	c := askOf(t, o, connected(), a)
	text, end, err := textOf(t, c, "east", Question{Kind: protocol.QuestionDiff, Path: "web"})
	if text != "{\"app\":\"shown\"}\n{}\n" || end != (AnswerEnd{Cut: "the rest"}) || err != nil {
		t.Errorf("%q %+v %v", text, end, err)
	}
	if q := a.asked[0]; q.By != "ann" || q.App != "web" || q.Kind != protocol.QuestionDiff {
		t.Errorf("the agent is asked %+v", q)
	}
	if text, _, err := textOf(t, c, "east", Question{Kind: protocol.QuestionGet, Resource: "pod",
		Name: "x"}); err != nil ||
		!strings.Contains(text, "web") {
		t.Errorf("an object is not shown as it is: %q %v", text, err)
	}
	entries := o.entries()
	if len(entries) != 2 || entries[0].Kind != "ask" || entries[0].By.Name != "ann" || entries[0].Clusters[0] != "east" ||
		!strings.Contains(entries[0].What, "diff web") || !strings.Contains(entries[1].What, "get pod//x") {
		t.Errorf("the journal has %+v", entries)
	}
}

func TestAnAnswerThatBreaksOffSaysSo(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	a := &agents{parts: []protocol.Answer{{Data: []byte("{}\n")}}, fails: errors.New("a part is missing")}
	text, end, err := textOf(t, askOf(t, o, connected(), a), "east", Question{Kind: protocol.QuestionTree, Path: "web"})
	if text != "{}\n" || end.Reason != protocol.AnswerFailed || end.Message != "a part is missing" || err != nil {
		t.Errorf("%q %+v %v", text, end, err)
	}
	a.parts = nil
	if _, _, err := textOf(t, askOf(t, o, connected(), a), "east", Question{Kind: protocol.QuestionTree,
		Path: "web"}); err == nil ||
		err.Error() != "a part is missing" {
		t.Errorf("before anything came: %v", err)
	}
}

func TestAClusterThatCannotAnswerIsNotAsked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		edit func(*query.Cluster)
		q    Question
		want string
	}{
		"it is offline": {func(c *query.Cluster) { c.Link.Connected = false }, Question{},
			"cluster east is offline since 2001-09-09T01:46:40Z; last known: "},
		"it has no agent": {func(c *query.Cluster) { c.Joined, c.Link.Connected, c.Report = false, false, nil }, Question{},
			"has no agent yet: install it with `drover agent install --cluster east`"},
		"its agent is older": {func(c *query.Cluster) { c.Report.Agent.Answers = false }, Question{},
			"v1.2.3, cannot answer: upgrade it"},
		"nothing was heard":   {func(c *query.Cluster) { c.Report = nil }, Question{}, "not reported yet"},
		"no such app":         {func(*query.Cluster) {}, Question{Path: "shop"}, `there is no app "shop"`},
		"a name that is none": {func(*query.Cluster) {}, Question{Resource: "pod", Name: "../x"}, "this is no question"},
		"another cluster":     {func(c *query.Cluster) { c.Name = "west" }, Question{}, "there is no cluster"},
	} {
		o, a, cluster := newOffice(t), &agents{}, connected()
		c.edit(&cluster)
		c.q.Kind = protocol.QuestionGet
		if _, _, err := textOf(t, askOf(t, o, cluster, a), "east", c.q); err == nil || !strings.Contains(err.Error(),
			c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if len(a.asked) > 0 || len(o.entries()) > 0 {
			t.Errorf("%s: the agent is asked, or it is noted", name)
		}
	}
}

func TestAPathNamesAnAppAndAnObject(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"web":                                 "web ",
		"web/cart":                            "web cart",
		"web/deployment/cart":                 "web deployment/cart",
		"media/plex":                          "plex--7djq27h5pborsivstvcy ",
		"plex":                                "plex--7djq27h5pborsivstvcy ",
		"plex--7djq27h5pborsivstvcy/pod/x":    "plex--7djq27h5pborsivstvcy pod/x",
		"media/plex/pod/x":                    "plex--7djq27h5pborsivstvcy pod/x",
		"HelmRelease/media/plex/deployment/x": "plex--7djq27h5pborsivstvcy deployment/x",
	} {
		key, object, err := appOf(connected(), path)
		if got := fmt.Sprint(key, " ", object); got != want || err != nil {
			t.Errorf("%s is %q, %v", path, got, err)
		}
	}
}

func TestNobodyAsksWithoutAToken(t *testing.T) {
	t.Parallel()
	c, _ := serve(t)
	c.APIToken = "guess"
	if _, _, err := textOf(t, c, "staging", Question{Kind: protocol.QuestionGet}); err == nil ||
		!strings.Contains(err.Error(), "does not accept this token") {
		t.Errorf("%v", err)
	}
}
