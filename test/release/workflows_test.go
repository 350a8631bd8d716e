package release

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// repository is the top of the work tree, seen from this package.
const repository = "../.."

var (
	usesAction = regexp.MustCompile(`(?m)^[\s-]*uses:\s*(\S+)(.*)$`)
	runsMake   = regexp.MustCompile(`\bmake ([a-z][a-z-]*)`)
	pinned     = regexp.MustCompile(`^[^@]+@[0-9a-f]{40}$`)
	versioned  = regexp.MustCompile(`^\s+# v[0-9]+\.[0-9]+\.[0-9]+$`)
)

// workflow lists what is wrong with a workflow: an action that is not pinned to a commit may change under a release,
// and a target that is not in the Makefile is one that people cannot run where the workflow fails.
func workflow(name, text string, targets []string) []string {
	var out []string
	for _, m := range usesAction.FindAllStringSubmatch(text, -1) {
		if strings.HasPrefix(m[1], "./") {
			continue
		}
		if !pinned.MatchString(m[1]) || !versioned.MatchString(m[2]) {
			out = append(out, fmt.Sprintf("%s uses %s: pin it to a commit, with its version as a comment", name, m[1]))
		}
	}
	for _, m := range runsMake.FindAllStringSubmatch(text, -1) {
		if !slices.Contains(targets, m[1]) {
			out = append(out, fmt.Sprintf("%s runs make %s, which the Makefile does not have", name, m[1]))
		}
	}
	if !strings.Contains(text, "\npermissions:\n  contents: read\n") {
		out = append(out, name+" does not begin with the permission to read contents, and no other")
	}
	return out
}

func TestWorkflowsRunTargetsOfTheMakefileWithPinnedActions(t *testing.T) {
	t.Parallel()
	makefile, err := os.ReadFile(filepath.Join(repository, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	_, phony, _ := strings.Cut(string(makefile), "\n.PHONY:")
	phony, _, _ = strings.Cut(phony, "\n")
	targets := strings.Fields(phony)
	files, err := filepath.Glob(filepath.Join(repository, ".github", "workflows", "*.yml"))
	if err != nil || len(files) < 3 {
		t.Fatalf("workflows are %q, %v", files, err)
	}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, wrong := range workflow(filepath.Base(path), string(text), targets) {
			t.Error(wrong)
		}
	}
}

func TestWorkflowRulesFindOffenders(t *testing.T) {
	t.Parallel()
	got := workflow("x.yml", `
permissions: write-all
jobs:
  a:
    uses: ./.github/workflows/test.yml
  b:
    steps:
    - uses: actions/checkout@v6
    - uses: actions/checkout@de0fac2e4500dabe0009e67214ff5f5447ce83dd
    - uses: actions/checkout@de0fac2e4500dabe0009e67214ff5f5447ce83dd # v6.0.2
    - run: sudo make test
    - run: make nothing
`, []string{"test"})
	if len(got) != 4 || !strings.Contains(got[2], "make nothing") {
		t.Errorf("found %q, want two actions, a target and the permissions", got)
	}
}
