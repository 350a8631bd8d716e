package house

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// limits by rule, as exceptions.txt names the rules.
var limits = map[string]int{
	"methods":   25,   // of a type
	"fields":    20,   // of a struct
	"interface": 5,    // methods that an interface lists itself; those of embedded ones count where they are listed
	"package":   2500, // lines, without tests
	"cycle":     6,    // files of a package that refer to each other in a circle
	"recursion": 10,   // functions that call each other in a circle
	"lines":     0,    // of more than maxColumns, in a module
}

const maxColumns = 120

func folder(s source) string { return filepath.ToSlash(filepath.Dir(s.path)) }

// sizes finds types and packages that are too large.
func sizes(files []source) []finding {
	var out []finding
	at := map[string]string{}
	methods, lines := map[string]int{}, map[string]int{}
	for _, s := range files {
		if s.test() {
			continue
		}
		dir := folder(s)
		lines[dir] += s.lines
		for _, decl := range s.file.Decls {
			if d, ok := decl.(*ast.FuncDecl); ok && d.Recv != nil {
				methods[dir+"."+receiver(d)]++
			}
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			name := dir + "." + spec.Name.Name
			at[name] = s.at(spec)
			switch x := spec.Type.(type) {
			case *ast.StructType:
				if n := fields(x); n > limits["fields"] {
					out = append(out, finding{"fields", name, n, s.at(spec)})
				}
			case *ast.InterfaceType:
				if n := listed(x); n > limits["interface"] {
					out = append(out, finding{"interface", name, n, s.at(spec)})
				}
			}
			return true
		})
	}
	for name, n := range methods {
		if n > limits["methods"] {
			out = append(out, finding{"methods", name, n, at[name]})
		}
	}
	for dir, n := range lines {
		if n > limits["package"] {
			out = append(out, finding{"package", dir, n, dir + ": split it by duty"})
		}
	}
	return out
}

func fields(x *ast.StructType) int {
	n := 0
	for _, f := range x.Fields.List {
		n += max(1, len(f.Names))
	}
	return n
}

// listed counts the methods that an interface names itself.
func listed(x *ast.InterfaceType) int {
	n := 0
	for _, f := range x.Methods.List {
		if _, ok := f.Type.(*ast.FuncType); ok {
			n += len(f.Names)
		}
	}
	return n
}

// module is the folder below which a file's lines and words are counted.
func module(path string) string {
	first, _, below := strings.Cut(path, "/")
	if !below {
		return "docs" // README.md and its like
	}
	return first
}

// longLines counts lines of more than maxColumns by module. A tab is one column.
func longLines(files []source) []finding {
	count, longest := map[string]int{}, map[string]string{}
	width := map[string]int{}
	for _, s := range files {
		n := 0
		for line := range strings.Lines(s.text) {
			n++
			w := utf8.RuneCountInString(strings.TrimRight(line, "\r\n"))
			if w <= maxColumns {
				continue
			}
			m := module(s.path)
			count[m]++
			if w > width[m] {
				width[m], longest[m] = w, fmt.Sprintf("%s:%d has %d columns", s.path, n, w)
			}
		}
	}
	var out []finding
	for m, n := range count {
		detail := fmt.Sprintf("Break lines at %d columns; the longest: %s", maxColumns, longest[m])
		out = append(out, finding{"lines", m, n, detail})
	}
	return out
}

// parseText is a file of a package that exists only in this test.
func parseText(t *testing.T, path, text string) source {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, path, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return source{path: path, file: file, fset: fset, lines: strings.Count(text, "\n"), text: text, virtual: true}
}

func TestSizesFindOffenders(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("package a\n\ntype T[K any] struct{}\n\ntype S struct {\n\tT[int]\n")
	for i := range limits["fields"] / 2 {
		fmt.Fprintf(&b, "\tA%d, B%d int\n", i, i)
	}
	b.WriteString("}\n\ntype I interface {\n\tJ\n")
	for i := range limits["interface"] + 1 {
		fmt.Fprintf(&b, "\tM%d()\n", i)
	}
	b.WriteString("}\n\ntype J interface{ M() }\n\ntype all interface { I; J }\n\n")
	for i := range limits["methods"] + 1 {
		fmt.Fprintf(&b, "func (t *T[K]) m%d() {}\n", i)
	}
	got := sizes([]source{
		parseText(t, "x/a/a.go", b.String()),
		parseText(t, "x/a/b.go", "package a\n"+strings.Repeat("\n", limits["package"])),
		parseText(t, "x/a/a_test.go", "package a\n"+strings.Repeat("\n", limits["package"])),
	})
	slices.SortFunc(got, func(a, b finding) int { return strings.Compare(a.rule, b.rule) })
	lines := strings.Count(b.String(), "\n") + limits["package"] + 1
	want := []finding{
		{rule: "fields", subject: "x/a.S", value: limits["fields"] + 1},
		{rule: "interface", subject: "x/a.I", value: limits["interface"] + 1},
		{rule: "methods", subject: "x/a.T", value: limits["methods"] + 1},
		{rule: "package", subject: "x/a", value: lines},
	}
	for i := range got {
		got[i].detail = ""
	}
	if !slices.Equal(got, want) {
		t.Errorf("found %+v\nwant %+v", got, want)
	}
}
