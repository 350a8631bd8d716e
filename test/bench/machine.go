package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/drover-dev/drover/test/testenv"
)

// busy is the load average above which figures are noisy.
const busy = 0.5

// Machine is where a report comes from.
type Machine struct {
	Processor  string  `json:"processor,omitempty"`
	Cores      int     `json:"cores"`
	MemoryMiB  int     `json:"memoryMiB,omitempty"`
	System     string  `json:"system"` // and its kernel
	Go         string  `json:"go"`
	Kubernetes string  `json:"kubernetes,omitempty"`
	Drover     string  `json:"drover,omitempty"` // what the program says of itself
	Commit     string  `json:"commit,omitempty"` // of the work tree that the bench runs in
	Load       float64 `json:"load"`             // average of the minute before the run
}

// String is the machine in one line, with a warning where one is due.
func (m Machine) String() string {
	text := fmt.Sprintf("%d cores (%s), %d MiB, %s, %s, Kubernetes %s, %s, commit %s, load %.2f at the start",
		m.Cores, m.Processor, m.MemoryMiB, m.System, m.Go, m.Kubernetes, m.Drover, m.Commit, m.Load)
	if m.Load > busy {
		text += fmt.Sprintf("\nWARNING: a load above %g at the start: the machine was busy, and the figures are noisy. Ratios hold better than times.", busy)
	}
	return text
}

// describeMachine finds out what it can; what it cannot stays empty.
func describeMachine(ctx context.Context, bin string) Machine {
	m := Machine{
		Cores: runtime.GOMAXPROCS(0), Go: runtime.Version(), System: runtime.GOOS + " " + firstLine("/proc/sys/kernel/osrelease"),
		Processor: colon("/proc/cpuinfo", "model name"),
		Drover:    said(ctx, filepath.Join(bin, "drover"), "version"),
		Commit:    said(ctx, "git", "describe", "--always", "--dirty", "--abbrev=10", "--match="),
	}
	var kib int
	if _, err := fmt.Sscan(colon("/proc/meminfo", "MemTotal"), &kib); err == nil {
		m.MemoryMiB = kib / 1024
	}
	_, _ = fmt.Sscan(firstLine("/proc/loadavg"), &m.Load) // no load is known where there is no such file
	return m
}

func firstLine(file string) string {
	text, _ := os.ReadFile(file) // what is not there is not said
	line, _, _ := strings.Cut(string(text), "\n")
	return line
}

// colon is the first value of a key in a file of lines such as "key : value".
func colon(file, key string) string {
	text, _ := os.ReadFile(file) // what is not there is not said
	for line := range strings.Lines(string(text)) {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == key {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// said is the first line that a command prints.
func said(ctx context.Context, name string, args ...string) string {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	out, _ := exec.CommandContext(ctx, name, args...).Output() // what it does not say is not said
	line, _, _ := strings.Cut(string(out), "\n")
	return line
}

// version asks an API server for its version.
func version(ctx context.Context, plane *testenv.ControlPlane) (string, error) {
	text, err := plane.Kube().Raw(ctx, "/version", nil)
	if err != nil {
		return "", err
	}
	var v struct{ GitVersion string }
	return v.GitVersion, unmarshal(text, &v)
}

func unmarshal(text []byte, into any) error {
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("read an answer: %w", err)
	}
	return nil
}
