package rollout

import "time"

// Output is what a step decided.
type Output struct {
	Memory   Memory    // to be stored before anything of Releases is
	Releases []Release // by cluster
	Why      []WaveState
	Events   []Event // what became different
	// Wake is when to step again although nothing else changes; zero for never.
	Wake time.Time
}

// Release is what a cluster is to be given and was not yet.
type Release struct {
	Cluster, Target string
	Content         Content // all apps that the policy holds
	Rule            Rule    // that allows it
	// Back are apps that go back to what they were before, sorted: their hooks of a rollback run, and no others.
	Back []string
}

// Event is something that a step decided, for the journal.
type Event struct {
	Time   time.Time
	Kind   EventKind
	Wave   string // "" for the whole policy
	Target string
	Text   string // why, for people; may be empty
}

// EventKind says what an Event is.
type EventKind string

// The kinds.
const (
	EventTaken      EventKind = "taken"      // a wave began with a target
	EventPassed     EventKind = "passed"     // a wave has passed it
	EventFailed     EventKind = "failed"     // it is bad
	EventResumed    EventKind = "resumed"    // it is not bad any more
	EventSuperseded EventKind = "superseded" // a newer one came before any wave took it
)

// WaveState is how a wave is, for people.
type WaveState struct {
	Wave   string
	Target string    // that it is at, that it would take next, or that it has passed last; "" for none
	Text   string    // what it does or waits for
	Since  time.Time // of the target that it is at or has passed
	// Clusters of the wave that take part in Target, how many of them have settled, failed and are offline, and how
	// many may fail.
	Clusters, Settled, Failed, Budget, Offline int
}
