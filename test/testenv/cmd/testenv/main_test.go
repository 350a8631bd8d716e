package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/drover-dev/drover/test/testenv"
)

func TestStartPrintsKubeconfigsAndStops(t *testing.T) {
	testenv.NeedT(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out, w := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, []string{"start", "-n", "2"}, w, t.Output())
		w.CloseWithError(err)
		ended <- err
	}()
	var files []string
	for lines := bufio.NewScanner(out); len(files) < 2 && lines.Scan(); {
		files = append(files, lines.Text())
		if text, err := os.ReadFile(lines.Text()); err != nil || !strings.Contains(string(text), "kind: Config") {
			t.Errorf("%s is no kubeconfig (%v)", lines.Text(), err)
		}
	}
	cancel()
	if err := <-ended; err != nil || len(files) != 2 {
		t.Errorf("printed %v (%v); want two files", files, err)
	}
	for _, file := range files {
		if _, err := os.Stat(file); !os.IsNotExist(err) {
			t.Errorf("%s is still there (%v)", file, err)
		}
	}
}

func TestPath(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("DROVER_TESTENV_CACHE", dir)
	var out bytes.Buffer
	if err := run(t.Context(), []string{"path"}, &out, t.Output()); err != nil || out.String() != dir+"\n" {
		t.Errorf("printed %q (%v); want %s", out.String(), err, dir)
	}
}

func TestWrongArgumentsAreRefused(t *testing.T) {
	for _, args := range [][]string{nil, {"begin"}, {"start", "-n", "0"}, {"start", "two"}, {"start", "-clusters", "2"}, {"build", "ectd"}} {
		if err := run(t.Context(), args, io.Discard, io.Discard); err == nil {
			t.Errorf("%q: did something", args)
		}
	}
}
