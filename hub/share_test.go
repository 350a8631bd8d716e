package hub_test

import (
	"strings"
	"testing"
)

// TestAppsShareAnObjectThatTheyDeclareAlike: one delivers it, the one that had it as long as it is there; where they
// differ, both say so.
func TestAppsShareAnObjectThatTheyDeclareAlike(t *testing.T) {
	t.Parallel()
	const namespace = `"kind":"Namespace"`
	member := func(name, labels string) string {
		return manifest("monitoring/"+name+"/config.yaml", name, "{a: b}") + "-- monitoring/" + name + "/namespace.yaml --\n" +
			"apiVersion: v1\nkind: Namespace\nmetadata: {name: monitoring, labels: {" + labels + "}}\n" +
			application(name, argoSource("monitoring/"+name, ""))
	}
	b := newArgoScene(t, member("grafana", "")+member("loki", "")+member("tempo", ""))
	by := func(text, app string) bool {
		_, rest, _ := strings.Cut(text, "app "+app)
		own, _, _ := strings.Cut(rest, "\napp ")
		return strings.Contains(own, namespace)
	}
	alone := func(text, app string) {
		t.Helper()
		if strings.Contains(text, "ERR") || strings.Count(text, namespace) != 1 || !by(text, app) {
			t.Errorf("%s is to deliver the namespace, alone:\n%s", app, text)
		}
	}
	first := b.resolve("staging")
	alone(b.summary(first), "grafana")
	last := told(first)

	b.commit(member("alloy", ""))
	alone(b.summary(b.resolveAfter("staging", last)), "grafana") // who had it keeps it
	alone(b.summary(b.resolve("staging")), "alloy")

	b.commit("-- clusters/staging/grafana.yaml --\n")
	alone(b.summary(b.resolveAfter("staging", last)), "alloy") // another takes it over when its app goes

	b.commit(member("grafana", "") + "-- monitoring/grafana/namespace.yaml --\n")
	alone(b.summary(b.resolveAfter("staging", last)), "alloy") // or when it leaves the app

	b.commit("-- monitoring/grafana/kustomization.yaml --\nresources: [none.yaml]\n")
	got := b.summary(b.resolveAfter("staging", last))
	if strings.Contains(got, namespace) || !strings.Contains(got, "ERR") { // what was published still has it
		t.Errorf("an app that stays at its last good state is to keep it:\n%s", got)
	}

	b.commit(member("grafana", "") + "-- monitoring/grafana/kustomization.yaml --\nresources: [config.yaml, namespace.yaml]\n" + member("tempo", "a: b"))
	got = b.summary(b.resolveAfter("staging", last))
	if !by(got, "grafana") || strings.Count(got, namespace) != 1 || strings.Contains(got, "ERR") ||
		!strings.Contains(got, `"name":"tempo"`) ||
		!strings.Contains(got, "Namespace/monitoring: the app tempo goes on without it, since the app grafana "+
			"(monitoring/grafana) has it and declares it otherwise") {
		t.Errorf("the object of one that differs is to stop, and nothing else:\n%s", got)
	}
}

// TestWhatIsNotTheSameForEachAppIsNotShared: a hook runs for each app.
func TestWhatIsNotTheSameForEachAppIsNotShared(t *testing.T) {
	t.Parallel()
	const job = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: migrate, annotations: {argocd.argoproj.io/hook: PreSync}}\n"
	b := newArgoScene(t, "-- one/job.yaml --\n"+job+"-- two/job.yaml --\n"+job+application("one", argoSource("one", ""))+
		application("two", argoSource("two", "")))
	if got := b.summary(b.resolve("staging")); strings.Count(got,
		"belongs to one app, since it may be another one for each") != 1 || strings.Count(got, `"kind":"Job"`) != 1 {
		t.Errorf("one is to have it, and the other to be told:\n%s", got)
	}
}

// TestWhatOthersWaitForDeliversWhatTheyShare: an app that waits for another cannot bring the namespace of both first.
func TestWhatOthersWaitForDeliversWhatTheyShare(t *testing.T) {
	t.Parallel()
	const namespace = `"kind":"Namespace"`
	member := func(name, dependsOn string) string {
		return manifest("shop/"+name+"/config.yaml", name, "{a: b}") + "-- shop/" + name + "/namespace.yaml --\n" +
			"apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n" +
			kustomization(name, "  path: shop/"+name+"\n"+dependsOn)
	}
	b := newScene(t, fluxSync+member("api", "  dependsOn: [{name: broker}]\n")+member("broker", "  dependsOn: [{name: store}]\n")+
		member("store", "")+member("web", "  dependsOn: [{name: api}]\n"))
	got := b.summary(b.resolve("staging"))
	_, rest, _ := strings.Cut(got, "app store")
	own, _, _ := strings.Cut(rest, "\napp ")
	if strings.Contains(got, "ERR") || strings.Count(got, namespace) != 1 || !strings.Contains(own, namespace) {
		t.Errorf("store is to deliver the namespace, alone:\n%s", got)
	}
}

// TestASharedObjectIsKeptIfOneOfTheAppsWouldKeepIt: all of them may go at once, and then the one that delivers it
// decides.
func TestASharedObjectIsKeptIfOneOfTheAppsWouldKeepIt(t *testing.T) {
	t.Parallel()
	const namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n"
	app := func(name, prune string) string {
		return "-- clusters/staging/" + name + ".yaml --\n" + app(name, "apps/"+name, "  prune: "+prune+"\n") +
			"-- apps/" + name + "/ns.yaml --\n" + namespace
	}
	const kept = `"annotations":{"drover.dev/prune":"disabled"}`
	b := newScene(t, app("a", "true")+app("b", "false"))
	first := b.resolve("staging")
	if got := b.summary(first); strings.Count(got, `"kind":"Namespace"`) != 1 || !strings.Contains(got, kept) {
		t.Errorf("it is to be protected:\n%s", got)
	}
	again := b.resolveAfter("staging", told(first))
	if got := b.summary(again); got != b.summary(first) {
		t.Errorf("what it was told before is to change nothing:\n%s", got)
	}
	b.commit("-- clusters/staging/b.yaml --\n")
	if got := b.summary(b.resolveAfter("staging", told(first))); strings.Contains(got, kept) || strings.Count(got,
		`"kind":"Namespace"`) != 1 {
		t.Errorf("without the app that keeps it, it is as it is written:\n%s", got)
	}
}

// TestOnWhoseBehalfAnObjectIsDeclared decides who has it: what is declared without an account has precedence over
// what is declared with one, and apps share only what the same account delivers.
func TestOnWhoseBehalfAnObjectIsDeclared(t *testing.T) {
	t.Parallel()
	member := func(name, account, value string) string {
		if account != "" {
			account = "  serviceAccount: web/" + account + "\n"
		}
		return "-- clusters/staging/" + name + ".yaml --\n" + app(name, "apps/"+name, account) +
			"-- apps/" + name + "/own.yaml --\n" + configMap("own-"+name, "1") +
			"-- apps/" + name + "/same.yaml --\n" + configMap("same", value)
	}
	for _, c := range []struct{ name, first, then, owner, says string }{
		{"no account has precedence over one, also if it comes later", member("a", "team", "1"), member("b", "", "2"), "b",
			"clusters/staging/a.yaml: ConfigMap/web/same: the app a goes on without it, since the app b (apps/b) " +
				"has it and declares it otherwise"},
		{"also where both declare it alike", member("a", "team", "1"), member("b", "", "1"), "b",
			"shared only by apps of one service account and one project"},
		{"apps of one account share", member("b", "team", "1"), member("a", "team", "1"), "b", ""},
		{"of two accounts the one that had it keeps it", member("b", "team", "1"), member("a", "other", "1"), "b",
			"the app a goes on without it"},
	} {
		b := newScene(t, c.first)
		last := told(b.resolve("staging"))
		b.commit(c.then)
		got := b.summary(b.resolveAfter("staging", last))
		_, rest, _ := strings.Cut("\n"+got, "\napp "+c.owner+"\n")
		own, _, _ := strings.Cut(rest, "\napp ")
		if strings.Contains(got, "ERR") || strings.Count(got, `"name":"same"`) != 1 || !strings.Contains(own,
			`"name":"same"`) || strings.Count(got, `"name":"own-`) != 2 {
			t.Errorf("%s: it is to be %s alone:\n%s", c.name, c.owner, got)
		}
		if c.says == "" && strings.Contains(got, "note ") || !strings.Contains(got, c.says) {
			t.Errorf("%s: %q is to be said:\n%s", c.name, c.says, got)
		}
	}
}

// TestAnAppClaimsNothingThatItMayNotHave: what its project does not permit any more is no former claim of it either.
func TestAnAppClaimsNothingThatItMayNotHave(t *testing.T) {
	t.Parallel()
	project := func(name, denied string) string {
		return "-- fleet/" + name + ".yaml --\napiVersion: drover.dev/v1alpha1\nkind: Project\nmetadata: {name: " +
			name + "}\n" +
			"spec: {sources: [\"./**\"], namespaces: [web], kinds: {deny: [{group: \"\", kind: ConfigMap, name: " +
			denied + "}]}}\n"
	}
	member := func(name string) string {
		return "-- clusters/staging/" + name + ".yaml --\n" + app(name, "apps/"+name, "  project: "+name+"\n") +
			"-- apps/" + name + "/same.yaml --\n" + configMap("same", "of "+name)
	}
	b := newScene(t, project("a", "none")+project("b", "none")+member("a"))
	last := told(b.resolve("staging"))
	b.commit(project("a", "same"))
	if got := b.resolveAfter("staging", last); got.Apps[0].Err == "" || got.Apps[0].Kept != nil {
		t.Fatalf("the app is to stay as it is: %s", b.summary(got))
	}
	b.commit(member("b"))
	got := b.resolveAfter("staging", last)
	if text := b.summary(got); !strings.Contains(text, "of b") || strings.Contains(text, "of a") {
		t.Errorf("b is to have it:\n%s", text)
	}
	if got.Apps[0].Kept == nil || got.Apps[0].Kept.Objects != 0 {
		t.Errorf("a is to be without it: %+v", got.Apps[0])
	}
}
