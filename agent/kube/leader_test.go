package kube_test

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/kube"
	"github.com/drover-dev/drover/internal/race"
	"github.com/drover-dev/drover/test/testenv"
	"k8s.io/client-go/rest"
)

const accounts = `
{apiVersion: v1, kind: ServiceAccount, metadata: {name: weak, namespace: NS}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: strong, namespace: NS}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: weak, namespace: NS}
rules: [{apiGroups: [""], resources: [serviceaccounts/token], resourceNames: [strong], verbs: [create]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: weak, namespace: NS}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: weak}
subjects: [{kind: ServiceAccount, name: weak, namespace: NS}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: strong, namespace: NS}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects: [{kind: ServiceAccount, name: strong, namespace: NS}]
`

// weak makes two accounts in ns, of which one may do nothing but request tokens of the other, and gives a client of it.
func weak(t *testing.T, cp *testenv.ControlPlane, ns string) (*rest.Config, *kube.Client) {
	t.Helper()
	if _, err := cp.Kube().Apply(t.Context(), "test", strings.ReplaceAll(accounts, "NS", ns)); err != nil {
		t.Fatal(err)
	}
	file, err := cp.ServiceAccountKubeconfig(t.Context(), ns, "weak")
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := kube.LoadConfig(file)
	if err != nil {
		t.Fatal(err)
	}
	own, err := kube.New(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return cfg, own
}

// asked counts the tokens that the weak account has requested.
func asked(t *testing.T, cp *testenv.ControlPlane, ns string) int {
	t.Helper()
	all, err := cp.Requests()
	if err != nil {
		t.Fatal(err)
	}
	return all["system:serviceaccount:"+ns+":weak"].Total(testenv.Verb("CREATE"))
}

func TestTheLeaderActsWithATokenThatItRequests(t *testing.T) {
	t.Parallel()
	cp := testenv.Shared(t)
	ns := testenv.NamespaceT(t, cp)
	cfg, own := weak(t, cp, ns)
	acting, leader, err := kube.NewLeader(cfg, own, ns, "strong")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := kube.NewVault(own, ns).Load(t.Context()); agent.ReasonOf(err) != agent.ReasonForbidden {
		t.Errorf("the weak account reads a Secret: %v", err)
	}
	// The API server learns of rights a little later; meanwhile the failure says what failed.
	vault := kube.NewVault(acting, ns)
	for ctx := soon(t); ; {
		_, _, err := vault.Load(ctx)
		if err == nil {
			break
		}
		if ctx.Err() != nil || agent.ReasonOf(err) != agent.ReasonForbidden {
			t.Fatal(err)
		}
	}
	before := asked(t, cp, ns)
	for i := range 5 {
		if err := vault.Save(t.Context(), []byte(fmt.Sprint(i)), nil); err != nil {
			t.Fatal(err)
		}
	}
	if n := asked(t, cp, ns) - before; n != 0 {
		t.Errorf("%d more tokens were requested while one was good", n)
	}
	leader.Forget()
	if err := vault.Save(t.Context(), []byte("again"), nil); err != nil {
		t.Error(err)
	}
	for deadline := time.Now().Add(race.Patience(90 * time.Second)); asked(t, cp, ns)-before != 1; {
		if time.Now().After(deadline) {
			t.Fatalf("%d tokens were requested after one was forgotten; want 1", asked(t, cp, ns)-before)
		}
	}
}

func TestAJoinTokenIsReadFromASecret(t *testing.T) {
	t.Parallel()
	cp := testenv.Shared(t)
	ns := testenv.NamespaceT(t, cp)
	c := newClient(t, cp)
	if _, err := kube.JoinToken(t.Context(), c, ns, "drover-join"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a Secret: %v", err)
	}
	for data, want := range map[string]string{`{other.json: e30=}`: "", `{join.json: e30=}`: "{}"} {
		if _, err := cp.Kube().Apply(t.Context(), "test", "{apiVersion: v1, kind: Secret, metadata: {name: drover-join, namespace: "+ns+"}, data: "+data+"}"); err != nil {
			t.Fatal(err)
		}
		got, err := kube.JoinToken(t.Context(), c, ns, "drover-join")
		if string(got) != want || (want == "") != errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a Secret of %s: %q, %v", data, got, err)
		}
	}
}

func TestWhoGetsNoTokenIsToldWhy(t *testing.T) {
	t.Parallel()
	cp := testenv.Shared(t)
	ns := testenv.NamespaceT(t, cp)
	cfg, own := weak(t, cp, ns)
	acting, _, err := kube.NewLeader(cfg, own, ns, "default")
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = kube.NewVault(acting, ns).Load(t.Context())
	if agent.ReasonOf(err) != agent.ReasonForbidden || !strings.Contains(err.Error(), "ServiceAccount "+ns+"/default") {
		t.Errorf("without the right to request a token: %v", err)
	}
}
