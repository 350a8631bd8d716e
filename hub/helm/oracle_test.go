package helm_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/drover-dev/drover/hub/helm"
	"helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	releasev1 "helm.sh/helm/v4/pkg/release/v1"
	"sigs.k8s.io/yaml"
)

// write puts a tree on disk.
func write(t testing.TB, files fstest.MapFS) string {
	t.Helper()
	root := t.TempDir()
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

// rendered is one object as the oracle gives it.
type rendered struct{ source, object string }

// oracle renders the chart web on disk by Helm's own action, as `helm template` does.
func oracle(t testing.TB, files fstest.MapFS, opts helm.Options) ([]rendered, error) {
	t.Helper()
	c, err := loader.Load(filepath.Join(write(t, files), "web"))
	if err != nil {
		return nil, err
	}
	install := action.NewInstall(action.NewConfiguration())
	install.DryRunStrategy = action.DryRunClient
	install.ReleaseName, install.Namespace, install.Replace = opts.Release, opts.Namespace, true
	install.IncludeCRDs, install.IsUpgrade, install.SkipSchemaValidation = opts.IncludeCRDs, opts.Upgrade, opts.SkipSchema
	install.APIVersions = opts.APIVersions
	if opts.KubeVersion != "" {
		if install.KubeVersion, err = common.ParseKubeVersion(opts.KubeVersion); err != nil {
			return nil, err
		}
	}
	values := map[string]any{}
	for _, v := range opts.Values {
		given, err := loader.LoadValues(strings.NewReader(v.Text))
		if err != nil {
			return nil, err
		}
		values = loader.MergeMaps(values, given)
	}
	out, err := install.Run(c, values)
	if err != nil {
		return nil, err
	}
	release, ok := out.(*releasev1.Release)
	if !ok {
		t.Fatalf("the action gave a %T", out)
	}
	stream := release.Manifest
	for _, h := range release.Hooks { // what `helm template` adds
		if !opts.SkipHooks && (!opts.SkipTests || !slices.Contains(h.Events, releasev1.HookTest)) {
			stream += fmt.Sprintf("---\n# Source: %s\n%s\n", h.Path, h.Manifest)
		}
	}
	return decode(t, stream), nil
}

// decode reads a stream of YAML documents as `helm template` prints it.
func decode(t testing.TB, stream string) []rendered {
	t.Helper()
	var out []rendered
	source := ""
	for text := range strings.SplitSeq("\n"+stream, "\n---") {
		for line := range strings.Lines(text) {
			if rest, ok := strings.CutPrefix(line, "# Source: "); ok {
				source = strings.TrimSpace(rest)
			}
		}
		data, err := yaml.YAMLToJSON([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		object := parse(t, data)
		items, ok := object["items"].([]any)
		if object["kind"] != "List" || !ok {
			items = []any{object}
		}
		for _, item := range items {
			if m, _ := item.(map[string]any); len(m) > 0 {
				out = append(out, rendered{source, string(canonical(t, m))})
			}
		}
	}
	return out
}

// oracleCase is the file options.yaml of a case.
type oracleCase struct {
	helm.Options
	Objects int    `json:"objects"` // how many are expected, so that a case shows what it is for
	Fails   string `json:"fails"`   // text that both errors contain
}

// TestRendersAsHelmDoes renders testdata/oracle/*.txt, chart "web", both ways and compares object by object.
func TestRendersAsHelmDoes(t *testing.T) {
	cases, err := filepath.Glob("testdata/oracle/*.txt")
	if err != nil || len(cases) < 15 {
		t.Fatalf("%d cases, %v", len(cases), err)
	}
	r := renderer(t)
	for _, name := range cases {
		t.Run(filepath.Base(name), func(t *testing.T) {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			files := tree(string(text))
			c := oracleCase{}
			if err := yaml.UnmarshalStrict(files["options.yaml"].Data, &c); err != nil {
				t.Fatal(err)
			}
			if v, ok := files["values.yaml"]; ok {
				c.Values = append(c.Values, helm.Values{File: "values.yaml", Text: string(v.Data)})
			}
			if c.Release == "" {
				c.Release = "rel"
			}
			compare(t, r, files, c)
		})
	}
}

func compare(t *testing.T, r *helm.Renderer, files fstest.MapFS, c oracleCase) {
	want, err := oracle(t, files, c.Options)
	if c.Fails != "" {
		if err == nil || !strings.Contains(err.Error(), c.Fails) {
			t.Fatalf("helm says %v, want %q", err, c.Fails)
		}
		e := mustFail(t, r, files, c.Options)
		t.Log(e)
		if !strings.Contains(e.Error(), c.Fails) {
			t.Errorf("the error lacks %q: %v", c.Fails, e)
		}
		return
	}
	if err != nil {
		t.Fatalf("helm: %v", err)
	}
	got := mustRender(t, r, files, c.Options)
	if len(got.Objects) != c.Objects || len(want) != c.Objects {
		t.Errorf("%d objects, helm gives %d, want %d", len(got.Objects), len(want), c.Objects)
	}
	for i := range min(len(got.Objects), len(want)) {
		o := got.Objects[i]
		if string(o.JSON) != want[i].object {
			t.Errorf("object %d:\n%s\nhelm gives:\n%s", i, o.JSON, want[i].object)
		}
		if o.File != want[i].source {
			t.Errorf("object %d is from %q, helm says %q", i, o.File, want[i].source)
		}
	}
}

// parse reads JSON and keeps numbers as they are written.
func parse(t testing.TB, data []byte) map[string]any {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var v map[string]any
	if err := decoder.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// canonical writes JSON as blobs hold it: keys sorted, no space.
func canonical(t testing.TB, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
