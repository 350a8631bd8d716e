package bolt

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/resolve"
	"github.com/drover-dev/drover/protocol"
)

var (
	secret = bytes.Repeat([]byte{7}, 32)
	other  = bytes.Repeat([]byte{8}, 32)
)

func mustOpen(t *testing.T, path string, key []byte, log *bytes.Buffer) *Store {
	t.Helper()
	s, err := Open(path, key, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func fill(t *testing.T, s *Store) model.Packed {
	t.Helper()
	p, err := model.Pack(secret, []model.Rendered{{JSON: []byte(`{"kind":"Secret","data":{"password":"aHVudGVyMg=="}}`)}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Save(hub.Batch{
		Memos: map[string][]byte{"build-1": []byte("remember-me")}, Blobs: []model.Packed{p},
		Records: map[string]hub.Record{"east-1": {Bundle: protocol.Bundle{Cluster: "east-1", Generation: 3}, Digest: "visible-digest"}},
	}); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestWhatWasSavedIsThereAfterReopening(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hub.db")
	var log bytes.Buffer
	s := mustOpen(t, path, secret, &log)
	p := fill(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = mustOpen(t, path, secret, &log)
	defer s.Close()
	if got, err := s.Memo("build-1"); err != nil || string(got) != "remember-me" {
		t.Errorf("Memo = %q, %v", got, err)
	}
	if got, err := s.Memo("build-2"); err != nil || got != nil {
		t.Errorf("Memo of nothing = %q, %v; want nil, nil", got, err)
	}
	if got, err := s.Blob(p.Ref.ID()); err != nil || !bytes.Equal(got, p.Sealed) {
		t.Errorf("Blob = %d bytes, %v; want %d", len(got), err, len(p.Sealed))
	}
	records, err := s.Clusters()
	if err != nil || records["east-1"].Bundle.Generation != 3 || records["east-1"].Digest != "visible-digest" {
		t.Errorf("Clusters = %+v, %v", records, err)
	}
}

func TestHoldsAreReplacedWholeAndRecordsForgottenByName(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hub.db")
	s := mustOpen(t, path, secret, &bytes.Buffer{})
	if holds, err := s.Holds(); err != nil || holds != nil {
		t.Errorf("Holds of a new store = %v, %v", holds, err)
	}
	fill(t, s)
	want := []query.Hold{{Revision: protocol.Revision{Hash: "abc"}, Since: time.Unix(1, 0).UTC(), Clusters: []string{"a", "b"}}}
	save := func(b hub.Batch) {
		t.Helper()
		if err := s.Save(b); err != nil {
			t.Fatal(err)
		}
	}
	save(hub.Batch{Holds: &want})
	save(hub.Batch{Forget: []string{"east-1", "never-there"}})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = mustOpen(t, path, secret, &bytes.Buffer{})
	defer s.Close()
	if holds, err := s.Holds(); err != nil || !reflect.DeepEqual(holds, want) {
		t.Errorf("Holds = %+v, %v; want %+v", holds, err, want)
	}
	if records, err := s.Clusters(); err != nil || len(records) != 0 {
		t.Errorf("Clusters = %+v, %v; want none", records, err)
	}
	save(hub.Batch{Holds: &[]query.Hold{}})
	if holds, err := s.Holds(); err != nil || len(holds) != 0 {
		t.Errorf("Holds = %+v, %v; want none", holds, err)
	}
}

func TestNothingIsInTheClearOnDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hub.db")
	s := mustOpen(t, path, secret, &bytes.Buffer{})
	fill(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(data, []byte("east-1")) {
		t.Fatal("the name of the cluster is not in the file: this test looks in the wrong place")
	}
	for _, word := range []string{"aHVudGVyMg", "password", "remember-me", "visible-digest"} {
		if bytes.Contains(data, []byte(word)) {
			t.Errorf("%q is in the clear in the file", word)
		}
	}
}

func TestAFileThatCannotBeReadIsSetAside(t *testing.T) {
	spoil := map[string]func(t *testing.T, path string){
		"garbage":   func(t *testing.T, path string) { write(t, path, strings.Repeat("no database", 1000)) },
		"truncated": func(t *testing.T, path string) { truncate(t, path, 5000) },
		"another secret": func(t *testing.T, path string) {
			truncate(t, path, 0)
			s := mustOpen(t, path, other, &bytes.Buffer{})
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		},
	}
	for name, f := range spoil {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "hub.db")
			s := mustOpen(t, path, secret, &bytes.Buffer{})
			fill(t, s)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			f(t, path)
			var log bytes.Buffer
			s = mustOpen(t, path, secret, &log)
			defer s.Close()
			if records, err := s.Clusters(); err != nil || len(records) != 0 {
				t.Errorf("Clusters = %v, %v; want none", records, err)
			}
			if !strings.Contains(log.String(), "filled again from Git") {
				t.Errorf("the log does not say that an empty store was begun: %s", log.String())
			}
			if _, err := os.Stat(path + ".unreadable"); err != nil {
				t.Errorf("the old file was not kept: %v", err)
			}
		})
	}
}

func TestTwoHubsCannotShareAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hub.db")
	s := mustOpen(t, path, secret, &bytes.Buffer{})
	defer s.Close()
	_, err := Open(path, secret, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "another hub") {
		t.Errorf("Open = %v; want it to name another hub", err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func truncate(t *testing.T, path string, size int64) {
	t.Helper()
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
}

// TestANewSecretEncryptsEverythingAnew: what is stored stays, and nothing of it opens with the former secret.
func TestANewSecretEncryptsEverythingAnew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hub.db")
	var log bytes.Buffer
	s := mustOpen(t, path, secret, &log)
	p := fill(t, s)
	record := hub.Record{Bundle: protocol.Bundle{Cluster: "b", Generation: 7, Apps: []protocol.App{{Name: "web", Blob: &p.Ref}}},
		Retired: []hub.Retired{{Blob: "x", Generation: 6}}}
	memo, err := json.Marshal([]resolve.Render{{Ref: p.Ref}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Save(hub.Batch{Records: map[string]hub.Record{"b": record}, Memos: map[string][]byte{"build-2": memo}}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time there is nothing to do
		if s, err = Open(path, other, slog.New(slog.NewTextHandler(&log, nil)), secret); err != nil {
			t.Fatal(err)
		}
		records, err := s.Clusters()
		if err != nil || len(records) != 2 || records["b"].Bundle.Generation != 7 || len(records["b"].Retired) != 0 {
			t.Fatalf("records are %+v, %v", records, err)
		}
		ref := *records["b"].Bundle.Apps[0].Blob
		if ref.Digest != p.Ref.Digest || bytes.Equal(ref.Key, p.Ref.Key) {
			t.Errorf("the blob is %+v, it was %+v", ref, p.Ref)
		}
		sealed, err := s.Blob(ref.ID())
		if err != nil || sealed == nil {
			t.Fatalf("blob: %v", err)
		}
		if objects, err := model.Unpack(model.Packed{Ref: ref, Sealed: sealed}); err != nil || len(objects) != 1 {
			t.Errorf("its objects are %v, %v", objects, err)
		}
		if old, err := s.Blob(p.Ref.ID()); err != nil || old != nil {
			t.Errorf("the former blob is still there, %v", err)
		}
		var renders []resolve.Render
		if data, err := s.Memo("build-2"); err != nil || json.Unmarshal(data, &renders) != nil || renders[0].Ref.ID() != ref.ID() {
			t.Errorf("the memo is %s, %v", data, err)
		}
		if got, err := s.Memo("build-1"); err != nil || string(got) != "remember-me" {
			t.Errorf("Memo = %q, %v", got, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	aead, err := cipherOf(secret)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := open(path, aead); !errors.Is(err, errSecret) {
		t.Errorf("under the former secret: %v", err)
	}
	if _, err := os.Stat(path + ".unreadable"); err == nil {
		t.Error("the store was set aside")
	}
}

// What tables have is kept to the byte, also where the fleet's secret is rotated, and can be read by nobody else.
func TestATableIsKeptToTheByte(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hub.db")
	var log bytes.Buffer
	s := mustOpen(t, path, secret, &log)
	people, decisions := s.Table(TablePeople), s.Table(TableDecisions)
	value := []byte(`{"z":1, "key":"c2VjcmV0","digest":"visible-digest"}`)
	for _, table := range []*Table{people, decisions} {
		if all, err := table.Load(); err != nil || len(all) > 0 {
			t.Fatalf("%v %v", all, err)
		}
		if err := table.Save(map[string][]byte{"a": value, "b": value}); err != nil {
			t.Fatal(err)
		}
	}
	if err := people.Save(map[string][]byte{"b": nil}); err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
	if data, _ := os.ReadFile(path); bytes.Contains(data, []byte("visible-digest")) {
		t.Error("the file can be read")
	}
	s, err := Open(path, other, slog.New(slog.NewTextHandler(&log, nil)), secret)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	all, err := s.Table(TablePeople).Load()
	if err != nil || len(all) != 1 || !bytes.Equal(all["a"], value) {
		t.Errorf("%s %v", all, err)
	}
	if got, err := s.Table(TableDecisions).Get("b"); err != nil || !bytes.Equal(got, value) {
		t.Errorf("%s %v", got, err)
	}
	if got, err := s.Table(TableDecisions).Get("c"); err != nil || got != nil {
		t.Errorf("%s %v", got, err)
	}
}

// What was decided on rollouts and cannot be read is told, and not left out: it may be what holds back a release.
func TestADecisionThatCannotBeReadIsNotLeftOut(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, filepath.Join(t.TempDir(), "hub.db"), secret, &bytes.Buffer{})
	t.Cleanup(func() { _ = s.Close() })
	if err := s.Save(hub.Batch{Rollouts: map[string][]byte{"policy/a": []byte("{}"), "policy/b": []byte("{}")}}); err != nil {
		t.Fatal(err)
	}
	if err := s.db.Update(func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketRollout).Put([]byte("policy/b"), []byte("damaged"))
	}); err != nil {
		t.Fatal(err)
	}
	got, err := s.Rollouts()
	if v, is := got["policy/b"]; err != nil || string(got["policy/a"]) != "{}" || !is || v != nil {
		t.Errorf("got %q, %v", got, err)
	}
}
