package hub_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/drover-dev/drover/hub/cmplugin"
	"github.com/drover-dev/drover/hub/layout"
	"github.com/drover-dev/drover/hub/renderers"
	"github.com/drover-dev/drover/hub/renderers/command"
	"github.com/drover-dev/drover/hub/renderers/host"
	"github.com/drover-dev/drover/hub/resolve"
	"github.com/drover-dev/drover/protocol"
	"github.com/drover-dev/drover/protocol/plugin"
)

// servesPlugins has this program be the host of renderer plugins, or the plugin, where it was started as one.
func servesPlugins() bool {
	switch {
	case os.Getenv(plugin.RendererHandshake.MagicCookieKey) != "":
		plugin.ServeRenderer(command.Renderer{Version: "test"})
		return true
	case len(os.Args) == 5 && (os.Args[1] == renderers.HostWord || os.Args[1] == "inside"):
		os.Exit(host.Run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	return false
}

// plugged has the plugins of a text render what is theirs.
func plugged(t *testing.T, cfg *resolve.Config, text string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "plugins.yaml")
	must(0, os.WriteFile(file, []byte(text), 0o600))
	set := must(cmplugin.Load(file))
	self := must(os.Executable())
	r := renderers.New(set, self, self)
	r.Builder, r.Charts = cfg.Renderer, cfg.Charts
	templates := cfg.Layout.(*layout.Layout).Templates
	cfg.Renderer, cfg.Charts, cfg.Plugins = r, r, set.Digest()
	cfg.Layout = &layout.Layout{Renderer: r, Templates: templates, Plugins: set}
}

// configured is the text of a plugin that runs a script.
func configured(name, annotations, script, more string) string {
	return fmt.Sprintf("---\napiVersion: argoproj.io/v1alpha1\nkind: ConfigManagementPlugin\nmetadata: {name: %s, "+
		"annotations: {%s}}\n"+
		"spec:\n  generate: {command: [sh, -c], args: [%q]}\n%s", name, annotations, script, more)
}

// pluginTree is a folder that a plugin reads, and a file beside it.
const pluginTree = `
-- web/web.tmpl --
apiVersion: v1
kind: ConfigMap
metadata: {name: web}
data: {color: COLOR}
-- base/base.txt --
base
-- other/a.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: other}
`

const scriptOfTmpl = `for f in *.tmpl; do sed "s/COLOR/$ARGOCD_ENV_COLOR-$(cat ../base/base.txt)/" $f; done`

func TestSourcesAreRenderedByPlugins(t *testing.T) {
	t.Parallel()
	tmpl := configured("tmpl", "", scriptOfTmpl, "  version: v1\n  discover: {fileName: '*.tmpl'}\n")
	const named = ", plugin: {name: tmpl-v1, env: [{name: COLOR, value: red-$ARGOCD_APP_NAME}]}"
	for _, c := range []struct {
		name, tree, plugins string
		want, not           []string
	}{
		{"that name them", pluginTree + application("web", argoSource("web", named)), tmpl,
			[]string{`"color":"red-web-base"`}, []string{"ERR", "note"}},
		{"that they discover", pluginTree + application("web", argoSource("web", "")), tmpl, []string{`"color":"-base"`},
			[]string{"ERR"}},
		{"and others are not", pluginTree + application("web", argoSource("other", "")), tmpl, []string{`"name":"other"`},
			[]string{"ERR"}},
		{"beside other sources", pluginTree + application("web", "  sources:\n  - {repoURL: "+argoRepository+", path: "+
			"other}\n  - {repoURL: "+
			argoRepository+", path: "+
			"web"+named+"}\n"), tmpl, []string{`"color":"red-web-base"`, `"name":"other"`}, []string{"ERR"}},
		{"in one way alone", pluginTree + application("web", argoSource("web", named+", directory: {recurse: true}")), tmpl,
			[]string{"spec.source: it has directory and plugin, and may have one of them"}, nil},
		{"with a name that nothing has", pluginTree + application("web", argoSource("web", ", plugin: {name: avp}")), tmpl,
			[]string{"ERR clusters/staging/web.yaml:9: Application argocd/web: spec.source.plugin.name: " +
				`no renderer plugin "avp" is configured, but tmpl-v1: `}, nil},
		{"that ask for any", pluginTree + application("web", argoSource("web", ", plugin: {}")), tmpl,
			[]string{`"color":"-base"`}, []string{"ERR"}},
		{"that ask for any where none is for them", pluginTree + application("web", argoSource("other", ", plugin: {}")),
			tmpl,
			[]string{"ERR other: the source asks for a plugin without a name"}, nil},
		{"with a revision that is not known", pluginTree + application("web", argoSource("web",
			", plugin: {name: tmpl-v1, env: [{name: A, value: $ARGOCD_APP_REVISION}]}")),
			tmpl, []string{"$ARGOCD_APP_REVISION is not known before the app is rendered"}, nil},
		{"with placeholders that are left", pluginTree + application("web", argoSource("web",
			", plugin: {name: tmpl-v1, env: [{name: COLOR, value: '<path:a#c>'}]}")),
			tmpl, []string{"ERR web/output of plugin tmpl-v1.yaml: ",
				"data.color holds a placeholder of argocd-vault-plugin"}, nil},
		{"charts that a command discovers", webChart + application("web", argoSource("charts/web", "")),
			configured("c", "", "printf 'apiVersion: v1\\nkind: ConfigMap\\nmetadata: {name: plugged}\\n'",
				"  discover: {find: {command: [ls, Chart.yaml]}}\n"),
			[]string{`"name":"plugged"`}, []string{"ERR", "replicas"}},
		{"charts that no command discovers", webChart + application("web", argoSource("charts/web", "")),
			configured("c", "", "exit 1", "  discover: {find: {command: [sh, -c, 'ls | grep nosuch || "+
				"true']}}\n"), []string{"replicas"}, []string{"ERR"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newArgoScene(t, c.tree)
			b.with(func(cfg *resolve.Config) { plugged(t, cfg, c.plugins) })
			got := b.summary(b.resolve("staging"))
			for _, want := range c.want {
				if !strings.Contains(got, want) {
					t.Errorf("no %q in\n%s", want, got)
				}
			}
			for _, not := range c.not {
				if strings.Contains(got, not) {
					t.Errorf("%q in\n%s", not, got)
				}
			}
		})
	}
}

// TestWhatARepositoryConfiguresIsNotRun: it is named.
func TestWhatARepositoryConfiguresIsNotRun(t *testing.T) {
	t.Parallel()
	mark := filepath.Join(t.TempDir(), "ran")
	text := configured("own", "", "touch "+mark, "  discover: {fileName: '*'}\n")
	b := newArgoScene(t, pluginTree+application("web", argoSource("other",
		", plugin: {name: own}"))+"-- clusters/staging/plugin.yaml --\n"+
		strings.TrimPrefix(text, "---\n")+"---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: cmp}\ndata:\n  "+
		"plugin.yaml: |\n    kind: ConfigManagementPlugin\n")
	b.with(func(cfg *resolve.Config) { plugged(t, cfg, configured("real", "", "true", "")) })
	got := b.summary(b.resolve("staging"))
	for _, want := range []string{`no renderer plugin "own" is configured, but real`,
		"ConfigManagementPlugin own: the plugin is not run from here",
		"ConfigMap cmp: data: the plugin is not run from here", `"name":"cmp"`} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if strings.Contains(got, `"kind":"ConfigManagementPlugin","metadata"`) || strings.Contains(got, "problem") {
		t.Errorf("it is delivered, or a problem:\n%s", got)
	}
	if _, err := os.Stat(mark); err == nil {
		t.Error("it ran")
	}
}

// TestTenantsUseThePluginsThatAreOpenToThem, and no others.
func TestTenantsUseThePluginsThatAreOpenToThem(t *testing.T) {
	t.Parallel()
	const script = "printf 'apiVersion: v1\\nkind: ConfigMap\\nmetadata: {name: made, namespace: shop}\\ndata: {seen: " +
		"\"%s\"}\\n' \"$(cd ..; ls | tr '\\n' ' ')\""
	const team = `
-- clusters/staging/team.yaml --
apiVersion: drover.dev/v1alpha1
kind: Project
metadata: {name: team}
spec:
  sources: [./web]
  namespaces: [shop]
`
	tree := pluginTree + team + strings.Replace(application("web", argoSource("web", ", plugin: {name: p}")),
		"project: default", "project: team", 1)
	for annotations, want := range map[string]string{"": "the renderer plugin p is not for such apps: have the " +
		"operator annotate",
		`drover.dev/tenants: "true"`: `"seen":"web "`} {
		b := newArgoScene(t, tree)
		b.with(func(cfg *resolve.Config) { plugged(t, cfg, configured("p", annotations, script, "")) })
		if got := b.summary(b.resolve("staging")); !strings.Contains(got, want) {
			t.Errorf("with %q no %q in\n%s", annotations, want, got)
		}
	}
}

// TestAPluginsRenderIsRemembered until what it is shown changes, or what is configured.
func TestAPluginsRenderIsRemembered(t *testing.T) {
	t.Parallel()
	b := newArgoScene(t, pluginTree+application("web", argoSource("web",
		", plugin: {name: p, env: [{name: COLOR, value: a}]}")))
	config := func(script string) {
		b.with(func(cfg *resolve.Config) { plugged(t, cfg, configured("p", "", script, "")) })
	}
	const once = `printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {at: "%s"}\n' "$(date +%s%N)"`
	config(once)
	at := func() string {
		t.Helper()
		a := plainApp(t, b.resolve("staging"), "web")
		if a.Err != "" {
			t.Fatal(a.Err)
		}
		return a.Ref.ID()
	}
	first := at()
	if again := at(); again != first {
		t.Error("it was rendered again although nothing changed")
	}
	b.commit("-- base/base.txt --\nchanged\n")
	second := at()
	if second == first {
		t.Error("it was not rendered again when the source changed")
	}
	if again := at(); again != second {
		t.Error("it was rendered again although nothing changed")
	}
	b.commit("-- clusters/staging/web.yaml --\n" + applicationObject("web", argoSource("web",
		", plugin: {name: p, env: [{name: COLOR, value: b}]}")))
	if again := at(); again == second {
		t.Error("it was not rendered again when what it is told changed")
	}
}

func plainApp(t *testing.T, res resolve.Resolution, name string) resolve.AppResult {
	t.Helper()
	for _, a := range res.Apps {
		if a.App.Name == name {
			return a
		}
	}
	t.Fatalf("no app %s", name)
	return resolve.AppResult{}
}

// TestAHubDeliversWhatPluginsRender, and one that fails or hangs stops its app alone.
func TestAHubDeliversWhatPluginsRender(t *testing.T) {
	t.Parallel()
	text := pluginTree + application("web", argoSource("web", ", plugin: {name: tmpl, env: [{name: COLOR, value: "+
		"red}]}")) +
		application("bad", argoSource("other", ", plugin: {name: bad}")) + application("plain", argoSource("other", ""))
	r := newRigAs(t, nil, []string{argoRepository}, files(text), func(r *rig) {
		r.unautomated = true
		r.plugins = configured("tmpl", "", scriptOfTmpl, "") + configured("bad", "",
			"echo token: hunter2 is wrong >&2; exit 7", "")
	})
	r.join("staging")
	b := r.await("staging", "what the plugin rendered",
		func(b protocol.Bundle) bool { return strings.Contains(r.everything(b), `"color":"red-base"`) })
	if got := r.everything(b); !strings.Contains(got, `"name":"other"`) {
		t.Errorf("the others are not delivered: %s", got)
	}
	r.until("the failure is told", func() bool {
		said := string(must(json.Marshal(r.row("staging"))))
		return strings.Contains(said, "exit status 7") && !strings.Contains(said, "hunter2")
	})
	r.push("another color", map[string]string{"base/base.txt": "night\n"})
	r.await("staging", "what the plugin renders now",
		func(b protocol.Bundle) bool { return strings.Contains(r.everything(b), `"color":"red-night"`) })
}

// everything are the objects of all apps of staging.
func (r *rig) everything(b protocol.Bundle) string {
	var out strings.Builder
	for _, a := range b.Apps {
		if a.Blob != nil {
			out.WriteString(r.lines("staging", b, a.Name))
		}
	}
	return out.String()
}
