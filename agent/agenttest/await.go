package agenttest

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/internal/race"
	"github.com/drover-dev/drover/protocol"
)

// Apply publishes the next bundle of apps and waits until all of them are healthy in it.
func (h *Hub) Apply(t testing.TB, apps ...protocol.App) protocol.Report {
	t.Helper()
	b := h.Bundle(apps...)
	h.Publish(t, b)
	return h.Healthy(t, b)
}

// Healthy waits until everything in a bundle is healthy.
func (h *Hub) Healthy(t testing.TB, b protocol.Bundle) protocol.Report {
	t.Helper()
	return h.Report(t, "all apps healthy", func(r protocol.Report) bool {
		if r.Generation != b.Generation || len(r.Apps) != len(b.Apps) || r.Searching != "" {
			return false
		}
		for i, a := range r.Apps {
			if a.Phase != protocol.PhaseHealthy || find(b.Apps, a.Name).Blob.Digest != r.Apps[i].Digest {
				return false
			}
		}
		return true
	})
}

func find(apps []protocol.App, name string) protocol.App {
	for _, a := range apps {
		if a.Name == name {
			return a
		}
	}
	return protocol.App{Blob: &protocol.Blob{}}
}

// patience is how long tests wait for anything.
var patience = race.Patience(120 * time.Second)

// Report waits for a report for which cond holds, the last one included.
func (h *Hub) Report(t testing.TB, what string, cond func(protocol.Report) bool) protocol.Report {
	t.Helper()
	var found protocol.Report
	h.wait(t, "a report with "+what, func() bool {
		if n := len(h.reports); n > 0 && cond(h.reports[n-1]) {
			found = h.reports[n-1]
			return true
		}
		return false
	})
	return found
}

// Event waits for an event for which cond holds, past ones included.
func (h *Hub) Event(t testing.TB, what string, cond func(protocol.Event) bool) protocol.Event {
	t.Helper()
	var found protocol.Event
	h.wait(t, "an event of "+what, func() bool {
		for _, e := range h.events {
			if cond(e) {
				found = e
				return true
			}
		}
		return false
	})
	return found
}

// Nth waits for the n-th event of a kind, from 0.
func (h *Hub) Nth(t testing.TB, kind protocol.EventKind, n int) protocol.Event {
	t.Helper()
	var found protocol.Event
	h.wait(t, fmt.Sprintf("event %d of kind %s", n, kind), func() bool {
		left := n
		for _, e := range h.events {
			if e.Kind == kind {
				if found = e; left == 0 {
					return true
				}
				left--
			}
		}
		return false
	})
	return found
}

// Events are all events so far.
func (h *Hub) Events(kinds ...protocol.EventKind) (out []protocol.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range h.events {
		for _, k := range kinds {
			if e.Kind == k {
				out = append(out, e)
			}
		}
	}
	return out
}

// wait returns once cond, called with mu held, holds.
func (h *Hub) wait(t testing.TB, what string, cond func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		h.mu.Lock()
		done, moved := cond(), h.moved
		h.mu.Unlock()
		if done {
			return
		}
		select {
		case <-moved:
		case <-ctx.Done():
			t.Fatalf("waited %s for %s; last:\n%s", patience, what, h.tail())
		}
	}
}

// tail is the last report and the last events, for messages.
func (h *Hub) tail() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out strings.Builder
	enc := json.NewEncoder(&out)
	enc.SetIndent("", " ")
	if n := len(h.reports); n > 0 {
		_ = enc.Encode(h.reports[n-1])
	}
	enc.SetIndent("", "")
	for _, e := range h.events[max(0, len(h.events)-20):] {
		_ = enc.Encode(e)
	}
	return out.String()
}

// PhaseOf is the phase of an app in a report.
func PhaseOf(r protocol.Report, app string) protocol.Phase {
	return AppOf(r, app).Phase
}

// AppOf is an app in a report.
func AppOf(r protocol.Report, app string) protocol.AppReport {
	for _, a := range r.Apps {
		if a.Name == app {
			return a
		}
	}
	return protocol.AppReport{}
}
