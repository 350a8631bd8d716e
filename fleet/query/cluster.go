package query

import (
	"time"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// Cluster is all that the hub knows of one cluster: what Git asks for, what was published, and what the agent said.
type Cluster struct {
	Name      string
	Labels    map[string]string
	Suspended bool
	// Problems are what is wrong with the cluster's folder, beyond any one app.
	Problems []string
	// Notes are what the folder asks for and Drover does not do.
	Notes []fleet.Note
	// Released is since when the cluster's folder is gone; zero while it is there.
	Released time.Time
	// Pruning: it is released, and what Drover delivered is deleted before its credential is revoked. Otherwise what runs
	// there is left running.
	Pruning bool
	// Held: its folder is gone together with others, and nothing follows from that until a person approves.
	Held *Hold
	// Waiting are the holds of deletions that concern the cluster; Guarded the apps whose deletions are held.
	Waiting []Hold
	Guarded []string
	// Approved are the ids of what a person approved for the cluster lately.
	Approved []string
	// Withheld: nothing is published for it now.
	Withheld *Withheld
	// Joined: a credential was made for the cluster's agent.
	Joined bool
	// Revoked: its credentials were revoked, and it has not joined since.
	Revoked bool
	// Expires is when the credential of the cluster's agent expires; zero if never, or if there is none. Expired: it has.
	Expires time.Time
	Expired bool
	// Distrusted: agents break connections to the hub off, because they joined one with other keys. Which clusters they
	// are of is not known.
	Distrusted bool
	Desired    Desired
	Link       Link
	// Copy is another cluster that uses the credential of this one; nil if there is none.
	Copy *Copy
	// Untaken is what was said in its name and not taken.
	Untaken Untaken
	// Urged is what was done about a bundle that the agent has not accepted.
	Urged Urged
	// Report is the agent's last word; nil if it never said one.
	Report   *protocol.Report
	Received time.Time // when Report arrived, by the hub's clock
	// Recent are the newest events of the journal, newest first.
	Recent []protocol.Event
}

// Desired is what was published for a cluster.
type Desired struct {
	Generation uint64
	Digest     string
	Revision   protocol.Revision // the newest revision that asks for this
	Published  time.Time
	Apps       []DesiredApp // sorted by name
}

// DesiredApp is one app as Git asks for it.
type DesiredApp struct {
	Name string `json:"name"` // under which its agent is given it
	// Declared is what declares it, see package identity; Formerly are names of older releases.
	Declared string   `json:"declared,omitempty"`
	Formerly []string `json:"formerly,omitempty"`

	Path      string   `json:"path,omitempty"`
	File      string   `json:"file,omitempty"`      // that declares it
	Project   string   `json:"project,omitempty"`   // that it is in; "" if that is not known
	DependsOn []string `json:"dependsOn,omitempty"` // keys of apps
	Objects   int      `json:"objects"`
	Digest    string   `json:"digest,omitempty"` // of the blob that was published
	Content   Content  `json:"-"`                // what that delivers; nil if nothing was published
	Error     string   `json:"error,omitempty"`  // why it keeps its last good state
	// Reason is Error for programs; "" where that is that it cannot be rendered.
	Reason protocol.Reason `json:"reason,omitempty"`
}

// Link is the agent's connection to the bus.
type Link struct {
	Connected bool
	Since     time.Time // when it last changed, as far as it was seen; zero if it never was
}
