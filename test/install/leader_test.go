package install

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/drover-dev/drover/agent/kube"
	"github.com/drover-dev/drover/hub/install"
	"github.com/drover-dev/drover/hub/manifest"
	"github.com/drover-dev/drover/test/testenv"
)

const ns = "/namespaces/drover-system"

// request sends a request with a token, and gives the status code and the answer.
func (s *scene) request(token, method, path, body string) (int, string) {
	s.Helper()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(s.cp.CA)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(s.Context(), method, s.cp.URL+path, strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	if method == http.MethodPatch {
		req.Header.Set("Content-Type", "application/merge-patch+json")
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		s.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		s.Fatal(err)
	}
	return resp.StatusCode, string(data)
}

// token asks for a token of an account with a token.
func (s *scene) token(with, account, bound string) (int, string) {
	s.Helper()
	code, text := s.request(with, http.MethodPost, "/api/v1"+ns+"/serviceaccounts/"+account+"/token",
		`{"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","spec":{"expirationSeconds":600`+bound+`}}`)
	var answer struct{ Status struct{ Token string } }
	if code == http.StatusCreated {
		if err := json.Unmarshal([]byte(text), &answer); err != nil {
			s.Fatal(err)
		}
		text = answer.Status.Token
	}
	return code, text
}

// podOn makes a pod of the agent on a node, and gives the token that its kubelet would mount.
func (s *scene) podOn(node string) (pod testenv.Object, token string) {
	s.Helper()
	ds, err := s.cp.Kube().Get(s.Context(), testenv.Ref{APIVersion: "apps/v1", Kind: "DaemonSet", Namespace: "drover-system", Name: manifest.Name})
	if err != nil {
		s.Fatal(err)
	}
	spec := ds.Field("spec", "template", "spec").(map[string]any)
	spec["nodeName"] = node
	delete(spec, "affinity")
	pod, err = s.cp.Kube().Create(s.Context(), "test", testenv.Object{"apiVersion": "v1", "kind": "Pod", "spec": spec,
		"metadata": testenv.Object{"generateName": "on-" + node + "-", "namespace": "drover-system"}})
	if err != nil {
		s.Fatal(err)
	}
	name := pod.Text("metadata", "name")
	code, token := s.token(s.cp.Token, manifest.Name, fmt.Sprintf(`,"boundObjectRef":{"apiVersion":"v1","kind":"Pod","name":%q}`, name))
	if code != http.StatusCreated {
		s.Fatalf("a token of pod %s: %d %s", name, code, token)
	}
	return pod, token
}

func (s *scene) label(node, key string, value any) {
	s.Helper()
	patch := testenv.Object{"metadata": testenv.Object{"labels": testenv.Object{key: value}}}
	if _, err := s.cp.Kube().Patch(s.Context(), "test", testenv.Ref{APIVersion: "v1", Kind: "Node", Name: node}, patch.String()); err != nil {
		s.Fatal(err)
	}
}

// enforced waits until the API server knows the rights and the policy of what was applied.
func (s *scene) enforced(token string) {
	s.Helper()
	said := ""
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		code, text := s.token(token, manifest.LeaderAccount, "")
		if code == http.StatusForbidden && strings.Contains(text, "may not lead") {
			return
		}
		said = fmt.Sprint(code, " ", text)
	}
	s.Fatalf("the policy is not enforced: %s", said)
}

func lease(holder string) string {
	return fmt.Sprintf(`{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":"drover-agent","namespace":"drover-system"},`+
		`"spec":{"holderIdentity":%q}}`, holder)
}

func TestATokenOfANodeThatMayNotLeadIsGoodForNothing(t *testing.T) {
	for name, a := range map[string]struct {
		label string
		agent func(*manifest.Agent)
	}{
		"control plane": {manifest.ControlPlaneLabel, func(*manifest.Agent) {}},
		"a label with a value and a scope": {"node-restriction.kubernetes.io/drover", func(a *manifest.Agent) {
			a.LeaderNodes, a.Scope = "node-restriction.kubernetes.io/drover=leads", []string{"default"}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			s.label("node-1", a.label, "leads")
			s.label("node-2", a.label, nil)
			t.Cleanup(func() {
				ref := testenv.Ref{APIVersion: "v1", Kind: "Node", Name: "node-1"}
				if _, err := s.cp.Kube().Patch(context.Background(), "test", ref, `{"metadata":{"labels":{"`+a.label+`":null}}}`); err != nil {
					t.Error(err)
				}
			})
			s.mustApply(agent(func(m *manifest.Agent) { m.LeaderNodes = ""; a.agent(m) }))
			if err := s.c.AwaitReady(s.soon(), "drover-system", func(r install.Rollout) {}); err != nil {
				t.Fatal(err)
			}
			s.leads("node-1", "node-2")
		})
	}
}

// leads holds what tokens of pods on two nodes may do against each other. The first may lead.
func (s *scene) leads(may, mayNot string) {
	s.Helper()
	pods, err := s.cp.Kube().List(s.Context(), "v1", "Pod", "drover-system", nil)
	if err != nil || len(pods) != 1 || pods[0].Text("spec", "nodeName") != may {
		s.Errorf("the DaemonSet has %d pods (%v), want one, on %s", len(pods), err, may)
	}
	leader, leading := s.podOn(may)
	follower, following := s.podOn(mayNot)
	s.enforced(following)
	unbound := func() string { _, token := s.token(s.cp.Token, manifest.Name, ""); return token }()
	secrets, daemon := "/api/v1"+ns+"/secrets", "/apis/apps/v1"+ns+"/daemonsets/drover-agent"
	leases := "/apis/coordination.k8s.io/v1" + ns + "/leases"
	for what, token := range map[string]string{"the follower's token": following, "a token of no pod": unbound} {
		for _, try := range [][3]string{
			{"GET", secrets + "/drover-join", ""}, {"GET", secrets, ""}, {"GET", "/api/v1/secrets", ""},
			{"POST", leases, lease(follower.Text("metadata", "name"))},
			{"POST", "/api/v1" + ns + "/pods", follower.String()},
			{"POST", "/api/v1" + ns + "/pods/" + leader.Text("metadata", "name") + "/exec?command=sh", ""},
			{"POST", "/api/v1" + ns + "/serviceaccounts/drover-leader/token", `{"spec":{"expirationSeconds":600}}`},
			{"POST", "/api/v1" + ns + "/serviceaccounts/drover-agent/token", `{"spec":{"expirationSeconds":600}}`},
			{"POST", "/api/v1/namespaces/kube-system/serviceaccounts/default/token", `{"spec":{"expirationSeconds":600}}`},
			{"PATCH", daemon, `{"metadata":{"labels":{"a":"b"}}}`},
			{"PATCH", "/api/v1/nodes/" + mayNot, `{"metadata":{"labels":{"a":"b"}}}`},
			{"DELETE", "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/drover-agent", ""},
		} {
			if code, text := s.request(token, try[0], try[1], try[2]); code != http.StatusForbidden {
				s.Errorf("%s: %s %s: %d, want 403: %s", what, try[0], try[1], code, text)
			}
		}
	}
	if code, text := s.request(leading, "POST", leases, lease(leader.Text("metadata", "name"))); code != http.StatusCreated {
		s.Errorf("the leader takes the lease: %d %s", code, text)
	}
	held, err := s.cp.Kube().Get(s.Context(), testenv.Ref{APIVersion: "coordination.k8s.io/v1", Kind: "Lease", Namespace: "drover-system", Name: manifest.Name})
	if err != nil {
		s.Fatal(err)
	}
	for what, token := range map[string]string{"the follower's token": following, "a token of no pod": unbound} {
		for _, try := range [][2]string{{"PUT", held.String()}, {"PATCH", `{"spec":{"holderIdentity":"me"}}`}} {
			if code, text := s.request(token, try[0], leases+"/drover-agent", try[1]); code != http.StatusForbidden {
				s.Errorf("%s: %s of the lease: %d, want 403: %s", what, try[0], code, text)
			}
		}
	}
	if code, _ := s.request(leading, "GET", secrets+"/drover-join", ""); code != http.StatusForbidden {
		s.Errorf("the leader's pod reads a Secret as what it runs as: %d", code)
	}
	s.acts(leading, following)
}

// acts runs the agent's own client with both tokens.
func (s *scene) acts(leading, following string) {
	s.Helper()
	vault := func(token string) (*kube.Vault, *bytes.Buffer) {
		cfg := &rest.Config{Host: s.cp.URL, BearerToken: token, TLSClientConfig: rest.TLSClientConfig{CAData: s.cp.CA}}
		log := &bytes.Buffer{}
		own, err := kube.New(cfg, slog.New(slog.NewTextHandler(log, nil)))
		if err != nil {
			s.Fatal(err)
		}
		acting, _, err := kube.NewLeader(cfg, own, "drover-system", manifest.LeaderAccount)
		if err != nil {
			s.Fatal(err)
		}
		return kube.NewVault(acting, "drover-system"), log
	}
	v, _ := vault(leading)
	if _, _, err := v.Load(s.soon()); err != nil {
		s.Errorf("the agent that leads reads its credential: %v", err)
	}
	if err := v.Save(s.soon(), []byte("{}"), nil); err != nil {
		s.Errorf("the agent that leads writes its credential: %v", err)
	}
	v, log := vault(following)
	_, _, err := v.Load(s.soon())
	if err == nil || !strings.Contains(err.Error(), "may not lead") || !strings.Contains(err.Error(), "drover-leader") {
		s.Errorf("a follower acts as the leader: %v", err)
	}
	if strings.Contains(fmt.Sprint(err, log), following[:40]) {
		s.Error("a token is told")
	}
}

// An agent of an older manifest is seen, and installing it again takes the rights of its pods away.
func TestAnOlderManifestIsReplaced(t *testing.T) {
	s := newScene(t)
	var text bytes.Buffer
	if err := manifest.WriteAgent(&text, agent(nil)); err != nil {
		t.Fatal(err)
	}
	older := strings.ReplaceAll(text.String(), "        - "+manifest.LeaderFlag+manifest.LeaderAccount+"\n", "")
	older = strings.ReplaceAll(older, "- kind: ServiceAccount\n  name: drover-leader", "- kind: ServiceAccount\n  name: drover-agent")
	if _, err := s.c.Apply(t.Context(), "drover-system", []byte(older), func(string, string) {}); err != nil {
		t.Fatal(err)
	}
	s.mayAs(manifest.Name, "default/secrets", true)
	if p, err := s.c.Look(t.Context(), "drover-system"); err != nil || !p.Outdated || !p.Installed {
		t.Errorf("there is %+v, %v; want an outdated agent", p, err)
	}
	s.mustApply(agent(nil))
	s.mayAs(manifest.Name, "default/secrets", false)
	s.may("default/secrets", true)
	if p, err := s.c.Look(t.Context(), "drover-system"); err != nil || p.Outdated {
		t.Errorf("installed again, there is %+v, %v", p, err)
	}
}

// Another form, or other nodes, leave nothing of the former.
func TestAnotherFormReplacesTheFormer(t *testing.T) {
	s := newScene(t)
	s.mustApply(agent(func(a *manifest.Agent) { a.LeaderNodes = manifest.ControlPlane }))
	told, _ := s.mustApply(agent(func(a *manifest.Agent) { a.Form = manifest.FormDeployment }))
	for _, want := range []string{"created Deployment/drover-system/drover-agent", "removed DaemonSet/drover-system/drover-agent",
		"removed ValidatingAdmissionPolicyBinding/drover-agent", "removed ValidatingAdmissionPolicy/drover-agent"} {
		if !slices.Contains(told, want) {
			t.Errorf("told %q, and not %q", told, want)
		}
	}
	if list, err := s.c.Elsewhere(t.Context(), "other"); err != nil || len(list) != 1 || list[0].Namespace != "drover-system" {
		t.Errorf("seen from another namespace there is %+v, %v", list, err)
	}
	if p, err := s.c.Look(t.Context(), "drover-system"); err != nil || !p.Installed || p.Outdated || p.Image != image || p.Form != manifest.FormDeployment {
		t.Errorf("there is %+v, %v", p, err)
	}
}
