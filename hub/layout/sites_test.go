package layout

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/drover-dev/drover/hub/layout/folders"
	"github.com/drover-dev/drover/hub/model"
)

// sites are the clusters of a tree in lines.
func sites(t *testing.T, files model.Tree, patterns ...string) string {
	t.Helper()
	p, err := folders.Parse(patterns)
	if err != nil {
		t.Fatal(err)
	}
	found, err := (&Layout{Folders: p, Renderer: renderer}).Clusters(files)
	if err != nil {
		return "error " + err.Error() + "\n"
	}
	var b strings.Builder
	for _, s := range slices.Concat(found.Sites, found.Unknown) {
		fmt.Fprintf(&b, "%s=%s %s\n", s.Name, s.Folder, s.Wrong)
	}
	return strings.ReplaceAll(b.String(), " \n", "\n")
}

func TestClustersAreTheFolders(t *testing.T) {
	t.Parallel()
	got := sites(t, tree(`
-- clusters/staging/cluster.yaml --
-- clusters/production-us-east-1/x.yaml --
-- clusters/0/x.yaml --
-- clusters/My_Cluster/x.yaml --
-- clusters/a.b/x.yaml --
-- clusters/.git/x.yaml --
-- clusters/README.md --
-- clusters/copy -> staging --
-- clusters/lost -> nowhere --
-- elsewhere/x/y.yaml --
`))
	want := say("0=clusters/0", "a-b-2e7336dc=clusters/a.b", "copy=clusters/copy", "lost=clusters/lost", "my-cluster-c49d15d9=clusters/My_Cluster",
		"production-us-east-1=clusters/production-us-east-1", "staging=clusters/staging")
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// TestClustersAreNamedInTheirFiles, and a name that two have is neither's.
func TestClustersAreNamedInTheirFiles(t *testing.T) {
	t.Parallel()
	const object = "apiVersion: drover.dev/v1alpha1\nkind: Cluster\n"
	for _, c := range []struct{ name, tree, want string }{
		{"an object", "-- clusters/a/cluster.yaml --\n" + object + "spec: {name: edge}\n", "edge=clusters/a\n"},
		{"fields alone", "-- clusters/a/cluster.yaml --\nname: edge\n", "edge=clusters/a\n"},
		{"the name of its folder", "-- clusters/a/cluster.yaml --\nname: a\n", "a=clusters/a\n"},
		{"labels that are names", "-- clusters/a/cluster.yaml --\nlabels: {name: edge}\n", "a=clusters/a\n"},
		{"what is no Cluster's file", "-- clusters/a/cluster.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n", "a=clusters/a\n"},
		{"no DNS label", "-- clusters/a/cluster.yaml --\nname: Edge\n",
			`=clusters/a clusters/a/cluster.yaml:1: spec.name of a Cluster: the name "Edge" is no DNS label: use lower-case letters, digits and '-', beginning and ending with a letter or digit` + "\n"},
		{"no text", "-- clusters/a/cluster.yaml --\nname: [edge]\n", "=clusters/a clusters/a/cluster.yaml:1: spec.name of a Cluster is to be a text: the cluster's name\n"},
		{"broken, and nothing names it", "-- clusters/a/cluster.yaml --\n" + object + "metadata: {name: a}\nspec: [\n", "a=clusters/a\n"},
		{"broken, and something may name it", "-- clusters/a/cluster.yaml --\nname: edge\nvars: [\n",
			"=clusters/a clusters/a/cluster.yaml:2: invalid YAML: did not find expected node content; so it is not known which cluster clusters/a is for, and nothing changes there\n"},
		{"two of one name", "-- clusters/a/cluster.yaml --\nname: b\n-- clusters/b/x.yaml --\n-- clusters/c/x.yaml --\n",
			"b=clusters/a clusters/a and clusters/b are both the cluster \"b\", so neither is delivered: give one of them another spec.name in its cluster.yaml\nc=clusters/c\n"},
	} {
		if got := sites(t, tree(c.tree)); got != c.want {
			t.Errorf("%s: got\n%swant\n%s", c.name, got, c.want)
		}
	}
	given := sites(t, tree("-- k8s/cluster.yaml --\nname: edge\n"), "home=k8s")
	if want := `=k8s k8s/cluster.yaml: spec.name is "edge", and --path home=k8s names the cluster otherwise: make them equal` + "\n"; given != want {
		t.Errorf("got\n%swant\n%s", given, want)
	}
}

// TestACollisionIsNotRead: neither of two folders with one name may say what the cluster is to be.
func TestACollisionIsNotRead(t *testing.T) {
	t.Parallel()
	l := &Layout{Renderer: renderer}
	files := tree("-- clusters/a/cluster.yaml --\nname: b\n-- clusters/b/x.yaml --\n")
	found, err := l.Clusters(files)
	if err != nil || len(found.Sites) != 1 {
		t.Fatal(found, err)
	}
	if f, err := l.Read(t.Context(), files, found.Sites[0]); err == nil || !strings.Contains(err.Error(), "clusters/a and clusters/b are both") {
		t.Errorf("got %+v, %v", f, err)
	}
}

// counted is a tree that counts reads, and knows the ids of its files.
type counted struct {
	fstest.MapFS
	reads []string
}

func (c *counted) ReadFile(name string) ([]byte, error) {
	c.reads = append(c.reads, name)
	return c.MapFS.ReadFile(name)
}

func (c *counted) ID(name string) (string, bool) {
	f, is := c.MapFS[name]
	if !is {
		return "", false
	}
	return string(f.Data), true
}

// TestListingAgainReadsOnlyWhatChanged: there may be ten thousand clusters.
func TestListingAgainReadsOnlyWhatChanged(t *testing.T) {
	t.Parallel()
	files := &counted{MapFS: tree("-- clusters/a/cluster.yaml --\nname: x\n-- clusters/b/cluster.yaml --\nname: y\n-- clusters/c/x.yaml --\n")}
	l := &Layout{Renderer: renderer}
	list := func() string {
		t.Helper()
		files.reads = nil
		found, err := l.Clusters(files)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, s := range found.Sites {
			out = append(out, s.Name)
		}
		return strings.Join(out, " ") + ": " + strings.Join(files.reads, " ")
	}
	if got := list(); got != "c x y: clusters/a/cluster.yaml clusters/b/cluster.yaml" {
		t.Error(got)
	}
	files.MapFS["clusters/b/cluster.yaml"] = &fstest.MapFile{Data: []byte("name: z\n")}
	if got := list(); got != "c x z: clusters/b/cluster.yaml" {
		t.Error(got)
	}
	if got := list(); got != "c x z: " {
		t.Error(got)
	}
}

// TestAFileThatCannotBeReadIsNotNameless: what stands in it may be the cluster's name.
func TestAFileThatCannotBeReadIsNotNameless(t *testing.T) {
	t.Parallel()
	files := unreadable{tree("-- clusters/a/cluster.yaml --\nname: x\n"), []string{"clusters/a/cluster.yaml"}}
	found, err := (&Layout{Renderer: renderer}).Clusters(files)
	if err != nil || len(found.Sites) > 0 || len(found.Unknown) != 1 || !strings.Contains(found.Unknown[0].Wrong, errDisk.Error()) {
		t.Errorf("got %+v, %v", found, err)
	}
}

// TestTheRootAppIsDecryptedAsItsClusterSays.
func TestTheRootAppIsDecryptedAsItsClusterSays(t *testing.T) {
	t.Parallel()
	f := read(t, "-- clusters/staging/cluster.yaml --\ndecryption: {provider: sops, secret: keys/age}\n"+
		"-- clusters/staging/s.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n")
	if len(f.Cluster.Problems) > 0 || len(f.Cluster.Apps) != 1 {
		t.Fatalf("%+v", f.Cluster)
	}
	if d := f.Cluster.Apps[0].Handling.Decrypt; d == nil || d.Namespace != "keys" || d.Secret != "age" {
		t.Errorf("decrypted by %+v", d)
	}
	f = read(t, "-- clusters/staging/cluster.yaml --\ndecryption: {provider: vault}\n")
	if want := "decryption.provider is to be sops"; len(f.Cluster.Problems) != 1 || !strings.Contains(f.Cluster.Problems[0], want) {
		t.Errorf("problems %q, want %s", f.Cluster.Problems, want)
	}
	// what is encrypted must not be applied by another key than the one that a broken file may name
	f = read(t, "-- clusters/staging/cluster.yaml --\ndecryption: [\n-- clusters/staging/s.yaml --\n"+
		"apiVersion: v1\nkind: Secret\nmetadata: {name: x}\nstringData: {a: 'ENC[AES256_GCM,data:x]'}\nsops: {mac: x}\n")
	if len(f.Cluster.Apps) != 1 || !strings.Contains(f.Cluster.Apps[0].Err, "how it is decrypted cannot be known") {
		t.Errorf("%+v", f.Cluster.Apps)
	}
}
