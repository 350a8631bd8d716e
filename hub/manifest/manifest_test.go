package manifest

import (
	"bytes"
	"encoding/base64"
	"io"
	"reflect"
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
	if got, want := kinds(t, text), "Namespace ServiceAccount/drover-system ServiceAccount/drover-system "+
		"Role/drover-system RoleBinding/drover-system ClusterRoleBinding ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding "+
		"NetworkPolicy/drover-system Secret/drover-system DaemonSet/drover-system"; got != want {
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
	a.LeaderNodes = AllNodes
	text := write(t, a)
	want := "Namespace ServiceAccount/drover-system ServiceAccount/drover-system Role/drover-system RoleBinding/drover-system " +
		"Role/drover-system RoleBinding/drover-system Role/shop RoleBinding/shop Role/web RoleBinding/web " +
		"NetworkPolicy/drover-system Secret/drover-system DaemonSet/drover-system"
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
	if plain := write(t, agent("t")); strings.Contains(plain, "PROXY") || strings.Contains(plain, "nodeSelector:") {
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
		"answers with a line":      func(a *Agent) { a.Answers = "get\n" },
		"answers of its own":       func(a *Agent) { a.Answers = "exec" },
		"leaders with a line":      func(a *Agent) { a.LeaderNodes = "node-role.kubernetes.io/a\nb" },
		"leaders without a key":    func(a *Agent) { a.LeaderNodes = "=b" },
		"leaders by a kubelet":     func(a *Agent) { a.LeaderNodes = "zone=core" },
		"leaders by a hostname":    func(a *Agent) { a.LeaderNodes = "kubernetes.io/hostname=a" },
		"leaders with no value":    func(a *Agent) { a.LeaderNodes = "node-role.kubernetes.io/a=" },
		"a form that is none":      func(a *Agent) { a.Form = "statefulset" },
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
	want := []string{"answers", "cluster", "createNamespace", "form", "image", "join", "leaderNodes", "noProxy",
		"nodeSelector", "proxy", "scope"}
	if !slices.Equal(names, want) {
		t.Errorf("values are %q, want %q", names, want)
	}
}

// podSpec is that of what runs the agent.
func podSpec(t *testing.T, text, kind string) map[string]any {
	t.Helper()
	return find(t, text, kind, Name)["spec"].(map[string]any)["template"].(map[string]any)["spec"].(map[string]any)
}

// subjects are those of every binding, as Kind/name.
func subjects(t *testing.T, text string) (all []string) {
	t.Helper()
	for _, m := range documents(t, text) {
		list, _ := m["subjects"].([]any)
		for _, s := range list {
			role := m["roleRef"].(map[string]any)["name"].(string)
			all = append(all, role+" "+s.(map[string]any)["name"].(string))
		}
	}
	return all
}

func TestNoPodMountsASecret(t *testing.T) {
	for _, v := range podSpec(t, write(t, agent("t")), "DaemonSet")["volumes"].([]any) {
		if _, ok := v.(map[string]any)["secret"]; ok {
			t.Errorf("the pods mount %v", v)
		}
	}
}

func TestOnlyTheLeadersAccountHasTheRights(t *testing.T) {
	a := agent("t")
	text := write(t, a)
	want := []string{"drover-agent drover-agent", "cluster-admin drover-leader"}
	if got := subjects(t, text); !slices.Equal(got, want) {
		t.Errorf("bound are %q, want %q", got, want)
	}
	for _, r := range find(t, text, "Role", Name)["rules"].([]any) {
		for _, resource := range r.(map[string]any)["resources"].([]any) {
			if resource == "secrets" || resource == "*" {
				t.Errorf("the pods' own account may use %v", r)
			}
		}
	}
	pod := podSpec(t, text, "DaemonSet")
	if pod["serviceAccountName"] != Name || !strings.Contains(text, "- "+LeaderFlag+LeaderAccount+"\n") {
		t.Errorf("the pods run as %v, and are not told of %s", pod["serviceAccountName"], LeaderAccount)
	}
}

func TestOnlyChosenNodesMayLead(t *testing.T) {
	for _, c := range []struct{ nodes, runs, refused string }{
		{"", "{key: node-role.kubernetes.io/control-plane, operator: Exists}", "{key: node-role.kubernetes.io/control-plane, operator: DoesNotExist}"},
		{"node-restriction.kubernetes.io/drover", "{key: node-restriction.kubernetes.io/drover, operator: Exists}",
			"{key: node-restriction.kubernetes.io/drover, operator: DoesNotExist}"},
		{"node-restriction.kubernetes.io/drover=yes", `{key: node-restriction.kubernetes.io/drover, operator: In, values: ["yes"]}`,
			`{key: node-restriction.kubernetes.io/drover, operator: NotIn, values: ["yes"]}`},
	} {
		a := agent("t")
		a.LeaderNodes = c.nodes
		text := write(t, a)
		if !strings.Contains(text, "- "+c.runs+"\n") || !strings.Contains(text, "- "+c.refused+"\n") {
			t.Errorf("%q: the pods do not run on %s, or the policy does not refuse %s:\n%s", c.nodes, c.runs, c.refused, text)
		}
	}
	a := agent("t")
	a.LeaderNodes = AllNodes
	if text := write(t, a); strings.Contains(text, "affinity") || strings.Contains(kinds(t, text), "Admission") {
		t.Errorf("every node may lead, and something is in the way:\n%s", text)
	}
}

func TestADeploymentRunsTheSamePod(t *testing.T) {
	a := agent("t")
	daemon := podSpec(t, write(t, a), "DaemonSet")
	a.Form = FormDeployment
	text := write(t, a)
	deployed := podSpec(t, text, "Deployment")
	if strings.Contains(text, "kind: DaemonSet") || find(t, text, "Deployment", Name)["spec"].(map[string]any)["replicas"] != 2 {
		t.Errorf("a Deployment is written as\n%s", text)
	}
	// A pod that tolerates the loss of its node would not be replaced.
	if len(deployed["tolerations"].([]any)) != 1 || strings.Contains(text, "- operator: Exists") {
		t.Errorf("it tolerates %v", deployed["tolerations"])
	}
	for _, spec := range []map[string]any{daemon, deployed} {
		delete(spec, "tolerations")
		delete(spec["affinity"].(map[string]any), "podAntiAffinity")
	}
	if !reflect.DeepEqual(daemon, deployed) {
		t.Errorf("the pod is %v, and in the DaemonSet %v", deployed, daemon)
	}
}

func TestTagsAreWarnedOf(t *testing.T) {
	if text := TagWarning("registry.example.com:5000/drover-agent:v1@sha256:00ff"); text != "" {
		t.Errorf("a digest is warned of: %s", text)
	}
	if text := TagWarning("registry.example.com:5000/drover-agent:v1"); !strings.Contains(text, "by digest") {
		t.Errorf("a tag is warned of as %q", text)
	}
}

func TestNobodyReachesTheAgent(t *testing.T) {
	spec := find(t, write(t, agent("t")), "NetworkPolicy", Name)["spec"].(map[string]any)
	if _, ok := spec["ingress"]; ok || !reflect.DeepEqual(spec["policyTypes"], []any{"Ingress"}) {
		t.Errorf("the policy is %v", spec)
	}
}
