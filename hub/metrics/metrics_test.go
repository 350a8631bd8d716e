package metrics_test

import (
	"bytes"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/hub/metrics"
)

// ask gives what a server answers Prometheus.
func ask(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s, %v: %s", resp.Status, err, data)
	}
	return string(data)
}

func TestAHubIsMeasured(t *testing.T) {
	t.Parallel()
	h := hub.New("https://git.example.com/fleet.git")
	m := metrics.New(h, func() hub.Joins { return hub.Joins{Granted: 3, Refused: 2} })
	m.Resolved(30*time.Millisecond, 7)
	m.Resolved(2*time.Second, 5)
	m.Heard(-time.Second) // by a server whose clock is ahead
	s := httptest.NewServer(m.Handler())
	t.Cleanup(s.Close)
	text := ask(t, s.URL)
	for _, line := range []string{
		`drover_clusters{state="connected"} 0`, `drover_clusters{state="awaiting agent"} 0`,
		`drover_credential_requests_total{result="granted"} 3`, `drover_credential_requests_total{result="refused"} 2`,
		`drover_resolve_duration_seconds_bucket{le="0.05"} 1`, `drover_resolve_duration_seconds_count 2`,
		`drover_published_bundles_total 12`, `drover_report_lag_seconds_bucket{le="0.001"} 1`, `drover_hub_active 1`,
		`drover_report_age_seconds_count 0`, `drover_tasks_waiting 0`,
	} {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("%q is missing in\n%s", line, text)
		}
	}
	if !strings.Contains(text, "go_goroutines ") || !strings.Contains(text, "process_resident_memory_bytes ") {
		t.Error("nothing is said of the process")
	}
}

// What is answered, and the alert rules, are as Prometheus wants them; and the rules name no measure that there is not.
func TestPromtoolAcceptsMeasuresAndRules(t *testing.T) {
	t.Parallel()
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("promtool is missing: install the package prometheus")
		}
		t.Skip("promtool is missing: install the package prometheus to run this test")
	}
	s := httptest.NewServer(metrics.New(hub.New(""), func() hub.Joins { return hub.Joins{} }).Handler())
	t.Cleanup(s.Close)
	check := exec.Command(promtool, "check", "metrics")
	check.Stdin = strings.NewReader(ask(t, s.URL))
	if said, err := check.CombinedOutput(); err != nil {
		t.Errorf("promtool: %v: %s", err, said)
	}
	rules := filepath.Join("..", "..", "deploy", "prometheus")
	for what, file := range map[string]string{"check": "rules.yaml", "test": "rules_test.yaml"} {
		if said, err := exec.Command(promtool, what, "rules", filepath.Join(rules, file)).CombinedOutput(); err != nil {
			t.Errorf("promtool: %v: %s", err, said)
		}
	}
}

var measure = regexp.MustCompile(`drover_[a-z_]+`)

// The address that asks for no token answers nothing else.
func TestTheAddressForPrometheus(t *testing.T) {
	t.Parallel()
	m := metrics.New(hub.New(""), func() hub.Joins { return hub.Joins{} })
	var said bytes.Buffer
	stop, err := m.Listen("127.0.0.1:0", slog.New(slog.NewTextHandler(&said, nil)))
	if err != nil {
		t.Fatal(err)
	}
	url := regexp.MustCompile(`http://[0-9.:]+/metrics`).FindString(said.String())
	if text := ask(t, url); !strings.Contains(text, "drover_hub_active 1") {
		t.Errorf("%s answers %s", url, text)
	}
	resp, err := http.Get(strings.TrimSuffix(url, "metrics") + "api/v1/clusters")
	if err != nil || resp.StatusCode != http.StatusNotFound {
		t.Errorf("the API at that address: %v, %v", resp, err)
	}
	taken := strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/metrics")
	if _, err := m.Listen(taken, slog.Default()); err == nil ||
		!strings.Contains(err.Error(), "--metrics-listen") {
		t.Errorf("an address that is taken: %v", err)
	}
	stop()
	if _, err := http.Get(url); err == nil {
		t.Error("it is answered after the end")
	}
	stop, err = m.Listen("", slog.Default())
	if err != nil {
		t.Errorf("no address: %v", err)
	}
	stop()
}

// docs/metrics.md has every measure, and the rules use no other.
func TestEveryMeasureIsDocumented(t *testing.T) {
	t.Parallel()
	names := func(files ...string) map[string]bool {
		out := map[string]bool{}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range measure.FindAllString(string(data), -1) {
				out[strings.TrimSuffix(name, "_bucket")] = true
			}
		}
		return out
	}
	code, docs := names("metrics.go", "measures.go"), names(filepath.Join("..", "..", "docs", "metrics.md"))
	if !maps.Equal(code, docs) {
		t.Errorf("the code has %v\nand docs/metrics.md %v", slices.Sorted(maps.Keys(code)), slices.Sorted(maps.Keys(docs)))
	}
	for name := range names(filepath.Join("..", "..", "deploy", "prometheus", "rules.yaml")) {
		if !code[name] {
			t.Errorf("a rule asks for %s, which there is not", name)
		}
	}
}
