package kustomize

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/hub/kustomize/diagnose"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// write puts a tree on disk.
func write(t testing.TB, files fstest.MapFS) string {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range files {
		full := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// oracle builds a folder on disk: with the program that DROVER_KUSTOMIZE names (kustomize v5.8.2
// has this library's version) if set, else with the library over the disk.
func oracle(t testing.TB, files fstest.MapFS, dir string) [][]byte {
	t.Helper()
	target := filepath.Join(write(t, files), filepath.FromSlash(dir))
	if program := os.Getenv("DROVER_KUSTOMIZE"); program != "" {
		cmd := exec.Command(program, "build", "--load-restrictor", "LoadRestrictionsNone", target)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("kustomize build %s: %v\n%s", dir, err, stderr.String())
		}
		// the label of buildMetadata: [managedByLabel] carries the version of the program
		return decode(t, bytes.ReplaceAll(out, []byte("kustomize-v5.8.2"), []byte("kustomize-(devel)")))
	}
	turn <- struct{}{}
	defer func() { <-turn }()
	built, err := krusty.MakeKustomizer(&krusty.Options{
		Reorder:          krusty.ReorderOptionUnspecified,
		LoadRestrictions: types.LoadRestrictionsNone,
		PluginConfig:     types.DisabledPluginConfig(),
	}).Run(filesys.MakeFsOnDisk(), target)
	if err != nil {
		t.Fatalf("oracle: %v", err)
	}
	out, err := built.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, out)
}

// decode turns a YAML stream into canonical JSON objects.
func decode(t testing.TB, stream []byte) [][]byte {
	t.Helper()
	var objects [][]byte
	for _, doc := range diagnose.Documents(stream) {
		text, err := yaml.YAMLToJSON([]byte(doc.Text))
		if err != nil {
			t.Fatal(err)
		}
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.UseNumber()
		var object map[string]any
		if err := decoder.Decode(&object); err != nil {
			t.Fatal(err)
		}
		if object == nil {
			continue
		}
		data, err := json.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		objects = append(objects, data)
	}
	return objects
}

func same(t *testing.T, got []hub.Rendered, want [][]byte) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%d objects, kustomize gives %d", len(got), len(want))
	}
	for i := range min(len(got), len(want)) {
		if !bytes.Equal(got[i].JSON, want[i]) {
			t.Errorf("object %d:\n%s\nkustomize gives:\n%s", i, got[i].JSON, want[i])
		}
	}
}

// TestOracle builds testdata/oracle/*.txt, folder "target", both ways.
func TestOracle(t *testing.T) {
	cases, err := filepath.Glob("testdata/oracle/*.txt")
	if err != nil || len(cases) < 8 {
		t.Fatalf("%d cases, %v", len(cases), err)
	}
	for _, c := range cases {
		t.Run(filepath.Base(c), func(t *testing.T) {
			text, err := os.ReadFile(c)
			if err != nil {
				t.Fatal(err)
			}
			files := tree(string(text))
			got := mustBuild(t, files, "target", hub.BuildOptions{})
			if len(got) == 0 {
				t.Fatal("no objects")
			}
			same(t, got, oracle(t, files, "target"))
			for _, o := range got {
				if o.File == "" {
					t.Logf("no file known for %.120s", o.JSON)
				}
			}
		})
	}
}
