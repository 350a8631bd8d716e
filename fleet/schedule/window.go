package schedule

import (
	"slices"
	"time"
)

// Window is a span of time in which something is allowed, or denied: again and again, as Cron says, or once.
type Window struct {
	Deny     bool
	Cron     Cron           // when it begins
	Duration time.Duration  // how long it lasts each time; 0 where it is once
	Location *time.Location // of Cron; nil is UTC
	// From and Until are where it is once; a zero Until has no end.
	From, Until time.Time
	Reason      string // for people; may be empty
}

// Windows are windows that hold together. Without any that allows, all times are allowed; one that denies wins.
type Windows []Window

// covers says whether a window covers a time.
func (w Window) covers(t time.Time) bool {
	if w.Duration == 0 {
		return !t.Before(w.From) && (w.Until.IsZero() || t.Before(w.Until))
	}
	begin := w.next(t.Add(-w.Duration))
	return !begin.IsZero() && !begin.After(t)
}

// next is when a recurring window begins after t.
func (w Window) next(t time.Time) time.Time {
	if w.Location == nil {
		return w.Cron.Next(t.UTC())
	}
	return w.Cron.Next(t.In(w.Location))
}

// always says whether the window begins again before it ends, at whatever time, so that it covers all times. Where it may
// not do so on a day on which the clock is changed it does not.
func (w Window) always() bool {
	if w.Duration == 0 {
		return false
	}
	gap := w.Cron.gap()
	if gap > 0 && w.Location != nil && w.Location != time.UTC {
		gap += time.Hour
	}
	return gap > 0 && gap <= w.Duration
}

// change is the first time after t at which the window begins or ends; the zero time if there is none.
func (w Window) change(t time.Time) time.Time {
	if w.always() {
		return time.Time{}
	}
	if w.Duration > 0 {
		end := w.next(t.Add(-w.Duration))
		if end.IsZero() {
			return end
		}
		return earlier(end.Add(w.Duration), w.next(t))
	}
	out := time.Time{}
	for _, at := range [...]time.Time{w.From, w.Until} {
		if at.After(t) {
			out = earlier(out, at)
		}
	}
	return out
}

// earlier is the earlier of two times, where zero is never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// Open says whether a time is allowed. why is the reason of the window that denies it, if one does and gives one.
func (ws Windows) Open(t time.Time) (open bool, why string) {
	open = true
	for _, w := range ws {
		open = open && w.Deny
	}
	for _, w := range ws {
		switch {
		case !w.covers(t):
		case w.Deny:
			return false, w.Reason
		default:
			open = true
		}
	}
	return open, ""
}

// Change is the first time after t at which any window begins or ends; the zero time if there is none.
func (ws Windows) Change(t time.Time) (at time.Time) {
	for _, w := range ws {
		at = earlier(at, w.change(t))
	}
	return at
}

// maxChanges bounds how many changes are looked through: two windows a day for more than five years.
const maxChanges = 8192

// Opens is the first time from t on that is allowed; the zero time if none is found.
func (ws Windows) Opens(t time.Time) time.Time {
	if slices.ContainsFunc(ws, func(w Window) bool { return w.Deny && w.always() }) {
		return time.Time{} // as is often written: a search would cost a quarter of a second
	}
	for range maxChanges {
		if open, _ := ws.Open(t); open {
			return t
		}
		if t = ws.Change(t); t.IsZero() {
			break
		}
	}
	return time.Time{}
}
