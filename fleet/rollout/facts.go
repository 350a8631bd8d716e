package rollout

import "time"

// Input is what Step judges. Nothing of it is changed.
type Input struct {
	Now     time.Time
	Policy  Policy
	Members map[string]Member // the clusters that the policy holds
	// Candidates are targets, the oldest first. Those that are not newer than all that were given before are ignored.
	Candidates []Target
	Gone       map[string]bool // targets that the branch does not have any more, by id
	Released   map[string]Released
	Reports    map[string]Report // the last of each agent
	Decisions  Decisions
	Gates      []GateResult
}

// Member is a cluster that the policy holds.
type Member struct {
	Labels map[string]string
	Online bool
	Since  time.Time // online, or not, since
}

// Target is a commit with everything that it takes from elsewhere, resolved.
type Target struct {
	ID     string
	Name   string // for people, as 1a2b3c4 "web 1.5"
	Author string
	Seq    uint64 // rises with every target of the branch
	// Content is what each cluster would have. For a cluster that is not named it has nothing to say; one that is named
	// without an app is not to have that app.
	Content map[string]Content
}

// Content is the apps of one cluster that the policy holds, by name.
type Content map[string]App

// App is what one app of a cluster is to be.
type App struct {
	Digest  string        // of all of it: what it renders to, and how it is delivered; never ""
	Timeout time.Duration // to become healthy; DefaultTimeout if it is 0
	Stays   bool          // it is not taken back, because its author says that it cannot be
}

// Released is what a cluster was given, as the record has it.
type Released struct {
	Generation uint64
	Time       time.Time
	Content    Content // of the apps that the policy holds
}

// Report is what an agent said last of its cluster.
type Report struct {
	Generation uint64 // the newest that it accepted
	Refused    uint64 // the newest that it refused; 0 for none
	Apps       map[string]AppReport
}

// AppReport is the state of one app.
type AppReport struct {
	Digest string // of what is applied, as App has it
	State  State
	Since  time.Time // in this state
}

// State is how an app is.
type State string

// The states.
const (
	Healthy     State = "healthy"
	Progressing State = "progressing" // on its way, or waiting for another app
	Paused      State = "paused"      // waits for a person or a time
	Bad         State = "bad"         // failed or degraded
	Suspended   State = "suspended"   // nothing is done, because Git says so
)

// GateResult is what a gate has said of a slice of a wave. What is inconclusive, for want of data or because it could
// not be asked, is neither Passed nor Failed.
type GateResult struct {
	Gate, Wave, Target string
	Slice              int
	Passed, Failed     bool
	At                 time.Time
	Text               string // what it measured, for people
}

// Decisions are those of people that are in force. Each is a fact that stays: Step is given it again every time.
type Decisions struct {
	Approvals []WaveApproval
	Skips     []Skip
	Halts     []HaltOrder
	Expedites []string // ids of targets that all waves take at once
	Rollbacks []RollbackOrder
	Resumes   []Resume
	Pins      map[string]Pin // by cluster
}

// WaveApproval lets a wave begin with a target. It is for no other target.
type WaveApproval struct {
	Wave, Target string
	By           string
	Groups       []string // of the person
}

// Skip has a wave count a target as passed, whatever it waits for.
type Skip struct{ Wave, Target string }

// HaltOrder stops releases, of a wave or of all of them; what goes back goes on.
type HaltOrder struct {
	Wave   string // "" for all
	Until  time.Time
	By     string
	Reason string
}

// RollbackOrder has a target taken back.
type RollbackOrder struct {
	Target string
	Apps   []string // none is all that it changed
	Time   time.Time
	By     string
	Reason string
}

// Resume takes back that a target is bad: what failed before it counts no more.
type Resume struct {
	Target string
	Time   time.Time
}

// Pin holds a cluster at what it has, or at Content. The cluster takes no part in anything until it ends.
type Pin struct {
	Until   time.Time
	Content Content // nil: what it has
	Reason  string
}
