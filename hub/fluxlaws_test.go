package hub_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/drover-dev/drover/hub/resolve"
	"github.com/drover-dev/drover/protocol"
)

// Law 1: of an app that cannot be rendered nobody knows what it declares. What it declared before stays.
func TestAppsOfAnAppThatCannotBeRenderedStay(t *testing.T) {
	t.Parallel()
	tree := files(bootstrap + kustomization("tenants", "  path: tenants\n") + strings.Replace(kustomization("child", "  path: child\n"), "clusters/staging", "tenants", 1) +
		manifest("child/cm.yaml", "child", "{a: b}") + manifest("tenants/cm.yaml", "tenants", "{a: b}"))
	r := newRig(t, tree)
	r.join("staging")
	before := r.await("staging", "published", func(b protocol.Bundle) bool { return appOf(b, "child") != nil })
	if c, _ := r.hub.State().Get("staging"); len(c.Notes) != 1 || c.Notes[0].File != "clusters/staging/flux-system/gotk-components.yaml" {
		t.Errorf("the notes in the cluster's state are %v", c.Notes)
	}
	if p := appOf(before, "child").Parent; p != appOf(before, "tenants").Name {
		t.Errorf("the parent of child is %q", p)
	}
	r.push("broken", map[string]string{"tenants/broken.yaml": "a: [\n", "tenants/child.yaml": ""})
	b := r.await("staging", "generation 2", func(b protocol.Bundle) bool { return b.Generation == 2 })
	child := appOf(b, "child")
	if child == nil || child.Blob == nil || child.Blob.Digest != appOf(before, "child").Blob.Digest ||
		!strings.Contains(r.shown(child.Error), "it is not known whether the app is still wanted, so it is kept: the app flux-system/tenants, which declared it, has an error: tenants/broken.yaml:1") {
		t.Fatalf("child became %+v", child)
	}
	r.push("suspended", map[string]string{"tenants/broken.yaml": "", "clusters/staging/tenants.yaml": files(kustomization("tenants", "  path: tenants\n  suspend: true\n"))["clusters/staging/tenants.yaml"]})
	b = r.await("staging", "generation 3", func(b protocol.Bundle) bool { return b.Generation == 3 })
	if child := appOf(b, "child"); child == nil || !strings.Contains(r.shown(child.Error), "the app flux-system/tenants, which declared it, is suspended") {
		t.Fatalf("child became %+v", child)
	}
	r.push("mended", map[string]string{"clusters/staging/tenants.yaml": tree["clusters/staging/tenants.yaml"]})
	b = r.await("staging", "generation 4", func(b protocol.Bundle) bool { return b.Generation == 4 })
	if appOf(b, "child") != nil {
		t.Error("child is still there, although its declaration went from an app that can be read")
	}
}

// TestACommitRendersWhatReadSomethingThatChanged counts builds: of the folder and of each app, by what a commit touches.
func TestACommitRendersWhatReadSomethingThatChanged(t *testing.T) {
	t.Parallel()
	tree := bootstrap + manifest("clusters/staging/vars.yaml", "vars", "{x: one}")
	for i := range 10 {
		tree += kustomization(fmt.Sprintf("app%d", i), fmt.Sprintf("  path: apps/%d\n  targetNamespace: n%d\n  postBuild: {substituteFrom: [{kind: ConfigMap, name: vars, optional: true}], substitute: {y: z}}\n", i%5, i))
	}
	for i := range 5 {
		tree += manifest(fmt.Sprintf("apps/%d/cm.yaml", i), fmt.Sprintf("app%d", i), `{x: "${y}"}`)
	}
	tree += strings.ReplaceAll(tree, "clusters/staging", "clusters/other")
	s := newScene(t, tree)
	for _, step := range []struct {
		name, change string
		builds       int64
	}{
		{"the first revision", "", 2 + 10}, // two folders; ten overlays that both clusters share
		{"nothing that anybody read", "-- README.md --\nx\n", 0},
		{"a manifest of two apps", manifest("apps/3/cm.yaml", "app3", `{x: "${y} new"}`), 2},
		{"a folder", kustomization("app9", "  path: apps/4\n  targetNamespace: n9\n  suspend: true\n"), 1},
		{"another folder to render", kustomization("app9", "  path: apps/0\n  targetNamespace: n9\n"), 1 + 1},
		{"variables", manifest("clusters/staging/vars.yaml", "vars", "{x: two}"), 1},
	} {
		s.commit(step.change)
		s.renderer.builds.Store(0)
		for _, cluster := range []string{"staging", "other"} {
			res := s.resolve(cluster)
			for _, a := range res.Apps {
				if a.Err != "" {
					t.Errorf("%s: app %s: %s", step.name, a.App.Name, a.Err)
				}
			}
		}
		if got := s.renderer.builds.Load(); got != step.builds {
			t.Errorf("%s: %d builds, want %d", step.name, got, step.builds)
		}
	}
}

// TestNamesOfAppsAreUniqueAndStay: a name follows from namespace and name alone, unless two would be the same.
func TestNamesOfAppsAreUniqueAndStay(t *testing.T) {
	t.Parallel()
	declare := func(namespace, name string) string {
		text := kustomization(name, "  path: a\n  targetNamespace: "+namespace+"--"+strings.ReplaceAll(name, ".", "-")+"\n")
		text = strings.Replace(text, "namespace: flux-system", "namespace: "+namespace, 1)
		text = strings.Replace(text, "name: flux-system}", "name: flux-system, namespace: flux-system}", 1)
		return strings.Replace(text, name+".yaml", namespace+"."+name+".yaml", 1)
	}
	base := bootstrap + manifest("a/cm.yaml", "a", "{a: b}")
	for _, c := range []struct{ name, tree, want string }{
		{"in Flux' namespace and elsewhere", declare("flux-system", "apps") + declare("team", "apps"), "apps--2votazx4rjudykpusmw3 apps--fhn72jkfs4mzztbc5ivc root"},
		{"two that would be the same", declare("a-b", "c") + declare("a", "b-c"), "b-c--whvofxrvlqhezbt57hyu c--6qzmxagvxi7ibs4kb7ah root"},
		{"the name of the root app", declare("flux-system", "root"), "root root--65dkrk5hwxppsm4kmjaw"},
		{"no DNS label", declare("team", "v1.2"), "root v1-2--p7ooi7kvr2lfgzex7a3b"},
		{"too long", declare(strings.Repeat("n", 40), strings.Repeat("a", 40)), strings.Repeat("a", 40) + "--ktfqily5hcteruygbjo7 root"},
	} {
		s := newScene(t, base+c.tree)
		var got []string
		for _, a := range s.keyed("staging", nil).Apps {
			got = append(got, a.App.Name)
			if a.Err != "" {
				t.Errorf("%s: %s: %s", c.name, a.App.Name, a.Err)
			}
			if err := protocol.CheckName(a.App.Name); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %s, want %s", c.name, strings.Join(got, " "), c.want)
		}
	}
}

// TestTheKustomizationOfTheFolderItselfCounts: what `flux bootstrap` set up says how the cluster's own folder
// is delivered, down
// to variables in what it declares.
func TestTheKustomizationOfTheFolderItselfCounts(t *testing.T) {
	t.Parallel()
	self := strings.Replace(bootstrap, "  prune: true\n", `  prune: false
  timeout: 3m
  commonMetadata: {labels: {team: x}}
  postBuild: {substitute: {dir: app, who: me}}
`, 1)
	s := newScene(t, self+kustomization("app", "  path: ${dir}\n  targetNamespace: ${who}\n")+
		manifest("clusters/staging/cm.yaml", "cm", "{who: \"${who}\"}")+manifest("app/cm.yaml", "app", "{a: \"${who}\"}"))
	got := s.summary(s.resolve("staging"))
	for _, want := range []string{
		"app app of root\n  handling {\"orphan\":true}\n  {\"apiVersion\":\"v1\",\"data\":{\"a\":\"${who}\"},\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"app\",\"namespace\":\"me\"}}\n",
		"app root unpruned timeout 3m0s\n",
		`{"apiVersion":"v1","data":{"who":"me"},"kind":"ConfigMap","metadata":{"labels":{"team":"x"},"name":"cm"}}`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("not in it: %s\n%s", want, got)
		}
	}
	s.commit(strings.Replace(self, "  timeout: 3m\n", "  targetNamespace: y\n", 1))
	if got := s.summary(s.resolve("staging")); !strings.Contains(got, "it delivers the cluster's own folder, on which patches, images, components, names and targetNamespace are not supported") {
		t.Errorf("a targetNamespace on the folder itself is not refused:\n%s", got)
	}
}

// Law 2: a file that is broken takes no app of another file with it.
func TestABrokenFileBesideKustomizationsStopsOnlyItself(t *testing.T) {
	t.Parallel()
	s := newScene(t, kustomization("app", "  path: app\n")+manifest("app/cm.yaml", "app", "{a: b}")+"-- clusters/staging/broken.yaml --\na: [\n")
	res := s.resolve("staging")
	apps := map[string]resolve.AppResult{}
	for _, a := range res.Apps {
		apps[a.App.Name] = a
	}
	if apps["app"].Err != "" || apps["app"].Ref == nil || apps["root"].Err == "" || len(res.Cluster.Problems) == 0 {
		t.Errorf("got:\n%s", s.summary(res))
	}
}

// TestAppsInAppsHaveABottom: a chain that is too long is named, and what stands above its end goes on.
func TestAppsInAppsHaveABottom(t *testing.T) {
	t.Parallel()
	const length = 15
	tree := kustomization("app0", "  path: apps/0\n")
	for i := range length {
		next := kustomization(fmt.Sprintf("app%d", i+1), fmt.Sprintf("  path: apps/%d\n", i+1))
		tree += strings.Replace(next, "clusters/staging", fmt.Sprintf("apps/%d", i), 1)
	}
	tree += manifest(fmt.Sprintf("apps/%d/cm.yaml", length), "end", "{a: b}")
	s := newScene(t, tree)
	good, bad := 0, 0
	for _, a := range s.resolve("staging").Apps {
		switch {
		case a.Err == "":
			good++
		case strings.Contains(a.Err, "apps declare apps more than 12 deep (root → app0 → app1"):
			bad++
		default:
			t.Errorf("app %s: %s", a.App.Name, a.Err)
		}
	}
	if good != 11 || bad != 1 {
		t.Errorf("%d apps are rendered and %d too deep", good, bad)
	}
}
