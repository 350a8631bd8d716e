package manifest

import (
	"bytes"
	"encoding/base64"
	"io"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

func write(t *testing.T, a Agent) string {
	t.Helper()
	var out bytes.Buffer
	if err := WriteAgent(&out, a); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// documents are what a manifest holds.
func documents(t *testing.T, text string) []map[string]any {
	t.Helper()
	var all []map[string]any
	dec := yaml.NewDecoder(strings.NewReader(text))
	for {
		var m map[string]any
		err := dec.Decode(&m)
		switch {
		case err == io.EOF:
			return all
		case err != nil:
			t.Fatalf("%v in\n%s", err, text)
		case m != nil:
			all = append(all, m)
		}
	}
}

// kinds are those of a manifest, each with its namespace, in order.
func kinds(t *testing.T, text string) string {
	t.Helper()
	var all []string
	for _, m := range documents(t, text) {
		meta := m["metadata"].(map[string]any)
		name := m["kind"].(string)
		if ns, ok := meta["namespace"]; ok {
			name += "/" + ns.(string)
		}
		all = append(all, name)
		if labels, _ := meta["labels"].(map[string]any); labels["app.kubernetes.io/part-of"] != "drover" {
			t.Errorf("%s does not say that it is part of Drover", name)
		}
	}
	return strings.Join(all, " ")
}

func find(t *testing.T, text, kind, name string) map[string]any {
	t.Helper()
	for _, m := range documents(t, text) {
		if m["kind"] == kind && m["metadata"].(map[string]any)["name"] == name {
			return m
		}
	}
	t.Fatalf("there is no %s %s in\n%s", kind, name, text)
	return nil
}

func agent(token string) Agent {
	return Agent{Cluster: "edge", Namespace: "drover-system", Image: "registry.example.com:5000/drover-agent:v1@sha256:00ff", Join: []byte(token)}
}

func TestTheManifestHoldsTheTokenAndTheRights(t *testing.T) {
	text := write(t, agent(`{"seed":"one"}`))
	if got, want := kinds(t, text), "Namespace ServiceAccount/drover-system ClusterRoleBinding Secret/drover-system DaemonSet/drover-system"; got != want {
		t.Errorf("kinds = %s, want %s", got, want)
	}
	data, err := base64.StdEncoding.DecodeString(find(t, text, "Secret", JoinSecret)["data"].(map[string]any)[JoinKey].(string))
	if err != nil || string(data) != `{"seed":"one"}` {
		t.Errorf("token = %s, %v", data, err)
	}
	if !strings.Contains(text, "cluster-admin), because") {
		t.Error("the manifest does not say plainly what the agent may do")
	}
}

func TestAScopeTakesTheRightsInTheClusterAway(t *testing.T) {
	a := agent("t")
	a.Scope = []string{"shop", "web"}
	text := write(t, a)
	want := "Namespace ServiceAccount/drover-system Role/drover-system Role/shop Role/web " +
		"RoleBinding/drover-system RoleBinding/shop RoleBinding/web Secret/drover-system DaemonSet/drover-system"
	if got := kinds(t, text); got != want {
		t.Errorf("kinds = %s, want %s", got, want)
	}
	if !strings.Contains(text, "- --scope-namespaces=shop,web\n") || !strings.Contains(text, "anything in the namespaces shop, web") {
		t.Errorf("the agent, or who reads the manifest, is not told of the scope:\n%s", text)
	}
}

func TestWithoutATokenThereIsNoSecret(t *testing.T) {
	text := write(t, agent(""))
	if strings.Contains(kinds(t, text), "Secret") || strings.Contains(text, "annotations") {
		t.Errorf("a Secret, or its checksum, is in\n%s", text)
	}
}

func TestTheProxyIsASecretAndTheAPIServerNotBehindIt(t *testing.T) {
	a := agent("t")
	a.Proxy, a.NoProxy = "http://me:secret@proxy.example.com:3128", "10.0.0.0/8,.example.com"
	text := write(t, a)
	if strings.Contains(text, "me:secret") {
		t.Error("the proxy's password is in the clear")
	}
	if !strings.Contains(text, `"$(KUBERNETES_SERVICE_HOST),10.0.0.0/8,.example.com"`) {
		t.Errorf("NO_PROXY is not as asked for in\n%s", text)
	}
	if plain := write(t, agent("t")); strings.Contains(plain, "PROXY") || strings.Contains(plain, "nodeSelector") {
		t.Errorf("what nobody asked for is in\n%s", plain)
	}
	a.NoProxy = ""
	if !strings.Contains(write(t, a), `"$(KUBERNETES_SERVICE_HOST)"`) {
		t.Error("without --no-proxy the API server is behind the proxy")
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
	for name, edit := range map[string]func(*Agent){
		"image with a line":        func(a *Agent) { a.Image = "agent:1\n        command: [sh]" },
		"no image":                 func(a *Agent) { a.Image = "" },
		"image with a comment":     func(a *Agent) { a.Image = "agent #" },
		"namespace with a line":    func(a *Agent) { a.Namespace = "x\nkind: Pod" },
		"namespace in capitals":    func(a *Agent) { a.Namespace = "Upper" },
		"cluster with a line":      func(a *Agent) { a.Cluster = "x\nkind: Pod" },
		"scope with a line":        func(a *Agent) { a.Scope = []string{"x\n- y"} },
		"scope with the agent's":   func(a *Agent) { a.Scope = []string{"drover-system"} },
		"scope twice":              func(a *Agent) { a.Scope = []string{"x", "x"} },
		"proxy that is no URL":     func(a *Agent) { a.Proxy = "proxy.example.com:3128" },
		"proxy of another kind":    func(a *Agent) { a.Proxy = "socks5://proxy:1" },
		"no-proxy with a line":     func(a *Agent) { a.Proxy, a.NoProxy = "http://p", "a\nb" },
		"no-proxy without a proxy": func(a *Agent) { a.NoProxy = "a" },
		"selector with a line":     func(a *Agent) { a.NodeSelector = map[string]string{"a": "b\nc"} },
		"selector without a key":   func(a *Agent) { a.NodeSelector = map[string]string{"": "b"} },
	} {
		a := agent("one")
		edit(&a)
		if err := WriteAgent(io.Discard, a); err == nil {
			t.Errorf("%s: was taken for a manifest", name)
		}
		if err := WriteValues(io.Discard, a); err == nil {
			t.Errorf("%s: was taken for values", name)
		}
	}
}

func TestNodesCanBeSelected(t *testing.T) {
	a := agent("t")
	a.NodeSelector = map[string]string{"node-role.kubernetes.io/edge": "", "zone": "true"}
	spec := find(t, write(t, a), "DaemonSet", Name)["spec"].(map[string]any)["template"].(map[string]any)["spec"].(map[string]any)
	selector := spec["nodeSelector"].(map[string]any)
	if len(selector) != 2 || selector["zone"] != "true" || selector["node-role.kubernetes.io/edge"] != "" {
		t.Errorf("nodeSelector = %v", selector)
	}
}

func TestValuesNameEverythingThatTheTemplateAsksFor(t *testing.T) {
	var out bytes.Buffer
	if err := WriteValues(&out, agent("t")); err != nil {
		t.Fatal(err)
	}
	var names []string
	for line := range strings.Lines(out.String()) {
		name, _, _ := strings.Cut(line, ":")
		names = append(names, name)
	}
	want := []string{"cluster", "createNamespace", "image", "join", "noProxy", "nodeSelector", "proxy", "scope"}
	if !slices.Equal(names, want) {
		t.Errorf("values are %q, want %q", names, want)
	}
}
