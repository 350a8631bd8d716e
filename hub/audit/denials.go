package audit

import (
	"fmt"
	"sync"
	"time"

	"github.com/drover-dev/drover/hub/people"
)

// Denials notes what people were not allowed to do, in bounds: a client that is refused again and again fills no
// journal, and pushes out nothing of it. The zero value is ready. It is safe for concurrent use.
type Denials struct {
	mu    sync.Mutex
	begun time.Time // of the time that is counted
	noted map[string]bool
	more  int // that were not written, since the last entry
}

// In denialTime each caller's denial of one kind is written once, and no more than maxDenials are.
const (
	denialTime = time.Hour
	maxDenials = 50
)

// Note writes that something was denied, or counts it where the journal has enough of it. What is counted the next
// entry says.
func (d *Denials) Note(j *Journal, now time.Time, who people.Who, what, why string) error {
	if d == nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if now.Sub(d.begun) >= denialTime || d.noted == nil {
		d.begun, d.noted = now, map[string]bool{}
	}
	key := who.Name + "\x00" + what
	if d.noted[key] || len(d.noted) >= maxDenials {
		d.more++
		return nil
	}
	e := Entry{Time: now, Kind: "denied", By: &who, Target: what, Why: why, Count: d.more}
	if d.more > 0 {
		e.What = fmt.Sprintf("%d more denials since the last such entry were counted and not written one by one", d.more)
	}
	if err := j.Append(e); err != nil {
		return err
	}
	d.noted[key], d.more = true, 0
	return nil
}
