package hub_test

import (
	"strings"
	"testing"
)

// TestAnAppThatIsAtFaultByWhatItDeclaresStaysSo: the fault does not go with what the app declared, and come
// back, without end.
func TestAnAppThatIsAtFaultByWhatItDeclaresStaysSo(t *testing.T) {
	t.Parallel()
	declared := func(name, spec string) string {
		return strings.ReplaceAll(kustomization(name, spec), "clusters/staging/"+name+".yaml", "y/"+name+".yaml")
	}
	for _, c := range []struct{ name, tree string }{
		{"a Kustomization", bootstrap + kustomization("x", "  path: ./y\n") + declared("x", "  path: ./z\n") + declared("beside", "  path: ./z\n") + manifest("z/z.yaml", "z", "{}")},
		{"an App", "-- clusters/staging/x.yaml --\n" + app("x", "y", "") + "-- y/x.yaml --\n" + app("x", "z", "") +
			"-- y/beside.yaml --\n" + app("beside", "z", "") + manifest("z/z.yaml", "z", "{}")},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newScene(t, c.tree)
			got := b.summary(b.resolve("staging"))
			if strings.Contains(got, "did not settle") || strings.Count(got, "  ERR ") != 1 || !strings.Contains(got, "app beside of x") {
				t.Errorf("got:\n%s", got)
			}
			b.commit("-- y/x.yaml --\n")
			if got := b.summary(b.resolve("staging")); strings.Contains(got, "ERR") || !strings.Contains(got, "app beside of x") {
				t.Errorf("after the clash went:\n%s", got)
			}
		})
	}
}
