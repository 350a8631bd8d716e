package house

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// root is the import path of the repository; packages below it are checked from source.
const root = "github.com/drover-dev/drover/"

// importer gives the packages of this repository and, declarations only, those of the standard library that carry types
// through: without them the elements of a range over slices.Sorted would have no type. All others are empty, and what
// is wrong for that reason is ignored: the rules ask what a package refers to in itself.
type importer struct {
	fset    *token.FileSet
	done    map[string]*types.Package
	folders map[string][]*ast.File // files by folder of the repository
}

// carriers are the packages of the standard library whose functions return what they are given.
var carriers = []string{"slices", "maps", "iter", "cmp", "sync", "sync/atomic"}

func (i *importer) Import(path string) (*types.Package, error) {
	if p, ok := i.done[path]; ok {
		return p, nil
	}
	name := path[strings.LastIndex(path, "/")+1:]
	empty := types.NewPackage(path, name)
	empty.MarkComplete()
	i.done[path] = empty // also for what imports itself in a circle
	var files []*ast.File
	if dir, ours := strings.CutPrefix(path, root); ours {
		files = i.folders[dir]
	} else if slices.Contains(carriers, path) {
		files = library(i.fset, path)
	}
	if len(files) == 0 {
		return empty, nil
	}
	p, _ := i.check(path, files, nil, true)
	i.done[path] = p
	return p, nil
}

func (i *importer) check(path string, files []*ast.File, info *types.Info, declarations bool) (*types.Package, error) {
	c := types.Config{Importer: i, IgnoreFuncBodies: declarations, Error: func(error) {}, FakeImportC: true}
	return c.Check(path, i.fset, files, info)
}

// library parses a package of the standard library.
func library(fset *token.FileSet, path string) []*ast.File {
	p, err := build.Default.Import(path, "", 0)
	if err != nil {
		return nil
	}
	var out []*ast.File
	for _, name := range p.GoFiles {
		if f, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution); err == nil {
			out = append(out, f)
		}
	}
	return out
}

// cycles finds packages in which too many files, or functions, refer to each other in a circle.
func cycles(files []source) []finding {
	fset := token.NewFileSet()
	folders := map[string][]*ast.File{}
	for _, s := range files {
		if s.test() || !s.built() {
			continue
		}
		if f, err := parser.ParseFile(fset, s.path, s.text, parser.SkipObjectResolution); err == nil {
			folders[folder(s)] = append(folders[folder(s)], f)
		}
	}
	i := &importer{fset, map[string]*types.Package{"unsafe": types.Unsafe}, folders}
	var out []finding
	for _, dir := range slices.Sorted(maps.Keys(folders)) {
		info := &types.Info{
			Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{},
		}
		_, _ = i.check(root+dir, folders[dir], info, false)
		between, calls := references(fset, folders[dir], info)
		if c := largest(between); len(c) > limits["cycle"] {
			out = append(out, finding{"cycle", dir, len(c), "Files: " + strings.Join(c, " ")})
		}
		if c := largest(calls); len(c) > limits["recursion"] {
			out = append(out, finding{"recursion", dir, len(c), "Functions: " + strings.Join(c, " ")})
		}
	}
	return out
}

// graph says for each node to which others it refers.
type graph map[string]map[string]bool

func (g graph) add(from, to string) {
	if g[from] == nil {
		g[from] = map[string]bool{}
	}
	g[from][to] = true
}

// references says which files of a package refer to which, by anything that is declared in them beside what functions
// declare inside, and which functions refer to which.
func references(fset *token.FileSet, files []*ast.File, info *types.Info) (between, calls graph) {
	between, calls = graph{}, graph{}
	where := map[types.Object]string{} // the file of what is declared
	whose := map[types.Object]string{} // the name of a function or method
	for _, f := range files {
		file := filepath.Base(fset.Position(f.FileStart).Filename)
		for _, decl := range f.Decls {
			if d, ok := decl.(*ast.FuncDecl); ok {
				if o := info.Defs[d.Name]; o != nil {
					where[o], whose[o] = file, called(d)
				}
				continue
			}
			ast.Inspect(decl, func(n ast.Node) bool {
				if _, inside := n.(*ast.FuncLit); inside {
					return false
				}
				if id, ok := n.(*ast.Ident); ok && info.Defs[id] != nil {
					where[info.Defs[id]] = file
				}
				return true
			})
		}
	}
	for _, f := range files {
		file := filepath.Base(fset.Position(f.FileStart).Filename)
		for _, decl := range f.Decls {
			from := ""
			if d, ok := decl.(*ast.FuncDecl); ok {
				from = called(d)
			}
			ast.Inspect(decl, func(n ast.Node) bool {
				id, ok := n.(*ast.Ident)
				if !ok {
					return true
				}
				o := origin(info.Uses[id])
				if to, ok := where[o]; ok && to != file {
					between.add(file, to)
				}
				if to, ok := whose[o]; ok && from != "" {
					calls.add(from, to)
				}
				return true
			})
		}
	}
	return between, calls
}

// origin is the generic function, method or field of which o is an instance.
func origin(o types.Object) types.Object {
	switch x := o.(type) {
	case *types.Func:
		return x.Origin()
	case *types.Var:
		return x.Origin()
	}
	return o
}

func called(d *ast.FuncDecl) string {
	if d.Recv == nil {
		return d.Name.Name
	}
	return receiver(d) + "." + d.Name.Name
}

// largest is the largest group of nodes of which each reaches each other, in order; Tarjan's algorithm.
func largest(g graph) []string {
	var best, stack []string
	index, low, on := map[string]int{}, map[string]int{}, map[string]bool{}
	var visit func(string)
	visit = func(n string) {
		index[n] = len(index) + 1
		low[n] = index[n]
		stack, on[n] = append(stack, n), true
		for _, to := range slices.Sorted(maps.Keys(g[n])) {
			if index[to] == 0 {
				visit(to)
				low[n] = min(low[n], low[to])
			} else if on[to] {
				low[n] = min(low[n], index[to])
			}
		}
		if low[n] != index[n] {
			return
		}
		at := slices.Index(stack, n)
		group := slices.Clone(stack[at:])
		stack = stack[:at]
		for _, m := range group {
			on[m] = false
		}
		if len(group) > len(best) {
			best = group
		}
	}
	for _, n := range slices.Sorted(maps.Keys(g)) {
		if index[n] == 0 {
			visit(n)
		}
	}
	slices.SortFunc(best, cmp.Compare)
	return best
}

// built says whether a file belongs to a build for this system.
func (s source) built() bool {
	if s.virtual {
		return true
	}
	c := build.Default
	c.CgoEnabled = false
	ok, err := c.MatchFile(filepath.Join(repository, filepath.Dir(s.path)), filepath.Base(s.path))
	return err == nil && ok
}

func TestCyclesFindOffenders(t *testing.T) {
	t.Parallel()
	files, functions := limits["cycle"]+1, limits["recursion"]+1
	var in []source
	for i := range files {
		// File i refers to the next one by a method of an element of a slice that another package returned sorted.
		text := fmt.Sprintf("package a\n\nimport (\n\t\"slices\"\n\n\t\"%sx/b\"\n)\n\n"+
			"type T%d int\n\nfunc (T%d) m() bool {\n"+
			"\tfor _, t := range slices.Sorted(slices.Values([]T%d{1})) {\n"+
			"\t\treturn t.m() && b.B()\n\t}\n\treturn false\n}\n", root, i, i, (i+1)%files)
		in = append(in, parseText(t, fmt.Sprintf("x/a/f%d.go", i), text))
	}
	in = append(in,
		parseText(t, "x/a/last.go", "package a\n\nfunc last() T0 { return 0 }\n"),
		parseText(t, "x/b/b.go", "package b\n\nfunc B() bool { return b() }\n\nfunc b() bool { return true }\n"))
	var b strings.Builder
	b.WriteString("package c\n\ntype T[K any] struct{ k K }\n\nfunc f() { T[int]{}.m0() }\n\n")
	for i := range functions - 1 {
		next := fmt.Sprintf("t.m%d()", i+1)
		if i == functions-2 {
			next = "f()"
		}
		fmt.Fprintf(&b, "func (t T[K]) m%d() { %s }\n", i, next)
	}
	in = append(in, parseText(t, "x/c/c.go", b.String()))
	got := cycles(in)
	for i := range got {
		got[i].detail = ""
	}
	want := []finding{{rule: "cycle", subject: "x/a", value: files}, {rule: "recursion", subject: "x/c", value: functions}}
	if !slices.Equal(got, want) {
		t.Errorf("found %+v\nwant %+v", got, want)
	}
}
