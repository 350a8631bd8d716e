package agent_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/protocol"
	"github.com/drover-dev/drover/test/testenv"
)

// limit makes a quota for objects of a kind, and waits until it is counted.
func limit(t *testing.T, cp *testenv.ControlPlane, ns, resource string, n int) testenv.Ref {
	t.Helper()
	mustCreate(t, cp, "test", fmt.Sprintf(`{"apiVersion":"v1","kind":"ResourceQuota","metadata":{"name":"small","namespace":%q},"spec":{"hard":{%q:"%d"}}}`,
		ns, resource, n))
	ref := testenv.Ref{APIVersion: "v1", Kind: "ResourceQuota", Namespace: ns, Name: "small"}
	if err := cp.Kube().Wait(t.Context(), ref, "counted", func(o testenv.Object) bool {
		return o != nil && o.Text("status", "used", resource) != ""
	}); err != nil {
		t.Fatal(err)
	}
	return ref
}

func waved(object, wave string) string {
	return strings.Replace(object, `"metadata":{`, `"metadata":{"annotations":{"argocd.argoproj.io/sync-wave":"`+wave+`"},`, 1)
}

// Two objects take the place of two others where there is no space for all four.
func TestSwapsAtAFullQuota(t *testing.T) {
	t.Parallel()
	for _, wave := range []string{"", "1"} { // in one go, and with something that comes after
		t.Run("wave "+wave, func(t *testing.T) {
			t.Parallel()
			cp, _, hub, _ := scene(t)
			ns := testenv.NamespaceT(t, cp)
			limit(t, cp, ns, "count/services", 3)
			rest := []string{configMap(ns, "rest", "1")}
			if wave != "" {
				rest = []string{waved(configMap(ns, "rest", "1"), wave)}
			}
			app := func(names ...string) protocol.App {
				objects := rest
				for _, name := range names {
					objects = append(objects, service(ns, name, 80))
				}
				return hub.App(t, "web", objects...)
			}
			hub.Apply(t, app("a", "b", "stays"))
			uid := still(t, cp, serviceRef(ns, "stays")).Text("metadata", "uid")
			hub.Apply(t, app("c", "d", "stays"))
			gone(t, cp, serviceRef(ns, "a"))
			gone(t, cp, serviceRef(ns, "b"))
			if still(t, cp, serviceRef(ns, "stays")).Text("metadata", "uid") != uid {
				t.Error("an object that stays was deleted")
			}
		})
	}
}

func serviceRef(ns, name string) testenv.Ref {
	return testenv.Ref{APIVersion: "v1", Kind: "Service", Namespace: ns, Name: name}
}

// What is in the way of a quota is deleted first only if it would be deleted anyway, holds no data, and serves for nothing else.
func TestGuardsHoldAtAFullQuota(t *testing.T) {
	t.Parallel()
	claim := func(name string) string {
		return `{"apiVersion":"v1","kind":"PersistentVolumeClaim","metadata":{"name":"` + name + `","namespace":"NS"},"spec":{"accessModes":["ReadWriteOnce"],` +
			`"storageClassName":"none","resources":{"requests":{"storage":"1Gi"}}}}`
	}
	for _, c := range []struct {
		name, resource string
		object         func(name string) string
		edit           func(*protocol.App)
		beside         string // also in the new version
		broken         bool   // another app cannot be rendered
		says           string
	}{
		{"data", "count/persistentvolumeclaims", claim, nil, "", false, "because its data would be lost"},
		{"does not prune", "count/services", func(name string) string { return service("NS", name, 80) },
			func(a *protocol.App) { a.Prune = false }, "", false, "a quota of its namespace is used up"},
		{"something else is refused", "count/services", func(name string) string { return service("NS", name, 80) }, nil,
			numeric("NS", "x", "1"), false, "data.key must be a string"},
		{"may have moved", "count/services", func(name string) string { return service("NS", name, 80) }, nil, "", true,
			"until app broken can be rendered again"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cp, _, hub, _ := scene(t)
			ns := testenv.NamespaceT(t, cp)
			quota := limit(t, cp, ns, c.resource, 1)
			app := func(objects ...string) protocol.App {
				for i := range objects {
					objects[i] = strings.ReplaceAll(objects[i], "NS", ns)
				}
				a := hub.App(t, "web", objects...)
				a.Timeout = 1
				if c.edit != nil {
					c.edit(&a)
				}
				return a
			}
			hub.Publish(t, hub.Bundle(app(c.object("a"))))
			ref := testenv.Ref{APIVersion: "v1", Kind: "Service", Namespace: ns, Name: "a"}
			if strings.Contains(c.resource, "claims") {
				ref.Kind = "PersistentVolumeClaim"
			}
			if err := cp.Kube().Wait(t.Context(), ref, "applied", testenv.Exists); err != nil {
				t.Fatal(err)
			}
			if err := cp.Kube().Wait(t.Context(), quota, "used up", func(o testenv.Object) bool { return o.Text("status", "used", c.resource) == "1" }); err != nil {
				t.Fatal(err)
			}
			objects := []string{c.object("b")}
			if c.beside != "" {
				objects = append(objects, c.beside)
			}
			apps := []protocol.App{app(objects...)}
			if c.broken {
				broken := hub.App(t, "broken")
				broken.Blob, broken.Error = nil, "cannot be rendered"
				apps = append(apps, broken)
			}
			hub.Publish(t, hub.Bundle(apps...))
			hub.Report(t, "what waits", func(r protocol.Report) bool {
				a := agenttest.AppOf(r, "web")
				text := a.Message
				for _, p := range a.Problems {
					text += p.Message
				}
				return a.Phase == protocol.PhaseFailed && strings.Contains(text, c.says)
			})
			if got := still(t, cp, ref); got.Text("metadata", "deletionTimestamp") != "" {
				t.Error("it was deleted")
			}
		})
	}
}
