package bench

import (
	"fmt"
	"io"
	"time"
)

// progress tells how far a run is, for a run takes minutes.
type progress struct {
	w     io.Writer
	begin time.Time
	last  time.Time
}

// now says something at once.
func (p *progress) now(measure, format string, args ...any) {
	p.last = time.Now()
	_, _ = fmt.Fprintf(p.w, "%5.0fs  %-9s %s\n", time.Since(p.begin).Seconds(), measure, fmt.Sprintf(format, args...))
}

// then says something unless something was said just before.
func (p *progress) then(measure, format string, args ...any) {
	if time.Since(p.last) > 2*time.Second {
		p.now(measure, format, args...)
	}
}
