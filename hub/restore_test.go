package hub_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/drover-dev/drover/hub/backup"
	"github.com/drover-dev/drover/protocol"
)

// A hub that is brought back from a backup has forgotten what came later, and has lost the bus. Its agents have not.
func TestARestoredHubGoesOnAndNoGenerationGoesBack(t *testing.T) {
	t.Parallel()
	r := newRig(t, twoClusters())
	r.join("a")
	first := r.await("a", "published", func(protocol.Bundle) bool { return true })

	store := filepath.Join(t.TempDir(), "hub.db") // while the hub runs
	f := must(os.Create(store))
	if _, err := r.store.WriteTo(f); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if err := backup.Write(&file, r.data, store, "test"); err != nil {
		t.Fatal(err)
	}

	var accepted protocol.Bundle
	for _, value := range []string{"two", "three", "four"} {
		r.push(value, map[string]string{"apps/extra/config.yaml": configMap("extra", value)})
		accepted = r.await("a", value, func(b protocol.Bundle) bool { return b.Revision.Subject == value })
	}
	if accepted.Generation < first.Generation+3 {
		t.Fatalf("three commits went from generation %d to %d", first.Generation, accepted.Generation)
	}

	r.restart(func() {
		r.data = filepath.Join(t.TempDir(), "restored")
		if _, err := backup.Read(&file, r.data, func(string) error { return nil }); err != nil {
			t.Fatal(err)
		}
	})
	if row := r.row("a"); row.Generation >= accepted.Generation {
		t.Fatalf("the restored hub remembers generation %d", row.Generation)
	}
	// The agent connects with the credential that it has, and refuses what is older than what it accepted.
	r.report("a", func(rep *protocol.Report) { rep.Generation, rep.Digest = accepted.Generation, accepted.Digest() })
	b := r.await("a", "above what its agent has", func(b protocol.Bundle) bool { return b.Generation > accepted.Generation })
	r.push("five", map[string]string{"apps/extra/config.yaml": configMap("extra", "five")})
	r.await("a", "the next commit", func(next protocol.Bundle) bool {
		return next.Generation > b.Generation && next.Revision.Subject == "five"
	})
}
