// Package deptest turns dependency rules into tests: which packages a package must never link, and why. The
// idea is tailscale.com/tstest/deptest's. It imports the standard library only.
package deptest

import (
	"os/exec"
	"strings"
	"testing"
)

// Ban fails t for every package that pkg links (go list -deps) whose import path is, or lies below, a
// key of banned; the value says why.
func Ban(t *testing.T, pkg string, banned map[string]string) {
	t.Helper()
	for _, dep := range list(t, pkg) {
		for path, why := range banned {
			if dep == path || strings.HasPrefix(dep, path+"/") {
				t.Errorf("%s links %s: %s", pkg, dep, why)
			}
		}
	}
}

// Only fails t for every package outside the standard library that pkg links and that neither is nor lies
// below one of allowed.
func Only(t *testing.T, pkg string, allowed ...string) {
	t.Helper()
	for _, dep := range list(t, pkg) {
		first, _, _ := strings.Cut(dep, "/")
		ok := !strings.Contains(first, ".") // a standard library path has no dot in its first element
		for _, path := range allowed {
			ok = ok || dep == path || strings.HasPrefix(dep, path+"/")
		}
		if !ok {
			t.Errorf("%s links %s, which is not among what this package may import: %v", pkg, dep, allowed)
		}
	}
}

func list(t *testing.T, pkg string) []string {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", pkg)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list -deps %s: %v\n%s", pkg, err, stderr.String())
	}
	return strings.Fields(string(out))
}
