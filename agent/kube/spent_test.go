package kube_test

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent/kube"
	"github.com/drover-dev/drover/internal/race"
	"github.com/drover-dev/drover/test/testenv"
)

// A token that has bought a credential is taken out of its Secret, with the rights that an agent with a scope has;
// another token stays.
func TestAUsedJoinTokenIsTakenOutOfItsSecret(t *testing.T) {
	cp := testenv.Shared(t)
	ns := testenv.NamespaceT(t, cp)
	apply := func(text string) {
		t.Helper()
		if _, err := cp.Kube().Apply(t.Context(), "test", text); err != nil {
			t.Fatal(err)
		}
	}
	secret := func(name, data string) string {
		return "{apiVersion: v1, kind: Secret, type: Opaque, metadata: {name: " + name + ", namespace: " + ns +
			"}, data: " + data + "}"
	}
	_, c := weak(t, cp, ns)
	used := func(data []byte) bool { return string(data) == "{}" }
	apply(secret("drover-join", "{join.json: e30=, other: e30=}"))
	if err := kube.EmptyJoinToken(t.Context(), c, ns, "drover-join", used); !strings.Contains(fmt.Sprint(err),
		"is forbidden") {
		t.Errorf("without rights: %v", err)
	}
	apply("{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: spend, namespace: " + ns +
		"}, rules: [" +
		"{apiGroups: [''], resources: [secrets], verbs: [get, list, watch, create, update, patch, delete]}]}")
	apply("{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: spend, namespace: " +
		ns + "}, " +
		"roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: spend}, subjects: [{kind: " +
		"ServiceAccount, name: weak, namespace: " + ns + "}]}")
	allowed := func() bool { // the API server's authorizer learns of the binding a little later
		_, err := kube.JoinToken(t.Context(), c, ns, "nothing")
		return errors.Is(err, fs.ErrNotExist)
	}
	for deadline := time.Now().Add(race.Patience(90 * time.Second)); !allowed(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the role is not in force")
		}
	}
	for name, tt := range map[string]struct {
		data   string
		absent bool
	}{"join-used": {"{join.json: e30=, other: e30=}", true}, "join-newer": {"{join.json: e30K}", false}} {
		apply(secret(name, tt.data))
		if err := kube.EmptyJoinToken(t.Context(), c, ns, name, used); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		_, err := kube.JoinToken(t.Context(), c, ns, name)
		if errors.Is(err, fs.ErrNotExist) != tt.absent {
			t.Errorf("%s: %v", name, err)
		}
	}
	got, err := cp.Kube().Get(t.Context(), testenv.Ref{APIVersion: "v1", Kind: "Secret", Namespace: ns,
		Name: "join-used"})
	if err != nil || got.Text("data", "other") != "e30=" || got.Text("type") != "Opaque" {
		t.Errorf("what else the Secret has: %v, %v", got, err)
	}
	if err := kube.EmptyJoinToken(t.Context(), c, ns, "nothing", used); err != nil {
		t.Errorf("without a Secret: %v", err)
	}
}
