package bolt

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/drover-dev/drover/hub"
)

func TestTheLeadIsKeptAndARestoredStoreClaims(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hub.db")
	var log bytes.Buffer
	s := mustOpen(t, path, secret, &log)
	fill(t, s)
	lead := func(s *Store) (hub.Lead, bool) {
		t.Helper()
		l, known, err := s.Lead()
		if err != nil {
			t.Fatal(err)
		}
		return l, known
	}
	if l, known := lead(s); known || l != (hub.Lead{}) {
		t.Errorf("a store of before epochs has %+v, %t", l, known)
	}
	want := hub.Lead{Epoch: 4, Seen: 5}
	if err := s.SaveLead(want); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := Restored(path, secret); err != nil {
		t.Fatal(err)
	}
	s = mustOpen(t, path, secret, &log)
	defer s.Close()
	want.Claim = true
	if l, known := lead(s); !known || l != want {
		t.Errorf("restored it has %+v, %t", l, known)
	}
	if got, err := s.Clusters(); err != nil || got["east-1"].Bundle.Generation != 3 || log.Len() > 0 {
		t.Errorf("the records are %+v, %v; the log says %s", got, err, &log)
	}

	bad := filepath.Join(t.TempDir(), "hub.db")
	if err := os.WriteFile(bad, []byte("no store"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Restored(bad, secret); err != nil {
		t.Error(err)
	}
	if got, err := os.ReadFile(bad); err != nil || string(got) != "no store" {
		t.Errorf("a file that cannot be read became %q, %v", got, err)
	}
}

func TestAStoreThatIsClosedIsNotWritable(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, filepath.Join(t.TempDir(), "hub.db"), secret, &bytes.Buffer{})
	if err := s.Writable(); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Writable(); err == nil || !strings.Contains(err.Error(), "cannot be written") {
		t.Errorf("when it is closed: %v", err)
	}
}
