package chart

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"path/filepath"
	"strings"
	"testing"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/drover-dev/drover/hub/manifest"
)

const deploy = "../../deploy"

// objects are those of a manifest as canonical JSON, by kind, namespace and name.
func objects(t *testing.T, text string) map[string]string {
	t.Helper()
	all := map[string]string{}
	dec := yaml.NewDecoder(strings.NewReader(text))
	for {
		var o struct {
			Kind     string
			Metadata struct{ Name, Namespace string }
		}
		var raw yaml.Node
		if err := dec.Decode(&raw); err == io.EOF {
			return all
		} else if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		var content map[string]any
		if err := raw.Decode(&content); err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		if content == nil { // comments
			continue
		}
		if err := raw.Decode(&o); err != nil {
			t.Fatal(err)
		}
		data, err := json.Marshal(content)
		if err != nil {
			t.Fatal(err)
		}
		all[o.Kind+" "+o.Metadata.Namespace+"/"+o.Metadata.Name] = string(data)
	}
}

func printed(t *testing.T, a manifest.Agent) map[string]string {
	t.Helper()
	var out bytes.Buffer
	if err := manifest.WriteAgent(&out, a); err != nil {
		t.Fatal(err)
	}
	return objects(t, out.String())
}

// same holds two sets of objects against each other.
func same(t *testing.T, what, other string, got, want map[string]string) {
	t.Helper()
	for name := range want {
		if got[name] != want[name] {
			t.Errorf("%s gives %s as\n%s\nand %s as\n%s", what, name, got[name], other, want[name])
		}
	}
	for name := range got {
		if want[name] == "" {
			t.Errorf("%s gives %s, and %s does not", what, name, other)
		}
	}
}

// helm renders a chart as `helm template` does.
func helm(t *testing.T, name, namespace string, values []byte) (map[string]string, error) {
	t.Helper()
	chart, err := loader.Load(filepath.Join(deploy, "charts", name))
	if err != nil {
		t.Fatal(err)
	}
	given, err := loader.LoadValues(bytes.NewReader(values))
	if err != nil {
		t.Fatal(err)
	}
	filled, err := util.ToRenderValues(chart, given, common.ReleaseOptions{Name: name, Namespace: namespace, Revision: 1, IsInstall: true}, common.DefaultCapabilities)
	if err != nil {
		return nil, err
	}
	return engine.Render(chart, filled)
}

var agents = map[string]manifest.Agent{
	"plain": {Join: []byte(`{"version":1,"seed":"SU'\"\\ABC"}`)},
	"without a token, in a namespace of its own": {Namespace: "fleet"},
	"logs are granted":                           {Answers: "get,logs"},
	"every node leads":                           {LeaderNodes: manifest.AllNodes},
	"a label leads":                              {LeaderNodes: "node-restriction.kubernetes.io/drover"},
	"a label with a value, as a Deployment":      {LeaderNodes: "node-restriction.kubernetes.io/drover=yes", Form: manifest.FormDeployment},
	"a Deployment anywhere":                      {LeaderNodes: manifest.AllNodes, Form: manifest.FormDeployment},
	"scope":                                      {Join: []byte("{}"), Scope: []string{"shop", "web"}},
	"proxy":                                      {Proxy: "https://me:pass@proxy.example.com:3128/?a=b&c", NoProxy: ".example.com,10.0.0.0/8"},
	"proxy alone":                                {Join: []byte("{}"), Proxy: "http://proxy:3128"},
	"node selector":                              {NodeSelector: map[string]string{"zone": "true", "node-role.kubernetes.io/edge": "", "n": "1"}},
}

func complete(a manifest.Agent) manifest.Agent {
	a.Cluster, a.Image = "staging", "registry.example.com:5000/drover-agent:1@sha256:00ff"
	if a.Namespace == "" {
		a.Namespace = "drover-system"
	}
	return a
}

// The namespace is Helm's, by --create-namespace: a release cannot bring the namespace that it is kept in.
func TestTheChartGivesWhatIsPrinted(t *testing.T) {
	for name, a := range agents {
		t.Run(name, func(t *testing.T) {
			a := complete(a)
			var values bytes.Buffer
			if err := manifest.WriteValues(&values, a); err != nil {
				t.Fatal(err)
			}
			files, err := helm(t, "drover-agent", a.Namespace, values.Bytes())
			if err != nil {
				t.Fatal(err)
			}
			if notes := files["drover-agent/templates/NOTES.txt"]; !strings.Contains(notes, "drover status staging") {
				t.Errorf("the notes say %q", notes)
			}
			want := printed(t, a)
			delete(want, "Namespace /"+a.Namespace)
			same(t, "the chart", "drover agent manifest", objects(t, files["drover-agent/templates/agent.yaml"]), want)
		})
	}
}

func TestTheChartRefusesWhatIsPrintedByNobody(t *testing.T) {
	for values, want := range map[string]string{
		"{}":                                 "cluster",
		"{cluster: a, image: x, scoop: [b]}": "scoop",
		"{cluster: a, image: 'x y'}":         "image",
		"{cluster: a, image: x, proxy: 'proxy:1'}":   "proxy",
		"{cluster: a, image: x, scope: ['a\n- b']}":  "scope",
		"{cluster: a, image: x, noProxy: 'a\nb: c'}": "noProxy",
		"{cluster: a, image: x, answers: secrets}":   "answers",
		"{cluster: a, image: x, leaderNodes: zone}":  "leaderNodes",
		"{cluster: a, image: x, form: Pod}":          "form",
	} {
		if _, err := helm(t, "drover-agent", "drover-system", []byte(values)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("values %s: %v; want a refusal that names %s", values, err, want)
		}
	}
}

func TestTheKustomizeBaseGivesWhatIsPrinted(t *testing.T) {
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), filepath.Join(deploy, "kustomize"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := built.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	a := complete(manifest.Agent{})
	a.Image = "drover-agent:latest"
	same(t, "the kustomize base", "drover agent manifest", objects(t, string(text)), printed(t, a))
}

// The way that the base's kustomization.yaml describes.
func TestTheKustomizeBaseTakesATokenAndAnImage(t *testing.T) {
	fs := filesys.MakeFsInMemory()
	disk := filesys.MakeFsOnDisk()
	for _, name := range []string{"kustomization.yaml", "agent.yaml"} {
		data, err := disk.ReadFile(filepath.Join(deploy, "kustomize", name))
		if err == nil {
			err = fs.WriteFile("/base/"+name, data)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{"join.json": `{"a":1}`, "kustomization.yaml": `
resources: [../base]
images: [{name: drover-agent, newName: registry.example.com/drover-agent, newTag: "1"}]
namespace: drover-system
secretGenerator:
- {name: drover-join, files: [join.json], options: {disableNameSuffixHash: true}}
`} {
		if err := fs.WriteFile("/mine/"+name, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(fs, "/mine")
	if err != nil {
		t.Fatal(err)
	}
	text, err := built.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	all := objects(t, string(text))
	secret := ""
	for name := range maps.Keys(all) {
		if ns, ok := strings.CutPrefix(name, "Secret drover-system/"); ok {
			secret = ns
		}
	}
	pods := all["DaemonSet drover-system/drover-agent"]
	if secret != manifest.JoinSecret || !strings.Contains(pods, `"--join-secret=`+secret+`"`) {
		t.Errorf("the pods are not told of the Secret %q:\n%s", secret, pods)
	}
	if !strings.Contains(pods, `"image":"registry.example.com/drover-agent:1"`) {
		t.Errorf("the pods do not run the image:\n%s", pods)
	}
}
