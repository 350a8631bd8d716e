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
	if n := namedTestsExist(t, "docs/security.md"); n < 40 {
		t.Errorf("only %d tests are named", n)
	}
	for row := range strings.Lines(string(page)) {
		head := strings.Contains(row, "|---") || strings.Contains(row, "| Test |")
		inTests := strings.Contains(row, "Test")
		if strings.HasPrefix(row, "|") && !head && !inTests && strings.Count(row, "|") > 3 {
			t.Errorf("a sentence without a test: %.120s", row)
		}
	}
}

// What a tenant can do, and what it cannot, is said sentence by sentence with its test.
func TestTheTenantsPageNamesTestsThatExist(t *testing.T) {
	if n := namedTestsExist(t, "docs/tenants.md"); n < 20 {
		t.Errorf("only %d tests are named", n)
	}
}

// Each invariant names tests that prove it, and each row of "where to add" those that hold it.
func TestTheOverviewNamesTestsThatExist(t *testing.T) {
	if n := namedTestsExist(t, "ARCHITECTURE.md"); n < 30 {
		t.Errorf("only %d tests are named", n)
	}
}

// namedTestsExist counts the tests that a page names, and reports those that do not exist.
func namedTestsExist(t *testing.T, path string) int {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(repository, path))
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
	for _, n := range names {
		if !exists[n[1]] {
			t.Errorf("%s names %s, which does not exist", path, n[1])
		}
	}
	return len(names)
}

// A link between pages that leads nowhere helps no reader.
func TestLinksBetweenPagesLeadSomewhere(t *testing.T) {
	pages, err := filepath.Glob(filepath.Join(repository, "docs/*.md"))
	if err != nil {
		t.Fatal(err)
	}
	decisions, err := filepath.Glob(filepath.Join(repository, "docs/decisions/*.md"))
	if err != nil {
		t.Fatal(err)
	}
	pages = append(pages, decisions...)
	for _, name := range []string{"README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"} {
		pages = append(pages, filepath.Join(repository, name))
	}
	link := regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range link.FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), l[1])); err != nil {
				t.Errorf("%s links to %s, which does not exist", page, l[1])
			}
		}
	}
}
