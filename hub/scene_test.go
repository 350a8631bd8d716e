package hub_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/drover-dev/drover/hub/envsubst"
	"github.com/drover-dev/drover/hub/git"
	"github.com/drover-dev/drover/hub/git/sourceignore"
	"github.com/drover-dev/drover/hub/helm"
	"github.com/drover-dev/drover/hub/ignore"
	"github.com/drover-dev/drover/hub/kustomize"
	"github.com/drover-dev/drover/hub/layout"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/resolve"
	"github.com/drover-dev/drover/protocol"
)

// counting is the real renderer, which counts.
type counting struct {
	model.Renderer
	builds atomic.Int64
}

func (c *counting) Build(ctx context.Context, tree model.Tree, dir string, opts model.BuildOptions) ([]model.Rendered, error) {
	c.builds.Add(1)
	return c.Renderer.Build(ctx, tree, dir, opts)
}

// scene is a repository and a resolver over it, without a bus.
type scene struct {
	t        *testing.T
	dir      string
	renderer *counting
	config   resolve.Config
	resolver *resolve.Resolver
	facts    resolve.Facts  // of every cluster
	apps     *resolve.Fleet // for many clusters, at the last revision
}

// files reads text in the txtar format: each file after a line "-- name --".
func files(text string) map[string]string {
	out := map[string]string{}
	name := ""
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, "-- "); ok && strings.HasSuffix(rest, " --\n") {
			name = strings.TrimSuffix(rest, " --\n")
			out[name] = ""
		} else if name != "" {
			out[name] += line
		}
	}
	return out
}

func newScene(t *testing.T, text string) *scene {
	b := &scene{t: t, dir: t.TempDir(), renderer: &counting{Renderer: kustomize.New()}}
	worker := charts(t)
	b.renderer.Renderer = &helm.Inflater{Builder: b.renderer.Renderer, Charts: worker}
	b.config = resolve.Config{Layout: &layout.Layout{Renderer: b.renderer, Templates: worker}, Renderer: b.renderer,
		Substitute: envsubst.Replace, Store: resolve.Volatile{}, Secret: make([]byte, 32), Charts: worker, Hide: sourceignore.Hide,
		Ignored: ignore.Made}
	b.resolver = resolve.New(b.config)
	b.git("init", "-q", "-b", "main")
	b.commit(text)
	return b
}

// with resolves from now on with another configuration, and knows nothing of before.
func (b *scene) with(edit func(*resolve.Config)) {
	edit(&b.config)
	b.resolver, b.apps = resolve.New(b.config), nil
}

func (b *scene) git(args ...string) {
	b.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = b.dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
		"GIT_AUTHOR_NAME=t", "GIT_AUTHOR_EMAIL=t@example.com", "GIT_COMMITTER_NAME=t", "GIT_COMMITTER_EMAIL=t@example.com")
	if out, err := cmd.CombinedOutput(); err != nil {
		b.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
}

// commit writes files; an empty one is removed.
func (b *scene) commit(text string) {
	b.t.Helper()
	for name, data := range files(text) {
		file := filepath.Join(b.dir, name)
		if data == "" {
			must(0, os.RemoveAll(file))
			continue
		}
		must(0, os.MkdirAll(filepath.Dir(file), 0o755))
		must(0, os.WriteFile(file, []byte(data), 0o644))
	}
	b.git("add", "-A")
	b.git("commit", "-q", "--allow-empty", "-m", "x")
}

func (b *scene) resolve(cluster string) resolve.Resolution {
	b.t.Helper()
	return b.resolveAfter(cluster, nil)
}

// told is what a cluster was told to run.
func told(res resolve.Resolution) (out []protocol.App) {
	for _, a := range res.Apps {
		out = append(out, protocol.App{Name: a.App.Name, Declared: a.App.Declared, Namespace: a.App.Namespace, Blob: a.Ref,
			Handling: a.App.Handling})
	}
	return out
}

// resolveAfter resolves a cluster that was told to run something before. The apps have plain names, as
// "team-web", instead
// of their keys: see keyed.
func (b *scene) resolveAfter(cluster string, last []protocol.App) resolve.Resolution {
	b.t.Helper()
	return plainly(b.keyed(cluster, last))
}

// plainly has the names of releases without keys wherever a resolution has a key.
func plainly(res resolve.Resolution) resolve.Resolution {
	count := map[string]int{}
	for _, a := range res.Apps {
		for _, name := range a.App.Formerly[:min(1, len(a.App.Formerly))] {
			count[name]++
		}
	}
	var pairs []string
	for _, a := range res.Apps {
		if n := len(a.App.Formerly); n > 0 {
			name := a.App.Formerly[0]
			if count[name] > 1 {
				name = a.App.Formerly[n-1]
			}
			pairs = append(pairs, a.App.Name, name)
		}
	}
	plain := strings.NewReplacer(pairs...)
	for i := range res.Apps {
		a := &res.Apps[i]
		a.App.Name, a.App.Parent, a.Err = plain.Replace(a.App.Name), plain.Replace(a.App.Parent), plain.Replace(a.Err)
		a.App.DependsOn, a.App.Handling.Ready, a.App.Notes = slices.Clone(a.App.DependsOn), slices.Clone(a.App.Handling.Ready), slices.Clone(a.App.Notes)
		for j := range a.App.DependsOn {
			a.App.DependsOn[j] = plain.Replace(a.App.DependsOn[j])
		}
		for j := range a.App.Handling.Ready {
			a.App.Handling.Ready[j].App = plain.Replace(a.App.Handling.Ready[j].App)
		}
		for j := range a.App.Notes {
			a.App.Notes[j].Text = plain.Replace(a.App.Notes[j].Text)
		}
	}
	slices.SortFunc(res.Apps, func(a, b resolve.AppResult) int { return strings.Compare(a.App.Name, b.App.Name) })
	return res
}

// keyed resolves a cluster.
func (b *scene) keyed(cluster string, last []protocol.App) resolve.Resolution {
	b.t.Helper()
	snap, err := git.At(b.t.Context(), b.dir, "main")
	if err != nil {
		b.t.Fatal(err)
	}
	if b.apps, err = b.resolver.Refresh(b.t.Context(), snap, b.apps); err != nil {
		b.t.Fatal(err)
	}
	res, err := b.resolver.Resolve(b.t.Context(), snap, resolve.Request{Site: model.Site{Name: cluster, Folder: "clusters/" + cluster}, Fleet: b.apps, Facts: b.facts, Last: last})
	if err != nil {
		b.t.Fatal(err)
	}
	return res
}

// summary tells a resolution in lines: problems, notes, apps with what the agent is told, and their objects.
func (b *scene) summary(res resolve.Resolution) string {
	b.t.Helper()
	var out strings.Builder
	for _, p := range res.Cluster.Problems {
		fmt.Fprintf(&out, "problem %s\n", p)
	}
	for _, n := range res.Cluster.Notes {
		fmt.Fprintf(&out, "note %s\n", n)
	}
	for _, a := range res.Apps {
		fmt.Fprintf(&out, "app %s", a.App.Name)
		if a.App.Parent != "" {
			fmt.Fprintf(&out, " of %s", a.App.Parent)
		}
		for _, d := range a.App.DependsOn {
			fmt.Fprintf(&out, " after %s", d)
		}
		if !a.App.Prune {
			out.WriteString(" unpruned")
		}
		if a.App.Suspend {
			out.WriteString(" suspended")
		}
		if a.App.Timeout > 0 {
			fmt.Fprintf(&out, " timeout %s", a.App.Timeout)
		}
		out.WriteString("\n")
		if h := a.App.Handling; !reflect.DeepEqual(h, protocol.Handling{}) {
			fmt.Fprintf(&out, "  handling %s\n", must(json.Marshal(h)))
		}
		for _, n := range a.App.Notes {
			fmt.Fprintf(&out, "  note %s\n", n)
		}
		if a.Err != "" {
			fmt.Fprintf(&out, "  ERR %s\n", a.Err)
			continue
		}
		objects, err := b.resolver.Objects(*a.Ref)
		if err != nil {
			b.t.Fatal(err)
		}
		for _, o := range objects {
			fmt.Fprintf(&out, "  %s\n", o.JSON)
		}
	}
	return out.String()
}
