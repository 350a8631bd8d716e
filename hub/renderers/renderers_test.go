package renderers_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/hub/cmplugin"
	"github.com/drover-dev/drover/hub/kustomize"
	"github.com/drover-dev/drover/hub/memtree"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/renderers"
	"github.com/drover-dev/drover/hub/renderers/command"
	"github.com/drover-dev/drover/hub/renderers/host"
	"github.com/drover-dev/drover/protocol/plugin"
)

// TestMain has this program be the host and the plugin as well.
func TestMain(m *testing.M) {
	switch {
	case os.Getenv(plugin.RendererHandshake.MagicCookieKey) != "":
		plugin.ServeRenderer(command.Renderer{Version: "test"})
		return
	case len(os.Args) > 1 && (os.Args[1] == renderers.HostWord || os.Args[1] == "inside"):
		os.Exit(host.Run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	if err := os.Setenv("DROVER_TEST_SECRET", "hunter2"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// configured are renderers with the plugins of a text.
func configured(t *testing.T, config string) *renderers.Renderers {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "plugins.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	set, err := cmplugin.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r := renderers.New(set, self, self)
	r.Builder = kustomize.New()
	return r
}

// running is the text of a plugin that runs a script; more is added to its spec.
func running(script, more string) string {
	return fmt.Sprintf("apiVersion: argoproj.io/v1alpha1\nkind: ConfigManagementPlugin\nmetadata: {name: p}\nspec:\n"+
		"  generate: {command: [sh, -c], args: [%q]}\n%s", script, more)
}

const manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {color: COLOR}\n"

func source(t *testing.T) model.Tree {
	t.Helper()
	files := map[string]memtree.File{"apps/web/a.yaml": {Data: []byte(manifest)},
		"apps/web/run.sh": {Data: []byte("#!/bin/sh\necho ran\n"), Program: true},
		"base/b.yaml":     {Data: []byte("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: base}\n")}}
	tree, err := memtree.New(files, model.Revision{})
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// built are the objects of the folder, as text, and the error.
func built(t *testing.T, r *renderers.Renderers, p model.Plugin) string {
	t.Helper()
	objects, err := r.Build(t.Context(), source(t), "apps/web", model.BuildOptions{Plugin: &p})
	var out strings.Builder
	for _, o := range objects {
		fmt.Fprintf(&out, "%s\n", o.JSON)
	}
	if err != nil {
		fmt.Fprintf(&out, "ERR %v", err)
	}
	return out.String()
}

// object is a script that puts what a command writes into a ConfigMap.
func object(of string) string {
	return `printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {out: "%s"}\n' "$( ` + of +
		` 2>&1 | tr '\n"' ';_')"`
}

func TestAPluginRendersAFolder(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, config string
		want, not    []string
	}{
		{"with what it is told", running(`sed "s/COLOR/$ARGOCD_ENV_COLOR$PARAM_A/" a.yaml; echo ---; cat ../../base/b.yaml`,
			""),
			[]string{`"color":"red1"`, `"name":"base"`}, []string{"ERR"}},
		{"with nothing of the hub's environment", running(object("env | cut -d= -f1 | sort"), ""),
			[]string{"ARGOCD_ENV_COLOR;", "HOME;", "KUBE_VERSION;", "PARAM_A;", "PATH;", "TMPDIR;"}, []string{"ERR", "DROVER",
				"hunter2"}},
		{"of a cluster", running(object("echo $KUBE_VERSION $KUBE_API_VERSIONS"), ""), []string{"1.37.2 v1,apps/v1;"}, nil},
		{"to nothing", running("true", ""), nil, []string{"ERR"}},
		{"after an init", strings.Replace(running("cat made.yaml",
			"  init: {command: [sh, -c, 'sed s/web/made/ a.yaml > made.yaml']}\n"),
			"{name: p}", `{name: p, annotations: {drover.dev/writable: "true"}}`, 1),
			[]string{`"name":"made"`}, []string{"ERR"}},
		{"with programs of the source", running(object("./run.sh"), "  preserveFileMode: true\n"), []string{"ran;"}, nil},
		{"without programs of the source", running(object("./run.sh"), ""), []string{"ermission denied"}, []string{"ran;"}},
		{"what it gives has a line", running("printf 'a: b: c\nkind: x\napiVersion: v1\nmetadata: {}\n'", ""),
			[]string{"ERR apps/web/output of plugin p.yaml:1: "}, nil},
		{"what it gives is no manifest", running("echo hello", ""),
			[]string{"ERR apps/web/output of plugin p.yaml: it holds no manifest"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := built(t, configured(t, c.config), model.Plugin{Name: "p", Kubernetes: "v1.37.2+k3s1", APIs: []string{"v1",
				"apps/v1"},
				Env: []string{"ARGOCD_ENV_COLOR=red", "PARAM_A=1", "ARGOCD_ENV_EMPTY="}})
			check(t, got, c.want, c.not)
		})
	}
}

func check(t *testing.T, got string, want, not []string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(got, w) {
			t.Errorf("no %q in\n%.2000s", w, got)
		}
	}
	for _, w := range not {
		if strings.Contains(got, w) {
			t.Errorf("%q in\n%.2000s", w, got)
		}
	}
}

// TestAHostilePluginStopsItsFolderAlone: each of these is an error that says what to do, within its time.
func TestAHostilePluginStopsItsFolderAlone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, script string
		want, not    []string
	}{
		{"that hangs", "sleep 600", []string{"ERR apps/web: the plugin p: it did not end within 3s: see what it waits for"},
			nil},
		{"that hangs with a child", "sh -c 'trap \"\" TERM; sleep 600'; sleep 600", []string{"it did not end within 3s"},
			nil},
		{"that floods", "yes", []string{"ERR apps/web: the plugin p: spec.generate: sh wrote more than 32 MiB: does it " +
			"repeat"}, nil},
		{"that floods its errors", "yes | head -c 90000000 >&2; exit 4", []string{"exit status 4: … "}, nil},
		{"that fails", "echo password=hunter2 https://me:hunter2@example.com Authorization: Bearer hunter2hunter2 no " +
			"such chart >&2; exit 1",
			[]string{"the plugin p: spec.generate: sh: exit status 1: password=… https://…@example.com Authorization: " +
				"Bearer … no such chart"},
			[]string{"hunter2"}},
		{"that says a Secret", "printf 'kind: Secret\ndata: {a: aHVudGVyMg==}\n' >&2; exit 1", []string{"ERR",
			"is not shown"}, []string{"aHVudGVyMg"}},
		{"that dies", "kill -9 $PPID; sleep 600", []string{"the plugin crashed over it"}, nil},
		{"that takes all memory", "x=xxxxxxxxxxxxxxxx; while :; do x=$x$x; done", []string{"ERR apps/web: the plugin p: "},
			nil},
		{"that writes to the source", "chmod 700 . && cat a.yaml", []string{"it wrote to the source (apps/web)",
			"drover.dev/writable"}, nil},
		{"that does not exist", "exec no-such-program", []string{"exit status 127", "no-such-program"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := configured(t, running(c.script, ""))
			r.Time = 3 * time.Second
			if !strings.Contains(c.name, "hangs") {
				r.Time = time.Minute
			}
			began := time.Now()
			check(t, built(t, r, model.Plugin{Name: "p"}), c.want, c.not)
			if took := time.Since(began); took > time.Minute+10*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
}

func TestARenderEndsWithItsCaller(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err := configured(t, running("sleep 600", "")).Build(ctx, source(t), "apps/web",
		model.BuildOptions{Plugin: &model.Plugin{Name: "p"}})
	if err == nil || time.Since(began) > 20*time.Second {
		t.Errorf("%v after %s", err, time.Since(began))
	}
}

func TestAFolderIsDiscovered(t *testing.T) {
	t.Parallel()
	const plain = `"color":"COLOR"`
	const made = `"out":"made;"`
	for _, c := range []struct {
		name, discover string
		plugin         model.Plugin
		want           string
	}{
		{"by the name of a file", "fileName: ./a.y*ml", model.Plugin{Detect: true}, made},
		{"by the name of another", "fileName: b.yaml", model.Plugin{Detect: true}, plain},
		{"by a pattern", "find: {glob: '**/a.yaml'}", model.Plugin{Detect: true}, made},
		{"by a pattern of others", "find: {glob: '**/b.yaml'}", model.Plugin{Detect: true}, plain},
		{"by a path that leads out", "fileName: ../../base/b.yaml", model.Plugin{Detect: true}, plain},
		{"by a command", "find: {command: [sh, -c, 'ls | grep a.yaml']}", model.Plugin{Detect: true}, made},
		{"by a command that finds nothing", "find: {command: [sh, -c, 'true']}", model.Plugin{Detect: true}, plain},
		{"by a command that fails", "find: {command: [sh, -c, 'exit 1']}", model.Plugin{Detect: true},
			"ERR apps/web: the plugin p: spec.discover.find.command: sh: exit status 1"},
		{"and named", "find: {glob: '*.yaml'}", model.Plugin{Name: "p"}, made},
		{"and named for another folder", "find: {glob: '*.txt'}", model.Plugin{Name: "p"},
			"ERR apps/web: the plugin p is not for this folder"},
		{"without a name for another folder", "find: {glob: '*.txt'}", model.Plugin{Detect: true, Required: true},
			"ERR apps/web: the source asks for a plugin without a name"},
		{"and not configured", "fileName: a.yaml", model.Plugin{Name: "q"},
			`ERR apps/web: no renderer plugin "q" is configured, but p: `},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := built(t, configured(t, running(object("echo made"), "  discover: {"+c.discover+"}\n")), c.plugin)
			check(t, got, []string{c.want}, nil)
		})
	}
}

// TestAPluginIsShownWhatTheAppNames, and no more of the source.
func TestAPluginIsShownWhatTheAppNames(t *testing.T) {
	t.Parallel()
	r := configured(t, running(object("cd ../..; find . -type f | sort"), ""))
	check(t, built(t, r, model.Plugin{Name: "p", Paths: []string{"apps/web", "nosuch"}}),
		[]string{`"./apps/web/a.yaml;./apps/web/run.sh;"`}, nil)
	check(t, built(t, r, model.Plugin{Name: "p"}), []string{"./base/b.yaml"}, nil)
}
