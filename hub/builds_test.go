package hub_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/drover-dev/drover/hub/kustomize"
	"github.com/drover-dev/drover/protocol"
)

// endlessBase is a folder whose build takes hours, although what it reads is small: kustomize compares each object with
// each.
func endlessBase() map[string]string {
	var objects strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&objects, "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c%d, namespace: web}\n", i)
	}
	return map[string]string{"endless/objects.yaml": objects.String(),
		"endless/kustomization.yaml": "resources: [objects.yaml]\n"}
}

// commits pushes overlays of b, one after the other, and waits until b has each.
func (r *rig) commits(series string, n int) {
	r.t.Helper()
	for i := range n {
		prefix := fmt.Sprintf("%s%d-", series, i)
		r.push(prefix, map[string]string{"apps/web/overlays/b/kustomization.yaml": "resources: [../../base]\n" +
			"namePrefix: " + prefix + "\n"})
		r.await("b", "the commit "+prefix, func(b protocol.Bundle) bool {
			return appOf(b, "web") != nil && appOf(b, "web").Blob != nil && b.Revision.Subject == prefix
		})
	}
}

// A build that does not end delays no other cluster: not as an app's folder, not as the folder of a cluster itself, and
// not as many.
func TestAnEndlessBuildDelaysNobodyElse(t *testing.T) {
	t.Parallel()
	bomb := "resources: [../../../../endless]\nnamePrefix: x-\n"
	for name, files := range map[string]map[string]string{
		"one app": {"apps/web/overlays/a/kustomization.yaml": bomb},
		"the cluster's folder": {"clusters/a/kustomization.yaml": "resources: [../../endless, " +
			"apps.yaml]\nnamePrefix: x-\n"},
		"many apps": {"apps/web/overlays/a/kustomization.yaml": bomb,
			"apps/web/overlays/a2/kustomization.yaml": bomb, "apps/web/overlays/a3/kustomization.yaml": bomb,
			"apps/web/overlays/a4/kustomization.yaml": bomb,
			"clusters/a/more.yaml": app("web2", "apps/web/overlays/a2", "") + "---\n" + app("web3",
				"apps/web/overlays/a3", "") + "---\n" + app("web4", "apps/web/overlays/a4", "")},
	} {
		t.Run(name, func(t *testing.T) {
			tree := twoClusters()
			for file, text := range endlessBase() {
				tree[file] = text
			}
			pool := kustomize.NewWorkers(must(os.Executable()), asBuilder)
			defer pool.Close()
			r := newRigWith(t, nil, tree, func(r *rig) { r.renderer, r.hasty = pool, true })
			r.join("a", "b")
			first := r.await("a", "published", func(b protocol.Bundle) bool { return withContent(b) == 2 })
			r.await("b", "published", func(b protocol.Bundle) bool { return withContent(b) == 3 })
			r.write(files)
			r.commits("beside", 15) // the first of these commits has the endless build as well
			c, _ := r.hub.State().Get("a")
			said := strings.Join(c.Problems, "; ")
			for _, a := range c.Desired.Apps {
				said += "; " + a.Error
			}
			if !strings.Contains(said, "being rendered") && !strings.Contains(said, "being built") {
				t.Errorf("a says %q: the commits for b have waited for its build", said)
			}
			if now, _ := r.bundle("a"); withContent(now) < 2 || appOf(now, "web").Blob.Digest != appOf(first,
				"web").Blob.Digest {
				t.Errorf("a lost its last version: %+v", now)
			}
			for file := range files {
				files[file] = ""
			}
			files["apps/web/overlays/a/kustomization.yaml"] = "resources: [../../base]\nnamePrefix: fixed-\n"
			r.push("fixed", files)
			r.await("a", "the fixed app", func(b protocol.Bundle) bool {
				return len(b.Apps) == 2 && appOf(b, "web").Error == "" && strings.Contains(r.lines("a", b, "web"),
					"fixed-web")
			})
		})
	}
}

// While a kustomization below fleet/ is being built nothing that it may concern is published, and nothing is taken for
// gone; when it is fixed the commits that waited go out.
func TestAnEndlessFleetFolderKeepsWhatThereIs(t *testing.T) {
	t.Parallel()
	tree := twoClusters()
	for file, text := range endlessBase() {
		tree[file] = text
	}
	tree["fleet/shared/app.yaml"] = app("shared", "apps/web/base", "")
	tree["fleet/shared/kustomization.yaml"] = "resources: [app.yaml]\n"
	pool := kustomize.NewWorkers(must(os.Executable()), asBuilder)
	defer pool.Close()
	r := newRigWith(t, nil, tree, func(r *rig) { r.renderer, r.hasty = pool, true })
	r.join("a", "b")
	before := r.await("b", "published", func(b protocol.Bundle) bool {
		return appOf(b, "shared") != nil &&
			appOf(b, "shared").Blob != nil
	})
	r.push("endless", map[string]string{"fleet/shared/kustomization.yaml": "resources: [app.yaml, " +
		"../../endless]\nnamePrefix: x-\n"})
	r.push("settings", map[string]string{"clusters/b/settings.yaml": configMap("settings", "two")})
	if said := strings.Join(r.hub.State().Source().Problems, "; "); !strings.Contains(said, "being built") {
		t.Errorf("problems are %q: the test has waited for the build", said)
	}
	if b, _ := r.bundle("b"); b.Generation != before.Generation {
		t.Errorf("b got %+v", b)
	}
	r.push("fixed", map[string]string{"fleet/shared/kustomization.yaml": "resources: [app.yaml]\nnamePrefix: x-\n"})
	b := r.await("b", "what waited", func(b protocol.Bundle) bool {
		return appOf(b, "x-shared") != nil && strings.Contains(r.lines("b", b, "root"), "two")
	})
	if b.Incomplete != "" || appOf(b, "shared") != nil || b.Generation != before.Generation+1 {
		t.Errorf("b = %+v", b)
	}
	if said := strings.Join(r.hub.State().Source().Problems, "; "); said != "" {
		t.Errorf("problems are %q still", said)
	}
}

// withContent counts the apps of a bundle that have content.
func withContent(b protocol.Bundle) (n int) {
	for _, a := range b.Apps {
		if a.Blob != nil {
			n++
		}
	}
	return n
}
