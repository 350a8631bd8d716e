package rollout

import (
	"slices"
	"strings"
	"time"
)

// Input is what Step judges. Nothing of it is changed.
type Input struct {
	Now     time.Time
	Policy  Policy
	Members map[string]Member // the clusters that the policy holds
	// Candidates are targets, the oldest first. One that is remembered says something of more clusters; of the others
	// those that are not newer than all that were given before are ignored.
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
	Closed bool      // it waits for windows of its own, beside those of the policy
	Since  time.Time // online, or not, since
	Stays  []string  // apps of which Git says now that they are not taken back
}

// Target is a commit with everything that it takes from elsewhere, resolved.
type Target struct {
	ID     string
	Name   string // for people, as 1a2b3c4 "web 1.5"
	Author string
	Base   string // the commit that was looked at before; "" if that is not known
	Seq    uint64 // rises with every target of the branch
	// Reviewed says why the deletions that it brings are meant, where a commit of it says so; else "".
	Reviewed string `json:",omitempty"`
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
	Apps       AppReports
}

// AppReports are those of a cluster's apps, sorted by name, each once: a map would take four times the memory.
type AppReports []AppReport

// Of is the report of an app; is says whether there is any.
func (all AppReports) Of(app string) (a AppReport, is bool) {
	i, is := slices.BinarySearchFunc(all, app, func(a AppReport, app string) int { return strings.Compare(a.App, app) })
	if !is {
		return a, false
	}
	return all[i], true
}

// AppReport is the state of one app.
type AppReport struct {
	App    string
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
	By           string   // for people
	Groups       []string // of the person, when that was
	// Person is who approved, as the hub knows it; "" is anyone who has the token that all share, who counts once.
	Person string
	Email  string // of the person, "" if that is not known
}

// Skip has a wave count a target as passed, whatever it waits for.
type Skip struct{ Wave, Target string }

// HaltOrder stops releases, of a wave or of all of them; what goes back goes on.
type HaltOrder struct {
	Wave   string // "" for all
	All    bool   `json:",omitempty"` // it is for the whole fleet, and not for this policy alone
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
	Target  string  // that Content is of, for people
	Reason  string
}
