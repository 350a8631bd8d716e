package system

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/drover-dev/drover/test/testenv"
)

// process is a program of ours that can be killed and started again with the same arguments.
type process struct {
	t       *testing.T
	log     string // file that it goes on with when it is started again
	env     []string
	args    []string // with the program's path
	running *testenv.Process
}

// start starts a program. It ends with the test, and its log is shown if the test failed.
func start(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	name := filepath.Base(args[0])
	p := &process{t: t, log: filepath.Join(t.TempDir(), name+".log"), env: env, args: args}
	p.start()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("what %s said last:\n%s", name, p.running.Tail(50))
		}
	})
	return p
}

func (p *process) start() {
	p.t.Helper()
	running, err := testenv.StartProcess(filepath.Base(p.args[0]), p.log, p.env, p.args...)
	if err != nil {
		p.t.Fatal(err)
	}
	p.running = running
}

// kill ends the process without warning, and says so in its log.
func (p *process) kill() {
	p.t.Helper()
	p.running.Kill()
	log, err := os.OpenFile(p.log, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		p.t.Error(err)
		return
	}
	defer log.Close()
	fmt.Fprintln(log, "--- killed")
}
