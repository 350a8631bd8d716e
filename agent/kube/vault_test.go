package kube_test

import (
	"errors"
	"testing"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/kube"
	"github.com/drover-dev/drover/test/testenv"
)

func TestIdentityIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	cp := testenv.Shared(t)
	ns := testenv.NamespaceT(t, cp)
	client := newClient(t, cp)
	vault := kube.NewVault(client, ns)
	if c, p, err := vault.Load(t.Context()); c != nil || p != nil || err != nil {
		t.Fatalf("where nothing is: %q, %q, %v", c, p, err)
	}
	for _, want := range [][2]string{{"", "keys"}, {"credential", ""}, {"credential", "next keys"}, {"next credential", ""}} {
		if err := vault.Save(t.Context(), orNil(want[0]), orNil(want[1])); err != nil {
			t.Fatal(err)
		}
		c, p, err := kube.NewVault(client, ns).Load(t.Context())
		if string(c) != want[0] || string(p) != want[1] || err != nil {
			t.Errorf("read %q and %q (%v), want %q", c, p, err, want)
		}
	}
	if got, err := kube.NewStore(client, ns).Load(t.Context()); err != nil || len(got.Damaged) > 0 {
		t.Errorf("the agent's state takes it for its own: %v, %v", got.Damaged, err)
	}
	if err := cp.Kube().Delete(t.Context(), testenv.Ref{APIVersion: "v1", Kind: "Secret", Namespace: ns, Name: "drover-credential"}); err != nil {
		t.Fatal(err)
	}
	if err := vault.Save(t.Context(), []byte("kept in memory"), nil); err != nil {
		t.Errorf("an identity that somebody deleted is not written again: %v", err)
	}
}

func orNil(s string) []byte {
	if s == "" {
		return nil
	}
	return []byte(s)
}

// Two agents that both believe to lead: only one of them can make a credential its own.
func TestTwoAgentsCannotBothBeTheCluster(t *testing.T) {
	t.Parallel()
	cp := testenv.Shared(t)
	ns := testenv.NamespaceT(t, cp)
	client := newClient(t, cp)
	first, second := kube.NewVault(client, ns), kube.NewVault(client, ns)
	for _, v := range []*kube.Vault{first, second} {
		if _, _, err := v.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := first.Save(t.Context(), nil, []byte("first")); err != nil {
		t.Fatal(err)
	}
	if err := second.Save(t.Context(), nil, []byte("second")); !errors.Is(err, agent.ErrLost) {
		t.Errorf("the second writer got %v, want ErrLost", err)
	}
	if err := second.Save(t.Context(), nil, []byte("first")); err != nil {
		t.Errorf("a writer whose writing had arrived got %v", err)
	}
	if err := first.Save(t.Context(), []byte("credential"), nil); err != nil {
		t.Errorf("the first writer got %v", err)
	}
	if err := second.Save(t.Context(), []byte("another"), nil); !errors.Is(err, agent.ErrLost) {
		t.Errorf("a writer whose knowledge is old got %v, want ErrLost", err)
	}
}
