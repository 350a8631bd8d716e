package hub_test

import (
	"context"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/fleet/query/ask"
	"github.com/drover-dev/drover/hub/api"
	"github.com/drover-dev/drover/hub/bolt"
	"github.com/drover-dev/drover/hub/people"
	"github.com/drover-dev/drover/hub/rollouts"
)

// binding is a RoleBinding of a role to a group.
func binding(group, role, scope string) string {
	return "---\napiVersion: drover.dev/v1alpha1\nkind: RoleBinding\nmetadata: {name: " + group + "}\nspec:\n  role: " +
		role + "\n  subjects: [{kind: Group, name: " + group + "}]\n" + scope
}

const haltRole = "---\napiVersion: drover.dev/v1alpha1\nkind: Role\nmetadata: {name: halter}\nspec:\n" +
	"  rules: [{resources: [rollouts], verbs: [VERB]}]\n"

// shared are two clusters with an app of a project and one of none.
func shared() map[string]string {
	app := func(name, more string) string {
		return "apiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {name: " + name + "}\n" +
			"spec: {path: apps/" + name + more + "}\n"
	}
	files := map[string]string{"apps/web/web.yaml": webDeployment("1.4.0"), "apps/page/page.yaml": configMap("page", "1"),
		"fleet/project.yaml": "apiVersion: drover.dev/v1alpha1\nkind: Project\nmetadata: {name: pay}\n" +
			"spec: {sources: ['*'], namespaces: ['*']}\n",
		"fleet/roles.yaml": strings.Replace(haltRole, "VERB", "halt", 1) +
			binding("dev", "operator", "  clusterSelector: {matchLabels: {env: staging}}\n") +
			binding("pay", "viewer", "  projects: [pay]\n") + binding("night", "halter", "")}
	for name, env := range map[string]string{"east": "staging", "west": "production"} {
		files["clusters/"+name+"/cluster.yaml"] = "labels: {env: " + env + "}\n"
		files["clusters/"+name+"/web.yaml"] = app("web", ", project: pay")
		files["clusters/"+name+"/page.yaml"] = app("page", "")
	}
	return files
}

// crew serves the API, and makes a client for a group.
func (r *rig) crew() func(group string) api.Client {
	r.t.Helper()
	register := must(people.Open(r.store.Table(bolt.TablePeople)))
	s := &api.Server{State: r.hub.State(), Identities: r.ids, Token: "t", People: register, Journal: r.hub.Journal,
		Access: r.roles, Rollouts: decidesNothing{}, Log: quietLog(r.t)}
	server := httptest.NewServer(s.Handler())
	r.t.Cleanup(server.Close)
	return func(group string) api.Client {
		secret, _, err := register.Create(time.Now(), people.Request{Name: "t-" + group, Groups: []string{group}})
		if err != nil {
			r.t.Fatal(err)
		}
		return api.Client{URL: server.URL, APIToken: secret}
	}
}

// TestPeopleSeeWhatTheirRolesGive: roles are read from Git, lists and counts have what the caller may see alone, a bad
// role widens nothing, and a binding that is gone gives nothing more.
func TestPeopleSeeWhatTheirRolesGive(t *testing.T) {
	t.Parallel()
	r := newRig(t, shared())
	client := r.crew()
	dev, pay, night, other := client("dev"), client("pay"), client("night"), client("other")
	names := func(c api.Client) string {
		f, err := c.Clusters(t.Context(), "")
		if err != nil {
			return "error: " + err.Error()
		}
		var out []string
		for _, row := range f.Clusters {
			out = append(out, row.Name+" "+row.Apps.String())
		}
		return strings.Join(out, ", ")
	}
	for what, c := range map[string][2]string{"dev": {names(dev), "east 0/2"}, "pay": {names(pay), "east 0/1, west 0/1"}} {
		if c[0] != c[1] {
			t.Errorf("%s sees %s, want %s", what, c[0], c[1])
		}
	}
	for _, name := range []string{"east", "west"} {
		if c, _ := r.hub.State().Get(name); len(c.Problems)+len(c.Notes) > 0 {
			t.Errorf("what stands below fleet/ is a problem of the cluster %s: %v %v", name, c.Problems, c.Notes)
		}
	}
	denied := func(what string, err error) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), "may not") {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err := other.Clusters(t.Context(), "")
	denied("a group without a binding", err)
	_, err = night.Clusters(t.Context(), "")
	denied("a role without that right", err)
	_, err = dev.Cluster(t.Context(), "west")
	denied("another cluster", err)
	_, err = dev.Token(t.Context(), "east", api.TokenRequest{})
	denied("a join token", err)
	_, err = api.AskCluster(t.Context(), pay, "east", api.Question{Kind: "logs", Path: "web"},
		func([]byte) error { return nil })
	denied("logs", err)
	d, err := pay.Cluster(t.Context(), "east")
	if err != nil || len(d.AppRows) != 1 || d.AppRows[0].Key != "web" {
		t.Errorf("pay sees %+v of a cluster, %v", d.AppRows, err)
	}
	for question, want := range map[string]int{"clusters": 2, "apps": 1, "images": 1, "objects": 1} {
		var page ask.Page[map[string]any]
		if err := api.Ask(t.Context(), pay, question, url.Values{}, &page); question == "objects" {
			if err != nil || page.Total != want {
				t.Errorf("%s: %d, %v", question, page.Total, err)
			}
		} else if err != nil || page.Total != want {
			t.Errorf("%s: pay counts %d (%v), want %d: %v", question, page.Total, err, want, page.Items)
		}
	}
	var chain any
	if err := api.Ask(t.Context(), pay, "why", url.Values{"what": {"east/page"}}, &chain); err == nil {
		t.Errorf("pay is told of another app: %v", chain)
	}
	_, err = night.Decide(t.Context(), rollouts.Order{Action: rollouts.Freeze, Reason: "x"})
	if err != nil {
		t.Errorf("halting: %v", err)
	}
	_, err = night.Decide(t.Context(), rollouts.Order{Action: rollouts.Unfreeze})
	denied("resuming", err)

	files := shared()
	bad := strings.Replace(files["fleet/roles.yaml"], "[halt]", "[fly]", 1)
	r.push("a bad role", map[string]string{"fleet/roles.yaml": bad})
	r.until("the bad role is named", func() bool {
		return strings.Contains(strings.Join(r.hub.State().Source().Problems, "\n"), `verb "fly"`)
	})
	if _, err = night.Decide(t.Context(), rollouts.Order{Action: rollouts.Freeze, Reason: "x"}); err != nil {
		t.Errorf("halting with the last good role: %v", err)
	}
	denied("more than the last good role", second(night.Decide(t.Context(), rollouts.Order{Action: rollouts.Unfreeze})))
	r.push("dev is gone, and a binding stands in a cluster's folder", map[string]string{
		"fleet/roles.yaml":         strings.Replace(haltRole, "VERB", "halt", 1) + binding("night", "halter", ""),
		"clusters/east/roles.yaml": binding("dev", "admin", "")})
	r.until("the binding is gone", func() bool { return strings.Contains(names(dev), "may not") })
	r.until("the misplaced one is named", func() bool {
		c, _ := r.hub.State().Get("east")
		return strings.Contains(strings.Join(c.Problems, "\n"), "AccessMisplaced")
	})
	r.push("no binding at all", map[string]string{"fleet/roles.yaml": ""})
	r.until("night has nothing more", func() bool {
		_, err := night.Decide(t.Context(), rollouts.Order{Action: rollouts.Freeze, Reason: "x"})
		return err != nil && strings.Contains(err.Error(), "may not halt")
	})
	r.restart(nil)
	if p := r.roles.Policy(); !p.Bound() || !p.Read() {
		t.Error("after a restart it is not known any more that bindings decide")
	}
}

// decidesNothing says that everything is done.
type decidesNothing struct{}

func (decidesNothing) Decide(context.Context, rollouts.Order) (string, error) { return "done", nil }

func (decidesNothing) History(context.Context, string) ([]rollouts.Event, error) { return nil, nil }

func second[T any](_ T, err error) error { return err }
