package hub

import (
	"errors"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/drover-dev/drover/fleet/query"
	questions "github.com/drover-dev/drover/fleet/query/ask"
	"github.com/drover-dev/drover/fleet/selector"
	"github.com/drover-dev/drover/hub/contents"
	"github.com/drover-dev/drover/hub/fetch"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/internal/shown"
	"github.com/drover-dev/drover/protocol"
)

// ErrIssued says that a cluster's agent has a credential already.
var ErrIssued = errors.New("a credential was issued before")

// ErrNoCredential says that a cluster's agent has no credential.
var ErrNoCredential = errors.New("its agent has no credential that is good now")

// maxRecent is how many events of each cluster the hub keeps at hand; the journal has all.
const maxRecent = 20

// State is what the hub knows, for those who ask. It is safe for concurrent use.
type State struct {
	mu      sync.Mutex
	index   *query.Index
	source  SourceStatus
	changed chan struct{} // closed at the next change
	shown   *shown.Names
	// contents know what is delivered.
	contents *contents.Book
	// told hears what is declared for many clusters; nil if nobody listens.
	told func(declared []model.Rendered, sure bool)
}

// Tell has f hear what is declared for many clusters whenever it was read, and whether that is sure to be all. It is
// set before Run.
func (s *State) Tell(f func(declared []model.Rendered, sure bool)) { s.told = f }

// SourceStatus is how the hub stands to its repository.
type SourceStatus struct {
	Repository string            `json:"repository"`
	Branch     string            `json:"branch,omitempty"`
	Revision   protocol.Revision `json:"revision,omitzero"` // the newest that was resolved
	Resolved   time.Time         `json:"resolved,omitzero"`
	// Error says why the repository, or its newest revision, cannot be followed; since when is ErrorSince.
	Error      string    `json:"error,omitempty"`
	ErrorSince time.Time `json:"errorSince,omitzero"`
	// Stalled says why what was resolved cannot be stored or published; it is tried again. Since when is StalledSince.
	Stalled      string    `json:"stalled,omitempty"`
	StalledSince time.Time `json:"stalledSince,omitzero"`
	// Hub is this hub's place among the hubs of the fleet.
	Hub HubStatus `json:"hub,omitzero"`
	// Withheld says why nothing is published; nil if that is not so.
	Withheld *query.Withheld `json:"withheld,omitempty"`
	// Joins says what came of agents' requests for credentials.
	Joins Joins `json:"joins,omitzero"`
	// Damage is what another client has changed on the bus since the hub started, and the hub has restored.
	Damage Damage `json:"damage,omitzero"`
	// KeysMade is when the hub's keys were made, while that may explain why agents do not come: no cluster has joined,
	// or some refuse it.
	KeysMade time.Time `json:"keysMade,omitzero"`
	// Problems are what is wrong with the tree beyond any one cluster.
	Problems []string `json:"problems,omitempty"`
	// Sources are what apps take from elsewhere, sorted.
	Sources []fetch.SourceState `json:"sources,omitempty"`
	// Held is what waits for a person's approval: removed folders, deletions, and then what agents reported, by cluster.
	Held []query.Hold `json:"held,omitempty"`
	// Rollouts are how the RolloutPolicies stand, by name.
	Rollouts []query.Rollout `json:"rollouts,omitempty"`
	// Frozen says why nothing new is released to any cluster, and until when; nil if that is not so.
	Frozen *query.Halt `json:"frozen,omitempty"`
}

// Damage is what another client than the hub has changed on the bus.
type Damage struct {
	Text  string    `json:"text"` // what happened last
	Time  time.Time `json:"time"`
	Count int       `json:"count"` // times since the hub started
}

// HubStatus is a hub's place among the hubs of the fleet.
type HubStatus struct {
	State    protocol.HubState `json:"state"`
	Epoch    uint64            `json:"epoch"` // of the bundles that it publishes
	Instance string            `json:"instance"`
	Since    time.Time         `json:"since"` // in this state since
}

// Acts says whether the hub acts for the fleet.
func (s HubStatus) Acts() bool { return s.State == "" || s.State == protocol.HubActive }

func newState(repository string) *State {
	return &State{index: query.NewIndex(), source: SourceStatus{Repository: repository}, changed: make(chan struct{}),
		shown: shown.New(), contents: contents.New()}
}

// edit changes the state under its lock, and wakes those who wait for a change.
func (s *State) edit(f func(*query.Index, *SourceStatus)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s.index, &s.source)
	close(s.changed)
	s.changed = make(chan struct{})
}

// Source gives the state of the repository.
func (s *State) Source() SourceStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.source
	out.Problems = slices.Clone(out.Problems)
	out.Held = slices.Concat(out.Held, s.index.Reported())
	return out
}

// Select gives the clusters that a selector chooses, sorted by name.
func (s *State) Select(sel selector.Selector) []query.Cluster {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.index.Select(sel)
	for i := range out {
		out[i] = s.dated(out[i])
	}
	return out
}

// Ask gives what questions over the clusters that a selector chooses are asked of.
func (s *State) Ask(sel selector.Selector) questions.Fleet {
	return questions.Fleet{Clusters: s.Select(sel), Rollouts: s.Source().Rollouts, Former: s.contents.Former,
		Now: time.Now().UTC()}
}

// Get gives one cluster.
func (s *State) Get(name string) (query.Cluster, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.index.Get(name)
	return s.dated(c), ok
}

// report is the last report of a cluster's agent; nil if there is none.
func (s *State) report(name string) *protocol.Report {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, _ := s.index.Get(name)
	return c.Report
}

// roll shows how the RolloutPolicies stand.
func (s *State) roll(now []query.Rollout, frozen *query.Halt) {
	s.mu.Lock()
	shown := reflect.DeepEqual(s.source.Rollouts, now) && reflect.DeepEqual(s.source.Frozen, frozen)
	s.mu.Unlock()
	if shown {
		return
	}
	s.edit(func(_ *query.Index, source *SourceStatus) {
		source.Rollouts, source.Frozen = now, frozen
	})
}

// behind says whether a RolloutPolicy holds back what Git asks of a cluster. s.mu is held.
func (s *State) behind(cluster string) bool {
	return slices.ContainsFunc(s.source.Rollouts, func(r query.Rollout) bool {
		_, is := slices.BinarySearch(r.Behind, cluster)
		return is
	})
}

// stalled shows what keeps the loop from going on; nil that it goes on.
func (s *State) stalled(err error) {
	s.edit(func(_ *query.Index, s *SourceStatus) {
		switch {
		case err == nil:
			s.Stalled, s.StalledSince = "", time.Time{}
		case s.Stalled == "":
			s.Stalled, s.StalledSince = err.Error(), time.Now()
		default:
			s.Stalled = err.Error()
		}
	})
}

// unfollowed shows why the repository, or its newest revision, cannot be followed.
func (s *State) unfollowed(err error) {
	s.edit(func(_ *query.Index, s *SourceStatus) {
		if s.Error == "" {
			s.ErrorSince = time.Now()
		}
		s.Error = err.Error()
	})
}

// dated says of a cluster which revision asks for what it was told: the newest that was resolved, whether that changed
// anything for it or not; and whether its credential has expired. s.mu is held.
func (s *State) dated(c query.Cluster) query.Cluster {
	if c.Released.IsZero() && s.source.Revision.Hash != "" && !s.behind(c.Name) {
		c.Desired.Revision = s.source.Revision
	}
	c.Expired = !c.Expires.IsZero() && time.Now().After(c.Expires)
	return c
}

// Changed gives a channel that is closed when anything changes after this call.
func (s *State) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// without gives the clusters that are not among names, which are sorted, and are neither released nor held; and how
// many there are that are neither, with those among names that have a credential or were heard of.
func (s *State) without(names []string) (gone []query.Cluster, known int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.index.All() {
		if !c.Released.IsZero() || c.Held != nil {
			continue
		}
		known++
		if _, ok := slices.BinarySearch(names, c.Name); !ok {
			gone = append(gone, *c)
		}
	}
	return gone, known
}

// Shown knows what people are shown for the keys of apps.
func (s *State) Shown() *shown.Names { return s.shown }

// learn takes in what declares apps.
func (s *State) learn(apps []model.App) {
	for _, a := range apps {
		s.shown.Learn(a.Declared)
	}
}

// learnLeaving does so for apps that an agent has and Git no longer has.
func (s *State) learnLeaving(r protocol.Report) {
	for _, a := range r.Apps {
		if a.Leaving {
			s.shown.Hear(a.Declared)
		}
	}
}
