package ask

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/drover-dev/drover/fleet/facts"
	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/fleet/query/ask"
	"github.com/drover-dev/drover/fleet/query/why"
	"github.com/drover-dev/drover/hub/api"
	"github.com/drover-dev/drover/hub/cmd/drover/waves"
	"github.com/drover-dev/drover/protocol"
)

var now = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// desk is a hub that gives prepared answers, and the command line in front of it.
type desk struct {
	t       *testing.T
	url     string
	asked   []string // the questions
	answers map[string]any
}

var errUsage = errors.New("used wrongly")

func newDesk(t *testing.T, answers map[string]any) *desk {
	d := &desk{t: t, answers: answers}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.asked = append(d.asked, r.URL.RequestURI())
		answer, known := d.answers[strings.TrimPrefix(r.URL.Path, "/api/v1/ask/")]
		if pages, is := answer.(func(after string, limit int) any); is {
			limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
			answer = pages(r.URL.Query().Get("continue"), limit)
		}
		if !known {
			w.WriteHeader(http.StatusNotFound)
			answer = api.Failure{Error: "not found: did you mean web?"}
		}
		_ = json.NewEncoder(w).Encode(answer)
	}))
	t.Cleanup(s.Close)
	d.url = s.URL
	return d
}

func (d *desk) run(args ...string) (string, error) {
	root := &cobra.Command{Use: "drover", SilenceErrors: true, SilenceUsage: true}
	connect := func() waves.Connection {
		return waves.Connection{Flags: func(*cobra.Command) {}, Client: func() (api.Client, error) {
			return api.Client{URL: d.url, APIToken: "t"}, nil
		}}
	}
	root.AddCommand(Commands(connect, func(err error) error { return errors.Join(errUsage, err) })...)
	var out bytes.Buffer
	root.SetOut(&out)
	root.SetArgs(args)
	err := root.ExecuteContext(d.t.Context())
	return out.String(), err
}

// says fails unless a command ends well and says exactly this.
func (d *desk) says(want string, args ...string) {
	d.t.Helper()
	if out, err := d.run(args...); err != nil || out != want {
		d.t.Errorf("%q: %v: got\n%s\nwant\n%s", args, err, out, want)
	}
}

// fails fails unless a command ends with an error that says something.
func (d *desk) fails(usage bool, want string, args ...string) {
	d.t.Helper()
	_, err := d.run(args...)
	if err == nil || !strings.Contains(err.Error(), want) || errors.Is(err, errUsage) != usage {
		d.t.Errorf("%q: %v; want %s", args, err, want)
	}
}

func page[R any](rows ...R) ask.Page[R] {
	if rows == nil {
		rows = []R{}
	}
	return ask.Page[R]{Time: now, Items: rows, Total: len(rows)}
}

func clusters() ask.Page[ask.ClusterRow] {
	row := func(name string, state query.State, drift uint64) ask.ClusterRow {
		return ask.ClusterRow{Row: query.Row{Name: name, State: state, Health: protocol.HealthCurrent, Drift: drift,
			Labels: map[string]string{"env": "prod", "a": "b"}, Apps: query.Count{Good: 2, All: 2}, Since: now.Add(-time.Hour),
			Applied: protocol.Revision{Hash: "1a2b3c4d5e"}, Desired: protocol.Revision{Hash: "2b3c4d5e6f"}}}
	}
	p := page(row("bern", query.StateConnected, 10), row("lima", query.StateOffline, 9))
	p.Items[1].Reason, p.Items[1].Message = query.ReasonOffline, "its agent \x1b[31mis away"
	p.Items[0].HeldBy = []string{"waves"}
	return p
}

// TestAnswersArePrintedAsKubectlDoes: every format, without headers, and sorted.
func TestAnswersArePrintedAsKubectlDoes(t *testing.T) {
	t.Parallel()
	d := newDesk(t, map[string]any{"clusters": clusters()})
	const bern = "bern     connected  current  2/2   1a2b3c4d  2b3c4d5e  -        held back by the policy waves: see " +
		"`drover " +
		"rollout why waves`\n"
	const lima = "lima     offline    current  2/2   1a2b3c4d  2b3c4d5e  Offline  its agent  [31mis away\n"
	const header = "CLUSTER  STATE      HEALTH   APPS  APPLIED   DESIRED   REASON   MESSAGE\n"
	d.says(header+bern+lima, "clusters")
	d.says(header+bern+lima, "clusters", "-o", "table")
	d.says(header+lima+bern, "clusters", "--sort-by", ".drift")
	d.says(header+lima+bern, "clusters", "--sort-by", "{.state}{.nothing}", "--sort-by", "reason", "--sort-by", "drift")
	d.says("cluster/bern\ncluster/lima\n", "clusters", "-o", "name")
	d.says("bern lima\n", "clusters", "-o", "jsonpath={.items[*].name}")
	d.says("bern lima\n", "clusters", "-o", "jsonpath=items[*].name")
	d.says("bern=10 lima=9\n", "clusters", "-o", "go-template={{range $i, $x := .items}}{{if $i}} "+
		"{{end}}{{.name}}={{.drift}}{{end}}")
	wide, err := d.run("clusters", "-o", "wide", "--no-headers")
	if err != nil || strings.Contains(wide, "CLUSTER") || !strings.Contains(wide, "a=b,env=prod") ||
		!strings.Contains(wide, "1h00m") {
		t.Errorf("wide: %v\n%s", err, wide)
	}
	var back ask.Page[ask.ClusterRow]
	data, err := d.run("clusters", "-o", "json")
	if err != nil || json.Unmarshal([]byte(data), &back) != nil || back.Items[1].Name != "lima" {
		t.Errorf("json: %v\n%s", err, data)
	}
	text, err := d.run("clusters", "-o", "yaml")
	if err != nil || !strings.Contains(text, "\n  name: lima\n") || strings.Contains(text, "\x1b") {
		t.Errorf("yaml: %v\n%s", err, text)
	}
	d.fails(true, "use table, wide, json", "clusters", "-o", "xml")
	d.fails(true, "use table, wide, json", "clusters", "-o", "json=x")
	d.fails(true, "-o jsonpath:", "clusters", "-o", "jsonpath={.items[")
	d.fails(true, "-o go-template:", "clusters", "-o", "go-template={{")
	d.fails(false, "does not fit the answer", "clusters", "-o", "go-template={{index .items 7}}")
	d.fails(false, "--sort-by:", "clusters", "--sort-by", "{.a[")
	d.fails(true, "no state \"ill\"", "clusters", "--state", "ill")
	d.fails(true, "is not understood", "clusters", "-l", "a=(")
	d.fails(true, "0 arguments at most", "clusters", "bern")
	d.fails(true, "--limit -1", "clusters", "--limit", "-1")
	d.answers["clusters"] = page[ask.ClusterRow]()
	d.says("No cluster is like that.\n", "clusters", "--state", "behind,offline", "-l", "env=prod")
	const asked = "/api/v1/ask/clusters?limit=1000&selector=env%3Dprod&state=behind%2Coffline"
	if last := d.asked[len(d.asked)-1]; last != asked {
		t.Errorf("the hub was asked %s", last)
	}
	d.says("", "clusters", "-o", "name")
}

// TestAllPagesAreAskedFor, up to the limit, and what is left is said.
func TestAllPagesAreAskedFor(t *testing.T) {
	t.Parallel()
	const all = 2500
	d := newDesk(t, map[string]any{"clusters": func(after string, limit int) any {
		from, _ := strconv.Atoi(after)
		p := page[ask.ClusterRow]()
		for i := from; i < min(from+limit, all); i++ {
			p.Items = append(p.Items, ask.ClusterRow{Row: query.Row{Name: fmt.Sprintf("c%04d", i)}})
		}
		if p.Total = all; from+limit < all {
			p.Continue = strconv.Itoa(from + limit)
		}
		return p
	}})
	out, err := d.run("clusters", "-o", "name")
	if n := strings.Count(out, "\n"); err != nil || n != all || len(d.asked) != 3 || !strings.HasSuffix(out,
		"cluster/c2499\n") {
		t.Errorf("%d lines of %d questions, %v", n, len(d.asked), err)
	}
	out, err = d.run("clusters", "--limit", "2", "--no-headers")
	if err != nil || strings.Count(out, "\n") != 3 || !strings.HasSuffix(out, "… of 2500: go on with --continue \"2\"\n") {
		t.Errorf("two: %v\n%s", err, out)
	}
	out, err = d.run("clusters", "--limit", "2", "--continue", "2499", "-o", "name")
	if err != nil || out != "cluster/c2499\n" {
		t.Errorf("the last: %v\n%s", err, out)
	}
}

// TestAppsAreShownOverTheFleet, and in each cluster.
func TestAppsAreShownOverTheFleet(t *testing.T) {
	t.Parallel()
	d := newDesk(t, map[string]any{"apps": page(ask.AppGroup{App: "media/plex", Key: "plex--x", Healthy: 3,
		Uses: ask.Uses{Clusters: 4, Apps: 4, Pending: 1}, Versions: map[string]int{"plex 1.5.0": 1, "plex 1.4.0": 2,
			"": 1}})})
	d.says("APP         CLUSTERS  HEALTHY  PENDING  VERSIONS\n"+
		"media/plex  4         3        1        plex 1.4.0 (2), nothing (1), plex 1.5.0 (1)\n", "apps")
	d.answers["apps"] = page(
		ask.AppRow{Cluster: "bern", State: query.StateConnected, App: "web", Phase: "healthy", Health: "current",
			Revision: "1a2b3c4d5e", Applied: true, Charts: []facts.Chart{{Name: "web", Version: "1.4.0"}},
			Objects: query.Count{Good: 2, All: 2}},
		ask.AppRow{Cluster: "lima", State: query.StateOffline, App: "web", Phase: "failed", Health: "degraded",
			Reason: "HookFailed",
			Charts: []facts.Chart{{Name: "web", Version: "1.5.0"}}, Message: "a hook failed"})
	d.says("CLUSTER  APP  PHASE    HEALTH              OBJECTS  REVISION  CHART                  REASON      MESSAGE\n"+
		"bern     web  healthy  current             2/2      1a2b3c4d  web 1.4.0              -           -\n"+
		"lima     web  failed   degraded (offline)  0/0      -         web 1.5.0 (asked for)  HookFailed  a hook failed\n",
		"apps", "web", "--phase", "failed,healthy")
	if last := d.asked[len(d.asked)-1]; last != "/api/v1/ask/apps?app=web&limit=1000&phase=failed%2Chealthy" {
		t.Errorf("the hub was asked %s", last)
	}
	d.says("app/bern/web\napp/lima/web\n", "apps", "web", "-o", "name")
	d.answers["apps"] = page[ask.AppRow]()
	d.says("No cluster has web like that.\n", "apps", "web")
	d.says("No cluster has an app.\n", "apps")
	delete(d.answers, "apps")
	d.fails(false, "did you mean web?", "apps", "wep")
}

// TestContentIsOneLineForAllClustersThatHaveIt, and names them where that is asked for.
func TestContentIsOneLineForAllClustersThatHaveIt(t *testing.T) {
	t.Parallel()
	many := ask.Uses{Clusters: 400, Apps: 401, Pending: 3, Sample: []string{"c1", "c2", "c3", "c4", "c5"}}
	all := ask.Uses{Clusters: 2, Apps: 2, Pending: 1, Sample: []string{"bern", "lima"},
		Places: []ask.Place{{Cluster: "bern", App: "web", Applied: true}, {Cluster: "lima", App: "web"}}}
	d := newDesk(t, map[string]any{
		"images":  page(ask.ImageGroup{Image: "nginx:1", Uses: many}, ask.ImageGroup{Image: "nginx:2", Uses: all}),
		"charts":  page(ask.ChartGroup{Chart: facts.Chart{Name: "web", Version: "1.4.0"}, Uses: all}),
		"objects": page(ask.KindGroup{APIVersion: "policy/v1beta1", Kind: "PodDisruptionBudget", Objects: 3, Uses: all}),
		"causes": page(ask.Failure{Reason: "Unhealthy", App: "web", Object: "Deployment/shop/web", Message: "no image",
			Since: now,
			First: "c1", Revisions: []string{"1a2b3c4d"}, Uses: many}),
	})
	d.says("IMAGE    CLUSTERS  APPS  PENDING  WHERE\nnginx:1  400       401   3        c1, c2, c3, c4, c5 and 395 more\n"+
		"nginx:2  2         2     1        bern/web, lima/web (pending)\n", "images", "nginx")
	d.says("CHART  VERSION  CLUSTERS  APPS  PENDING  WHERE\nweb    1.4.0    2         2     1        bern/web, lima/web "+
		"(pending)\n",
		"charts", "web", "--older-than", "1.5.0", "-o", "wide")
	d.says("API VERSION     KIND                 OBJECTS  CLUSTERS  APPS  PENDING  WHERE\n"+
		"policy/v1beta1  PodDisruptionBudget  3        2         2     1        bern/web, lima/web (pending)\n",
		"objects", "--kind", "PodDisruptionBudget", "--api-version", "policy/v1beta1")
	d.says("CLUSTERS  APP  OBJECT               REASON     FIRST SEEN               REVISION  WHERE"+
		"                            MESSAGE\n400       web  Deployment/shop/web  Unhealthy  2026-11-30 12:00Z in c1  "+
		"1a2b3c4d  c1, c2, c3, c4, c5 and 395 more  no image\n", "causes", "--app", "web")
	for i, want := range []string{"images?image=nginx&limit=1000",
		"charts?chart=web&limit=1000&olderThan=1.5.0&places=true",
		"objects?apiVersion=policy%2Fv1beta1&kind=PodDisruptionBudget&limit=1000", "causes?app=web&limit=1000"} {
		if d.asked[i] != "/api/v1/ask/"+want {
			t.Errorf("the hub was asked %s, want %s", d.asked[i], want)
		}
	}
	d.says("image/nginx:1\nimage/nginx:2\n", "images", "-o", "name")
	d.answers["images"] = page[ask.ImageGroup]()
	d.says("No such image is delivered.\n", "images", "x")
}

// TestWhyIsAChainThatEndsWithWhatToDo.
func TestWhyIsAChainThatEndsWithWhatToDo(t *testing.T) {
	t.Parallel()
	d := newDesk(t, map[string]any{"why": why.Answer{Cluster: "bern", App: "web", Time: now, Stale: "its agent is offline",
		Chain: []why.Link{{Subject: "app web", State: "pending", Reason: "DependencyNotReady", Message: "waits for app db",
			Since: now.Add(-90 * time.Second)}, {Subject: "app db", State: "failed"}, {Subject: "Job/x", Message: "no\nimage"}},
		Do:   why.Action{Text: "push the image", Command: "drover status", File: "apps/db/job.yaml", Line: 7},
		Also: []string{"app z is degraded"}}})
	d.says(`app web (pending, DependencyNotReady, for 1m30s): waits for app db
← app db (failed)
  ← Job/x: no image

its agent is offline

What to do: push the image
  run   drover status
  file  apps/db/job.yaml:7

Wrong, too:
  app z is degraded
`, "why", "bern/web")
	d.says("Job/x\n", "why", "bern/web", "-o", "name")
	d.says("push the image\n", "why", "bern/web", "-o", "jsonpath={.do.text}")
	if d.asked[0] != "/api/v1/ask/why?what=bern%2Fweb" {
		t.Errorf("the hub was asked %s", d.asked[0])
	}
	d.answers["why"] = why.Answer{Well: true, Chain: []why.Link{{Subject: "cluster bern", Message: "all is well"}}}
	d.says("cluster bern: all is well\n\nNothing is to be done.\n", "why", "bern")
	d.fails(true, "CLUSTER/APP", "why")
	d.fails(true, "use table", "why", "bern", "-o", "x")
	delete(d.answers, "why")
	d.fails(false, "did you mean", "why", "bern")
}
