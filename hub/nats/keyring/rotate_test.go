package keyring

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/drover-dev/drover/protocol"
)

func TestEachKeyIsRotatedInTwoSteps(t *testing.T) {
	t.Parallel()
	for _, kind := range Kinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			k := must(Open(dir))
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
			k = must(Open(dir))
			ids := id()
			if len(ids) != 2 || ids[0] != first || ids[1] == first || !k.Rotating(kind) {
				t.Fatalf("while it is rotated the keys are %q, before it was %s", ids, first)
			}
			if kind != Operator && kind != Account && k.Believed(kind, old) {
				t.Error("what was trusted before is taken to trust the next key")
			}
			if !k.Believed(kind, must(k.Trust(nil, k.CA()))) || !k.Believed(Authority, protocol.Trust{CA: "another authority"}) {
				t.Error("what is trusted now is not taken to trust the next key")
			}
			if err := k.Finish(kind); err != nil {
				t.Fatal(err)
			}
			k = must(Open(dir))
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
		must(Open(dir))
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("without %s: %v", name, err)
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
