package rollout

import "time"

// Output is what a step decided.
type Output struct {
	Memory   Memory    // to be stored before anything of Releases is
	Releases []Release // by cluster
	Why      []WaveState
	Events   []Event  // what became different
	Changed  []string // clusters of which Memory has something else than before, or nothing any more, sorted
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
	EventTaken      EventKind = "taken"          // a wave began with a target
	EventPassed     EventKind = "passed"         // a wave has passed it
	EventFailed     EventKind = "failed"         // it is bad
	EventResumed    EventKind = "resumed"        // it is not bad any more
	EventStays      EventKind = "not taken back" // an app says that it is never taken back, so nothing of its cluster is
	EventSuperseded EventKind = "superseded"     // a newer one came before any wave took it
)

// WaveState is how a wave is, for people.
type WaveState struct {
	Wave   string
	Target string    // that it is at, that it would take next, or that it has passed last; "" for none
	Reason Reason    // what it does or waits for
	Text   string    // the same for people; "" where it is Beginning
	Since  time.Time // of the target that it is at or has passed
	// Clusters of the wave that take part in Target, how many of them have settled, failed and are offline, and how
	// many may fail.
	Clusters, Settled, Failed, Budget, Offline int
}

// Reason is what a wave does or waits for, for programs. The list is append-only: a word never changes its meaning.
type Reason string

// The reasons.
const (
	Passed           Reason = "Passed"           // it has passed the target
	NoClusters       Reason = "NoClusters"       // it has none
	HeldBack         Reason = "HeldBack"         // the newest target is bad, and no wave takes it
	AwaitingWave     Reason = "AwaitingWave"     // the one before it has passed nothing yet
	AwaitingApproval Reason = "AwaitingApproval" // by people
	AwaitingWindow   Reason = "AwaitingWindow"   // no window is open
	Beginning        Reason = "Beginning"        // it is about to take the target
	Settling         Reason = "Settling"         // clusters are released to the target, and on their way
	AwaitingPaused   Reason = "AwaitingPaused"   // something in its clusters waits for a person or a time
	AwaitingQuorum   Reason = "AwaitingQuorum"   // too few of its clusters are online
	Unproven         Reason = "Unproven"         // none of its clusters can show whether the target works
	AwaitingGate     Reason = "AwaitingGate"     // a gate has not passed yet
	Soaking          Reason = "Soaking"          // it has to stay healthy for a while
	Halted           Reason = "Halted"           // by a person
	Frozen           Reason = "Frozen"           // with the whole fleet
	Unreadable       Reason = "Unreadable"       // what was decided cannot be read; Step knows nothing of it
)
