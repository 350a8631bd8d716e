package install

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/hub/install"
	"github.com/drover-dev/drover/hub/manifest"
	"github.com/drover-dev/drover/internal/race"
	"github.com/drover-dev/drover/protocol"
	"github.com/drover-dev/drover/test/testenv"
	"github.com/drover-dev/drover/test/testenv/ports"
)

const image = "example.com/drover-agent:1"

func TestMain(m *testing.M) { testenv.Main(m, testenv.WithControllers(), testenv.WithNodes(2)) }

// scene is the cluster that all tests install in, one after the other: an agent's rights in a cluster have one name.
type scene struct {
	*testing.T
	cp *testenv.ControlPlane
	c  *install.Cluster
}

func newScene(t *testing.T) *scene {
	t.Helper()
	cp := testenv.Shared(t)
	c, err := install.Connect(t.Context(), cp.Kubeconfig, "")
	if err != nil {
		t.Fatal(err)
	}
	if c.Server != cp.URL || !strings.HasPrefix(c.Version, "v1.") || c.Context == "" {
		t.Errorf("the cluster is %+v", c)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute) // the test's own context has ended
		defer cancel()
		parts, err := c.Parts(ctx, "drover-system")
		if err == nil {
			err = c.Remove(ctx, parts, func(install.Part) {})
		}
		if err != nil {
			t.Error(err)
		}
	})
	return &scene{t, cp, c}
}

func agent(edit func(*manifest.Agent)) manifest.Agent {
	a := manifest.Agent{Cluster: "staging", Namespace: "drover-system", Image: image, Join: []byte("{}"), LeaderNodes: manifest.AllNodes}
	if edit != nil {
		edit(&a)
	}
	return a
}

// apply applies an agent, and returns what became of its objects.
func (s *scene) apply(a manifest.Agent) (told []string, changed bool, err error) {
	s.Helper()
	var text bytes.Buffer
	if err := manifest.WriteAgent(&text, a); err != nil {
		s.Fatal(err)
	}
	changed, err = s.c.Apply(s.Context(), a.Namespace, text.Bytes(), func(object, outcome string) { told = append(told, outcome+" "+object) })
	return told, changed, err
}

func (s *scene) mustApply(a manifest.Agent) (told []string, changed bool) {
	s.Helper()
	told, changed, err := s.apply(a)
	if err != nil {
		s.Fatal(err)
	}
	return told, changed
}

func (s *scene) soon() context.Context {
	ctx, cancel := context.WithTimeout(s.Context(), time.Minute)
	s.Cleanup(cancel)
	return ctx
}

func TestInstallsAndUninstalls(t *testing.T) {
	s := newScene(t)
	if p, err := s.c.Look(t.Context(), "drover-system"); err != nil || p.Installed {
		t.Errorf("before, there is %+v, %v", p, err)
	}
	told, changed := s.mustApply(agent(nil))
	if want := []string{"created Namespace/drover-system", "created ServiceAccount/drover-system/drover-agent",
		"created ServiceAccount/drover-system/drover-leader", "created Role/drover-system/drover-agent",
		"created RoleBinding/drover-system/drover-agent", "created ClusterRoleBinding/drover-agent",
		"created NetworkPolicy/drover-system/drover-agent", "created Secret/drover-system/drover-join", "created DaemonSet/drover-system/drover-agent"}; !slices.Equal(told, want) || !changed {
		t.Errorf("told %q, changed %v; want %q", told, changed, want)
	}
	var seen []install.Rollout
	if err := s.c.AwaitReady(s.soon(), "drover-system", func(r install.Rollout) { seen = append(seen, r) }); err != nil {
		t.Fatal(err)
	}
	if last := seen[len(seen)-1]; last != (install.Rollout{Ready: 2, Updated: 2, All: 2}) || last.String() != "2/2 pods ready" {
		t.Errorf("seen %+v", seen)
	}
	if told, changed := s.mustApply(agent(nil)); changed || slices.ContainsFunc(told, func(line string) bool { return !strings.HasPrefix(line, "unchanged ") }) {
		t.Errorf("a second time, %q, changed %v", told, changed)
	}
	told, changed = s.mustApply(agent(func(a *manifest.Agent) { a.Join = nil })) // the agent has taken its token away
	if other := slices.DeleteFunc(told, func(line string) bool { return strings.HasPrefix(line, "unchanged ") }); changed {
		t.Errorf("without a join token, %q", other)
	}
	p, err := s.c.Look(t.Context(), "drover-system")
	if err != nil || !p.Installed || p.Image != image || string(p.Join) != "{}" {
		t.Errorf("after, there is %+v, %v", p, err)
	}
	s.uninstall()
}

// uninstall removes the agent beside something that it delivered.
func (s *scene) uninstall() {
	s.Helper()
	if _, err := s.cp.Kube().Apply(s.Context(), "drover", `{apiVersion: v1, kind: ConfigMap, metadata: {name: delivered, namespace: default, labels: {drover.dev/app: web}}}`); err != nil {
		s.Fatal(err)
	}
	parts, err := s.c.Parts(s.Context(), "drover-system")
	if err != nil {
		s.Fatal(err)
	}
	var gone []string
	if err := s.c.Remove(s.soon(), parts, func(p install.Part) { gone = append(gone, p.String()) }); err != nil {
		s.Fatal(err)
	}
	if want := []string{"DaemonSet/drover-system/drover-agent", "RoleBinding/drover-system/drover-agent",
		"Role/drover-system/drover-agent", "ClusterRoleBinding/drover-agent", "NetworkPolicy/drover-system/drover-agent",
		"Namespace/drover-system"}; !slices.Equal(gone, want) {
		s.Errorf("removed %q, want %q", gone, want)
	}
	for _, ref := range []testenv.Ref{{APIVersion: "v1", Kind: "Namespace", Name: "drover-system"},
		{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "ClusterRoleBinding", Name: "drover-agent"}} {
		if _, err := s.cp.Kube().Get(s.Context(), ref); !testenv.IsNotFound(err) {
			s.Errorf("%s is left (%v)", ref, err)
		}
	}
	if _, err := s.cp.Kube().Get(s.Context(), testenv.Ref{APIVersion: "v1", Kind: "ConfigMap", Namespace: "default", Name: "delivered"}); err != nil {
		s.Errorf("what was delivered is gone: %v", err)
	}
	if parts, err := s.c.Parts(s.Context(), "drover-system"); err != nil || len(parts) > 0 {
		s.Errorf("%q are left, %v", parts, err)
	}
}

func TestAScopeTakesFormerRightsAway(t *testing.T) {
	s := newScene(t)
	s.mustApply(agent(nil))
	scoped := agent(func(a *manifest.Agent) { a.Scope = []string{"default", "shop"} })
	if _, _, err := s.apply(scoped); err == nil || !strings.Contains(err.Error(), "make the namespace shop first") {
		t.Errorf("a scope with a namespace that is not there: %v", err)
	}
	if _, err := s.cp.Kube().Apply(t.Context(), "test", `{apiVersion: v1, kind: Namespace, metadata: {name: shop}}`); err != nil {
		t.Fatal(err)
	}
	told, _ := s.mustApply(scoped)
	if !slices.Contains(told, "removed ClusterRoleBinding/drover-agent") {
		t.Errorf("told %q: the agent is still cluster-admin", told)
	}
	for who, may := range map[string]bool{"shop/configmaps": true, "default/secrets": true, "kube-system/configmaps": false, "drover-system/secrets": true, "drover-system/configmaps": false} {
		s.may(who, may)
	}
	told, _ = s.mustApply(agent(func(a *manifest.Agent) { a.Scope = []string{"shop"} }))
	if !slices.Contains(told, "removed Role/default/drover-agent") || !slices.Contains(told, "removed RoleBinding/default/drover-agent") {
		t.Errorf("told %q: the agent may still do anything in default", told)
	}
	s.may("default/secrets", false)
}

// may waits until the agent that leads may create namespace/resource, or may not: the API server learns of bindings a
// little later.
func (s *scene) may(what string, want bool) {
	s.Helper()
	s.mayAs(manifest.LeaderAccount, what, want)
}

func (s *scene) mayAs(account, what string, want bool) {
	s.Helper()
	namespace, resource, _ := strings.Cut(what, "/")
	review := testenv.Object{"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": testenv.Object{
		"user":               "system:serviceaccount:drover-system:" + account,
		"resourceAttributes": testenv.Object{"namespace": namespace, "verb": "create", "resource": resource}}}
	for deadline := time.Now().Add(race.Patience(90 * time.Second)); ; {
		got, err := s.cp.Kube().Create(s.Context(), "test", review)
		if err != nil {
			s.Fatal(err)
		}
		if got.Field("status", "allowed") == want {
			return
		}
		if time.Now().After(deadline) {
			s.Errorf("%s may create %s: %v, want %v", account, what, !want, want)
			return
		}
	}
}

func TestSaysWhyPodsDoNotGetReady(t *testing.T) {
	s := newScene(t)
	s.mustApply(agent(func(a *manifest.Agent) { a.Image = "registry.invalid/drover-agent:1" }))
	err := s.c.AwaitReady(s.soon(), "drover-system", func(install.Rollout) {})
	if err == nil || !strings.Contains(err.Error(), "ErrImagePull: no such host: registry.invalid: see that the image is in a registry") || !strings.Contains(err.Error(), " on node node-") {
		t.Errorf("an image that cannot be pulled: %v", err)
	}
	s.mustApply(agent(func(a *manifest.Agent) { a.NodeSelector = map[string]string{"zone": "none"} }))
	err = s.c.AwaitReady(s.soon(), "drover-system", func(install.Rollout) {})
	if err == nil || !strings.Contains(err.Error(), "no node takes a pod of the agent") {
		t.Errorf("a node selector that fits no node: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.c.AwaitReady(ctx, "drover-system", func(install.Rollout) {}); err == nil {
		t.Error("it goes on waiting when it is stopped")
	}
}

func TestRefusesWhatIsNotDrovers(t *testing.T) {
	s := newScene(t)
	if _, err := s.c.Look(t.Context(), "default"); err == nil || !strings.Contains(err.Error(), "is not Drover's") {
		t.Errorf("somebody else's namespace: %v", err)
	}
	if parts, err := s.c.Parts(t.Context(), "default"); err != nil || len(parts) > 0 {
		t.Errorf("of somebody else's namespace, %q would be removed, %v", parts, err)
	}
	nowhere := filepath.Join(t.TempDir(), "config")
	port, err := ports.Free()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(s.cp.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	_, old, _ := strings.Cut(s.cp.URL, "127.0.0.1:")
	if err := os.WriteFile(nowhere, bytes.ReplaceAll(text, []byte(":"+old), []byte(":"+strconv.Itoa(port))), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, contextAndWant := range map[string][2]string{
		s.cp.Kubeconfig:                         {"elsewhere", "no context \"elsewhere\""},
		nowhere:                                 {"", "does not answer at"},
		filepath.Join(t.TempDir(), "not-there"): {"", "read the kubeconfig"},
	} {
		_, err := install.Connect(t.Context(), path, contextAndWant[0])
		if err == nil || !strings.Contains(err.Error(), contextAndWant[1]) {
			t.Errorf("kubeconfig %s, context %q: %v; want %q", path, contextAndWant[0], err, contextAndWant[1])
		}
	}
}

// Whose agent is there, its credential says: the join token may be another's, or gone.
func TestSaysWhoseAgentIsThere(t *testing.T) {
	s := newScene(t)
	s.mustApply(agent(nil))
	if p, err := s.c.Look(t.Context(), "drover-system"); err != nil || p.Cluster() != "" {
		t.Errorf("with a token that says nothing, there is the agent of %q, %v", p.Cluster(), err)
	}
	open, _, err := protocol.NewOpenKey()
	if err != nil {
		t.Fatal(err)
	}
	key := make([]byte, 32)
	held, err := json.Marshal(protocol.Credential{Version: protocol.Version, Cluster: "edge", JWT: "jwt", Seed: "seed",
		OpenKey: open,
		Trust:   protocol.Trust{Servers: []string{"tls://hub:4222"}, HubKeys: [][]byte{key}}})
	if err != nil {
		t.Fatal(err)
	}
	secret := testenv.Object{"apiVersion": "v1", "kind": "Secret",
		"metadata": testenv.Object{"name": manifest.CredentialSecret, "namespace": "drover-system"},
		"data":     testenv.Object{manifest.CredentialKey: held}}
	if _, err := s.cp.Kube().Create(t.Context(), "test", secret); err != nil {
		t.Fatal(err)
	}
	p, err := s.c.Look(t.Context(), "drover-system")
	if err != nil || p.Joined != "edge" || p.Cluster() != "edge" || !p.Of([][]byte{key}) || p.Of([][]byte{{1}}) {
		t.Errorf("there is %+v, %v", p, err)
	}
	if others, err := s.c.Elsewhere(t.Context(), "drover-system"); err != nil || len(others) > 0 {
		t.Errorf("elsewhere there is %+v, %v", others, err)
	}
	others, err := s.c.Elsewhere(t.Context(), "ops")
	if err != nil || len(others) != 1 || others[0].Namespace != "drover-system" || others[0].Cluster() != "edge" {
		t.Errorf("beside an agent in ops there is %+v, %v", others, err)
	}
}
