package meter

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/drover-dev/drover/test/testenv"
)

// none is a program that no machine has.
const none = "no-such-program"

// measured is a meter of two clusters, of which b has the ratio that can be set.
func measured(t *testing.T, program string) (*Meter, *atomic.Pointer[Reading]) {
	t.Helper()
	m, err := Open(program)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	b := &atomic.Pointer[Reading]{}
	b.Store(&Reading{"b", "2.0.0", 0.25})
	m.Serve(func(context.Context) []Reading { return []Reading{{"a", "1.0.0", 0.5}, *b.Load()} })
	return m, b
}

func TestWithoutPrometheusTheGateAsksTheExporter(t *testing.T) {
	t.Parallel()
	m, b := measured(t, none)
	if m.Prometheus() {
		t.Fatal("it has found a program that is not there")
	}
	want := "- name: failures\n  web:\n    url: \"http://" + m.Address() + "/worst?clusters=${wave.clusters}\"\n" +
		"    jsonPath: \"{$.failed}\"\n  interval: 500ms\n  count: 4\n  successCondition: result < 0.05\n"
	if got := m.Gate("failures", 500*time.Millisecond, 4, 0.05); got != want {
		t.Errorf("the gate is\n%s\nwant\n%s", got, want)
	}
	for clusters, want := range map[string]float64{"a": 0.5, "b": 0.25, "a|b": 0.5, ".*": 0.5} {
		if got, err := m.Worst(t.Context(), clusters); err != nil || got != want {
			t.Errorf("worst of %s: %g, %v; want %g", clusters, got, err, want)
		}
	}
	b.Store(&Reading{"b", "2.0.1", 0.75})
	if got, err := m.Worst(t.Context(), "a|b"); err != nil || got != 0.75 {
		t.Errorf("after b turned bad: %g, %v", got, err)
	}
	if got, err := m.Worst(t.Context(), "ab|c"); err == nil {
		t.Errorf("clusters that are not there have %g", got)
	}
	if _, err := m.Worst(t.Context(), "a("); err == nil || !strings.Contains(err.Error(), "400") {
		t.Errorf("a pattern that cannot be compiled: %v", err)
	}
	if _, err := m.Command(t.TempDir()); err == nil || !strings.Contains(err.Error(), "install") {
		t.Errorf("the command of a Prometheus that is not there: %v", err)
	}
}

func TestAddressesAreReservedUntilTheyAreUsed(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("sh") // any program: it is not started
	if err != nil {
		t.Fatal(err)
	}
	m, _ := measured(t, program)
	if m.Address() == m.exporter.Addr().String() {
		t.Error("Prometheus and the exporter have one address")
	}
	if _, err := http.Get("http://" + m.exporter.Addr().String() + "/metrics"); err != nil {
		t.Errorf("the exporter does not answer: %v", err)
	}
	args, err := m.Command(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if args[0] != program || !strings.Contains(strings.Join(args, " "), "--web.listen-address="+m.Address()) {
		t.Errorf("the command is %q", args)
	}
	if _, err := http.Get("http://" + m.Address()); err == nil {
		t.Error("the port of Prometheus is still held")
	}
}

func TestPrometheusScrapesTheExporter(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("prometheus"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("prometheus is missing: install the package prometheus")
		}
		t.Skip("prometheus is missing: install the package prometheus to run this test")
	}
	m, b := measured(t, "prometheus")
	args, err := m.Command(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	p, err := testenv.StartProcess("prometheus", t.TempDir()+"/log", nil, args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Stop(5 * time.Second) })
	becomes := func(clusters string, want float64) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
		defer cancel()
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			got, err := m.Worst(ctx, clusters)
			if err == nil && got == want {
				return
			}
			select {
			case <-ctx.Done():
				t.Fatalf("worst of %s: %g, %v; want %g; prometheus says %s", clusters, got, err, want, p.Tail(5))
			case <-tick.C:
			}
		}
	}
	becomes("a|b", 0.5)
	becomes("b", 0.25)
	// Another version takes the place of the one before, whose ratio counts no longer.
	b.Store(&Reading{"b", "2.0.1", 0.125})
	becomes("b", 0.125)
	gate := m.Gate("failures", time.Second, 3, 0.05)
	if !strings.Contains(gate, `address: "http://`+m.Address()) || !strings.Contains(gate, "result[0] < 0.05") {
		t.Errorf("the gate is\n%s", gate)
	}
}
