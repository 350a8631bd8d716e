package hub_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/fleet/query/ask"
	"github.com/drover-dev/drover/fleet/query/why"
	"github.com/drover-dev/drover/hub/api"
	"github.com/drover-dev/drover/protocol"
)

// webDeployment is a workload as a chart renders it.
func webDeployment(version string) string {
	return `apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: default, labels: {helm.sh/chart: "web-` + version + `"}}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "ghcr.io/acme/web:` + version + `"}]}
`
}

// asked are three clusters with the same app, on which another one depends.
func asked() map[string]string {
	files := map[string]string{"apps/web/web.yaml": webDeployment("1.4.0"), "apps/page/page.yaml": configMap("page", "1")}
	for _, name := range []string{"bern", "lima", "oslo"} {
		files["clusters/"+name+"/web.yaml"] = "apiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {name: web}\n" +
			"spec: {path: apps/web}\n"
		files["clusters/"+name+"/page.yaml"] = "apiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {name: page}\n" +
			"spec: {path: apps/page, dependsOn: [web]}\n"
	}
	return files
}

// answers serves the API of the hub.
func (r *rig) answers() api.Client {
	r.t.Helper()
	s := &api.Server{State: r.hub.State(), Identities: r.ids, Token: "t", Log: quietLog(r.t)}
	server := httptest.NewServer(s.Handler())
	r.t.Cleanup(server.Close)
	return api.Client{URL: server.URL, APIToken: "t"}
}

// asks waits until a question is answered so.
func asks[R any](r *rig, c api.Client, question, parameters, want string, row func(R) string) {
	r.t.Helper()
	got := ""
	defer func() {
		if r.t.Failed() {
			r.t.Logf("%s?%s was answered\n%s", question, parameters, got)
		}
	}()
	q, err := url.ParseQuery(parameters)
	if err != nil {
		r.t.Fatal(err)
	}
	r.until(question+"?"+parameters+" is answered with "+want, func() bool {
		var page ask.Page[R]
		if err := api.Ask(context.Background(), c, question, q, &page); err != nil {
			got = err.Error()
			return got == want
		}
		var rows []string
		for _, item := range page.Items {
			rows = append(rows, row(item))
		}
		got = strings.Join(rows, "; ")
		return got == want
	})
}

func image(g ask.ImageGroup) string {
	return fmt.Sprint(g.Image, " in ", strings.Join(g.Sample, ","), ", pending ", g.Pending)
}

func chart(g ask.ChartGroup) string {
	return fmt.Sprint(g.Name, " ", g.Version, " in ", strings.Join(g.Sample, ","))
}

// TestQuestionsAreAnsweredFromWhatIsPublishedAndReported: from Git over NATS to the API and back. What a cluster has
// applied is told apart from what Git asks of it.
func TestQuestionsAreAnsweredFromWhatIsPublishedAndReported(t *testing.T) {
	t.Parallel()
	r := newRig(t, asked())
	c := r.answers()
	asks(r, c, "images", "image=web", "ghcr.io/acme/web:1.4.0 in bern,lima,oslo, pending 3", image)
	r.join("bern", "lima", "oslo")
	for _, name := range []string{"bern", "lima", "oslo"} {
		r.await(name, "published", settled)
		r.tells(name, protocol.PhaseHealthy)
	}
	asks(r, c, "images", "image=web", "ghcr.io/acme/web:1.4.0 in bern,lima,oslo, pending 0", image)
	r.push("web 1.5.0", map[string]string{"apps/web/web.yaml": webDeployment("1.5.0")})
	for _, name := range []string{"bern", "lima", "oslo"} {
		r.await(name, "web 1.5.0", func(b protocol.Bundle) bool {
			return strings.Contains(r.lines(name, b, "web"), "web:1.5.0")
		})
	}
	r.tells("bern", protocol.PhaseHealthy)
	asks(r, c, "images", "image=acme/web", "ghcr.io/acme/web:1.4.0 in lima,oslo, pending 0; "+
		"ghcr.io/acme/web:1.5.0 in bern, pending 0", image)
	asks(r, c, "images", "image=:1.5.0", "ghcr.io/acme/web:1.5.0 in bern, pending 0", image)
	asks(r, c, "charts", "chart=web&olderThan=1.5.0", "web 1.4.0 in lima,oslo", chart)
	asks(r, c, "charts", "olderThan=x", `olderThan="x" is no version: write one as 1.2.3`, chart)
	asks(r, c, "objects", "kind=deployment&apiVersion=apps/v1", "apps/v1 Deployment 3 in 3", func(g ask.KindGroup) string {
		return fmt.Sprint(g.APIVersion, " ", g.Kind, " ", g.Objects, " in ", g.Clusters)
	})
	cluster := func(r ask.ClusterRow) string { return r.Name }
	asks(r, c, "clusters", "state=behind", "lima; oslo", cluster)
	asks(r, c, "clusters", "state=behind&limit=1&continue=lima", "oslo", cluster)
	asks(r, c, "apps", "app=web&limit=2", "bern web 1.5.0 true; lima web 1.4.0 true", func(a ask.AppRow) string {
		return fmt.Sprint(a.Cluster, " ", a.App, " ", a.Charts[0].Version, " ", a.Applied)
	})
	r.explains(c)
}

// explains has the app of two clusters fail for the same cause.
func (r *rig) explains(c api.Client) {
	r.t.Helper()
	for _, name := range []string{"bern", "oslo"} {
		b, _ := r.bundle(name)
		r.report(name, func(rep *protocol.Report) {
			rep.Generation, rep.Epoch, rep.Digest, rep.Revision, rep.Seq = b.Generation, b.Epoch, b.Digest(), b.Revision, 2
			problem := protocol.Problem{Object: protocol.ObjectRef{Group: "apps", Kind: "Deployment", Namespace: "default",
				Name: "web"}, Health: protocol.HealthDegraded, Message: "the image is not found for " + name +
				"; correct the image in Git, or push it"}
			rep.Apps = []protocol.AppReport{
				{Name: "page", Phase: protocol.PhasePending, Health: protocol.HealthProgressing,
					Reason: protocol.ReasonDependencyNotReady, Message: "waits for app web, which is degraded"},
				{Name: "web", Phase: protocol.PhaseDegraded, Health: protocol.HealthDegraded, Reason: protocol.ReasonUnhealthy,
					Digest: appOf(b, "web").Blob.Digest, Message: problem.Object.String() + ": " + problem.Message,
					Since: time.Now(), Problems: []protocol.Problem{problem}},
			}
		})
	}
	asks(r, c, "causes", "", "2 web Deployment/default/web: the image is not found for CLUSTER; correct the image in "+
		"Git, or push "+
		"it", func(x ask.Failure) string { return fmt.Sprint(x.Clusters, " ", x.App, " ", x.Object, ": ", x.Message) })
	asks(r, c, "clusters", "state=degraded", "bern; oslo", func(r ask.ClusterRow) string { return r.Name })
	var a why.Answer
	if err := api.Ask(context.Background(), c, "why", url.Values{"what": {"oslo/page"}}, &a); err != nil {
		r.t.Fatal(err)
	}
	var links []string
	for _, l := range a.Chain {
		links = append(links, l.Subject)
	}
	if got := strings.Join(links, " ← "); got != "app page ← app web ← Deployment/default/web" ||
		a.Do.Text != "correct the image in Git, or push it" || a.Do.File != "apps/web" {
		r.t.Errorf("%s, do %+v", got, a.Do)
	}
	for what, want := range map[string]string{
		"osol":     `cluster "osol" is not found: did you mean oslo?`,
		"oslo/wep": "did you mean web?",
	} {
		err := api.Ask(context.Background(), c, "why", url.Values{"what": {what}}, &a)
		if err == nil || !strings.Contains(err.Error(), want) {
			r.t.Errorf("why %s: %v", what, err)
		}
	}
}
