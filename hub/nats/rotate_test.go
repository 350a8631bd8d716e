package nats

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/drover-dev/drover/protocol"
)

func TestEachKeyIsRotatedInTwoSteps(t *testing.T) {
	t.Parallel()
	for _, kind := range KeyKinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			k := must(OpenKeys(dir))
			id := func() []string { return must(k.ids(kind)) }
			first := id()[0]
			if err := k.Finish(kind); err == nil || !strings.Contains(err.Error(), "drover hub keys rotate "+string(kind)) {
				t.Errorf("to finish what was not begun is %v", err)
			}
			if err := k.Begin(kind); err != nil {
				t.Fatal(err)
			}
			if err := k.Begin(kind); err == nil || !strings.Contains(err.Error(), "drover hub keys finish "+string(kind)) {
				t.Errorf("to begin twice is %v", err)
			}
			old := must(k.Trust(nil, k.CA()))
			k = must(OpenKeys(dir))
			ids := id()
			if len(ids) != 2 || ids[0] != first || ids[1] == first || !k.Rotating(kind) {
				t.Fatalf("while it is rotated the keys are %q, before it was %s", ids, first)
			}
			if kind != KeyOperator && kind != KeyAccount && k.Believed(kind, old) {
				t.Error("what was trusted before is taken to trust the next key")
			}
			if !k.Believed(kind, must(k.Trust(nil, k.CA()))) || !k.Believed(KeyCA, protocol.Trust{CA: "another authority"}) {
				t.Error("what is trusted now is not taken to trust the next key")
			}
			if err := k.Finish(kind); err != nil {
				t.Fatal(err)
			}
			k = must(OpenKeys(dir))
			if got := id(); len(got) != 1 || got[0] != ids[1] || k.Rotating(kind) {
				t.Errorf("in the end the keys are %q, want %s", got, ids[1])
			}
		})
	}
}

func TestAMissingKeyIsNamed(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"signing.key", "ca.pem", "operator.nk", "fleet.key"} {
		dir := t.TempDir()
		must(OpenKeys(dir))
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenKeys(dir); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("without %s: %v", name, err)
		}
	}
}

func TestTheOperatorRotatesUnderAnExternalServer(t *testing.T) {
	t.Parallel()
	nodes := Servers{Nodes: []Node{{Name: "main", Host: "127.0.0.1"}}}
	e := newExternal(t, nodes)
	b := e.hub(1, "main")
	user := e.join()
	agent := e.agent(user, "main")
	publish(t, b, 1, "one")
	step := func(do func(*Keys, KeyKind) error, reconfigure bool, text string, generation uint64) {
		t.Helper()
		if err := do(e.keys, KeyOperator); err != nil {
			t.Fatal(err)
		}
		e.keys = must(OpenKeys(e.keys.dir))
		b.Close()
		if reconfigure {
			e.kill("main")
			e.add(nodes)
		}
		b = e.hub(1, "main")
		publish(t, b, generation, text)
		agent = e.agent(user, "main")
		sees(t, agent, text)
	}
	step((*Keys).Begin, true, "two", 2)     // the server trusts both
	step((*Keys).Finish, false, "three", 3) // the accounts come from the new one, the server still trusts both
	e.kill("main")
	e.add(nodes) // it trusts the new one alone
	sees(t, e.agent(user, "main"), "three")
}
