package agent

import (
	"context"
	"errors"
	"slices"

	"github.com/drover-dev/drover/protocol"
)

// ErrLost says that somebody else wrote the state: another agent may lead. The caller stops and starts again
// from what is stored.
var ErrLost = errors.New("the state in the cluster was changed by somebody else")

// Item is one object of an inventory.
type Item struct {
	Ref        protocol.ObjectRef `json:"ref"`
	APIVersion string             `json:"apiVersion"`
	Line       Sum                `json:"line,omitzero"`    // of the line that was applied last; zero if none was yet
	Fields     Sum                `json:"fields,omitzero"`  // of Drover's field set after that
	Keep       bool               `json:"keep,omitempty"`   // annotated to be left when it would be pruned
	Paused     bool               `json:"paused,omitempty"` // annotated in the cluster to be left alone
	Scaled     bool               `json:"scaled,omitempty"` // applied without replicas, because of an autoscaler
	Told       Sum                `json:"told,omitzero"`    // of the field set of a drift that was told and left
	Wave       int                `json:"wave,omitempty"`   // pruned in the reverse order
	// Steered are JSON pointers to what was left to controllers of other objects when it was applied, see fleet.Steered.
	Steered []string `json:"steered,omitempty"`
	// Whole are JSON pointers to fields that have one owner only, as far as that mattered.
	Whole []string `json:"whole,omitempty"`
	Ended *Ended   `json:"ended,omitempty"` // it has run for the content in Line, unless that is another one by now
	UID   string   `json:"uid,omitempty"`   // of a Job
	// Former are the apps that had it before, as long as it may still carry the label of one of them.
	Former []string `json:"former,omitempty"`
}

// Remember notes an app that had the object before.
func (i *Item) Remember(app string) {
	if !slices.Contains(i.Former, app) {
		i.Former = append(slices.Clone(i.Former), app)
	}
}

// AppState is what is stored of one app: enough to heal it with the hub away.
type AppState struct {
	Spec       protocol.App `json:"spec"`            // the blob's key left out
	Epoch      uint64       `json:"epoch,omitempty"` // with Generation: of the bundle it is from
	Generation uint64       `json:"generation"`
	Items      []Item       `json:"items"`
	Run        *Run         `json:"run,omitempty"` // of its hooks and waves; nil if it has none
	// Last is the last applied content of objects whose newer content is not accepted.
	Last []LastApplied `json:"last,omitempty"`
	// Deleted counts what left the inventory because Git no longer has it, see protocol.Deletions; nil of agents that did not count.
	Deleted *uint64 `json:"deleted,omitempty"`
	Granted uint64  `json:"granted,omitempty"` // total that a person's approval permits, beside that of the bundle
	// Former are other names that the app had: hooks of then may still carry the label of one.
	Former []string `json:"former,omitempty"`
	// Moving is the name under which the same is stored, and is about to be dropped.
	Moving string `json:"moving,omitempty"`
	Packed []byte `json:"-"` // the lines, zstd
}

// Stored is everything that is stored.
type Stored struct {
	Envelope []byte // of the accepted bundle; nil if none was
	Apps     []AppState
	Damaged  []Damage // what could not be read
	// Journal is what SaveJournal was given last; JournalErr says why it cannot be read.
	Journal    []byte
	JournalErr error
	Search     []byte // what SaveSearch was given last; nil for nothing
}

// Damage is a piece of state that cannot be read. What it held is unknown, so nothing may be concluded from it.
type Damage struct {
	App string // "" for the accepted bundle
	Err error
}

// Store keeps the agent's state in the cluster it describes. All writes fail with ErrLost if what was read
// before has changed since. It is safe for concurrent use.
type Store interface {
	AppStore
	JournalStore
	SearchStore

	Load(ctx context.Context) (Stored, error)
	SaveBundle(ctx context.Context, envelope []byte, generation uint64) error
}

// AppStore keeps the state of apps, see Store.
type AppStore interface {
	SaveApp(ctx context.Context, a AppState) error
	DropApp(ctx context.Context, name string) error
}

// JournalStore keeps events that the hub does not have yet, see Store.
type JournalStore interface {
	// SaveJournal keeps what the hub has yet to be told, at most 1 MiB; nothing is kept if it is empty.
	SaveJournal(ctx context.Context, journal []byte) error
}

// SearchStore keeps a search for objects that nothing wants, see Store.
type SearchStore interface {
	// SaveSearch keeps what is to be known of a search that goes on; nothing is kept if it is empty.
	SaveSearch(ctx context.Context, search []byte) error
}
