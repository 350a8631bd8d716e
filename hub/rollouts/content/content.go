// Package content says what of bundles and reports matters to waves: which app is the same as another one, what a
// cluster was given, what its agent says of it, and which apps go back.
//
// It may import fleet, hub/model and protocol.
package content

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/drover-dev/drover/fleet/rollout"
	"github.com/drover-dev/drover/protocol"
)

// Digest identifies all of an app that waves are for: what it renders to, and how it is delivered. Whether it is
// suspended does not count, because safety is never held back; nor does what is said of it.
func Digest(a protocol.App) string {
	a = Lasting(a)
	var space [512]byte
	data, is := appendPlain(space[:0], &a)
	if !is {
		data = marshalled(a)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:16])
}

// marshalled is what Digest is made of.
func marshalled(a protocol.App) []byte {
	a.Revision, a.Declared, a.Formerly = "", "", nil
	if a.Blob != nil {
		a.Blob = &protocol.Blob{Digest: a.Blob.Digest} // the key differs where it was made again
	}
	data, err := json.Marshal(a)
	if err != nil {
		panic("content: an app that is not JSON: " + err.Error()) // plain data: cannot happen
	}
	return data
}

// Lasting is an app without what holds of one revision only.
func Lasting(a protocol.App) protocol.App {
	a.Error, a.Reason, a.Suspend = "", "", false
	return Onward(a)
}

// Onward is an app that goes back from nothing.
func Onward(a protocol.App) protocol.App {
	if a.Rollback != nil {
		a.Rollback = nil
		a.Needs = a.Handling.Needs()
	}
	return a
}

// AllOnward are apps that go back from nothing.
func AllOnward(apps []protocol.App) []protocol.App {
	if !slices.ContainsFunc(apps, func(a protocol.App) bool { return a.Rollback != nil }) {
		return apps
	}
	out := make([]protocol.App, len(apps))
	for i, a := range apps {
		out[i] = Onward(a)
	}
	return out
}

// Content is what apps ask for, of those that a policy holds.
func (d *Digests) Content(apps []protocol.App, holds func(app string) bool) (out []Named) {
	for i := range apps {
		if a := &apps[i]; holds(a.Name) {
			out = append(out, Named{a.Name, rollout.App{Digest: d.Of(a), Timeout: time.Duration(a.Timeout) * time.Second}})
		}
	}
	return out
}

// Report is what an agent says of the bundle that its cluster was given last. A report of another epoch is of another
// hub's bundle.
func (d *Digests) Report(r protocol.Report, b protocol.Bundle, holds func(app string) bool) rollout.Report {
	var out rollout.Report
	if r.Epoch == b.Epoch {
		out.Generation = r.Generation
	}
	if r.Refused != nil {
		out.Refused = r.Refused.Generation
	}
	held := map[string]bool{} // deletions of these apps wait for a person
	for _, h := range r.Held {
		held[h.App] = true
	}
	for i := range r.Apps {
		a := &r.Apps[i]
		if !holds(a.Name) {
			continue
		}
		is := rollout.AppReport{App: a.Name, State: stateOf(a), Since: a.Since}
		g := Find(b.Apps, a.Name)
		switch {
		case g == nil:
			if !a.Leaving {
				continue // it is about another bundle
			}
		case r.Suspended, g.Suspend, g.Error != "", g.Blob == nil:
			// Nothing is done about it, because Git says so or cannot be rendered: it is as it is to be.
			is.State, is.Digest = rollout.Suspended, d.Of(g)
		case g.Blob.Digest == a.Digest:
			is.Digest = d.Of(g)
		}
		if held[a.Name] && is.State != rollout.Bad && is.State != rollout.Suspended {
			is.State = rollout.Paused
		}
		out.Apps = append(out.Apps, is)
	}
	slices.Reverse(out.Apps) // of two that say something of the same app the last one counts
	slices.SortStableFunc(out.Apps, func(a, b rollout.AppReport) int { return strings.Compare(a.App, b.App) })
	out.Apps = slices.CompactFunc(out.Apps, func(a, b rollout.AppReport) bool { return a.App == b.App })
	return out
}

// stateOf is the state of an app as waves judge it.
func stateOf(a *protocol.AppReport) rollout.State {
	switch a.Phase {
	case protocol.PhaseSuspended:
		return rollout.Suspended
	case protocol.PhaseHealthy:
		return rollout.Healthy
	case protocol.PhaseDegraded, protocol.PhaseFailed:
		return rollout.Bad
	}
	if a.Health == protocol.HealthPaused {
		return rollout.Paused
	}
	return rollout.Progressing
}

// MailOf is the mail address of "Name <mail>".
func MailOf(author string) string {
	if _, after, has := strings.Cut(author, "<"); has {
		author, _, _ = strings.Cut(after, ">")
	}
	return author
}

// Held is an app as it was given, for a cluster of which Git asks for something else: safety is not held back.
func Held(was protocol.App, want *protocol.App) protocol.App {
	was.Error, was.Reason = "", "" // they are of the revision at which it was given
	if want != nil {
		was.Suspend, was.Declared, was.Formerly = want.Suspend, want.Declared, want.Formerly
	}
	return was
}

// Staying are the apps that are never taken back, sorted.
func Staying(c rollout.Content) (out []string) {
	for app, a := range c {
		if a.Stays {
			out = append(out, app)
		}
	}
	slices.Sort(out)
	return out
}

// Names are the names of apps, sorted, each once.
func Names(of ...[]protocol.App) (names []string) {
	for _, apps := range of {
		for _, a := range apps {
			names = append(names, a.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Find is the last app of a name; nil if there is none. Bundles have so few of them that an index would cost more than
// it saves.
func Find(apps []protocol.App, name string) *protocol.App {
	for i := len(apps) - 1; i >= 0; i-- {
		if apps[i].Name == name {
			return &apps[i]
		}
	}
	return nil
}
