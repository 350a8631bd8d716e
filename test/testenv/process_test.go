package testenv

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestProcessTellsHowItEnded(t *testing.T) {
	t.Parallel()
	log := filepath.Join(t.TempDir(), "log")
	p, err := StartProcess("shell", log, []string{"WORD=two"}, "/bin/sh", "-c", `echo one; echo "$HOME $WORD"; exit 3`)
	if err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	if p.Err() == nil || p.Err().Error() != "exit status 3" {
		t.Error(p.Err())
	}
	if want := os.Getenv("HOME") + " two"; p.Tail(1) != want || p.Tail(9) != "one\n"+want {
		t.Errorf("its log ends with %q and %q", p.Tail(1), p.Tail(9))
	}
}

func TestProcessThatDoesNotStopIsKilled(t *testing.T) {
	t.Parallel()
	log := filepath.Join(t.TempDir(), "log")
	p, err := StartProcess("shell", log, nil, "/bin/sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.01; done")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Kill()
	if err := poll(within(t), 10*time.Millisecond, func() (bool, error) { return p.Tail(1) == "ready", nil }); err != nil {
		t.Fatal(err)
	}
	if p.Err() != nil {
		t.Errorf("it runs, and has ended with %v", p.Err())
	}
	p.Stop(50 * time.Millisecond)
	if p.Err() == nil || p.Err().Error() != "signal: killed" {
		t.Error(p.Err())
	}
}

func TestProcessThatIsMissing(t *testing.T) {
	t.Parallel()
	if _, err := StartProcess("hub", filepath.Join(t.TempDir(), "log"), nil, "/nowhere/drover"); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}
