package why

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/protocol"
)

var now = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// shop is a cluster with a database, a service that depends on it, and a page that depends on that; all are well.
func shop(edits ...func(*query.Cluster)) query.Cluster {
	c := query.Cluster{Name: "prod", Joined: true, Link: query.Link{Connected: true},
		Desired: query.Desired{Generation: 3, Digest: "g3", Revision: protocol.Revision{Hash: "1a2b3c4d5e"}},
		Report:  &protocol.Report{Generation: 3, Digest: "g3", Time: now}, Received: now}
	for _, name := range []string{"api", "db", "web"} {
		d := query.DesiredApp{Name: name, Declared: "App " + name, Path: "apps/" + name, Objects: 2}
		switch name {
		case "api":
			d.DependsOn = []string{"db"}
		case "web":
			d.DependsOn = []string{"api"}
		}
		c.Desired.Apps = append(c.Desired.Apps, d)
		c.Report.Apps = append(c.Report.Apps, protocol.AppReport{Name: name, Phase: protocol.PhaseHealthy,
			Health: protocol.HealthCurrent, Objects: 2, Current: 2, Revision: "1a2b3c4d5e"})
	}
	for _, edit := range edits {
		edit(&c)
	}
	return c
}

// is puts an app of the shop into a phase.
func is(app int, phase protocol.Phase, reason protocol.Reason, message string,
	problems ...protocol.Problem) func(*query.Cluster) {
	return func(c *query.Cluster) {
		a := &c.Report.Apps[app]
		a.Phase, a.Reason, a.Message, a.Problems = phase, reason, message, problems
		a.Health = protocol.HealthDegraded
		if len(problems) > 0 && message == "" {
			a.Message = problems[0].Object.String() + ": " + problems[0].Message
		}
	}
}

func bad(kind, name, message string) protocol.Problem {
	return protocol.Problem{Object: protocol.ObjectRef{Kind: kind, Namespace: "shop", Name: name},
		Health: protocol.HealthDegraded, Message: message}
}

const api, db, web = 0, 1, 2

const pull = "it failed: the image db:2 of container m cannot be pulled: not found; correct the image in Git, or " +
	"push it " +
	"(pod migrate-x7 on node-1)"

// stuck is a shop whose page waits for the service, that for the database, and that for the image of its migration.
func stuck(c *query.Cluster) {
	is(db, protocol.PhaseFailed, protocol.ReasonHookFailed, "", bad("Job", "migrate", pull))(c)
	is(api, protocol.PhasePending, protocol.ReasonDependencyNotReady, "waits for app db, which is failed")(c)
	is(web, protocol.PhasePending, protocol.ReasonDependencyNotReady, "waits for app api, which is pending")(c)
}

// text is an answer without times, a line for each link, and then what to do.
func text(a Answer) string {
	var b strings.Builder
	for _, l := range a.Chain {
		fmt.Fprintf(&b, "%s|%s|%s|%s\n", l.Subject, l.State, l.Reason, l.Message)
	}
	switch {
	case a.Well:
		b.WriteString("well\n")
	default:
		fmt.Fprintf(&b, "do %s|%s|%s:%d\n", a.Do.Text, a.Do.Command, a.Do.File, a.Do.Line)
	}
	for _, also := range a.Also {
		fmt.Fprintf(&b, "also %s\n", also)
	}
	return b.String()
}

const rootCause = "app db|failed|HookFailed|a hook failed\nJob/shop/migrate|degraded||it failed\n" +
	"pod migrate-x7 on node-1|||the image db:2 of container m cannot be pulled: not found; " +
	"correct the image in Git, or push it\ndo correct the image in Git, or push it||apps/db:0\n"

// TestTheChainEndsAtWhatIsToBeDone: from the cluster, an app or an object to the one thing that repairs it.
func TestTheChainEndsAtWhatIsToBeDone(t *testing.T) {
	t.Parallel()
	held := query.Hold{ID: "0123456789", Kind: protocol.HoldDeletions, Clusters: []string{"prod"}, Apps: []string{"db"},
		Count: 40, Reason: "too many", Revision: protocol.Revision{Hash: "1a2b3c4d5e", Subject: "tidy"}}
	hold := func(c *query.Cluster) { c.Waiting = []query.Hold{held} }
	revision := func(c *query.Cluster) { c.Report.Generation, c.Report.Digest = 2, "g2" }
	offline := func(c *query.Cluster) { c.Link = query.Link{Since: now.Add(-time.Hour)} }
	for name, c := range map[string]struct {
		cluster  query.Cluster
		rollouts []query.Rollout
		of       string
		want     string
	}{
		"all is well": {shop(), nil, "",
			"cluster prod|connected, current||it has 3 apps with 6 objects, all as Git asks for at 1a2b3c4d\nwell\n"},
		"an app is well":   {shop(), nil, "web", "app web|healthy||all of its 2 objects are current at 1a2b3c4d\nwell\n"},
		"from the cluster": {shop(stuck), nil, "", "cluster prod|connected, degraded||\n" + rootCause},
		"from the app that waits for one that waits": {shop(stuck), nil, "web",
			"app web|pending|DependencyNotReady|waits for app api, which is pending\n" +
				"app api|pending|DependencyNotReady|waits for app db, which is failed\n" + rootCause},
		"from the app":    {shop(stuck), nil, "db", rootCause},
		"from the object": {shop(stuck), nil, "db/Job/shop/migrate", rootCause},
		"from its name":   {shop(stuck), nil, "db/migrate", rootCause},
		"an app that waits for itself": {shop(func(c *query.Cluster) { c.Desired.Apps[db].DependsOn = []string{"web"} },
			is(api, protocol.PhasePending, protocol.ReasonDependencyNotReady, "waits for app db, which is pending"),
			is(db, protocol.PhasePending, protocol.ReasonDependencyNotReady, "waits for app web, which is pending"),
			is(web, protocol.PhasePending, protocol.ReasonDependencyNotReady, "waits for app api, which is pending")), nil, "db",
			"app db|pending|DependencyNotReady|waits for app web, which is pending\n" +
				"app web|pending|DependencyNotReady|waits for app api, which is pending\n" +
				"app api|pending|DependencyNotReady|waits for app db, which is pending\n" +
				"do see the app that it waits for||:0\n"},
		"a file": {shop(func(c *query.Cluster) {
			c.Desired.Apps[web].Error = "apps/web/kustomization.yaml:7: resources[1] does not exist"
		}), nil, "", "cluster prod|connected, degraded||\n" +
			"app web|failed|RenderFailed|apps/web/kustomization.yaml:7: resources[1] does not exist\n" +
			"do correct the file that the message names||apps/web/kustomization.yaml:7\n"},
		"two that have nothing to do with each other": {shop(stuck, is(web, protocol.PhaseDegraded, protocol.ReasonUnhealthy,
			"",
			bad("Deployment", "web", "2 of 3 replicas are ready"))), nil, "", "cluster prod|connected, degraded||\n" +
			rootCause +
			"also app web is degraded: Deployment/shop/web: 2 of 3 replicas are ready\n"},
		"the object that the app names": {shop(is(web, protocol.PhaseDegraded, protocol.ReasonTimeout,
			"not healthy after 5m: Deployment/shop/web: no replica is ready", bad("Service", "a", "has no address"),
			bad("Deployment", "web", "no replica is ready"))), nil, "web", "app web|degraded|Timeout|it was not healthy in " +
			"time\n" +
			"Deployment/shop/web|degraded||no replica is ready\n" +
			"do correct the object in Git, or raise the app's timeout||apps/web:0\n"},
		"deletions are held": {shop(is(db, protocol.PhaseHealthy, protocol.ReasonPruneHeld, "40 objects are kept"), hold),
			nil, "",
			"cluster prod|connected, degraded||\n" +
				"hold 0123456789|waits for approval|DeletionsOverBudget|revision 1a2b3c4d \"tidy\" would delete 40 objects of " +
				"app db in cluster prod: too many\ndo approve it, or revert it in Git|drover approve 0123456789|:0\n"},
		"deletions of another app are held": {shop(hold), nil, "web",
			"app web|healthy||all of its 2 objects are current at 1a2b3c4d\nwell\n"},
		"newer content is held": {shop(is(db, protocol.PhasePending, protocol.ReasonReleaseHeld, "held"), hold), nil, "db",
			"app db|pending|ReleaseHeld|held\nhold 0123456789|waits for approval|DeletionsOverBudget|revision 1a2b3c4d " +
				"\"tidy\" " +
				"would delete 40 objects of app db in cluster prod: too many\n" +
				"do approve it, or revert it in Git|drover approve 0123456789|:0\n"},
		"a policy holds it back": {shop(), []query.Rollout{{Policy: "other"}, {Policy: "waves", Behind: []string{"prod"},
			Waves: []query.Wave{{Name: "a", Clusters: 2, Settled: 2}, {Name: "b", Clusters: 2, Text: "waits for approval"}}}},
			"",
			"cluster prod|connected, current||\npolicy waves|holds it back||Git asks for something else than the cluster was " +
				"given; wave b: waits for approval\ndo see what the policy waits for|drover rollout why waves|:0\n"},
		"a version failed here": {shop(), []query.Rollout{{Policy: "waves", Behind: []string{"prod"},
			Failures: []query.RolloutFailure{
				{Cluster: "prod", Target: "3c4d5e6f7a", Cause: "web is degraded"}}}}, "",
			"cluster prod|connected, current||\npolicy waves|holds it back||3c4d5e6f failed here: web is degraded\n" +
				"do see what the policy waits for|drover rollout why waves|:0\n"},
		"no agent": {query.Cluster{Name: "prod", Desired: query.Desired{Apps: []query.DesiredApp{{Name: "web"}}}}, nil, "",
			"cluster prod|awaiting agent|AwaitingAgent|run: drover agent manifest --cluster prod | kubectl " +
				"apply -f - (or drover agent install --cluster prod)\n" +
				"do install an agent|drover agent manifest --cluster prod | kubectl apply -f -|:0\n"},
		"no agent, of an app": {query.Cluster{Name: "prod", Desired: query.Desired{Apps: []query.DesiredApp{{Name: "web"}}}},
			nil,
			"web", "app web|pending|Initializing|\ncluster prod|awaiting agent|AwaitingAgent|run: drover agent manifest " +
				"--cluster prod | " +
				"kubectl apply -f - (or drover agent install --cluster prod)\n" +
				"do install an agent|drover agent manifest --cluster prod | kubectl apply -f -|:0\n"},
		"its bundle was refused": {shop(func(c *query.Cluster) {
			c.Report.Refused = &protocol.Refusal{Reason: "its signature is wrong"}
		}), nil, "web", "app web|healthy||it is healthy, and gets nothing new\ncluster prod|connected, " +
			"degraded|BundleRefused|its agent refused a " +
			"bundle: its signature is wrong\ndo see the message||:0\n"},
		"the bundle was not taken yet": {shop(revision), nil, "", "cluster prod|connected, " +
			"progressing|BundleNotAccepted|generation 3 was published and not accepted yet\n" +
			"do wait; if it goes on, see the agent's log||:0\n"},
		"offline": {shop(offline), nil, "", "cluster prod|offline, current|Offline|its agent keeps healing from " +
			"what it has, and takes the newest bundle when it is back\n" +
			"do check the cluster and its way to the hub; it takes the newest bundle when it is back||:0\n"},
		"offline, and something failed": {shop(offline, stuck), nil, "db", rootCause},
		"an object of an app that is well": {shop(), nil, "web/Service/web", "app web|healthy||all of its 2 objects are " +
			"current " +
			"at 1a2b3c4d\nwell\nalso the agent says nothing of Service/web: it tells of objects that are not well\n"},
		"suspended": {shop(is(web, protocol.PhaseSuspended, protocol.ReasonSuspended, "suspended in Git")), nil, "web",
			"app web|suspended|Suspended|suspended in Git\nwell\n"},
	} {
		a, err := Explain(Question{Cluster: c.cluster, Rollouts: c.rollouts, Of: c.of, Now: now})
		if err != nil || text(a) != c.want {
			t.Errorf("%s: %v, got\n%s\nwant\n%s", name, err, text(a), c.want)
		}
		if stale := strings.HasPrefix(a.Stale, "its agent is offline since "+
			"2026-11-30T11:00:00Z"); stale != strings.HasPrefix(name, "offline") {
			t.Errorf("%s: how old it is: %q", name, a.Stale)
		}
	}
}

// TestWhatIsNotThereIsNamed with what may be meant.
func TestWhatIsNotThereIsNamed(t *testing.T) {
	t.Parallel()
	for of, want := range map[string]string{
		"wep":                "did you mean web?",
		"something":          "there are api, db, web",
		"db/Job/shop/migrat": "did you mean Job/shop/migrate?",
		"db/x":               "those are Job/shop/migrate",
		"nothing/Job/abc":    "is not found",
	} {
		_, err := Explain(Question{Cluster: shop(stuck), Of: of, Now: now})
		if !errors.Is(err, ErrUnknown) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", of, err)
		}
	}
	c := shop(is(db, protocol.PhaseFailed, protocol.ReasonHookFailed, "", bad("Job", "x", "a"), bad("Pod", "x", "b")))
	if _, err := Explain(Question{Cluster: c, Of: "db/x", Now: now}); err == nil ||
		!strings.Contains(err.Error(), "any of Job/shop/x, Pod/shop/x") {
		t.Errorf("a name of two: %v", err)
	}
}

// TestEveryReasonHasSomethingToDo: an answer never ends without a next step.
func TestEveryReasonHasSomethingToDo(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, r := range protocol.Reasons() {
		known[string(r)] = true
	}
	for _, r := range query.Reasons() {
		known[string(r)] = true
	}
	for r := range known {
		if todo[r] == "" {
			t.Errorf("nothing is said to do about %s", r)
		}
	}
	for r := range todo {
		if !known[r] {
			t.Errorf("%s is no reason", r)
		}
	}
	for r := range meaning {
		if !known[r] {
			t.Errorf("%s is no reason", r)
		}
	}
}

// TestCommandsAreFoundInMessages, and files with their lines.
func TestCommandsAreFoundInMessages(t *testing.T) {
	t.Parallel()
	for message, want := range map[string]Action{
		"no agent has reported yet: see `kubectl -n drover-system logs ds/drover-agent` in that cluster": {Text: "see the " +
			"message",
			Command: "kubectl -n drover-system logs ds/drover-agent"},
		"run `drover cluster accept prod`; if not, `drover cluster rotate prod`": {Text: "see the message",
			Command: "drover cluster accept prod"},
		"it waits; what to do: drover hub restore": {Text: "see the message", Command: "drover hub restore"},
		"clusters/prod/web.yaml:12: spec.path":     {Text: "see the message", File: "clusters/prod/web.yaml", Line: 12},
		"at 10:12 it ran drover badly":             {Text: "see the message"},
	} {
		if got := remedy("", message, "", ""); got != want {
			t.Errorf("%s: %+v", message, got)
		}
	}
}
