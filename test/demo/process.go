package demo

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/drover-dev/drover/test/testenv"
)

// process is a program that runs beside us, and is heard of when it ends by itself.
type process struct {
	*testenv.Process
	args  []string    // with the program's path, to start it once more
	asked atomic.Bool // to end
}

// start starts a program. ended is called when it ends without having been asked to.
func start(name, log string, ended func(*process), args ...string) (*process, error) {
	started, err := testenv.StartProcess(name, log, nil, args...)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w: build it with `make build`", err)
	}
	if err != nil {
		return nil, err
	}
	p := &process{Process: started, args: args}
	go func() {
		<-p.Done()
		if !p.asked.Load() {
			ended(p)
		}
	}()
	return p, nil
}

// Stop asks the program to end, and ends it by force when it has not done so after grace. On nil, a program
// that was not started, it does nothing.
func (p *process) Stop(grace time.Duration) {
	if p == nil {
		return
	}
	p.asked.Store(true)
	p.Process.Stop(grace)
}

// Kill ends the program as a crash would.
func (p *process) Kill() {
	p.asked.Store(true)
	p.Process.Kill()
}

// ending says how a program ended.
func (p *process) ending() string {
	if err := p.Err(); err != nil {
		return err.Error()
	}
	return "exit status 0"
}
