package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/hub/api"
	"github.com/drover-dev/drover/hub/fetch"
	"github.com/drover-dev/drover/protocol"
)

// answers is a hub that gives the same answer to each question: what it is asked for is "METHOD path?query". Anything
// else is
// refused in the words of a hub.
type answers struct {
	url     string
	mu      sync.Mutex
	answer  map[string]any
	asked   []string
	bodies  []string
	refusal string
}

func answering(t *testing.T, answer map[string]any) *answers {
	t.Helper()
	a := &answers{answer: answer, refusal: "there is no such cluster: see `drover status`"}
	s := httptest.NewServer(http.HandlerFunc(a.serve))
	t.Cleanup(s.Close)
	a.url = s.URL
	return a
}

func (a *answers) serve(w http.ResponseWriter, r *http.Request) {
	data := make([]byte, max(r.ContentLength, 0))
	_, _ = r.Body.Read(data)
	a.mu.Lock()
	defer a.mu.Unlock()
	what := r.Method + " " + r.URL.RequestURI()
	a.asked, a.bodies = append(a.asked, what), append(a.bodies, string(data))
	answer, known := a.answer[what]
	switch {
	case r.Header.Get("Authorization") != "Bearer secret":
		w.WriteHeader(http.StatusUnauthorized)
		answer = api.Failure{Error: "the hub does not accept this token"}
	case !known:
		w.WriteHeader(http.StatusNotFound)
		answer = api.Failure{Error: a.refusal}
	case strings.Contains(what, "/watch?"):
		w.Header().Set("Content-Type", "text/event-stream")
		for _, f := range answer.([]api.Fleet) {
			line, _ := json.Marshal(f)
			_, _ = fmt.Fprintf(w, "data: %s\n\n", line)
		}
		return
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// wants runs the command line against the hub.
func (a *answers) wants(t *testing.T, code int, part string, args ...string) {
	t.Helper()
	wants(t, code, part, append(args, "--hub", a.url, "--token", "secret")...)
}

// says runs the command line against the hub, which is to end well, and gives what it says.
func (a *answers) says(t *testing.T, args ...string) string {
	t.Helper()
	said, code := drover(t, append(args, "--hub", a.url, "--token", "secret")...)
	if code != exitFine {
		t.Errorf("drover %s: exit code %d: %s", strings.Join(args, " "), code, said)
	}
	return said
}

// was says whether the hub was asked for something.
func (a *answers) was(what string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Contains(a.asked, what)
}

var clock = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func commit(hash, subject string) protocol.Revision {
	return protocol.Revision{Hash: hash, Subject: subject}
}

// twoClusters are one that is well, and one that is not.
func twoClusters() api.Fleet {
	return api.Fleet{
		Time: clock,
		Source: hub.SourceStatus{Repository: "https://git.example.com/fleet.git", Branch: "main",
			Revision: commit("1a2b3c4d5e6f", "add web"), Resolved: clock.Add(-90 * time.Second)},
		Clusters: []query.Row{
			{Name: "prod", Labels: map[string]string{"env": "production", "region": "eu"}, State: query.StateConnected,
				Since:  clock.Add(-time.Hour),
				Health: protocol.HealthCurrent, Synced: true, Generation: 7, Accepted: 7, Desired: commit("1a2b3c4d5e6f", ""),
				Applied: commit("1a2b3c4d5e6f", ""),
				Apps:    query.Count{Good: 3, All: 3}, Objects: query.Count{Good: 21, All: 21}, Drift: 4,
				Received: clock.Add(-time.Minute),
				Agent:    protocol.Agent{Identity: "drover-agent-0", Version: "0.1.0", Kubernetes: "v1.34.1"}},
			{Name: "edge", State: query.StateOffline, Since: clock.Add(-26 * time.Hour), Health: protocol.HealthDegraded,
				Generation: 7, Accepted: 6,
				Desired: commit("1a2b3c4d5e6f", ""), Applied: commit("ffffffff0000", ""), Apps: query.Count{Good: 1, All: 2},
				Objects: query.Count{Good: 8, All: 9}, Received: clock.Add(-26 * time.Hour),
				Message: "web: Deployment web is degraded:\nimage not found", Reason: "ImagePull"},
		},
	}
}

func TestStatusShowsALineForEachCluster(t *testing.T) {
	t.Parallel()
	f := twoClusters()
	a := answering(t, map[string]any{"GET /api/v1/clusters?selector=": f,
		"GET /api/v1/clusters?selector=env%3Dproduction": api.Fleet{Time: clock,
			Source: f.Source, Clusters: f.Clusters[:1]}, "GET /api/v1/clusters?selector=env%3Dnone": api.Fleet{Time: clock}})
	const table = `https://git.example.com/fleet.git (main) at 1a2b3c4d "add web", resolved 1m30s ago

CLUSTER  AGENT          HEALTH          APPS  OBJECTS  REVISION             HEARD   MESSAGE
prod     connected      current         3/3   21/21    1a2b3c4d             live
edge     offline 1d02h  degraded (old)  1/2   8/9      ffffffff → 1a2b3c4d  1d02h  web: Deployment web is degraded: image not found
`
	if said := a.says(t, "status"); strings.Join(strings.Fields(said), " ") != strings.Join(strings.Fields(table), " ") {
		t.Errorf("got\n%s\nwant\n%s", said, table)
	}
	wide := a.says(t, "status", "-o", "wide")
	for _, part := range []string{"REASON", "ImagePull", "6/7", "v1.34.1", "env=production,region=eu"} {
		if !strings.Contains(wide, part) {
			t.Errorf("-o wide lacks %q:\n%s", part, wide)
		}
	}
	if said := a.says(t, "status", "-l", "env=production"); !strings.Contains(said, "prod ") || strings.Contains(said,
		"edge ") {
		t.Errorf("-l env=production shows\n%s", said)
	}
	a.wants(t, exitFine, "No cluster has the labels env=none.", "status", "-l", "env=none")
	if said := a.says(t, "cluster", "list"); strings.Contains(said, "resolved") || !strings.Contains(said, "prod") {
		t.Errorf("cluster list shows\n%s", said)
	}
	if said := a.says(t, "cluster", "list", "-o", "name"); said != "prod\nedge\n" {
		t.Errorf("cluster list -o name shows %q", said)
	}
}

func TestStatusGivesTheAnswerAsData(t *testing.T) {
	t.Parallel()
	f := twoClusters()
	detail := api.Detail{Row: f.Clusters[0], Time: clock, Source: f.Source}
	a := answering(t, map[string]any{"GET /api/v1/clusters?selector=": f, "GET /api/v1/clusters/prod": detail})
	for _, output := range []string{"json", "yaml"} {
		var fl api.Fleet
		if err := yaml.Unmarshal([]byte(a.says(t, "status", "-o", output)), &fl); err != nil ||
			!slices.EqualFunc(fl.Clusters, f.Clusters,
				func(a, b query.Row) bool {
					return a.Name == b.Name && a.Generation == b.Generation && a.Message == b.Message
				}) {
			t.Errorf("status -o %s: %+v, %v", output, fl, err)
		}
		var rows []query.Row
		if err := yaml.Unmarshal([]byte(a.says(t, "cluster", "list", "-o", output)), &rows); err != nil || len(rows) != 2 ||
			rows[1].Name != "edge" {
			t.Errorf("cluster list -o %s: %+v, %v", output, rows, err)
		}
		for _, command := range [][]string{{"status", "prod"}, {"cluster", "show", "prod"}} {
			var d api.Detail
			if err := yaml.Unmarshal([]byte(a.says(t, append(command, "-o", output)...)), &d); err != nil ||
				d.Name != "prod" || d.Source.Branch != "main" {
				t.Errorf("%v -o %s: %+v, %v", command, output, d, err)
			}
		}
	}
}

func TestTheExitCodeOfStatusIsItsNews(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*api.Fleet)
		code   int
	}{
		"all is well":                 {func(f *api.Fleet) { f.Clusters = f.Clusters[:1] }, exitFine},
		"one is offline and degraded": {func(*api.Fleet) {}, exitBad},
		"one is offline":              {func(f *api.Fleet) { f.Clusters = f.Clusters[:1]; f.Clusters[0].State = query.StateOffline }, exitBad},
		"one is behind": {func(f *api.Fleet) { f.Clusters = f.Clusters[:1]; f.Clusters[0].Synced = false },
			exitBad},
		"one is progressing":       {func(f *api.Fleet) { f.Clusters = f.Clusters[:1]; f.Clusters[0].Health = protocol.HealthProgressing }, exitBad},
		"Git cannot be read":       {func(f *api.Fleet) { f.Clusters = nil; f.Source.Error = "refused" }, exitBad},
		"nothing can be published": {func(f *api.Fleet) { f.Clusters = nil; f.Source.Stalled = "full" }, exitBad},
		"something is wrong in Git": {func(f *api.Fleet) {
			f.Clusters = nil
			f.Source.Problems = []string{"clusters/x: " +
				"empty"}
		}, exitBad},
		"all releases are frozen": {func(f *api.Fleet) {
			f.Clusters = nil
			f.Source.Frozen = &query.Halt{By: "ann", Reason: "a fire"}
		}, exitBad},
		"something is held": {func(f *api.Fleet) { f.Clusters = nil; f.Source.Held = []query.Hold{{ID: "0123456789"}} }, exitBad},
	} {
		f := twoClusters()
		c.change(&f)
		a := answering(t, map[string]any{"GET /api/v1/clusters?selector=": f})
		if said, code := drover(t, "status", "--exit-code", "--hub", a.url, "--token", "secret"); code != c.code ||
			strings.Contains(said, "drover: ") {
			t.Errorf("%s: exit code %d, want %d; it says %q", name, code, c.code, said)
		}
		a.wants(t, exitFine, "", "status") // bad news alone is no failure
	}
}

func TestStatusSaysWhatIsWrongWithTheSource(t *testing.T) {
	t.Parallel()
	f := api.Fleet{Time: clock, Source: hub.SourceStatus{
		Repository: "/srv/fleet", Error: "no branch main:\n there is master", ErrorSince: clock.Add(-2 * time.Minute),
		Stalled: "the disk is full", StalledSince: clock.Add(-time.Hour),
		Problems: []string{"clusters/x/cluster.yaml:3: unknown field"},
		Hub:      hub.HubStatus{State: protocol.HubStandby, Epoch: 4},
		Damage:   hub.Damage{Text: "the stream journal was deleted", Time: clock.Add(-time.Second), Count: 2},
		Joins: hub.Joins{Refused: 3, Last: "the token has expired", Time: clock.Add(-time.Minute), Former: []string{"a",
			"b", "c", "d", "e", "f"}},
		Held: []query.Hold{{Kind: protocol.HoldClusters, ID: "0123456789", Clusters: []string{"a", "b"},
			Revision: commit("1a2b3c4d5e6f", "tidy up"),
			Since:    clock.Add(-time.Minute)}},
		Sources: []fetch.SourceState{{Error: "404", Since: clock.Add(-time.Minute), Revision: "1.2.3"}, {Error: "403",
			Since: clock.Add(-time.Minute)}},
	}}
	a := answering(t, map[string]any{"GET /api/v1/clusters?selector=": f})
	said := a.says(t, "status")
	for _, part := range []string{
		"/srv/fleet at not read yet",
		"  cannot be followed since 2m00s: no branch main:  there is master\n",
		"  nothing can be published since 1h00m, and it is tried again; agents keep their clusters as they are: the disk " +
			"is full\n",
		"  this hub does not act for the fleet: its state is standby, with epoch 4\n",
		"  clusters/x/cluster.yaml:3: unknown field\n",
		"  a source cannot be fetched since 1m00s, and is used as it was at 1.2.3: 404\n",
		"  a source cannot be fetched since 1m00s: 403\n",
		"  held since 1m00s: revision 1a2b3c4d \"tidy up\" took away the folders of a, b; let it through with `drover " +
			"approve 0123456789`, or bring it back in Git\n",
		"2 times, the last 1s ago, and was restored: the stream journal was deleted.",
		"  6 clusters still use a credential of an older release, which does not bound what its holder may send: a, b, " +
			"c, d, e and 1 more.",
		"  refused since the hub started: 3 requests for a credential, the last 1m00s ago: the token has expired\n",
		"No clusters yet: add one with `drover cluster add NAME`",
	} {
		if !strings.Contains(said, part) {
			t.Errorf("it does not say %q:\n%s", part, said)
		}
	}
}

func TestOneClusterIsShownWithItsAppsAndEvents(t *testing.T) {
	t.Parallel()
	f := twoClusters()
	ref := protocol.ObjectRef{Group: "apps", Kind: "Deployment", Namespace: "shop", Name: "web"}
	d := api.Detail{Row: f.Clusters[0], Time: clock, Source: f.Source,
		Identity: hub.Identity{Issued: clock.Add(-time.Hour), Expires: clock.Add(time.Hour), Valid: 2, Dropped: 5,
			DroppedLast: clock, DroppedWhy: "not signed"},
		Problems: []string{"clusters/prod/x.yaml:1: not valid YAML"},
		AppRows: []query.AppRow{{AppReport: protocol.AppReport{Name: "web", Phase: protocol.PhaseDegraded,
			Health: protocol.HealthDegraded, Revision: "1a2b3c4d5e6f",
			Objects: 3, Current: 2, Since: clock.Add(-time.Minute), Message: "it does not start", More: 4,
			Problems: []protocol.Problem{{Object: ref, Health: protocol.HealthDegraded, Message: "image not found"}}}}},
		Events: []protocol.Event{{Kind: protocol.EventDrift, App: "web", Object: &ref, Time: clock.Add(-3 * time.Second),
			Message: "spec.replicas", Took: 12}},
	}
	a := answering(t, map[string]any{"GET /api/v1/clusters/prod": d})
	for _, command := range [][]string{{"status", "prod"}, {"cluster", "show", "prod"}, {"cluster", "show", "prod", "-o",
		"wide"}} {
		said := a.says(t, command...)
		for _, part := range []string{
			"Cluster:     prod\n", "Labels:      env=production,region=eu\n",
			"(drover-agent-0, version 0.1.0, Kubernetes v1.34.1)",
			"(generation 7, accepted 7)", "2 are good in all", "5 messages in its name were not taken",
			"4 corrected since the agent started",
			"  clusters/prod/x.yaml:1: not valid YAML\n", "it does not start\n", "image not found\n", "  web: and 4 more\n",
			"What happened, newest first:\n", "spec.replicas (12 ms)\n",
		} {
			if !strings.Contains(said, part) {
				t.Errorf("%v does not say %q:\n%s", command, part, said)
			}
		}
	}
	a.wants(t, exitBad, "drover: there is no such cluster: see `drover status`\n", "status", "nosuch")
	d.AppRows, d.Events, d.Problems = nil, nil, nil
	a.answer["GET /api/v1/clusters/prod"] = d
	if said := a.says(t, "status", "prod"); !strings.Contains(said, "\nNo apps.\n") || strings.Contains(said,
		"What happened") {
		t.Errorf("without apps it shows\n%s", said)
	}
	a.wants(t, exitFine, "", "status", "prod", "--exit-code")
	d.Health = protocol.HealthDegraded
	a.answer["GET /api/v1/clusters/prod"] = d
	a.wants(t, exitBad, "", "status", "prod", "--exit-code")
	a.wants(t, exitBad, "", "status", "prod", "--exit-code", "-o", "json")
}

func TestStatusFollowsChanges(t *testing.T) {
	t.Parallel()
	first, second := twoClusters(), twoClusters()
	second.Clusters, second.Time = second.Clusters[:1], clock.Add(time.Minute)
	a := answering(t, map[string]any{"GET /api/v1/watch?selector=": []api.Fleet{first, second}})
	said, code := drover(t, "status", "--watch", "--hub", a.url, "--token", "secret")
	if code != exitBad || !strings.Contains(said, "ended the answer") { // the hub is gone in the end
		t.Errorf("exit code %d: %s", code, said)
	}
	if tables := strings.Count(said, "CLUSTER "); tables != 2 || !strings.Contains(said,
		"\n"+second.Time.Local().Format(time.TimeOnly)+"\n") {
		t.Errorf("%d tables:\n%s", tables, said)
	}
	said, _ = drover(t, "status", "--watch", "-o", "yaml", "--hub", a.url, "--token", "secret")
	if strings.Count(said, "---\n") != 2 {
		t.Errorf("-o yaml is no stream of documents:\n%s", said)
	}
}

// Every command that asks a hub says why it gets no answer, with exit code 1, and what to do.
func TestWithoutAHubCommandsSayWhatToDo(t *testing.T) {
	t.Parallel()
	none, wrong, empty := t.TempDir(), t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(wrong, clientFile), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	noHub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") }))
	defer noHub.Close()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	if err := writeClientFile(empty, clientInfo{URL: gone.URL, Token: "secret"}); err != nil {
		t.Fatal(err)
	}
	a := answering(t, nil)
	for _, command := range [][]string{{"status"}, {"status", "a"}, {"status", "--watch"}, {"cluster", "list"},
		{"cluster", "show", "a"}, {"cluster", "forget", "a"},
		{"cluster", "revoke", "a"}, {"cluster", "rotate", "a"}, {"cluster", "accept", "a"}, {"approve", "0123456789"},
		{"hub", endFormerUse},
		{"agent", "token", "--cluster", "a"}, {"agent", "manifest", "--cluster", "a"}} {
		with := func(more ...string) []string { return append(slices.Clone(command), more...) }
		wants(t, exitBad, "no hub is known here", with("--data-dir", none)...)
		wants(t, exitBad, "remove it and start the hub again", with("--data-dir", wrong)...)
		wants(t, exitBad, "no hub answers at "+gone.URL, with("--data-dir", empty)...)
		wants(t, exitUsage, "give it with --token", with("--data-dir", none, "--hub", a.url)...)
		wants(t, exitUsage, "--hub-ca", with("--data-dir", none, "--hub-ca", "/nonexistent")...)
		wants(t, exitBad, "the hub does not accept this token", with("--hub", a.url, "--token", "other")...)
		a.wants(t, exitBad, "there is no such cluster", command...)
		if command[len(command)-1] != "--watch" { // which waits for what is no HTML
			wants(t, exitBad, "is that the address of a Drover hub?", with("--hub", noHub.URL, "--token", "x")...)
		}
	}
}

func TestCredentialsAreRevokedRotatedAndEnded(t *testing.T) {
	t.Parallel()
	f := twoClusters()
	a := answering(t, map[string]any{
		"POST /api/v1/clusters/prod/revoke": hub.Identity{Valid: 2}, "POST /api/v1/clusters/edge/revoke": hub.Identity{},
		"POST /api/v1/clusters/prod/rotate":        hub.Identity{Valid: 1},
		"POST /api/v1/clusters/edge/rotate":        hub.Identity{Valid: 3},
		"GET /api/v1/clusters/prod":                api.Detail{Row: f.Clusters[0]},
		"GET /api/v1/clusters/edge":                api.Detail{Row: f.Clusters[1]},
		"POST /api/v1/credentials/end?force=false": api.EndFormer{Left: []string{"edge"}},
		"POST /api/v1/credentials/end?force=true":  api.EndFormer{Left: []string{"edge"}, Ended: true},
		"DELETE /api/v1/clusters/edge":             struct{}{},
	})
	a.wants(t, exitFine, "The credentials of prod (2) are revoked, and its connection is cut.", "cluster", "revoke",
		"prod")
	a.wants(t, exitFine, "Cluster edge had no credential that was good. To let it join again:\n  drover agent "+
		"manifest --cluster edge", "cluster", "revoke", "edge")
	a.wants(t, exitFine, "The agent of prod is asked to make a new credential now. When it uses that, the older ones "+
		"(1) are revoked.", "cluster", "rotate", "prod")
	a.wants(t, exitFine, "when it is back, for it is offline", "cluster", "rotate", "edge")
	a.wants(t, exitBad, "nothing was ended: 1 cluster still uses a credential of an older release (edge)", "hub",
		endFormerUse)
	a.wants(t, exitFine, "These clusters have to join again", "hub", endFormerUse, "--force")
	a.answer["POST /api/v1/credentials/end?force=false"] = api.EndFormer{Ended: true}
	a.wants(t, exitFine, "No agent used one.", "hub", endFormerUse)
	a.wants(t, exitFine, "edge is forgotten\n", "cluster", "forget", "edge")
	a.wants(t, exitBad, "edge is forgotten\ndrover: there is no such cluster", "cluster", "forget", "edge", "nosuch")
}

func TestNothingIsDoneWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	hold := query.Hold{Kind: protocol.HoldClusters, ID: "0123456789", Revision: commit("1a2b3c4d5e6f", "tidy up"),
		Clusters: []string{"a", "b"}}
	deletes := query.Hold{Kind: protocol.HoldDeletions, ID: "9876543210", Clusters: []string{"a"}, Apps: []string{"web"},
		Count: 30, Reason: "many"}
	a := answering(t, map[string]any{
		"GET /api/v1/held/0123456789": hold, "GET /api/v1/held/9876543210": deletes, "POST /api/v1/approve": hold,
		"GET /api/v1/clusters/edge": api.Detail{Row: query.Row{Name: "edge"}, Copy: &query.Copy{UID: "new", Known: "old",
			Agent: "drover-agent-0"}},
		"GET /api/v1/clusters/prod":         api.Detail{Row: query.Row{Name: "prod"}},
		"POST /api/v1/clusters/edge/accept": hub.Identity{},
	})
	for _, command := range [][]string{{"approve", "0123456789"}, {"cluster", "accept", "edge"}} {
		said, code := drover(t, append(command, "--hub", a.url, "--token", "secret")...)
		if code == exitFine || !strings.Contains(said, "say --yes if you mean it") {
			t.Errorf("%v: exit code %d: %s", command, code, said)
		}
	}
	if a.was("POST /api/v1/approve") || a.was("POST /api/v1/clusters/edge/accept") {
		t.Errorf("it was done all the same: %q", a.asked)
	}
	a.wants(t, exitFine, "a is let go\nb is let go\n", "approve", "0123456789", "--yes")
	if !slices.Contains(a.bodies, `{"revision":"0123456789"}`) {
		t.Errorf("what is approved is %q", a.bodies)
	}
	a.answer["POST /api/v1/approve"] = deletes
	a.wants(t, exitFine, "9876543210 is approved; `drover status` shows when it is done\n", "approve", "9876543210", "-y")
	a.wants(t, exitFine, "The cluster with uid new is edge now.", "cluster", "accept", "edge", "--yes")
	a.wants(t, exitBad, "no other cluster uses the credential of prod: there is nothing to decide", "cluster", "accept",
		"prod", "--yes")
}

// A freeze is for all clusters, and is shown wherever people look.
func TestAFreezeIsAskedForAndShown(t *testing.T) {
	t.Parallel()
	frozen := query.Halt{By: "ann", Reason: "a fire", Until: time.Date(2026, 12, 18, 9, 0, 0, 0, time.UTC)}
	fleet := api.Fleet{}
	fleet.Source.Frozen = &frozen
	a := answering(t, map[string]any{"POST /api/v1/freeze": api.Decided{Text: "nothing new is released"},
		"GET /api/v1/freeze": frozen, "GET /api/v1/rollouts": []query.Rollout{}, "GET /api/v1/clusters?selector=": fleet})
	a.wants(t, exitFine, "nothing new is released", "rollout", "freeze", "--reason", "a fire", "--until", "3h")
	a.wants(t, exitFine, "nothing new is released", "rollout", "unfreeze", "--reason", "it is out")
	a.wants(t, exitUsage, "it takes no argument", "rollout", "freeze", "production", "--reason", "a fire")
	if n := len(a.bodies); n != 2 || !strings.Contains(a.bodies[0], `"action":"freeze"`) ||
		!strings.Contains(a.bodies[0], `"until":"20`) || !strings.Contains(a.bodies[1], `"action":"unfreeze"`) {
		t.Errorf("it asked for %q", a.bodies)
	}
	const text = "all releases are frozen until 2026-12-18T09:00:00Z by ann: a fire; `drover rollout unfreeze"
	a.wants(t, exitFine, text, "rollout")
	a.wants(t, exitFine, text, "status")
	a.wants(t, exitBad, text, "status", "--exit-code")
	a.answer["GET /api/v1/freeze"] = nil
	if said := a.says(t, "rollout"); strings.Contains(said, "frozen") {
		t.Errorf("without a freeze it says %s", said)
	}
}

// What a command does not take is refused with exit code 2, before anything is asked or done.
func TestWrongCallsAreRefused(t *testing.T) {
	t.Parallel()
	a := answering(t, nil)
	for _, c := range []struct{ says, args string }{
		{"unknown command", "stat"}, {"unknown flag: --nosuch", "status --nosuch"}, {"unknown shorthand flag", "status -x"},
		{"-o xml: use wide, json or yaml", "status -o xml"}, {"at most one cluster", "status a b"}, {"not both",
			"status a -l x=y"}, {"not both", "status a --watch"},
		{"", "status -l =x"}, {"no arguments", "cluster list a"}, {"-o xml", "cluster list -o xml"},
		{"the name of one cluster", "cluster show"},
		{"-o xml", "cluster show a -o xml"}, {"the name", "cluster revoke"}, {"the name", "cluster rotate a b"},
		{"the name", "cluster accept"},
		{"the names", "cluster forget"}, {"the names", "cluster remove"}, {"the name", "cluster add"},
		{"the cluster's name", "cluster add Not_A_Name"},
		{"--from", "cluster add edge --from ../x"}, {"write it as env=staging", "cluster add edge --label env"},
		{"write it as env=staging", "cluster add edge --label env=a'b"},
		{"one id", "approve"}, {"no arguments", "hub " + endFormerUse + " x"}, {"-o xml: use text", "lint -o xml"},
		{"no arguments", "lint staging"},
		{"-o xml: use yaml or json", "render staging -o xml"}, {"the name of one cluster", "render"},
		{"the name of one kind", "schema"}, {"", "schema Nosuch"},
		{"Name it with --cluster", "agent token"}, {"--ttl 1ns", "agent token --cluster a --ttl 1ns"},
		{"Name it with --cluster", "agent manifest"},
		{"no arguments", kustomizeWorker + " x"}, {"a command", "cluster nosuch"}, {"a command", "agent nosuch"},
	} {
		args := strings.Fields(c.args)
		said, code := drover(t, args...)
		if code != exitUsage || !strings.Contains(said, c.says) || !strings.Contains(said, "--help`.") {
			t.Errorf("drover %s: exit code %d, want %d and %q in: %s", c.args, code, exitUsage, c.says, said)
		}
	}
	if len(a.asked) > 0 {
		t.Errorf("the hub was asked for %q", a.asked)
	}
}

func TestCommandsWithoutASubcommandShowTheirHelp(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"", "cluster", "agent"} {
		wants(t, exitFine, "Usage:", strings.Fields(command)...)
	}
	for _, kind := range []string{"App", "Cluster"} {
		var schema map[string]any
		said, code := drover(t, "schema", kind)
		if err := json.Unmarshal([]byte(said), &schema); err != nil || code != exitFine || schema["properties"] == nil {
			t.Errorf("schema %s: exit code %d, %v: %.200s", kind, code, err, said)
		}
	}
}
