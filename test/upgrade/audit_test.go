package upgrade

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/drover-dev/drover/test/testenv"
)

// users numbers the agents of this run.
var users atomic.Int64

func userName(n int64) string { return fmt.Sprintf("agent-%d", n) }

func userNames() (out []string) {
	for n := range int64(agents) {
		out = append(out, userName(n))
	}
	return out
}

// nextUser is a user of the API server that no other agent has.
func nextUser(t *testing.T) string {
	t.Helper()
	n := users.Add(1) - 1
	if n >= agents {
		t.Fatalf("more than %d agents: raise the number in main_test.go", agents)
	}
	return userName(n)
}

// auditPolicy has what agents ask for written down, and nothing else.
func auditPolicy() string {
	return "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules:\n" +
		"- {level: Metadata, users: [" + strings.Join(userNames(), ", ") + "]}\n- {level: None}\n"
}

// tally counts what an agent's user did with objects other than its own, as "create jobs/migrate".
type tally map[string]int

// audited counts the deletes of one user that succeeded, and the Jobs that it created.
func audited(t *testing.T, cp *testenv.ControlPlane, user, own string) tally {
	t.Helper()
	f, err := os.Open(cp.AuditLog())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out := tally{}
	for r := bufio.NewReader(f); ; {
		line, err := r.ReadBytes('\n')
		if err != nil {
			return out
		}
		var e struct {
			Verb, Stage    string
			User           struct{ Username string }
			ResponseStatus struct{ Code int }
			ObjectRef      struct{ Resource, Subresource, Namespace, Name string }
		}
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatal(err)
		}
		o := e.ObjectRef
		if e.User.Username != user || o.Namespace == own || o.Subresource != "" || e.ResponseStatus.Code >= 300 {
			continue
		}
		switch {
		case strings.HasPrefix(e.Verb, "delete"):
			out["delete "+o.Resource+"/"+o.Name]++
		case e.ResponseStatus.Code == 201 && o.Resource == "jobs":
			out["create "+o.Resource+"/"+o.Name]++
		}
	}
}

// String lists the counts in order.
func (c tally) String() string {
	var lines []string
	for _, key := range slices.Sorted(maps.Keys(c)) {
		lines = append(lines, fmt.Sprintf("%s: %d", key, c[key]))
	}
	return strings.Join(lines, "\n")
}
