package hub_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/protocol"
)

// configMapsOf are ConfigMaps from a number on, as documents of one file.
func configMapsOf(prefix string, from, to int) string {
	var out strings.Builder
	for i := from; i < to; i++ {
		out.WriteString("---\n" + configMap(fmt.Sprint(prefix, "-", i), "1"))
	}
	return out.String()
}

const claim = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data, namespace: web}\n"

// guarded is a cluster with apps of every kind of declaration.
func guarded() map[string]string {
	return map[string]string{
		"clusters/a/cluster.yaml":       "labels: {env: prod}\n",
		"clusters/a/web.yaml":           app("web", "apps/web", ""),
		"clusters/a/parent.yaml":        app("parent", "apps/parent", ""),
		"clusters/a/data.yaml":          app("data", "apps/data", ""),
		"clusters/a/chart.yaml":         chartWith("storage"),
		"clusters/a/set.yaml":           setOf("sets/*"),
		"clusters/a/settings.yaml":      configMapsOf("settings", 0, 5),
		"fleet/agent.yaml":              fleetApp("prod", ""),
		"apps/prod/config.yaml":         configMapsOf("agent", 0, 5),
		"apps/web/config.yaml":          configMapsOf("web", 0, 20),
		"apps/parent/child.yaml":        app("child", "apps/child", ""),
		"apps/child/config.yaml":        configMapsOf("child", 0, 5),
		"apps/data/data.yaml":           claim + "---\n" + configMap("data", "1"),
		"apps/chart/Chart.yaml":         "apiVersion: v2\nname: chart\nversion: 1.0.0\n",
		"apps/chart/values.yaml":        "storage: false\n",
		"apps/chart/templates/cm.yaml":  strings.ReplaceAll(configMap("chart", "1"), ", namespace: web", ""),
		"apps/chart/templates/pvc.yaml": "{{ if .Values.storage }}\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: chart}\n{{ end }}\n",
		"sets/one/config.yaml":          configMapsOf("set", 0, 5),
	}
}

// chartWith is an App of a chart with a value.
func chartWith(value string) string {
	return "apiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {name: chart}\nspec:\n  helm: {path: apps/chart, values: {" + value + ": true}}\n"
}

// setOf is an ApplicationSet that makes an Application of every folder.
func setOf(path string) string {
	return "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {name: set, namespace: argocd}\nspec:\n  generators: [{git: {repoURL: https://git.example.com/fleet.git, revision: HEAD, directories: [{path: " +
		path + "}]}}]\n  template:\n    metadata: {name: 'set-{{path.basename}}'}\n    spec:\n      project: default\n" +
		"      source: {repoURL: https://git.example.com/fleet.git, path: '{{path}}'}\n      destination: {server: https://kubernetes.default.svc, namespace: web}\n" +
		"      syncPolicy: {automated: {prune: true}}\n"
}

// A slip in one commit deletes nothing: its deletions are held, or it is an error.
func TestASlipInOneCommitDeletesNothing(t *testing.T) {
	t.Parallel()
	for name, slip := range map[string]struct {
		files map[string]string
		held  string // apps that are held, or
		wrong string // what an app says
	}{
		"most of an app's objects go":       {files: map[string]string{"apps/web/config.yaml": configMapsOf("web", 0, 2)}, held: "web"},
		"another repository":                {files: map[string]string{"clusters/a": "", "apps": "", "sets": "", "fleet": "", "clusters/a/other.yaml": configMap("other", "1")}, held: "agent chart child data root argocd/set-one web"},
		"only .gitkeep is left":             {files: map[string]string{"clusters/a": "", "clusters/a/.gitkeep": "\n"}, held: "agent chart child data root argocd/set-one web"},
		"a kustomization in the folder":     {files: map[string]string{"clusters/a/kustomization.yaml": "resources: [web.yaml]\n"}, held: "chart child data root argocd/set-one"},
		"fleet/ is renamed":                 {files: map[string]string{"fleet": "", "Fleet/agent.yaml": fleetApp("prod", "")}, held: "agent"},
		"the fleet's file is renamed":       {files: map[string]string{"fleet/agent.yaml": "", "fleet/agent.YAML": fleetApp("prod", "")}, wrong: "agent.YAML is not read"},
		"cluster.yaml is removed":           {files: map[string]string{"clusters/a/cluster.yaml": ""}, held: "agent"},
		"cluster.yaml says nothing":         {files: map[string]string{"clusters/a/cluster.yaml": "# nothing\n"}, held: "agent"},
		"a label is misspelt":               {files: map[string]string{"clusters/a/cluster.yaml": "labels: {env: prd}\n"}, held: "agent"},
		"a parent renders to nothing":       {files: map[string]string{"apps/parent/child.yaml": "", "apps/parent/kustomization.yaml": "resources: []\n"}, wrong: "allowEmpty: true"},
		"a generator finds nothing":         {files: map[string]string{"clusters/a/set.yaml": setOf("stes/*")}, held: "argocd/set-one"},
		"a generator's folder is renamed":   {files: map[string]string{"sets": "", "stes/one/config.yaml": configMapsOf("set", 0, 5)}, held: "argocd/set-one"},
		"an app renders to nothing":         {files: map[string]string{"apps/web/config.yaml": "", "apps/web/kustomization.yaml": "resources: []\n"}, wrong: "allowEmpty: true"},
		"an app's file is empty":            {files: map[string]string{"apps/web/config.yaml": "# nothing\n"}, wrong: "allowEmpty: true"},
		"an app's folder has only a README": {files: map[string]string{"apps/web/config.yaml": "", "apps/web/README.md": "words\n"}, wrong: "apps/web"},
		"an App is empty":                   {files: map[string]string{"clusters/a/web.yaml": "\n"}, held: "web"},
		"an App is null":                    {files: map[string]string{"clusters/a/web.yaml": "null\n"}, held: "web"},
		"an App is commented out":           {files: map[string]string{"clusters/a/web.yaml": "# kind: App\n"}, held: "web"},
		"an App's file is renamed":          {files: map[string]string{"clusters/a/web.yaml": "", "clusters/a/web.YAML": app("web", "apps/web", "")}, wrong: "web.YAML is not read"},
		"a chart's value is misspelt":       {files: map[string]string{"clusters/a/chart.yaml": chartWith("storag")}, held: "chart"},
		"a PersistentVolumeClaim leaves":    {files: map[string]string{"apps/data/data.yaml": configMap("data", "1")}, held: "data"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newGuarded(t)
			before := r.await("a", "published", published)
			r.accept("a", before, appNames(before)...)
			r.until("it is heard", func() bool { return r.row("a").Synced })
			for file, text := range slip.files {
				if text == "" {
					r.write(map[string]string{file: ""})
				}
			}
			maps.DeleteFunc(slip.files, func(_, text string) bool { return text == "" })
			r.push("a slip", slip.files)
			b := r.await("a", "the slip", func(b protocol.Bundle) bool { return b.Generation > before.Generation })
			if b.Deletions == nil || len(b.Deletions.Apps) > 0 {
				t.Errorf("the bundle permits %+v", b.Deletions)
			}
			held := r.hub.State().Source().Held
			if got := r.shown(strings.Join(heldApps(held), " ")); got != slip.held {
				t.Errorf("held are the apps %q, want %q", got, slip.held)
			}
			row := r.row("a")
			for _, h := range held {
				if !slices.Contains(row.Held, h.ID) || !strings.Contains(row.Message, "drover approve "+h.ID) || h.Reason == "" || len(h.Objects) == 0 {
					t.Errorf("the row does not say how to approve %+v: %v %s", h, row.Held, row.Message)
				}
			}
			if slip.wrong != "" && (!slices.ContainsFunc(b.Apps, func(a protocol.App) bool { return strings.Contains(a.Error, slip.wrong) }) ||
				fmt.Sprint(appNames(b)) != fmt.Sprint(appNames(before))) {
				t.Errorf("no app says %q: %+v", slip.wrong, b.Apps)
			}
			r.git("revert", "--no-edit", "HEAD")
			r.until("nothing is held", func() bool { return len(r.hub.State().Source().Held) == 0 })
			b = r.await("a", "everything is back", func(b protocol.Bundle) bool { return fmt.Sprint(appNames(b)) == fmt.Sprint(appNames(before)) })
			if b.Deletions.Apps["root"] == 1 { // what the other repository had
				delete(b.Deletions.Apps, "root")
			}
			if len(b.Deletions.Apps) > 0 {
				t.Errorf("after the revert the bundle permits %+v", b.Deletions)
			}
		})
	}
}

func newGuarded(t *testing.T) *rig {
	t.Helper()
	r := newRigAs(t, nil, []string{"https://git.example.com/fleet.git"}, guarded())
	r.join("a")
	return r
}

func appNames(b protocol.Bundle) (out []string) {
	for _, a := range b.Apps {
		out = append(out, a.Name)
	}
	return out
}

func heldApps(holds []query.Hold) []string {
	apps := map[string]bool{}
	for _, h := range holds {
		for _, a := range h.Apps {
			apps[a] = true
		}
	}
	return slices.Sorted(maps.Keys(apps))
}

// What moves, is replaced, is kept or is no more than a hook is not deleted, however much it is.
func TestWhatIsNoDeletionIsNotHeld(t *testing.T) {
	t.Parallel()
	annotated := func(key, value string) string {
		return strings.ReplaceAll(configMapsOf("web", 0, 20), "namespace: web}", "namespace: web, annotations: {"+key+": "+value+"}}")
	}
	generated := func(value string) string {
		var out strings.Builder
		out.WriteString("configMapGenerator:\n")
		for i := range 9 {
			fmt.Fprintf(&out, "- {name: g%d, literals: [value=%s]}\n", i, value)
		}
		return out.String()
	}
	gone := map[string]string{"clusters/a/apps.yaml": app("other", "apps/other", "")}
	for name, c := range map[string]struct {
		before, after map[string]string
		permits       map[string]uint64
		held          int
	}{
		"nothing in its way":       {after: gone, held: 20},
		"to another app":           {after: map[string]string{"clusters/a/apps.yaml": app("other", "apps/other", ""), "apps/other/web.yaml": configMapsOf("web", 0, 20)}},
		"the app has another name": {after: map[string]string{"clusters/a/apps.yaml": app("renamed", "apps/web", "") + "---\n" + app("other", "apps/other", "")}},
		"another namespace":        {after: map[string]string{"apps/web/config.yaml": strings.ReplaceAll(configMapsOf("web", 0, 20), "namespace: web}", "namespace: wbe}")}, held: 20},
		"never pruned":             {before: map[string]string{"apps/web/config.yaml": annotated("drover.dev/prune", "disabled")}, after: gone, permits: map[string]uint64{"web": 20}},
		"a hook":                   {before: map[string]string{"apps/web/config.yaml": annotated("argocd.argoproj.io/hook", "PreSync")}, after: gone},
		"the app does not prune": {before: map[string]string{"clusters/a/apps.yaml": app("web", "apps/web", "  prune: false\n") + "---\n" + app("other", "apps/other", "")}, after: gone,
			permits: map[string]uint64{"web": 20}},
		"other hashes": {before: map[string]string{"apps/web/kustomization.yaml": generated("1")}, after: map[string]string{"apps/web/kustomization.yaml": generated("2")},
			permits: map[string]uint64{"web": 9}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := webs(20, "a")
			maps.Copy(files, c.before)
			r := newRig(t, files)
			r.begin("a")
			b := r.after("a", "it goes", c.after)
			count := 0
			for _, h := range r.held() {
				count += h.Count
			}
			if count != c.held || !permits(b, c.permits) {
				t.Errorf("held are %d, want %d; permitted %+v, want %v", count, c.held, b.Deletions.Apps, c.permits)
			}
		})
	}
}

// An agent that was away may not know that an app no longer prunes.
func TestWhatTheAgentMayHaveMissedIsNoProtection(t *testing.T) {
	t.Parallel()
	r := newRig(t, webs(20, "a"))
	r.begin("a")
	r.after("a", "kept", map[string]string{"clusters/a/apps.yaml": app("web", "apps/web", "  prune: false\n") + "---\n" + app("other", "apps/other", "")})
	b := r.after("a", "gone", map[string]string{"clusters/a/apps.yaml": app("other", "apps/other", "")})
	if hold := r.onlyHold(); hold.Count != 20 || !permits(b, nil) {
		t.Errorf("held %+v, permitted %+v", hold, b.Deletions)
	}
}
