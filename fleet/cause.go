package fleet

import (
	"cmp"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/drover-dev/drover/protocol"
)

// Cause is why an object is not what it should be, as a look at its Pods tells, or at the events about it. The zero
// value says that nothing was found.
type Cause struct {
	// Health is current if the object is well, contrary to what its own status seems to say; degraded if it will not heal by
	// itself, and progressing if it may.
	Health protocol.Health
	What   string // happened, to what
	Words  string // of those who know more: the registry, the scheduler, a probe, the container's output
	Next   string // what to do
	// Restarts of the container, where they matter.
	Restarts int64
	Doubt    Doubt

	Pod, Node string // "" if it is about no Pod
	More      int    // further Pods that have the same
	Created   time.Time
	Revision  string // of the Pod's template, as its controller labels it
	// Output says whose output may hold the cause; nil if nobody's does, or Words have it.
	Output *Output
	// Until is when the clock alone takes the cause away; zero if it does not.
	Until time.Time
}

// Doubt is what a status leaves open and events may tell.
type Doubt int

// The doubts.
const (
	NoDoubt     Doubt = iota
	DoubtStart        // why it does not start
	DoubtProbe        // which probe fails, and how
	DoubtKilled       // whether a probe had the container killed
)

// Output names one run of a container.
type Output struct {
	Container string
	Previous  bool // the run before the one under way
	Restarts  int64
}

// Message is the cause in one line, with the next step and the place.
func (c Cause) Message() string {
	var b strings.Builder
	b.WriteString(c.What)
	if c.Restarts > 0 {
		b.WriteString(" after " + times(c.Restarts))
	}
	if c.Words != "" {
		b.WriteString(": " + c.Words)
	}
	if c.Next != "" {
		b.WriteString("; " + c.Next)
	}
	if place := c.place(); place != "" {
		fmt.Fprintf(&b, " (%s)", place)
	}
	return b.String()
}

func (c Cause) place() string {
	if c.Pod == "" {
		return ""
	}
	place := "pod " + c.Pod
	if c.Node != "" {
		place += " on " + c.Node
	}
	if c.More > 0 {
		place += fmt.Sprintf(" and %d more", c.More)
	}
	return place
}

// weight says how much a cause explains.
func (c Cause) weight() int {
	switch {
	case c.Health == "":
		return 0
	case c.Doubt == DoubtStart || c.Doubt == DoubtProbe:
		return 1
	case c.Health == protocol.HealthDegraded:
		return 3
	}
	return 2
}

// WorstCause is the one that explains most, of the newest Pod; others that say the same are counted. Pods of another
// revision than the one that is wanted now, if that is known, count only if no other says anything: they are on their
// way out, so what they have is never more than progressing.
func WorstCause(causes []Cause, revision string) Cause {
	var worst Cause
	for _, c := range causes {
		if old(c, revision) && c.Health == protocol.HealthDegraded {
			c.Health = protocol.HealthProgressing
		}
		if cmp.Or(cmp.Compare(rank(c, revision), rank(worst, revision)), c.Created.Compare(worst.Created), cmp.Compare(worst.Pod, c.Pod)) > 0 {
			worst = c
		}
	}
	for _, c := range causes {
		if c.Pod != worst.Pod && c.What == worst.What && c.Health != "" {
			worst.More++
		}
		if c.Until.After(worst.Until) && !worst.Until.IsZero() {
			worst.Until = c.Until
		}
	}
	return worst
}

func old(c Cause, revision string) bool { return revision != "" && c.Revision != revision }

func rank(c Cause, revision string) int {
	w := c.weight()
	if w > 0 && !old(c, revision) {
		w += 4
	}
	return w
}

// Holds says whether the cause counts although the object seems to be well again: a container that crashes again and again
// is well between two crashes.
func (c Cause) Holds() bool { return c.Health == protocol.HealthDegraded && c.Restarts > 0 }

// Because gives a verdict its cause.
func (v Verdict) Because(c Cause) Verdict {
	switch {
	case c.What == "":
		return v
	case v.Health == protocol.HealthCurrent && c.Holds():
		return Verdict{c.Health, "it is ready again, and not for long enough to count: " + c.Message()}
	case v.Health == protocol.HealthCurrent, v.Health == protocol.HealthDegraded && c.weight() == 1: // "it failed: the pod is being started" helps nobody
		return v
	case v.Health == protocol.HealthPaused && c.Health != protocol.HealthDegraded: // pods that are missing or start are what a pause leaves
		return v
	case c.Health == protocol.HealthCurrent:
		return Verdict{c.Health, c.Message()}
	}
	return Verdict{Worst(v.Health, c.Health), strings.TrimSuffix(v.Message, ".") + ": " + c.Message()}
}

// Explained says whether there is more to find out about why an object of a kind is not well than its status tells.
func Explained(ref protocol.ObjectRef) bool {
	switch ref.Group + "/" + ref.Kind {
	case "apps/Deployment", "apps/StatefulSet", "apps/DaemonSet", "apps/ReplicaSet", "batch/Job", "batch/CronJob", "/Pod", "/PersistentVolumeClaim":
		return true
	}
	return false
}

// maxWords is how many bytes of foreign text a message quotes.
const maxWords = 400

// oneLine makes foreign text fit into a message: no line breaks, no control characters, not too long.
func oneLine(s string) string {
	if len(s) > 4*maxWords {
		s = s[:4*maxWords]
	}
	s = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, "?"), func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }), " ")
	if len(s) > maxWords {
		s = strings.ToValidUTF8(s[:maxWords], "") + "…"
	}
	return s
}
