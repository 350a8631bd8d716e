package detect

import (
	"strings"
	"testing"
	"testing/fstest"
)

// tree makes a repository from text in the txtar format.
func tree(text string) fstest.MapFS {
	files := fstest.MapFS{}
	name := ""
	for line := range strings.Lines(strings.TrimLeft(text, "\n")) {
		if rest, ok := strings.CutPrefix(line, "-- "); ok && strings.HasSuffix(rest, " --\n") {
			name = strings.TrimSuffix(rest, " --\n")
			files[name] = &fstest.MapFile{}
		} else if name != "" {
			files[name].Data = append(files[name].Data, line...)
		}
	}
	return files
}

const x = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n"

func kustomization(file, name, path string) string {
	return "-- " + file + " --\napiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: " + name +
		", namespace: flux-system}\nspec: {path: " + path + ", sourceRef: {kind: GitRepository, name: flux-system}}\n" +
		"---\napiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: flux-system, namespace: flux-system}\n" +
		"spec: {url: 'ssh://git@git.example.com/ops/fleet'}\n"
}

func application(file, name, url, path, destination string) string {
	return "-- " + file + " --\napiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: " + name + ", namespace: argocd}\n" +
		"spec: {source: {repoURL: '" + url + "', path: " + path + "}, destination: {" + destination + "}}\n"
}

const (
	us   = "https://git.example.com/ops/fleet.git"
	here = "server: 'https://kubernetes.default.svc'"
)

func TestLayoutsAreDetected(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, tool, tree, want string }{
		{"flux bootstrap, two clusters", "", kustomization("clusters/a/flux-system/gotk-sync.yaml", "flux-system", "./clusters/a") +
			kustomization("clusters/b/flux-system/gotk-sync.yaml", "flux-system", "./clusters/b") + kustomization("clusters/b/apps.yaml", "apps", "./apps") +
			"-- apps/x.yaml --\n" + x, "flux paths clusters aliases ssh://git@git.example.com/ops/fleet"},
		{"beside folders that are none", "", kustomization("clusters/a/flux-system/gotk-sync.yaml", "flux-system", "./clusters/a") +
			"-- clusters/repositories/x.yaml --\n" + x, "flux paths clusters !clusters/repositories aliases ssh://git@git.example.com/ops/fleet"},
		{"two levels", "", kustomization("clusters/eu/prod/gotk-sync.yaml", "flux-system", "./clusters/eu/prod") +
			kustomization("clusters/us/prod/gotk-sync.yaml", "flux-system", "./clusters/us/prod"),
			"flux paths clusters/*/* aliases ssh://git@git.example.com/ops/fleet"},
		{"one folder among others", "", kustomization("kubernetes/flux/gotk-sync.yaml", "flux-system", "./kubernetes/flux") +
			"-- kubernetes/a/x --\n-- kubernetes/b/x --\n-- kubernetes/c/x --\n-- kubernetes/d/x --\n-- kubernetes/e/x --\n",
			"flux paths cluster=kubernetes/flux aliases ssh://git@git.example.com/ops/fleet"},
		{"no sync in Git", "", kustomization("k8s/home/flux/apps.yaml", "apps", "./k8s/home/apps") + kustomization("k8s/home/apps/web/ks.yaml", "web", "./k8s/home/apps/web/app") +
			"-- k8s/home/apps/web/app/x.yaml --\n" + x, "flux paths k8s/home !k8s/home/apps aliases ssh://git@git.example.com/ops/fleet"},
		{"a FluxInstance", "", "-- clusters/a/instance.yaml --\napiVersion: fluxcd.controlplane.io/v1\nkind: FluxInstance\nmetadata: {name: flux}\n" +
			"spec: {sync: {kind: GitRepository, url: 'https://git.example.com/x', path: clusters/a}}\n", "flux paths clusters aliases https://git.example.com/x"},
		{"app of apps", "", application("bootstrap/root.yaml", "root", us, "apps", here) + application("apps/web.yaml", "web", us, "web", here) +
			"-- web/x.yaml --\n" + x, "argocd paths cluster=bootstrap aliases https://git.example.com/ops/fleet.git"},
		{"an app of apps for each cluster", "", application("clusters/a/root.yaml", "root", us, "apps", here) + application("clusters/b/root.yaml", "root", us, "apps", here) +
			application("apps/web.yaml", "web", us, "web", here) + "-- web/x.yaml --\n" + x, "argocd paths clusters aliases https://git.example.com/ops/fleet.git"},
		{"other repositories", "", application("apps/web.yaml", "web", "https://git.example.com/web", "deploy", here), "argocd paths cluster=apps"},
		{"many clusters", "", application("argocd/web.yaml", "web", us, "web", "name: prod-eu") + "-- web/x.yaml --\n" + x,
			"argocd paths cluster=argocd aliases https://git.example.com/ops/fleet.git todo 2"},
		{"fleet.yaml alone", "", "-- bundles/web/fleet.yaml --\nnamespace: web\n", "fleet todo 2"},
		{"a GitRepo", "", "-- fleet/shop.yaml --\napiVersion: fleet.cattle.io/v1alpha1\nkind: GitRepo\nmetadata: {name: shop, namespace: fleet-default}\n" +
			"spec: {repo: 'https://git.example.com/ops/fleet', paths: [bundles]}\n-- clusters/a/cluster.yaml --\nlabels: {}\n-- bundles/web/fleet.yaml --\n",
			"fleet paths clusters aliases https://git.example.com/ops/fleet"},
		{"the tool that is named", "argocd", kustomization("clusters/a/gotk-sync.yaml", "flux-system", "./clusters/a") + kustomization("clusters/a/apps.yaml", "apps", "./apps") +
			application("argo/web.yaml", "web", "https://git.example.com/web", "deploy", here), "argocd paths cluster=argo others flux"},
	} {
		l, err := Detect(tree(c.tree), c.tool, nil)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := written(l); got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s\n%q %q", c.name, got, c.want, l.Why, l.Todo)
		}
	}
}

// written is a layout in a line.
func written(l Layout) string {
	out := []string{l.Tool}
	for _, part := range []struct {
		name string
		of   []string
	}{{"paths", l.Paths}, {"aliases", l.Aliases}, {"others", l.Others}} {
		if len(part.of) > 0 {
			out = append(append(out, part.name), part.of...)
		}
	}
	if len(l.Todo) > 0 {
		out = append(out, "todo", strings.Repeat("1", len(l.Todo)))
	}
	return strings.ReplaceAll(strings.Join(out, " "), "todo 11", "todo 2")
}

// TestAnAddressThatIsKnownIsNoAlias in any spelling.
func TestAnAddressThatIsKnownIsNoAlias(t *testing.T) {
	t.Parallel()
	l, err := Detect(tree(kustomization("clusters/a/gotk-sync.yaml", "flux-system", "./clusters/a")), "", []string{"git@git.example.com:ops/fleet.git"})
	if err != nil || len(l.Aliases) > 0 {
		t.Errorf("%+v, %v", l, err)
	}
}

func TestWhatIsNotDetectedSaysWhatWasLookedFor(t *testing.T) {
	t.Parallel()
	if _, err := Detect(tree("-- a/x.yaml --\n"+x), "", nil); err == nil || !strings.Contains(err.Error(), "name the tool with --from") {
		t.Error(err)
	}
	if _, err := Detect(tree("-- a/x.yaml --\n"+x), Argo, nil); err == nil || !strings.Contains(err.Error(), "nothing in this repository was written for argocd") {
		t.Error(err)
	}
}
