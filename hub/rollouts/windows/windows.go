// Package windows says which clusters of a policy wait for windows of other objects, too: those of an AppProject hold
// back an Application also where steps of its ApplicationSet do.
//
// It may import fleet/rollout and fleet/schedule.
package windows

import (
	"fmt"
	"slices"
	"time"

	"github.com/drover-dev/drover/fleet/rollout"
	"github.com/drover-dev/drover/fleet/schedule"
)

// Of are the windows of an object of another tool.
type Of struct {
	Object  string
	Windows schedule.Windows
	// Named are the apps of a cluster that name it.
	Named func(cluster string) []string
}

// Beside are windows that hold back what another policy holds, as they are at a time.
type Beside struct {
	now    time.Time
	closed []Of
	next   time.Time // when any of all opens or closes; zero for never
	which  string
}

// At are those of all windows that are closed at a time.
func At(now time.Time, all []Of) (b Beside) {
	b.now = now
	for _, w := range all {
		if at := w.Windows.Change(now); !at.IsZero() && (b.next.IsZero() || at.Before(b.next)) {
			b.next = at
		}
		if open, _ := w.Windows.Open(now); !open {
			b.closed, b.which = append(b.closed, w), b.which+w.Object+"\n"
		}
	}
	return b
}

// Any says whether any windows are closed.
func (b Beside) Any() bool { return len(b.closed) > 0 }

// Same says whether the same windows are closed as before.
func (b Beside) Same(before Beside) bool { return b.which == before.which }

// Wake is when to look again, of that and of another time; zero for never.
func (b Beside) Wake(other time.Time) time.Time {
	if other.IsZero() || !b.next.IsZero() && b.next.Before(other) {
		return b.next
	}
	return other
}

// Closes says whether any of some apps of a cluster waits for windows.
func (b Beside) Closes(cluster string, apps []string) bool {
	return slices.ContainsFunc(b.closed, func(w Of) bool { return names(w, cluster, apps) })
}

func names(w Of, cluster string, apps []string) bool {
	return slices.ContainsFunc(w.Named(cluster), func(app string) bool { return slices.Contains(apps, app) })
}

// why says for which windows clusters wait, each with some of its apps; "" if none does.
func (b Beside) why(waits map[string][]string) (text string) {
	for _, w := range b.closed {
		n := 0
		for cluster, apps := range waits {
			if names(w, cluster, apps) {
				n++
			}
		}
		if n == 0 {
			continue
		}
		text += fmt.Sprintf("; %d of them wait for a window of %s", n, w.Object)
		if at := w.Windows.Opens(b.now); !at.IsZero() {
			text += ", next " + at.Format("2006-01-02 15:04 MST")
		} else {
			text += ", and none will be open"
		}
	}
	return text
}

// Waits says of a wave that some clusters wait for windows, too.
func (b Beside) Waits(w *rollout.WaveState, waits map[string][]string) {
	if text := b.why(waits); text != "" && slices.Contains([]rollout.Reason{rollout.Settling, rollout.Beginning}, w.Reason) {
		w.Reason, w.Text = rollout.AwaitingWindow, w.Text+text
	}
}
