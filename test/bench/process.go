package bench

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/drover-dev/drover/test/testenv"
)

// process is a program that runs beside us and is measured.
type process struct{ *testenv.Process }

func startProcess(name, log string, args ...string) (*process, error) {
	p, err := testenv.StartProcess(name, log, nil, args...)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w: build it with `make build`", err)
	}
	if err != nil {
		return nil, err
	}
	return &process{p}, nil
}

// stop asks the program to end, and ends it by force when it does not within seconds.
func (p *process) stop() { p.Stop(5 * time.Second) }

// ended is an error if the program has ended, which nobody asked it to.
func (p *process) ended() error {
	select {
	case <-p.Done():
		return fmt.Errorf("%s ended by itself; its log ends with:\n%s", p.Name, p.tail())
	default:
		return nil
	}
}

// tail returns the last lines of the program's log.
func (p *process) tail() string { return p.Tail(12) }

// cpu is the processor time that the program has used so far. The kernel counts it in hundredths of a second.
func (p *process) cpu() (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.PID()))
	if err != nil {
		return 0, fmt.Errorf("the processor time of %s: %w", p.Name, err)
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:])) // the name before it may hold spaces
	if len(fields) < 13 {
		return 0, errors.New("the kernel's account of a process is not as expected")
	}
	var user, system int64
	if _, err := fmt.Sscan(fields[11]+" "+fields[12], &user, &system); err != nil {
		return 0, fmt.Errorf("the processor time of %s: %w", p.Name, err)
	}
	return time.Duration(user+system) * 10 * time.Millisecond, nil
}

// memory is how much of the program is in memory, in MiB: all of it, and without what is of files and could be read again.
func (p *process) memory() (all, anonymous float64, err error) {
	file := fmt.Sprintf("/proc/%d/status", p.PID())
	var kib [2]float64
	for i, key := range []string{"VmRSS", "RssAnon"} {
		if _, err := fmt.Sscan(colon(file, key), &kib[i]); err != nil {
			return 0, 0, fmt.Errorf("the memory of %s, %s: %w", p.Name, key, err)
		}
	}
	return kib[0] / 1024, kib[1] / 1024, nil
}
