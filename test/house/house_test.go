package house

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	maxFile     = 500 // lines
	maxFunction = 80  // lines, from func to the closing brace
)

// repository is where this test finds all modules.
const repository = "../.."

// source is one Go file.
type source struct {
	path  string // from the root of the repository
	file  *ast.File
	fset  *token.FileSet
	lines int
	text  string
	// virtual: a test made it up, and it is on no disk.
	virtual bool
}

// sources parses every Go file of the repository, without those that are generated or only data.
func sources(t *testing.T) []source {
	t.Helper()
	var out []source
	err := filepath.WalkDir(repository, func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // gone since it was listed
		}
		if err != nil {
			return err
		}
		name := e.Name()
		if e.IsDir() {
			if path != repository && ignored(name) {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		s, err := parse(path)
		if err == nil && !ast.IsGenerated(s.file) {
			out = append(out, s)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 100 {
		t.Fatalf("only %d Go files below %s", len(out), repository)
	}
	return out
}

// ignored says of a folder that what is in it is not this project's, or only data.
func ignored(folder string) bool {
	return strings.HasPrefix(folder, ".") || strings.HasPrefix(folder, "_") ||
		slices.Contains([]string{"testdata", "node_modules", "vendor"}, folder)
}

func parse(path string) (source, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return source{}, err
	}
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, path, data, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return source{}, err
	}
	name, err := filepath.Rel(repository, path)
	text := string(data)
	return source{path: filepath.ToSlash(name), file: file, fset: fset, lines: strings.Count(text, "\n"), text: text}, err
}

func (s source) test() bool { return strings.HasSuffix(s.path, "_test.go") }

// at is where something stands, as people write it.
func (s source) at(n ast.Node) string { return fmt.Sprintf("%s:%d", s.path, s.line(n.Pos())) }

func (s source) line(p token.Pos) int { return s.fset.Position(p).Line }

// TestEveryPackageSaysWhatItIsFor: a reader wants to know first what a package is for, and what it may import.
func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	documented := map[string]bool{}
	for _, s := range sources(t) {
		if s.test() {
			continue
		}
		dir := filepath.ToSlash(filepath.Dir(s.path))
		documented[dir] = documented[dir] || s.file.Doc != nil && len(strings.Fields(s.file.Doc.Text())) > 3
	}
	for dir, ok := range documented {
		if !ok {
			t.Errorf("%s: no file says in a comment before its package clause what the package is for", dir)
		}
	}
}

func TestEveryExportIsDocumented(t *testing.T) {
	for _, s := range sources(t) {
		if s.test() {
			continue
		}
		for _, offender := range undocumented(s) {
			t.Error(offender)
		}
	}
}

// undocumented lists what a file exports without a word. A group of constants, variables or types may be documented as
// a whole, or each one beside it. What a command exports nobody can import.
func undocumented(s source) []string {
	var out []string
	miss := func(n ast.Node, name string) {
		out = append(out, fmt.Sprintf("%s: %s is exported and not documented", s.at(n), name))
	}
	for _, decl := range s.file.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			reachable := d.Recv == nil || ast.IsExported(receiver(d))
			if d.Name.IsExported() && d.Doc == nil && reachable && s.file.Name.Name != "main" {
				miss(d, d.Name.Name)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					if spec.Name.IsExported() && d.Doc == nil && spec.Doc == nil && spec.Comment == nil {
						miss(spec, spec.Name.Name)
					}
				case *ast.ValueSpec:
					for _, name := range spec.Names {
						if name.IsExported() && d.Doc == nil && spec.Doc == nil && spec.Comment == nil {
							miss(spec, name.Name)
						}
					}
				}
			}
		}
	}
	return out
}

// receiver is the name of the type that a method belongs to.
func receiver(d *ast.FuncDecl) string {
	at := d.Recv.List[0].Type
	for {
		switch x := at.(type) {
		case *ast.StarExpr:
			at = x.X
		case *ast.IndexExpr:
			at = x.X
		case *ast.IndexListExpr:
			at = x.X
		case *ast.Ident:
			return x.Name
		default:
			return ""
		}
	}
}

// TestFilesAndFunctionsAreShort lists all that are not: the tails are what makes code hard to maintain.
func TestFilesAndFunctionsAreShort(t *testing.T) {
	for _, s := range sources(t) {
		if s.test() {
			continue
		}
		for _, offender := range long(s) {
			t.Error(offender)
		}
	}
}

func long(s source) []string {
	var out []string
	if s.lines > maxFile {
		out = append(out, fmt.Sprintf("%s has %d lines, more than %d: split it by noun", s.path, s.lines, maxFile))
	}
	for _, decl := range s.file.Decls {
		if d, ok := decl.(*ast.FuncDecl); ok && d.Body != nil {
			if n := s.line(d.End()) - s.line(d.Pos()) + 1; n > maxFunction {
				out = append(out, fmt.Sprintf("%s: %s has %d lines, more than %d", s.at(d), d.Name.Name, n, maxFunction))
			}
		}
	}
	return out
}

// TestNoPackageIsNamedForNothing: such packages gather code that belongs nowhere.
func TestNoPackageIsNamedForNothing(t *testing.T) {
	meaningless := []string{"util", "utils", "common", "types", "helpers", "manager", "misc", "base"}
	for _, s := range sources(t) {
		if slices.Contains(meaningless, s.file.Name.Name) {
			t.Errorf("%s: package %s: name it for its role or for what it wraps", s.path, s.file.Name.Name)
		}
	}
}

// TestTheRulesFindOffenders shows the rules a file that breaks each of them.
func TestTheRulesFindOffenders(t *testing.T) {
	var b strings.Builder
	b.WriteString("package bad\n\nfunc Long() {\n" + strings.Repeat("\n", maxFunction) + "}\n\n" +
		"type T struct{}\n\nfunc (*T) M() {}\n\nfunc (t) M() {}\n\ntype t struct{}\n\n" +
		"var (\n\tA = 1 // documented\n\tB = 2\n)\n\n// Two words.\nconst (\n\tC = 1\n\tD = 2\n)\n" +
		strings.Repeat("\n", maxFile))
	s := parseText(t, "bad.go", b.String())
	var names []string
	for _, o := range undocumented(s) {
		names = append(names, strings.Fields(o)[1])
	}
	if want := []string{"Long", "T", "M", "B"}; !slices.Equal(names, want) {
		t.Errorf("undocumented are %q, want %q", names, want)
	}
	if got := long(s); len(got) != 2 {
		t.Errorf("too long are %q, want the file and one function", got)
	}
}
