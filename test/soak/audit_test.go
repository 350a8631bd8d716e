package soak

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// line is an entry of an audit log.
func line(user, verb, resource, namespace, name string, code int) string {
	return fmt.Sprintf(`{"stage":"ResponseComplete","verb":%q,"requestURI":"/x","user":{"username":%q},`+
		`"objectRef":{"resource":%q,"namespace":%q,"name":%q},"responseStatus":{"code":%d},`+
		`"requestReceivedTimestamp":"2026-01-01T00:00:00.000000Z"}`+"\n", verb, user, resource, namespace, name, code)
}

func TestAuditLogIsReadOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	a := &auditLog{cluster: "c1", path: path}
	if err := a.read(); err != nil {
		t.Fatal("before the API server wrote anything:", err)
	}
	text := line(agentUser, "delete", "configmaps", "soak", "a", 200) +
		line("admin", "delete", "configmaps", "soak", "b", 200) + // a person
		line(agentUser, "delete", "configmaps", "soak", "c", 404) + // it was gone
		line(agentUser, "delete", "secrets", agentNamespace, "drover-app-x", 200) + // the agent's own
		line(agentUser, "patch", "jobs", "soak", "j", 201) +
		line(agentUser, "patch", "jobs", "soak", "k", 200) +
		line(agentUser, "delete", "namespaces", "guest", "guest", 200) +
		line(agentUser, "get", "widgets", "soak", "w", 200) +
		line(agentUser, "delete", "widgets", "soak", "w", 200)
	half := len(text) - 20 // the last line is still in writing
	for i, part := range []string{text[:half], text[half:]} {
		f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString(part); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if err := a.read(); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range a.take() {
			got = append(got, e.Verb+" "+e.Ref.String())
		}
		want := []string{"delete ConfigMap soak/a", "create Job soak/j", "delete Namespace guest"}
		if i == 1 {
			want = []string{"delete widgets soak/w"}
		}
		if !slices.Equal(got, want) {
			t.Errorf("part %d: %q, want %q", i, got, want)
		}
	}
}

func TestStatusShowsHolds(t *testing.T) {
	s, err := parseStatus([]byte(`{"source": {"revision": {"hash": "abc"}, "held": [
			{"id": "h1", "kind": "DeletionsOverBudget", "clusters": ["c1", "c2"], "count": 9},
			{"revision": {"hash": "def"}, "clusters": ["c3"]}]},
		"clusters": [{"name": "c1", "state": "connected", "synced": true, "generation": 4,
			"held": [{"id": "h2", "kind": "ContainerNotEmpty", "app": "a", "count": 1}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, h := range s.holds {
		got = append(got, h.String())
	}
	slices.Sort(got)
	want := []string{
		"def  clusters [c3] apps [] count 0",
		"h1 DeletionsOverBudget clusters [c1 c2] apps [] count 9",
		"h2 ContainerNotEmpty clusters [c1] apps [a] count 1",
	}
	if !slices.Equal(got, want) || s.Source.Revision.Hash != "abc" || s.Clusters[0].Generation != 4 {
		t.Errorf("%q\n%+v", got, s)
	}
}
