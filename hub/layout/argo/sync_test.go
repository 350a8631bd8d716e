package argo

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/layout/argo/argotest"
	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/protocol"
)

// readOf reads an Application with metadata and fields of its spec, on lines 2 and 4, of which the source is whole.
func readOf(t *testing.T, unautomated bool, metadata, spec string) (model.App, error) {
	t.Helper()
	p := argotest.Plan(t, "kind: Application\nmetadata: {name: x, "+metadata+"}\nspec:\n  "+spec+"\n  source: {repoURL: "+
		argotest.Repository+", path: apps}\n", map[string]string{"apps/a.yaml": ""})
	p.Unautomated = unautomated
	var app model.App
	declared, err := Dialect{}.Open(p).Read(p.Objects()[0], &app)
	if !declared {
		t.Fatalf("no app: %q", argotest.Notes(p.Cluster.Notes))
	}
	return app, err
}

const here = "destination: {name: in-cluster, namespace: shop}\n  "

// TestWhenAnApplicationIsSynced: argo-cd, docs/user-guide/auto_sync.md.
func TestWhenAnApplicationIsSynced(t *testing.T) {
	t.Parallel()
	const manual, finalizers = "Application argocd/x", "finalizers: [resources-finalizer.argocd.argoproj.io]"
	for _, c := range []struct {
		name, policy, manual     string
		prune, keepDrift, allows bool
		note                     string
	}{
		{name: "nothing", policy: "", manual: manual, note: byHand},
		{name: "no policy", policy: "syncPolicy: {}", manual: manual, note: byHand},
		{name: "null", policy: "syncPolicy: {automated: null}", manual: manual, note: byHand},
		{name: "automated", policy: "syncPolicy: {automated: {}}", keepDrift: true},
		{name: "enabled", policy: "syncPolicy: {automated: {enabled: true}}", keepDrift: true},
		{name: "disabled", policy: "syncPolicy: {automated: {enabled: false, prune: true, selfHeal: true}}", manual: manual,
			note: byHand},
		{name: "prune", policy: "syncPolicy: {automated: {prune: true}}", prune: true, keepDrift: true},
		{name: "selfHeal", policy: "syncPolicy: {automated: {selfHeal: true}}"},
		{name: "allowEmpty", policy: "syncPolicy: {automated: {allowEmpty: true}}", keepDrift: true, allows: true},
		{name: "allowEmpty by hand", policy: "syncPolicy: {automated: {enabled: false, allowEmpty: true}}", manual: manual,
			allows: true, note: byHand},
	} {
		app, err := readOf(t, false, finalizers, here+c.policy)
		got := [4]any{app.Manual, app.Prune, app.Handling.KeepDrift, app.AllowEmpty}
		if want := [4]any{c.manual, c.prune, c.keepDrift, c.allows}; err != nil || got != want {
			t.Errorf("%s: %v, %v, want %v", c.name, got, err, want)
		}
		if want := c.note != ""; len(app.Notes) > 0 != want || want && (app.Notes[0].Text != c.note ||
			app.Notes[0].Field != "spec.syncPolicy") {
			t.Errorf("%s: notes %q, want %q", c.name, argotest.Notes(app.Notes), c.note)
		}
		app, err = readOf(t, true, finalizers, here+c.policy)
		got = [4]any{app.Manual, app.Prune, app.Handling.KeepDrift, app.AllowEmpty}
		if want := [4]any{"", c.prune, c.keepDrift || c.manual != "", c.allows}; err != nil || got != want {
			t.Errorf("%s with --deliver-unautomated: %v, %v, want %v", c.name, got, err, want)
		}
		if c.note != "" && (len(app.Notes) != 1 || app.Notes[0].Text != byHandDelivered) {
			t.Errorf("%s with --deliver-unautomated: notes %q", c.name, argotest.Notes(app.Notes))
		}
	}
}

// TestAnApplicationOfASetIsApprovedWithTheOthers of the set.
func TestAnApplicationOfASetIsApprovedWithTheOthers(t *testing.T) {
	t.Parallel()
	p, o, r := open(t, application("    path: apps/web\n", ""))
	o.Set, o.JSON = "ApplicationSet "+
		"argocd/s", json.RawMessage(`{"spec":{"source":{"repoURL":"https://github.com/org/fleet","path":"apps/web"},`+
		`"destination":{"name":"in-cluster"}}}`)
	var app model.App
	if _, err := r.Read(p.Objects()[0], &app); err != nil || app.Manual != "ApplicationSet argocd/s" {
		t.Errorf("approved with %q, %v", app.Manual, err)
	}
}

// TestSyncOptions: argo-cd, docs/user-guide/sync-options.md.
func TestSyncOptions(t *testing.T) {
	t.Parallel()
	const at = "spec.syncPolicy."
	for _, c := range []struct {
		name, destination, policy string
		prune                     bool
		want                      protocol.Handling
		notes                     []string
		wrong                     string
	}{
		{name: "none", policy: "", prune: true},
		{name: "in order", policy: "syncOptions: [Prune=false, Prune=true]"},
		{name: "Delete=false", policy: "syncOptions: [Delete=false]", prune: true, want: protocol.Handling{Orphan: true}},
		{name: "CreateNamespace", policy: "syncOptions: [CreateNamespace=true]", prune: true,
			want: protocol.Handling{CreateNamespace: &protocol.NamespaceRequest{}}},
		{name: "with metadata", policy: "managedNamespaceMetadata: {labels: {a: b}, annotations: {c: d}}, syncOptions: " +
			"[CreateNamespace=true]", prune: true,
			want: protocol.Handling{CreateNamespace: &protocol.NamespaceRequest{Labels: map[string]string{"a": "b"},
				Annotations: map[string]string{"c": "d"}}}},
		{name: "metadata alone", policy: "managedNamespaceMetadata: {labels: {a: b}}", prune: true,
			notes: []string{at + "managedNamespaceMetadata: not done without CreateNamespace=true, as in Argo CD"}},
		{name: "metadata, and CreateNamespace=false", policy: "managedNamespaceMetadata: {labels: {a: b}}, syncOptions: " +
			"[CreateNamespace=false]", prune: true,
			notes: []string{at + "managedNamespaceMetadata: not done without CreateNamespace=true, as in Argo CD"}},
		{name: "no namespace", destination: "{name: in-cluster}", policy: "syncOptions: [CreateNamespace=true]", prune: true},
		{name: "no namespace, with metadata", destination: "{name: in-cluster}", policy: "managedNamespaceMetadata: " +
			"{labels: {a: b}}, syncOptions: [CreateNamespace=true]",
			prune: true, notes: []string{at + "managedNamespaceMetadata: not done without a namespace in spec.destination, " +
				"as in Argo CD"}},
		{name: "not done", policy: "syncOptions: [ServerSideApply=true, Replace=true, Wrong=1]", prune: true, notes: []string{
			at + "syncOptions[1]: Replace=true: not done: objects are applied server-side; what others added to them stays",
			at + "syncOptions[2]: Wrong=1: no option that Drover knows: nothing is done with it"}},
		{name: "another letter case", policy: "syncOptions: [prune=false]", prune: true, notes: []string{
			at + "syncOptions[0]: prune=false: no option that Drover knows: nothing is done with it"}},
		{name: "refused", policy: "syncOptions: [PrunePropagationPolicy=orphan]", prune: true, wrong: at +
			"syncOptions[0]: PrunePropagationPolicy=orphan: not supported: what a deleted object owns would be deleted too; " +
			"take out prune"},
	} {
		if c.destination == "" {
			c.destination = "{name: in-cluster, namespace: shop}"
		}
		app, err := readOf(t, false, "finalizers: [resources-finalizer.argocd.argoproj.io]", "destination: "+c.destination+
			"\n  syncPolicy: {automated: {prune: true, selfHeal: true}, "+c.policy+"}")
		if app.Prune != c.prune || argotest.JSON(t, app.Handling) != argotest.JSON(t, c.want) {
			t.Errorf("%s: prune %t, %s\nwant %t, %s", c.name, app.Prune, argotest.JSON(t, app.Handling), c.prune,
				argotest.JSON(t, c.want))
		}
		var notes []string
		for _, n := range app.Notes {
			notes = append(notes, n.Field+": "+n.Text)
			if n.File != argotest.File || n.Line != 5 {
				t.Errorf("%s: a note at %s:%d", c.name, n.File, n.Line)
			}
		}
		if !slices.Equal(notes, c.notes) {
			t.Errorf("%s: notes %q\nwant %q", c.name, notes, c.notes)
		}
		if got := strings.TrimPrefix(argotest.Message(err), argotest.File+":5: Application argocd/x: "); got != c.wrong {
			t.Errorf("%s: error %s\nwant %s", c.name, got, c.wrong)
		}
	}
}

// TestIgnoredFields: group and kind are patterns, and no group is the core group; name and namespace are texts
// (argo-cd, docs/user-guide/diffing.md; ignoreNormalizer).
func TestIgnoredFields(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ rule, want, wrong string }{
		{rule: "{group: apps, kind: Deployment, jsonPointers: [/a, /b]}", want: `{"Target":{"group":"apps",` +
			`"kind":"Deployment"},"Paths":["/a","/b"]}`},
		{rule: "{kind: Service, jqPathExpressions: [.a]}", want: `{"Target":{"group":"^$","kind":"Service"},"JQ":[".a"]}`},
		{rule: "{group: '*', kind: '*', managedFieldsManagers: [m]}", want: `{"Target":{"group":".*","kind":".*"},` +
			`"Managers":["m"]}`},
		{rule: "{group: '*.example.com', kind: 'A*'}", want: `{"Target":{"group":"^(?s:.*\\.example\\.com)$",` +
			`"kind":"^(?s:A.*)$"}}`},
		{rule: "{group: a.b, kind: '{A,B}'}", want: `{"Target":{"group":"a\\.b","kind":"^(?s:(?:A|B))$"}}`},
		{rule: "{kind: A, name: 'b.*', namespace: c}", want: `{"Target":{"group":"^$","kind":"A","namespace":"c",` +
			`"name":"b\\.\\*"}}`},
		{rule: "{group: apps}", wrong: `: it names no kind: write one, or "*" for all`},
		{rule: "{group: 'a[', kind: B}", wrong: `.group: the pattern "a[" has a [ without a ]`},
		{rule: "{kind: '{B'}", wrong: `.kind: the pattern "{B" cannot be understood: are its brackets closed?`},
	} {
		app, err := readOf(t, true, "finalizers: []", here+"ignoreDifferences: ["+c.rule+"]")
		if c.wrong == "" && (err != nil || argotest.JSON(t, app.Ignore) != "["+c.want+"]") {
			t.Errorf("%s: %s, %v\nwant %s", c.rule, argotest.JSON(t, app.Ignore), err, c.want)
		}
		if want := argotest.File + ":5: Application argocd/x: spec.ignoreDifferences[0]" + c.wrong; c.wrong != "" &&
			argotest.Message(err) != want {
			t.Errorf("%s: error %v\nwant %s", c.rule, err, want)
		}
	}
}

// TestWhatAnApplicationSaysBesideItsSpec: finalizers (argo-cd, docs/user-guide/app_deletion.md), what suspends it
// (docs/user-guide/skip_reconcile.md), and what other tools read.
func TestWhatAnApplicationSaysBesideItsSpec(t *testing.T) {
	t.Parallel()
	const finalizer = "resources-finalizer.argocd.argoproj.io"
	for _, c := range []struct {
		metadata        string
		orphan, suspend bool
		note            string
	}{
		{metadata: "finalizers: []", orphan: true},
		{metadata: "finalizers: [" + finalizer + "]"},
		{metadata: "finalizers: [other, " + finalizer + "/background]"},
		{metadata: "finalizers: [" + finalizer + "/foreground]"},
		{metadata: "finalizers: [" + finalizer + "s]", orphan: true},
		{metadata: "annotations: {argocd.argoproj.io/skip-reconcile: 'true'}", orphan: true, suspend: true},
		{metadata: "annotations: {argocd.argoproj.io/skip-reconcile: '1'}", orphan: true, suspend: true},
		{metadata: "annotations: {argocd.argoproj.io/skip-reconcile: true}", orphan: true, suspend: true},
		{metadata: "annotations: {argocd.argoproj.io/skip-reconcile: 'false'}", orphan: true},
		{metadata: "annotations: {argocd.argoproj.io/skip-reconcile: 'yes'}", orphan: true},
		{metadata: "annotations: {argocd.argoproj.io/refresh: hard, argocd.argoproj.io/manifest-generate-paths: .}",
			orphan: true},
		{metadata: "annotations: {argocd.argoproj.io/sync-wave: '0'}", orphan: true},
		{metadata: "annotations: {argocd.argoproj.io/sync-wave: '-1'}", orphan: true,
			note: "metadata.annotations.argocd.argoproj.io/sync-wave: not done: " +
				"Argo CD, too, orders by it only in which order Applications are created, unless it is told to wait for their " +
				"health; the app is delivered at once, and what must wait for another is a native App with dependsOn"},
		{metadata: "annotations: {argocd.argoproj.io/hook: PreSync}", orphan: true,
			note: "metadata.annotations.argocd.argoproj.io/hook: not done: an Application is no hook here; it is delivered " +
				"with the others"},
		{metadata: "annotations: {argocd-image-updater.argoproj.io/image-list: a}", orphan: true,
			note: "metadata.annotations.argocd-image-updater.argoproj.io/image-list: not done: no image is looked for; have " +
				"the updater write to Git"},
		{metadata: "annotations: {notifications.argoproj.io/subscribe.a: b}", orphan: true,
			note: "metadata.annotations.notifications.argoproj.io/subscribe.a: not done: nobody is notified"},
	} {
		app, err := readOf(t, false, c.metadata, here+"syncPolicy: {automated: {}}")
		if err != nil || app.Handling.Orphan != c.orphan || app.Suspend != c.suspend {
			t.Errorf("%s: orphan %t, suspend %t, %v", c.metadata, app.Handling.Orphan, app.Suspend, err)
		}
		var notes []string
		for _, n := range app.Notes {
			notes = append(notes, n.Field+": "+n.Text)
		}
		if got := strings.Join(notes, "\n"); got != c.note {
			t.Errorf("%s: notes %s\nwant %s", c.metadata, got, c.note)
		}
	}
}

// TestWhatAnObjectIsToTheDialect, by its group, its kind and its labels.
func TestWhatAnObjectIsToTheDialect(t *testing.T) {
	t.Parallel()
	for object, want := range map[string]planning.Use{
		`{"apiVersion":"argoproj.io/v1alpha1",` +
			`"kind":"Application"}`: planning.Declares,
		`{"apiVersion":"argoproj.io/v1alpha1",` +
			`"kind":"ApplicationSet"}`: planning.Declares,
		`{"apiVersion":"argoproj.io/v1alpha1",` +
			`"kind":"AppProject"}`: planning.Declares,
		`{"apiVersion":"argoproj.io/v1alpha1",` +
			`"kind":"Rollout"}`: planning.NotMine,
		`{"apiVersion":"app.k8s.io/v1beta1",` +
			`"kind":"Application"}`: planning.NotMine,
		`{"apiVersion":"v1","kind":"Service",` +
			`"metadata":{"labels":{"app.kubernetes.io/part-of":"argocd"}}}`: planning.Component,
		`{"apiVersion":"v1","kind":"Service",` +
			`"metadata":{"labels":{"app.kubernetes.io/part-of":"argocd-extra"}}}`: planning.NotMine,
	} {
		var h document.Head
		if err := json.Unmarshal([]byte(object), &h); err != nil {
			t.Fatal(err)
		}
		if got := (Dialect{}).Sort("", h); got != want {
			t.Errorf("%s: %d, want %d", object, got, want)
		}
	}
	for group, want := range map[string]bool{"argoproj.io": true, "argo.io": true, "argocd.io": true,
		"x.argoproj.com": true, "apps": false, "cargo.io": false} {
		if got := resemblesArgo(group); got != want {
			t.Errorf("%s resembles Argo CD's group: %t", group, got)
		}
	}
	for object, want := range map[string][2]bool{ // for the clusters eu and us_1
		`{"kind":"Application","spec":{"destination":{"name":"us_1"}}}`:       {false, true},
		`{"kind":"Application","spec":{"destination":{"name":"europe"}}}`:     {true, false},
		`{"kind":"Application","spec":{"destination":{"name":"in-cluster"}}}`: {false, false},
		`{"kind":"Application","spec":{"destination":1}}`:                     {true, true},
		`{"kind":"ApplicationSet","spec":{"destination":{"name":"us_1"}}}`:    {true, true},
	} {
		rendered := model.Rendered{JSON: json.RawMessage(object)}
		got := [2]bool{Dialect{}.Targets(rendered, argotest.Clusters[0]), Dialect{}.Targets(rendered, argotest.Clusters[1])}
		if got != want {
			t.Errorf("%s is for the clusters: %t, want %t", object, got, want)
		}
	}
}

// TestWhereAnApplicationStandsWithoutACluster: below fleet/ nobody knows which one in-cluster is, and nothing is said
// of those of other clusters.
func TestWhereAnApplicationStandsWithoutACluster(t *testing.T) {
	t.Parallel()
	for destination, want := range map[string][2]bool{ // in a cluster's folder, below fleet/
		"{name: in-cluster}": {true, false},
		"{name: eu}":         {true, true},
		"{name: us_1}":       {false, false},
		"{server: 'https://kubernetes.default.svc'}": {true, false},
		"{name: in-cluster, server: 'https://us_1'}": {true, false},
		"{namespace: x}": {true, true},
		"{name: us_1, server: 'https://eu.example.com'}": {false, false},
	} {
		text := replaced(application("    path: apps/web\n", ""), "{name: in-cluster, namespace: shop}", destination)
		for i, app := range []string{model.RootApp, ""} {
			p, o, r := open(t, text)
			o.App = app
			var notes []fleet.Note
			got, _ := r.Read(o, &model.App{})
			if notes = p.Cluster.Notes; got != want[i] || len(notes) > 0 != (!want[i] && i == 0) {
				t.Errorf("%s, declared by %q: %t, want %t; notes %q", destination, app, got, want[i], argotest.Notes(notes))
			}
		}
	}
}
