package rollouts

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/drover-dev/drover/fleet/rollout"
	"github.com/drover-dev/drover/protocol"
)

// digestOf identifies all of an app that waves are for: what it renders to, and how it is delivered. Whether it is
// suspended does not count, because safety is never held back; nor does what is said of it.
func digestOf(a protocol.App) string {
	a = lasting(a)
	a.Revision, a.Declared, a.Formerly = "", "", nil
	if a.Blob != nil {
		a.Blob = &protocol.Blob{Digest: a.Blob.Digest} // the key differs where it was made again
	}
	data, err := json.Marshal(a)
	if err != nil {
		panic("rollouts: an app that is not JSON: " + err.Error()) // plain data: cannot happen
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:16])
}

// lasting is an app without what holds of one revision only.
func lasting(a protocol.App) protocol.App {
	a.Error, a.Reason, a.Suspend = "", "", false
	return a
}

// contentOf is what apps ask for, of those that a policy holds.
func contentOf(apps []protocol.App, holds func(app string) bool) rollout.Content {
	out := rollout.Content{}
	for _, a := range apps {
		if holds(a.Name) {
			out[a.Name] = rollout.App{Digest: digestOf(a), Timeout: time.Duration(a.Timeout) * time.Second}
		}
	}
	return out
}

// givenOf is what a cluster was given last, as its record has it.
func givenOf(b protocol.Bundle, at time.Time, holds func(app string) bool) rollout.Released {
	return rollout.Released{Generation: b.Generation, Time: at, Content: contentOf(b.Apps, holds)}
}

// reportOf is what an agent says of the bundle that its cluster was given last. A report of another epoch is of another
// hub's bundle.
func reportOf(r protocol.Report, b protocol.Bundle, holds func(app string) bool) rollout.Report {
	out := rollout.Report{Apps: map[string]rollout.AppReport{}}
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
	given := make(map[string]protocol.App, len(b.Apps))
	for _, a := range b.Apps {
		given[a.Name] = a
	}
	for _, a := range r.Apps {
		if !holds(a.Name) {
			continue
		}
		is := rollout.AppReport{State: stateOf(a), Since: a.Since}
		g, known := given[a.Name]
		switch {
		case !known:
			if !a.Leaving {
				continue // it is about another bundle
			}
		case r.Suspended, g.Suspend, g.Error != "", g.Blob == nil:
			// Nothing is done about it, because Git says so or cannot be rendered: it is as it is to be.
			is.State, is.Digest = rollout.Suspended, digestOf(g)
		case g.Blob.Digest == a.Digest:
			is.Digest = digestOf(g)
		}
		if held[a.Name] && is.State != rollout.Bad && is.State != rollout.Suspended {
			is.State = rollout.Paused
		}
		out.Apps[a.Name] = is
	}
	return out
}

// stateOf is the state of an app as waves judge it.
func stateOf(a protocol.AppReport) rollout.State {
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
