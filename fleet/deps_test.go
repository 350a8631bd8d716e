package fleet_test

import (
	"os/exec"
	"strings"
	"testing"
)

// TestImportsProtocolAndTheStandardLibraryOnly holds for the packages of fleet and their tests, but fleet/envsubst,
// which has a test of its own. What links them, the agent above all, must not link more for it. internal/race, which
// imports the standard library only, says to tests whether they run slowly.
func TestImportsProtocolAndTheStandardLibraryOnly(t *testing.T) {
	args := []string{"-deps", "-test"}
	for pkg := range strings.FieldsSeq(goList(t, "./...")) {
		if !strings.HasSuffix(pkg, "/envsubst") {
			args = append(args, pkg)
		}
	}
	for dep := range strings.FieldsSeq(goList(t, args...)) {
		dep = strings.Trim(dep, "[]") // how a package built for a test is marked
		first, _, _ := strings.Cut(dep, "/")
		own := strings.HasPrefix(dep, "github.com/drover-dev/drover/fleet") || strings.HasPrefix(dep, "github.com/drover-dev/drover/protocol") ||
			dep == "github.com/drover-dev/drover/internal/race"
		if strings.Contains(first, ".") && !own {
			t.Errorf("fleet links %s: it may import protocol and the standard library", dep)
		}
	}
}

func goList(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("go", append([]string{"list"}, args...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// TestIsPure: no I/O, no clock, no goroutines, so that hub and agent reach the same conclusions from the same data.
func TestIsPure(t *testing.T) {
	for line := range strings.Lines(goList(t, "-f", "{{.ImportPath}}: {{join .Imports \" \"}}", "./...")) {
		pkg, imports, _ := strings.Cut(line, ":")
		for dep := range strings.FieldsSeq(imports) {
			switch dep {
			case "os", "io", "net", "net/http", "sync", "context", "math/rand", "math/rand/v2", "crypto/rand", "log", "log/slog":
				t.Errorf("%s imports %s: fleet does no I/O and starts no goroutine", pkg, dep)
			}
		}
	}
}
