package testenv

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

func TestParseMetrics(t *testing.T) {
	t.Parallel()
	got, err := parseMetrics([]byte(`# TYPE apiserver_request_total counter
apiserver_request_total{code="200",component="apiserver",dry_run="",group="apps",resource="deployments",scope="resource",subresource="",verb="APPLY",version="v1"} 12
apiserver_request_total{code="201",component="apiserver",dry_run="",group="apps",resource="deployments",scope="resource",subresource="",verb="APPLY",version="v1"} 3
apiserver_request_total{code="200",component="apiserver",dry_run="",group="",resource="pods",scope="resource",subresource="status",verb="PATCH",version="v1"} 1e+01
apiserver_request_total{code="0",component="",dry_run="",group="odd\"}group",resource="",scope="",subresource="",verb="GET",version=""} 1
apiserver_request_duration_seconds_count{verb="GET"} 99
`))
	if err != nil {
		t.Fatal(err)
	}
	want := Requests{
		{"APPLY", "apps", "deployments", ""}: 15,
		{"PATCH", "", "pods", "status"}:      10,
		{"GET", `odd\"}group`, "", ""}:       1,
	}
	if got.String() != want.String() {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if n := got.Total(Write); n != 25 {
		t.Errorf("%d writes; want 25", n)
	}
	if n := got.Total(Verb("APPLY", "PATCH"), Resource("pods")); n != 10 {
		t.Errorf("%d changes of pods; want 10", n)
	}
	later := got.Since(Requests{{"APPLY", "apps", "deployments", ""}: 14, {"PATCH", "", "pods", "status"}: 10})
	if later.String() != "     1 GET .odd\\\"}group\n     1 APPLY deployments.apps" {
		t.Errorf("since then:\n%s", later)
	}
	for _, bad := range []string{"", "up 1\n", `apiserver_request_total{verb="GET" 1`, `apiserver_request_total{verb="GET"} many`} {
		if _, err := parseMetrics([]byte(bad)); err == nil {
			t.Errorf("read %q without an error", bad)
		}
	}
}

func TestParseAudit(t *testing.T) {
	t.Parallel()
	var log auditLog
	entries := `{"auditID":"1","stage":"ResponseStarted","verb":"watch","user":{"username":"a"},"objectRef":{"resource":"pods"}}
{"auditID":"1","stage":"ResponseComplete","verb":"watch","user":{"username":"a"},"objectRef":{"resource":"pods"}}
{"auditID":"2","stage":"ResponseStarted","verb":"watch","user":{"username":"b"},"objectRef":{"resource":"events"}}
{"stage":"ResponseComplete","verb":"patch","requestURI":"/x?fieldManager=m&force=true","user":{"username":"a"},"objectRef":{"apiGroup":"apps","resource":"deployments"}}
{"stage":"ResponseComplete","verb":"get","user":{"username":"b"}}
`
	if err := log.parse(bufio.NewReader(strings.NewReader(entries + `{"stage":"ResponseCompl`))); err != nil {
		t.Fatal(err)
	}
	if got := log.requests; len(got) != 2 || got["a"].String() != "     1 WATCH pods\n     1 APPLY deployments.apps" || got["b"].Total() != 2 {
		t.Errorf("got %v", got)
	}
	if w := log.watches; len(w) != 1 || w["2"].user != "b" || log.read != int64(len(entries)) {
		t.Errorf("%v are open, and %d bytes were read of %d", w, log.read, len(entries))
	}
	if err := log.parse(bufio.NewReader(strings.NewReader("nonsense\n"))); err == nil {
		t.Error("read nonsense without an error")
	}
}

func TestAPIServerCountsRequests(t *testing.T) {
	t.Parallel()
	cp := Shared(t)
	ns := NamespaceT(t, cp)
	count := func() (int, int) {
		t.Helper()
		metrics, err := cp.Kube().Metrics(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		users, err := cp.Requests()
		if err != nil {
			t.Fatal(err)
		}
		applies := []func(Request) bool{Verb("APPLY"), Resource("limitranges")}
		return metrics.Total(applies...), users["admin"].Total(applies...)
	}
	metrics, audit := count()
	const limits = `
apiVersion: v1
kind: LimitRange
metadata: {name: limits, namespace: NAMESPACE}
spec: {limits: [{type: Pod, max: {cpu: "COUNT"}}]}
`
	for _, n := range []string{"1", "2", "3"} {
		apply(t, cp, limits, "NAMESPACE", ns, "COUNT", n)
	}
	// An entry is written just after its answer, so the last may be on its way.
	err := poll(within(t), 20*time.Millisecond, func() (bool, error) {
		m, a := count()
		return m == metrics+3 && a == audit+3, nil
	})
	if err != nil {
		m, a := count()
		t.Errorf("counted %d by metrics and %d by the audit log; want 3", m-metrics, a-audit)
	}
}

func TestUsersAreToldApart(t *testing.T) {
	t.Parallel()
	policy := "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- {level: Metadata, users: [robot]}\n- {level: None}\n"
	cp := ControlPlaneT(t, WithUsers("robot"), WithAuditPolicy(policy))
	file, err := cp.UserKubeconfig("robot")
	if err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(file); err != nil || !strings.Contains(string(text), cp.users.tokens["robot"]) {
		t.Errorf("the kubeconfig has no token of the user (%v)", err)
	}
	ref := namespace("default")
	for _, k := range []*Kube{cp.Kube(), NewKube(cp.URL, cp.CA, cp.users.tokens["robot"])} {
		if _, err := k.Get(within(t), ref); err != nil {
			t.Fatal(err)
		}
	}
	err = poll(within(t), 20*time.Millisecond, func() (bool, error) {
		text, err := os.ReadFile(cp.AuditLog())
		return strings.Contains(string(text), "namespaces/default"), err
	})
	if err != nil {
		t.Fatal(err)
	}
	users, err := cp.Requests()
	if err != nil || len(users) != 1 || users["robot"].Total() == 0 {
		t.Errorf("the audit log has %v (%v), want the robot's requests alone", users, err)
	}
}

func TestEachUserThatIsAskedForIsCountedByItsName(t *testing.T) {
	t.Parallel()
	cp := Shared(t)
	for i, name := range []string{"one", "two"} {
		token, err := cp.UserToken(name)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := cp.UserToken(name); err != nil || again != token {
			t.Errorf("user %s has another token the second time (%v)", name, err)
		}
		for range i + 1 {
			if _, err := NewKube(cp.URL, cp.CA, token).Get(within(t), namespace("default")); err != nil {
				t.Fatal(err)
			}
		}
	}
	count := func(name string) int {
		requests, err := cp.RequestsOf(name)
		if err != nil {
			t.Fatal(err)
		}
		return requests.Total(Verb("GET"), Resource("namespaces"))
	}
	if err := poll(within(t), 20*time.Millisecond, func() (bool, error) { return count("one") == 1 && count("two") == 2, nil }); err != nil {
		t.Errorf("one asked %d times and two %d times, want 1 and 2", count("one"), count("two"))
	}
	users := newUsers()
	for i := range spareUsers {
		if _, err := users.token(fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := users.token("too many"); err == nil {
		t.Error("there are more users than spare ones")
	}
}
