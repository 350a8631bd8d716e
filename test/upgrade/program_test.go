package upgrade

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/drover-dev/drover/test/testenv"
)

// program is a hub, an agent or a server that is stopped, killed and started again, of one release or the other. It
// goes on with one log.
type program struct {
	t       *testing.T
	log     string
	name    string
	args    []string // without the program
	running *testenv.Process
}

// newProgram is one that ends with the test. Its log is shown if the test failed.
func newProgram(t *testing.T, name, log string, args ...string) *program {
	p := &program{t: t, name: name, log: log, args: args}
	t.Cleanup(func() {
		p.stop()
		if t.Failed() && p.running != nil {
			t.Logf("the log of %s ends with:\n%s", name, p.running.Tail(60))
		}
	})
	return p
}

// start runs the program at path, which says of which release it is, with further arguments for once.
func (p *program) start(path string, once ...string) {
	p.t.Helper()
	p.note("starts " + path)
	running, err := testenv.StartProcess(p.name, p.log, nil, append(append([]string{path}, p.args...), once...)...)
	if err != nil {
		p.t.Fatal(err)
	}
	p.running = running
}

// stop ends the program in order, as an upgrade does.
func (p *program) stop() {
	p.running.Stop(20 * time.Second)
	p.note("is stopped")
}

// kill ends it at once, as SIGKILL or the loss of a machine does.
func (p *program) kill() {
	p.running.Kill()
	p.note("is killed")
}

func (p *program) note(text string) {
	f, err := os.OpenFile(p.log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		p.t.Error(err)
		return
	}
	defer f.Close()
	fmt.Fprintf(f, "--- %s: %s\n", filepath.Base(p.name), text)
}
