package fleet_test

import (
	"os/exec"
	"strings"
	"testing"
)

// TestImportsProtocolAndTheStandardLibraryOnly holds for this package, for fleet/query and for the tests of both. What
// links it, the agent above all, must not link more for it.
func TestImportsProtocolAndTheStandardLibraryOnly(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-test", "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for dep := range strings.FieldsSeq(string(out)) {
		dep = strings.Trim(dep, "[]") // how a package built for a test is marked
		first, _, _ := strings.Cut(dep, "/")
		own := strings.HasPrefix(dep, "github.com/drover-dev/drover/fleet") || strings.HasPrefix(dep, "github.com/drover-dev/drover/protocol")
		if strings.Contains(first, ".") && !own {
			t.Errorf("fleet links %s: it may import protocol and the standard library", dep)
		}
	}
}

// TestIsPure: no I/O, no clock, no goroutines, so that hub and agent reach the same conclusions from the same data.
func TestIsPure(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", "{{.ImportPath}}: {{join .Imports \" \"}}", "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		pkg, imports, _ := strings.Cut(line, ":")
		for dep := range strings.FieldsSeq(imports) {
			switch dep {
			case "os", "io", "net", "net/http", "sync", "context", "math/rand", "math/rand/v2", "crypto/rand", "log", "log/slog":
				t.Errorf("%s imports %s: fleet does no I/O and starts no goroutine", pkg, dep)
			}
		}
	}
}
