package repository

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/drover-dev/drover/hub/git/gittest"
	"github.com/drover-dev/drover/hub/git/object"
)

// generator writes random commits for git fast-import.
type generator struct {
	*rand.Rand
	out   bytes.Buffer
	files map[string]bool // of the last commit
	n     int             // commits so far

}

// Path makes up a path of one to four names, some of them odd.
func (g *generator) path() string {
	names := []string{"a", "b", "base", "c.yaml", "clusters", "d e.yaml", "ünï", "a.b", "a-b", "z"}
	p := ""
	for range 1 + g.IntN(4) {
		p = path.Join(p, names[g.IntN(len(names))])
	}
	return p
}

// put notes that a path is a file: nothing is below it, and what is above it are folders.
func (g *generator) put(p string) {
	maps.DeleteFunc(g.files, func(other string, _ bool) bool {
		return strings.HasPrefix(other, p+"/") || strings.HasPrefix(p, other+"/")
	})
	g.files[p] = true
}

func (g *generator) data(text string) { fmt.Fprintf(&g.out, "data %d\n%s\n", len(text), text) }

// text is content that resembles others, so that git stores it as a delta.
func (g *generator) text() string {
	var b strings.Builder
	for i := range 5 + g.IntN(200) {
		fmt.Fprintf(&b, "line %d: %d\n", i, g.IntN(3))
	}
	return b.String()
}

func (g *generator) edit() {
	if g.IntN(4) == 0 && len(g.files) > 3 {
		old := slices.Sorted(maps.Keys(g.files))[g.IntN(len(g.files))]
		delete(g.files, old)
		if to := g.path(); g.IntN(2) == 0 && to != old && !strings.HasPrefix(to, old+"/") && !strings.HasPrefix(old, to+"/") {
			fmt.Fprintf(&g.out, "R %q %q\n", old, to)
			g.put(to)
			return
		}
		fmt.Fprintf(&g.out, "D %q\n", old)
		return
	}
	p := g.path()
	g.put(p)
	mode, text := "100644", g.text()
	switch g.IntN(8) {
	case 0:
		mode = "100755"
	case 1:
		mode, text = "120000", "../"+g.path()
	case 2:
		fmt.Fprintf(&g.out, "M 160000 %040x %q\n", g.Uint64(), p)
		return
	case 3:
		text = ""
	}
	fmt.Fprintf(&g.out, "M %s inline %q\n", mode, p)
	g.data(text)
}

// commits makes n commits, some of them merges. Each has a branch of its own; main is the last.
func (g *generator) commits(n int) []byte {
	g.out.Reset()
	for i := range n {
		g.n++
		fmt.Fprintf(&g.out, "commit refs/heads/c%d\nauthor Ada <ada@example.com> %d +0200\ncommitter Ben "+
			"<ben@example.com> %d -0330\n", g.n, g.n*100, g.n*100+7)
		g.data(fmt.Sprintf("\nchange %d\n\nin long", g.n))
		switch {
		case g.n > 1 && i == 0:
			fmt.Fprintf(&g.out, "from refs/heads/c%d^0\n", g.n-1)
		case g.n > 1:
			fmt.Fprintf(&g.out, "from refs/heads/c%d\n", g.n-1)
		}
		if i > 5 && g.IntN(4) == 0 {
			fmt.Fprintf(&g.out, "merge refs/heads/c%d\n", g.n-2-g.IntN(3))
		}
		for range 1 + g.IntN(6) {
			g.edit()
		}
	}
	fmt.Fprintf(&g.out, "reset refs/heads/main\nfrom refs/heads/c%d\n", g.n)
	return g.out.Bytes()
}

// big adds a commit with two large files that differ little, and one that is larger than a snapshot reads.
func (g *generator) big() []byte {
	g.out.Reset()
	noise := make([]byte, 2<<20)
	for i := range noise {
		noise[i] = byte(g.Uint32())
	}
	fmt.Fprintf(&g.out, "commit refs/heads/main\ncommitter Ben <ben@example.com> 1 +0000\ndata 3\nbig\nfrom "+
		"refs/heads/main^0\n")
	for name, text := range map[string]string{"big/1": string(noise), "big/2": string(noise) + "more",
		"big/3": strings.Repeat("0", maxFile+1)} {
		fmt.Fprintf(&g.out, "M 100644 inline %s\n", name)
		g.data(text)
	}
	g.n++
	fmt.Fprintf(&g.out, "reset refs/heads/c%d\nfrom refs/heads/main\n", g.n)
	fmt.Fprintf(&g.out, "tag v1\nfrom refs/heads/main\ntagger Ben <ben@example.com> 1 +0000\ndata 3\none\n")
	return g.out.Bytes()
}

// generated is a repository that keeps its objects in every way there is: borrowed from another, whose deltas name
// their bases
// by id; in a pack with deltas that name theirs by offset; in a pack as fast-import leaves it; and loose.
func generated(t *testing.T, seed uint64) *gittest.Repo {
	t.Helper()
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 1)), files: map[string]bool{}}
	other := gittest.New(t, "--bare")
	other.FastImport(g.commits(40))
	other.Git("-c", "repack.useDeltaBaseOffset=false", "repack", "-q", "-a", "-d", "-f", "--depth=30")
	r := &gittest.Repo{TB: t, Dir: filepath.Join(t.TempDir(), "fleet")}
	gittest.Git(t, "", "clone", "-q", "--bare", "--shared", other.Dir, r.Dir)
	r.FastImport(g.commits(30))
	r.Git("repack", "-q", "-a", "-d", "-f", "-l", "--depth=30")
	r.FastImport(g.big(), "-c", "fastimport.unpackLimit=0")
	r.FastImport(g.commits(20), "-c", "fastimport.unpackLimit=100000")
	counts := r.Git("count-objects", "-v")
	for _, want := range []string{"packs: 2", "alternate: "} {
		if !strings.Contains(counts, want) {
			t.Fatalf("the repository is not kept in every way: %q is missing from\n%s", want, counts)
		}
	}
	if strings.HasPrefix(counts, "count: 0\n") {
		t.Fatalf("no object is loose:\n%s", counts)
	}
	return r
}

// TestObjectsAreThoseOfGit reads every object, every tree, every commit and the difference of many pairs of commits,
// and holds
// them against what the git command says. Whatever stands behind objects must pass it.
func TestObjectsAreThoseOfGit(t *testing.T) {
	for seed := range uint64(2) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			r := generated(t, seed)
			repo, err := Open(r.Dir)
			if err != nil {
				t.Fatal(err)
			}
			for name, from := range map[string]object.Objects{"current": repo.objects(), "held": repo.objects().Hold()} {
				t.Run(name, func(t *testing.T) {
					compareObjects(t, r, from)
					comparePrefixes(t, r, from)
				})
			}
			ids := strings.Fields(r.Git("rev-list", "--all"))
			if len(ids) < 90 {
				t.Fatalf("only %d commits", len(ids))
			}
			for i, id := range ids {
				compareCommit(t, r, repo.objects(), id)
				if i%4 != 0 {
					continue // each of these starts a git
				}
				compareTree(t, r, id)
				compareChanges(t, r, ids[(i+1)%len(ids)], id)
				compareChanges(t, r, ids[(i*7+13)%len(ids)], id)
			}
		})
	}
}

// compareObjects reads all that git cat-file lists.
func compareObjects(t *testing.T, r *gittest.Repo, from object.Objects) {
	t.Helper()
	cmd := exec.Command("git", "cat-file", "--batch-all-objects", "--batch", "--unordered")
	cmd.Dir, cmd.Env = r.Dir, gittest.Env()
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	n := 0
	for in := bufio.NewReader(&out); ; n++ {
		var id, kind string
		var size int64
		line, err := in.ReadString('\n')
		if err == io.EOF {
			break
		}
		if _, err := fmt.Sscan(line, &id, &kind, &size); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		data := make([]byte, size+1)
		if _, err := io.ReadFull(in, data); err != nil {
			t.Fatal(err)
		}
		h, _ := object.ParseHash(id)
		obj, err := from.Read(h, object.MaxObject)
		if err != nil || obj.Kind != object.LooseTypes[kind] || !bytes.Equal(obj.Data, data[:size]) {
			t.Errorf("read %s: type %d, %d bytes, %v", strings.TrimSpace(line), obj.Kind, len(obj.Data), err)
		}
		if k, s, err := from.Stat(h); err != nil || k != object.LooseTypes[kind] || s != size {
			t.Errorf("stat %s: type %d, %d bytes, %v", strings.TrimSpace(line), k, s, err)
		}
	}
	if n < 400 {
		t.Errorf("only %d objects", n)
	}
}

// comparePrefixes looks for what ids begin with.
func comparePrefixes(t *testing.T, r *gittest.Repo, from object.Objects) {
	t.Helper()
	all := strings.Fields(r.Git("cat-file", "--batch-all-objects", "--batch-check=%(objectname)"))
	for i := 0; i < len(all); i += 17 {
		for _, digits := range []int{2, 3, 7, 40} {
			prefix := all[i][:digits]
			var got, want []string
			for _, id := range all {
				if strings.HasPrefix(id, prefix) {
					want = append(want, id)
				}
			}
			found, err := from.WithPrefix(prefix)
			for _, h := range found {
				got = append(got, h.String())
			}
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("%s: got %q, %v; want %q", prefix, got, err, want)
			}
		}
	}
}

func compareCommit(t *testing.T, r *gittest.Repo, from object.Objects, id string) {
	t.Helper()
	h, _ := object.ParseHash(id)
	c, _, err := object.ReadCommit(from, h)
	if err != nil {
		t.Fatal(err)
	}
	var parents []string
	for _, p := range c.Parents {
		parents = append(parents, p.String())
	}
	got := fmt.Sprintf("%s|%s|%s|%d|%s", c.Tree, strings.Join(parents, " "), c.Author, c.Time.Unix(), c.Subject)
	if want := r.Git("show", "-s", "--format=%T|%P|%an <%ae>|%ct|%s", id); got != want {
		t.Errorf("commit %s:\ngot  %s\nwant %s", id, got, want)
	}
}

// compareTree walks a snapshot, and reads its files and links by path.
func compareTree(t *testing.T, r *gittest.Repo, id string) {
	t.Helper()
	h, _ := object.ParseHash(id)
	s := at(r, id)
	var got []string
	var walk func(folder string, of object.Hash)
	walk = func(folder string, of object.Hash) {
		tree, err := s.objects.Tree(of)
		if err != nil {
			t.Fatalf("%s of %s: %v", folder, h, err)
		}
		for _, e := range tree.Entries {
			p := join(folder, e.Name)
			got = append(got, fmt.Sprintf("%s %s\t%s", map[object.Kind]string{object.KindFile: "100644 blob", object.KindProgram: "100755 blob",
				object.KindLink:   "120000 blob",
				object.KindFolder: "040000 tree", object.KindSubmodule: "160000 commit"}[e.Kind], e.ID, p))
			if found, err := s.Lstat(p); err != nil || found.Mode() != e.Kind.Mode() {
				t.Errorf("%s of %s: %v, %v", p, id, found, err)
			}
			if e.Kind == object.KindFolder {
				walk(p, e.ID)
			}
		}
	}
	walk(".", s.rootID)
	want := strings.Split(strings.TrimSuffix(r.Git("ls-tree", "-r", "-t", "-z", id), "\x00"), "\x00")
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("tree of %s:\ngot  %q\nwant %q", id, got, want)
	}
}

// compareChanges holds what changed against git diff-tree. A folder is among the changes if its listing changed.
func compareChanges(t *testing.T, r *gittest.Repo, from, to string) {
	t.Helper()
	want := map[string]bool{}
	fields := strings.Split(strings.TrimSuffix(r.Git("diff-tree", "-r", "-t", "-z", "--no-renames", "--raw", from, to),
		"\x00"), "\x00")
	for i := 0; i+1 < len(fields); i += 2 {
		old, now, p := fields[i][1:7], fields[i][8:14], fields[i+1]
		if old != "040000" || now != "040000" {
			want[p] = true
		}
		if old[:3] != now[:3] {
			want[path.Dir(p)] = true
		}
	}
	got, err := at(r, to).Changes(at(r, from))
	if want := slices.Sorted(maps.Keys(want)); err != nil || !slices.Equal(got, want) {
		t.Errorf("%s..%s:\ngot  %q, %v\nwant %q", from, to, got, err, want)
	}
}
