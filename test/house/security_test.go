package house

import (
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The page that says what holds names the test that proves it. One that was renamed proves nothing.
func TestThePageAboutSecurityNamesTestsThatExist(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(repository, "docs/security.md"))
	if err != nil {
		t.Fatal(err)
	}
	exists := map[string]bool{}
	for _, s := range sources(t) {
		if !strings.HasSuffix(s.path, "_test.go") {
			continue
		}
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil {
				exists[f.Name.Name] = true
			}
		}
	}
	names := regexp.MustCompile("`(Test[A-Z][A-Za-z0-9]*)`").FindAllStringSubmatch(string(page), -1)
	if len(names) < 40 {
		t.Errorf("only %d tests are named", len(names))
	}
	for _, n := range names {
		if !exists[n[1]] {
			t.Errorf("docs/security.md names %s, which does not exist", n[1])
		}
	}
	for row := range strings.Lines(string(page)) {
		head := strings.Contains(row, "|---") || strings.Contains(row, "| Test |")
		inTests := strings.Contains(row, "Test")
		if strings.HasPrefix(row, "|") && !head && !inTests && strings.Count(row, "|") > 3 {
			t.Errorf("a sentence without a test: %.120s", row)
		}
	}
}
