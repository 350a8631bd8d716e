package manifest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/drover-dev/drover/protocol"
)

func write(t *testing.T, a Agent) string {
	t.Helper()
	var out bytes.Buffer
	if err := WriteAgent(&out, a); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func agent(seed string) Agent {
	return Agent{Namespace: "drover-system", Image: "registry.example.com:5000/drover-agent:v1@sha256:00ff",
		Token: protocol.JoinToken{Version: 1, Cluster: "edge", Seed: seed}}
}

func TestTheManifestIsYAMLThatHoldsTheToken(t *testing.T) {
	text := write(t, agent("one"))
	kinds := ""
	dec := yaml.NewDecoder(strings.NewReader(text))
	for {
		var m map[string]any
		err := dec.Decode(&m)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		kinds += m["kind"].(string) + " "
		if m["kind"] != "Secret" {
			continue
		}
		data, err := base64.StdEncoding.DecodeString(m["data"].(map[string]any)["join.json"].(string))
		if err != nil {
			t.Fatal(err)
		}
		var got protocol.JoinToken
		if err := json.Unmarshal(data, &got); err != nil || got.Seed != "one" || got.Cluster != "edge" {
			t.Errorf("token = %+v, %v", got, err)
		}
	}
	if want := "Namespace ServiceAccount ClusterRoleBinding Secret DaemonSet "; kinds != want {
		t.Errorf("kinds = %s, want %s", kinds, want)
	}
}

func TestAnotherTokenIsAnotherRollout(t *testing.T) {
	template := func(text string) string { return text[strings.Index(text, "kind: DaemonSet"):] }
	if a, b := template(write(t, agent("one"))), template(write(t, agent("two"))); a == b {
		t.Error("the DaemonSet is the same for two tokens: its pods would go on with the old one")
	}
	if a, b := write(t, agent("one")), write(t, agent("one")); a != b {
		t.Error("the same token gives two manifests")
	}
}

func TestNothingBecomesYAMLThatWasNotMeantTo(t *testing.T) {
	for _, edit := range []func(*Agent){
		func(a *Agent) { a.Image = "agent:1\n        command: [sh]" },
		func(a *Agent) { a.Image = "" },
		func(a *Agent) { a.Image = "agent #" },
		func(a *Agent) { a.Namespace = "x\nkind: Pod" },
		func(a *Agent) { a.Namespace = "Upper" },
	} {
		a := agent("one")
		edit(&a)
		if err := WriteAgent(io.Discard, a); err == nil {
			t.Errorf("%q in %q was taken", a.Image, a.Namespace)
		}
	}
}
