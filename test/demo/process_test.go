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
	if p.ending() != "exit status 3" || p.Tail(1) != "two" {
		t.Errorf("%s; its log ends with %q", p.ending(), p.Tail(1))
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
	if err := until(t.Context(), "ready", func() (bool, string) { return p.Tail(1) == "ready", p.Tail(1) }); err != nil {
		t.Fatal(err)
	}
	p.Stop(50 * time.Millisecond)
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
