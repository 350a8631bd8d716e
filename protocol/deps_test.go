package protocol_test

import (
	"os/exec"
	"strings"
	"testing"
)

// TestImportsTheStandardLibraryOnly: a program that speaks with Drover links nothing else for it. The module requires
// nothing, not even for this test; that is why internal/deptest is not used here.
func TestImportsTheStandardLibraryOnly(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-test", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for dep := range strings.FieldsSeq(string(out)) {
		dep = strings.Trim(dep, "[]") // how a package built for a test is marked
		first, _, _ := strings.Cut(dep, "/")
		if strings.Contains(first, ".") && !strings.HasPrefix(dep, "github.com/drover-dev/drover/protocol") {
			t.Errorf("protocol links %s, which is not in the standard library", dep)
		}
	}
}
