package main

import (
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"filippo.io/age"

	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/hub/api"
	"github.com/drover-dev/drover/hub/bolt"
	"github.com/drover-dev/drover/hub/nats/keyring"
	"github.com/drover-dev/drover/protocol"
)

// newData is the data directory of a hub that has published something for cluster edge, with its store still open.
func newData(t *testing.T) (string, *keyring.Keys, *bolt.Store) {
	t.Helper()
	dir := t.TempDir()
	keys := must(keyring.Open(filepath.Join(dir, "keys")))
	store := must(bolt.Open(filepath.Join(dir, "hub.db"), keys.Secret, slog.New(slog.DiscardHandler)))
	t.Cleanup(func() { _ = store.Close() })
	record := hub.Record{Bundle: protocol.Bundle{Version: 1, Cluster: "edge", Generation: 7}}
	if err := store.Save(hub.Batch{Records: map[string]hub.Record{"edge": record}}); err != nil {
		t.Fatal(err)
	}
	return dir, keys, store
}

// restored checks that a data directory holds the hub that newData made.
func restored(t *testing.T, dir string, keys *keyring.Keys) {
	t.Helper()
	if got := must(keyring.Open(filepath.Join(dir, "keys"))); !slices.Equal(got.Secret, keys.Secret) || got.CA() != keys.CA() {
		t.Error("the keys are not the hub's")
	}
	store := must(bolt.Open(filepath.Join(dir, "hub.db"), keys.Secret, slog.New(slog.DiscardHandler)))
	defer store.Close()
	if got := must(store.Clusters())["edge"].Bundle.Generation; got != 7 {
		t.Errorf("the store says generation %d", got)
	}
	if lead, known, err := store.Lead(); err != nil || !known || !lead.Claim {
		t.Errorf("the directory does not know that it was restored: %+v, %t, %v", lead, known, err)
	}
}

func TestABackupOfAHubThatRunsAndOfOneThatDoesNot(t *testing.T) {
	t.Parallel()
	dir, keys, store := newData(t)
	file, to := filepath.Join(t.TempDir(), "hub.drover"), t.TempDir()
	wants(t, exitBad, "no hub is known here", "hub", "backup", file, "--data-dir", dir) // the store is in use, by whom is not known
	if left := must(os.ReadDir(filepath.Dir(file))); len(left) > 0 {
		t.Errorf("a backup that failed left %v behind", left)
	}
	s := httptest.NewServer((&api.Server{State: hub.New("").State(), Store: store, Token: "token", Log: slog.New(slog.DiscardHandler)}).Handler())
	defer s.Close()
	if err := writeClientFile(dir, clientInfo{URL: s.URL, Token: "token"}); err != nil {
		t.Fatal(err)
	}
	wants(t, exitFine, "It is a secret", "hub", "backup", file, "--data-dir", dir)
	if mode := must(os.Stat(file)).Mode().Perm(); mode != 0o600 {
		t.Errorf("the file can be read by others: %s", mode)
	}
	wants(t, exitBad, "is there already", "hub", "backup", file, "--data-dir", dir)
	wants(t, exitFine, "drover cluster revoke NAME", "hub", "restore", file, "--data-dir", to)
	restored(t, to, keys)
	wants(t, exitBad, "is not empty", "hub", "restore", file, "--data-dir", to)

	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	s.Close()
	file, to = file+"2", filepath.Join(to, "deeper")
	wants(t, exitFine, "It is a secret", "hub", "backup", file, "--data-dir", dir)
	wants(t, exitFine, "identities of clusters (0) and join tokens (0)", "hub", "restore", file, "--data-dir", to)
	restored(t, to, keys)
	wants(t, exitBad, "there are no keys of a hub", "hub", "backup", file+"3", "--data-dir", t.TempDir())
}

func TestABackupIsEncryptedToWhomOneSays(t *testing.T) {
	t.Parallel()
	dir, keys, store := newData(t)
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	tmp := t.TempDir()
	file, mine, other, plain := filepath.Join(tmp, "hub.drover"), filepath.Join(tmp, "mine"), filepath.Join(tmp, "other"), filepath.Join(tmp, "plain")
	me := must(age.GenerateX25519Identity())
	for name, id := range map[string]*age.X25519Identity{mine: me, other: must(age.GenerateX25519Identity())} {
		if err := os.WriteFile(name, []byte(id.String()+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	wants(t, exitUsage, "--recipient", "hub", "backup", file, "--data-dir", dir, "--recipient", "someone")
	wants(t, exitFine, "Wrote", "hub", "backup", file, "--data-dir", dir, "--recipient", me.Recipient().String())
	wants(t, exitFine, "Wrote", "hub", "backup", plain, "--data-dir", dir)

	to := filepath.Join(tmp, "new")
	wants(t, exitUsage, "is encrypted", "hub", "restore", file, "--data-dir", to)
	wants(t, exitUsage, "is not encrypted", "hub", "restore", plain, "--data-dir", to, "--identity", mine)
	wants(t, exitBad, "is --identity the key", "hub", "restore", file, "--data-dir", to, "--identity", other)
	cut := must(os.ReadFile(file))
	if err := os.WriteFile(plain+"-cut", cut[:len(cut)-10], 0o600); err != nil {
		t.Fatal(err)
	}
	wants(t, exitBad, "nothing was restored", "hub", "restore", plain+"-cut", "--data-dir", to, "--identity", mine)
	wants(t, exitFine, "Restored", "hub", "restore", file, "--data-dir", to, "--identity", mine)
	restored(t, to, keys)
}
