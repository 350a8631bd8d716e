package demo

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestProgramThatLeavesIsHeardOf(t *testing.T) {
	left := make(chan *process, 1)
	log := filepath.Join(t.TempDir(), "log")
	_, err := start("shell", log, func(p *process) { left <- p }, "/bin/sh", "-c", "echo one; echo two; exit 3")
	if err != nil {
		t.Fatal(err)
	}
	p := <-left
	if p.ending() != "exit status 3" || p.tail(1) != "two" {
		t.Errorf("%s; its log ends with %q", p.ending(), p.tail(1))
	}
	said := (&programEnded{p}).Error()
	if said != "the shell ended by itself (exit status 3)" {
		t.Error(said)
	}
}

func TestProgramThatIsStoppedIsNot(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	ended := func(*process) { t.Error("it was asked to end") }
	p, err := start("shell", log, ended, "/bin/sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.01; done")
	if err != nil {
		t.Fatal(err)
	}
	if err := until(t.Context(), "ready", func() (bool, string) { return p.tail(1) == "ready", p.tail(1) }); err != nil {
		t.Fatal(err)
	}
	p.stop(50 * time.Millisecond)
	if p.ending() != "signal: killed" {
		t.Error(p.ending())
	}
}

func TestProgramThatIsMissing(t *testing.T) {
	_, err := start("hub", filepath.Join(t.TempDir(), "log"), nil, "/nowhere/drover")
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "make build") {
		t.Error(err)
	}
}

func TestSweepLeavesWhatIsInUse(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	mine, err := newWorkspace()
	if err != nil {
		t.Fatal(err)
	}
	dead, err := newWorkspace()
	if err != nil {
		t.Fatal(err)
	}
	_ = dead.lock.Close() // as its end does
	for _, w := range []*workspace{mine, dead} {
		old := time.Now().Add(-time.Hour)
		if err := os.Chtimes(w.dir, old, old); err != nil {
			t.Fatal(err)
		}
	}
	sweep(os.TempDir())
	for w, want := range map[*workspace]bool{mine: true, dead: false} {
		if _, err := os.Stat(w.dir); (err == nil) != want {
			t.Errorf("%s: there is %v; want %v", w.dir, err == nil, want)
		}
	}
	if err := mine.remove(); err != nil {
		t.Error(err)
	}
}
