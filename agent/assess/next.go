package assess

import (
	"time"

	"github.com/drover-dev/drover/agent/status"
)

// saveDelay gathers what heals change in the inventory, which is nothing as a rule.
const saveDelay = 2 * time.Second

// next is when the next thing is due by itself for an app; zero for never. Nothing is for one that is suspended.
func next(v status.View, now time.Time) (at time.Time) {
	if v.Suspended() {
		return at
	}
	due := func(t time.Time) { at = sooner(at, t, now) }
	for _, o := range v.Own {
		if o.Unnoticed.Open() {
			due(o.Unnoticed.Until)
		}
		if o.Trouble != nil && !o.Trouble.Final {
			due(o.Trouble.Next)
		}
		if o.Want == nil && o.Hold != nil && v.Held == "" {
			due(o.Hold.Next)
		}
	}
	if v.Fault != nil {
		due(v.Fault.Next)
	}
	if !v.Until.IsZero() {
		due(v.Until)
	}
	if v.Dirty {
		due(now.Add(saveDelay))
	}
	return at
}

// sooner is the first of two times; at may be zero, for never. What was due and not done waits for something else, and
// is looked at again after a moment.
func sooner(at, t, now time.Time) time.Time {
	if !t.After(now) {
		t = now.Add(time.Second)
	}
	if at.IsZero() || t.Before(at) {
		return t
	}
	return at
}

// kindless says whether objects of an app wait for their kind to be served. One that is suspended waits for nothing.
func kindless(v status.View) bool {
	if v.Suspended() {
		return false
	}
	for _, o := range v.Own {
		if o.Kindless() {
			return true
		}
	}
	return false
}
