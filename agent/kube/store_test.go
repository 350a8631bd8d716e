package kube_test

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/kube"
	"github.com/drover-dev/drover/protocol"
	"github.com/drover-dev/drover/test/testenv"
)

func state(name string, generation uint64, packed []byte) agent.AppState {
	return agent.AppState{Generation: generation, Packed: packed,
		Spec: protocol.App{Name: name, Prune: true, Blob: &protocol.Blob{Digest: "d", Size: 1, Chunks: 1, Objects: 1}},
		Items: []agent.Item{{Ref: protocol.ObjectRef{Kind: "ConfigMap", Namespace: "ns", Name: "a"}, APIVersion: "v1",
			Line: agent.SumOf([]byte("line")), Fields: agent.SumOf([]byte("fields")), Keep: true, Former: []string{"old"}}}}
}

func TestStateIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	cp := testenv.Shared(t)
	ns := testenv.NamespaceT(t, cp)
	client := newClient(t, cp)
	store := kube.NewStore(client, ns)
	big := bytes.Repeat([]byte("0123456789abcdef"), 150<<10/16*10) // 1.5 MB
	for _, a := range []agent.AppState{state("web", 1, []byte("v1")), state("web-1", 1, []byte("other")), state("web", 2, big), state("web", 3, []byte("v3")), state("gone", 1, big)} {
		if err := store.SaveApp(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.DropApp(t.Context(), "gone"); err != nil {
		t.Fatal(err)
	}
	if err := store.SaveBundle(t.Context(), []byte("the envelope"), 3); err != nil {
		t.Fatal(err)
	}
	got, err := kube.NewStore(client, ns).Load(t.Context())
	if err != nil || len(got.Damaged) > 0 || string(got.Envelope) != "the envelope" || len(got.Apps) != 2 {
		t.Fatalf("loaded %d apps, %v, %v", len(got.Apps), got.Damaged, err)
	}
	for _, a := range got.Apps {
		want := state("web", 3, []byte("v3"))
		if a.Spec.Name == "web-1" {
			want = state("web-1", 1, []byte("other"))
		}
		if !reflect.DeepEqual(a, want) {
			t.Errorf("loaded %+v, want %+v", a, want)
		}
	}
}

// Two agents that both believe to lead: the one whose knowledge is old is told so before it writes anything.
func TestTwoWritersCannotInterleave(t *testing.T) {
	t.Parallel()
	cp := testenv.Shared(t)
	ns := testenv.NamespaceT(t, cp)
	client := newClient(t, cp)
	first, second := kube.NewStore(client, ns), kube.NewStore(client, ns)
	if err := first.SaveApp(t.Context(), state("web", 1, []byte("v1"))); err != nil {
		t.Fatal(err)
	}
	if err := second.SaveApp(t.Context(), state("web", 1, []byte("other"))); !errors.Is(err, agent.ErrLost) {
		t.Errorf("a writer that read nothing got %v, want ErrLost", err)
	}
	if _, err := second.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := second.SaveApp(t.Context(), state("web", 2, []byte("v2"))); err != nil {
		t.Fatal(err)
	}
	if err := first.SaveApp(t.Context(), state("web", 3, []byte("v3"))); !errors.Is(err, agent.ErrLost) {
		t.Errorf("a writer whose knowledge is old got %v, want ErrLost", err)
	}
	if err := first.DropApp(t.Context(), "web"); !errors.Is(err, agent.ErrLost) {
		t.Errorf("a writer whose knowledge is old dropped with %v, want ErrLost", err)
	}
	if err := cp.Kube().Delete(t.Context(), testenv.Ref{APIVersion: "v1", Kind: "Secret", Namespace: ns, Name: "drover-app-web"}); err != nil {
		t.Fatal(err)
	}
	if err := second.SaveApp(t.Context(), state("web", 4, []byte("v4"))); err != nil {
		t.Errorf("state that somebody deleted is not written again: %v", err)
	}
}

func TestTheJournalIsKeptUntilItIsEmpty(t *testing.T) {
	t.Parallel()
	cp := testenv.Shared(t)
	ns := testenv.NamespaceT(t, cp)
	client := newClient(t, cp)
	store := kube.NewStore(client, ns)
	journal := func() agent.Stored {
		t.Helper()
		got, err := kube.NewStore(client, ns).Load(t.Context())
		if err != nil || len(got.Damaged) > 0 || got.Envelope != nil {
			t.Fatalf("loaded %+v, %v", got, err)
		}
		return got
	}
	for _, text := range []string{"", "{}\nfirst", "{}\nsecond", ""} {
		if err := store.SaveJournal(t.Context(), []byte(text)); err != nil {
			t.Fatal(err)
		}
		if got := journal(); string(got.Journal) != text || got.JournalErr != nil {
			t.Errorf("loaded %q, %v, want %q", got.Journal, got.JournalErr, text)
		}
	}
	if err := store.SaveJournal(t.Context(), []byte("{}\nthird")); err != nil {
		t.Fatal(err)
	}
	if err := kube.NewStore(client, ns).SaveJournal(t.Context(), []byte("{}\nanother")); !errors.Is(err, agent.ErrLost) {
		t.Errorf("a writer that read nothing got %v, want ErrLost", err)
	}
	ref := testenv.Ref{APIVersion: "v1", Kind: "Secret", Namespace: ns, Name: "drover-journal"}
	if _, err := cp.Kube().Patch(t.Context(), "somebody", ref, `{"data":{"state":"eHh4"}}`); err != nil {
		t.Fatal(err)
	}
	if got := journal(); got.JournalErr == nil {
		t.Errorf("a journal that was altered is read as %q", got.Journal)
	}
}
