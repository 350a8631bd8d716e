package orphans

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/orders"
	"github.com/drover-dev/drover/internal/backoff"
	"github.com/drover-dev/drover/protocol"
)

// Cluster is what a Search needs of the cluster.
type Cluster interface {
	// Labelled finds all objects that are labelled as Drover's, see agent.Searcher.
	Labelled(ctx context.Context, namespaces []string) (found []agent.Found, unread, others []string, err error)
	// Protected says of an object whether the agent never deletes it.
	Protected(ref protocol.ObjectRef) bool
	// Lost says what would be lost with an object, see contents.Check.
	Lost(ctx context.Context, app string, live agent.Live, goes func(agent.Found) bool) (*protocol.Held, error)
	// Get reads an object's metadata, see agent.Reader.
	Get(ctx context.Context, res agent.Resource, ref protocol.ObjectRef) (agent.Live, error)
	// Delete deletes the object that Get found, see agent.Remover.
	Delete(ctx context.Context, res agent.Resource, live agent.Live) (gone bool, err error)
}

// Store is where the state of a Search is stored.
type Store interface {
	SaveSearch(ctx context.Context, data []byte) error
	DropApp(ctx context.Context, app string) error
}

// Apps is what the apps of the cluster want.
type Apps interface {
	// Known says whether there is an app of a name.
	Known(name string) bool
	// Wanted says whether an app has an object, or a plan of an app does.
	Wanted(ref protocol.ObjectRef) bool
	// Unsure says why it is not known what all apps want; "" if it is.
	Unsure() string
	// Accepted is the bundle in force.
	Accepted() orders.Accepted
	// Moved gives what is closed when one of these changes.
	Moved() <-chan struct{}
}

// Journal is told of what happens.
type Journal interface {
	Record(e protocol.Event)
	Changed(urgent bool)
}

// Config is what a Search is made of.
type Config struct {
	Cluster   Cluster
	Store     Store
	Apps      Apps
	Journal   Journal
	Name      string // of the cluster
	Namespace string // the agent's own
	Scope     agent.Scope
	Log       *slog.Logger
	// Insist has something saved, and retries until that worked. failed is told of failures that are followed by a retry.
	Insist func(ctx context.Context, save func() error, failed func(error)) error
}

// Search is one search. Its goroutine is Run; Says may be called by any.
type Search struct {
	c       Config
	damaged []agent.Damage // parts of what was stored
	stored  bool           // that there is a search was stored before
	saved   saved
	found   findings
}

// saved is what is stored of a search.
type saved struct {
	Lost     string   `json:"lost,omitempty"`     // why there is one
	Approved []string `json:"approved,omitempty"` // uids of objects whose deletion was approved
}

// findings are what the search reports.
type findings struct {
	mu     sync.Mutex      // guards what follows
	reason string          // why it is not known yet what there is; "" if it is
	held   []protocol.Held // what was found, and waits for a person
	unread string          // what could not be searched
}

// unreadTries is how often an API group is waited for that does not answer, before the search does without it.
const unreadTries = 6

// Resume prepares to look for what nothing wants any more, if a part of the inventory is missing or an agent before
// this one had not finished that. It is nil if there is nothing to search for. That there is a search is stored before
// anything else is, because the next agent would find its state complete. Run begins the search, when it is known what
// the apps have.
func Resume(ctx context.Context, c Config, st agent.Stored, bundle *protocol.Bundle) *Search {
	lost := lostState(st, bundle)
	if lost == "" && st.Search == nil {
		return nil
	}
	s := &Search{c: c, damaged: st.Damaged, stored: st.Search != nil}
	if st.Search != nil && json.Unmarshal(st.Search, &s.saved) != nil {
		s.saved = saved{} // what was approved is asked for again
	}
	if s.saved.Lost == "" {
		s.saved.Lost = lost
	}
	if !s.stored {
		s.stored = s.save(ctx) == nil // otherwise Run retries it, while what is known is healed
	}
	s.waitsFor("no bundle has been read yet")
	return s
}

// lostState says which part of the inventory is missing, if so.
func lostState(st agent.Stored, bundle *protocol.Bundle) string {
	for _, d := range st.Damaged {
		if d.App != "" {
			return "the stored state of app " + d.App + " cannot be read"
		}
	}
	if bundle == nil && len(st.Apps) == 0 {
		return "nothing is stored of what was applied before"
	}
	if bundle == nil {
		return "the accepted bundle is not stored, so nobody knows which apps there were"
	}
	for _, spec := range bundle.Apps {
		if spec.Blob != nil && !slices.ContainsFunc(st.Apps,
			func(a agent.AppState) bool { return a.Spec.Name == spec.Name }) {
			return "nothing is stored of app " + spec.Name
		}
	}
	return ""
}

// Says is what is to be reported of the search: why it is not known yet what there is, what could not be searched, and
// what waits for a person. There is nothing to report of no search.
func (s *Search) Says() (reason, unread string, held []protocol.Held) {
	if s == nil {
		return "", "", nil
	}
	s.found.mu.Lock()
	defer s.found.mu.Unlock()
	return s.found.reason, s.found.unread, s.found.held
}

// waitsFor notes what the search waits for.
func (s *Search) waitsFor(what string) {
	text := "the inventory is not complete (" + s.saved.Lost +
		"): searching the cluster for objects that Drover applied and that nothing wants any more; " + what
	s.found.mu.Lock()
	defer s.found.mu.Unlock()
	s.found.reason = text
}

// skips notes what could not be searched.
func (s *Search) skips(what string) {
	s.found.mu.Lock()
	defer s.found.mu.Unlock()
	s.found.unread = what
}

// tell puts what was found into the report, and what is new of it into the journal.
func (s *Search) tell(held []protocol.Held) {
	_, _, before := s.Says()
	for _, h := range held {
		if !slices.ContainsFunc(before, func(x protocol.Held) bool { return x.ID == h.ID }) {
			s.c.Journal.Record(protocol.Event{Kind: protocol.EventHeld, App: h.App, Object: h.Object, Message: h.Message})
		}
	}
	s.found.mu.Lock()
	s.found.held, s.found.reason = held, ""
	s.found.mu.Unlock()
	s.c.Journal.Changed(true)
}

// save stores the search.
func (s *Search) save(ctx context.Context) error {
	data, err := json.Marshal(s.saved)
	if err != nil {
		return err
	}
	return s.c.Store.SaveSearch(ctx, data)
}

// insist has something of the search saved, however long that takes.
func (s *Search) insist(ctx context.Context, save func() error) error {
	return s.c.Insist(ctx, save, func(err error) {
		s.c.Log.Warn("the search for what nothing wants any more cannot be stored; retrying", "err", err)
	})
}

// Run searches until there is nothing that nothing wants, or ctx is done. What is found is held; it is looked for again
// with every bundle, and less and less often without one.
func (s *Search) Run(ctx context.Context) {
	if !s.stored && s.insist(ctx, func() error { return s.save(ctx) }) != nil {
		return
	}
	pause := backoff.Backoff{Min: 250 * time.Millisecond, Max: 30 * time.Second}
	recheck := backoff.Backoff{Min: time.Minute, Max: time.Hour}
	listed := "" // the digest of the bundle that was listed for
	var next time.Time
	tries := 0
	for ctx.Err() == nil {
		moved := s.c.Apps.Moved()
		waits, digest := s.c.Apps.Unsure(), s.c.Apps.Accepted().Digest
		if waits == "" && digest == listed && time.Now().Before(next) {
			restUntil(ctx, moved, time.Until(next))
			continue
		}
		var found []agent.Found
		if waits == "" {
			var err error
			tries++
			if found, err = s.list(ctx, tries); err != nil {
				waits, moved = err.Error(), nil
			}
		}
		if waits != "" {
			s.await(ctx, waits, listed != "", moved, pause.Next())
			continue
		}
		pause.Reset()
		listed, tries = digest, 0
		left, deleted := s.confront(ctx, found)
		_, unread, _ := s.Says()
		whole := unread == ""
		if left == 0 && !whole {
			s.tell(nil) // what is known is known; the rest is searched when it can be
		}
		switch {
		case left == 0 && whole && s.conclude(ctx) == nil:
			return
		case deleted:
			next = time.Now().Add(time.Second)
		default:
			next = time.Now().Add(recheck.Next())
		}
	}
}

// await says what the search waits for, and waits for something to move. What was found before is still known.
func (s *Search) await(ctx context.Context, waits string, known bool, moved <-chan struct{}, pause time.Duration) {
	if !known {
		s.waitsFor(waits)
		s.c.Journal.Changed(false)
	}
	restUntil(ctx, moved, pause)
}

// restUntil waits for a time, or for something to move.
func restUntil(ctx context.Context, moved <-chan struct{}, pause time.Duration) {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-moved:
	}
}

// list finds what carries Drover's label and fields.
func (s *Search) list(ctx context.Context, try int) (found []agent.Found, err error) {
	found, unread, others, err := s.c.Cluster.Labelled(ctx, s.c.Scope)
	if err != nil {
		return nil, err
	}
	text := ""
	if len(unread) > 0 {
		text = fmt.Sprintf("%s cannot be searched for objects that nothing wants any more, because what serves it does not "+
			"answer: see kubectl get apiservices", strings.Join(unread, ", "))
	}
	if text != "" && try < unreadTries {
		return nil, errors.New(text)
	}
	s.skips(text)
	return slices.DeleteFunc(ours(found, others, s.c.Namespace),
		func(f agent.Found) bool { return s.c.Cluster.Protected(f.Ref) }), nil
}

// ours are the objects that an agent applied and may delete. others are the apps of other agents in the cluster, with
// the namespaces of these; namespace is the agent's own.
func ours(found []agent.Found, others []string, namespace string) []agent.Found {
	foreign := map[string]bool{}
	for _, name := range others {
		if of, app, _ := strings.Cut(name, "/"); of != namespace {
			foreign[app] = true
		}
	}
	return slices.DeleteFunc(found, func(f agent.Found) bool {
		applied := f.Fields != agent.Sum{} && f.App != "" && f.HookRun == "" && !foreign[f.App]
		return !applied || f.KeptBy != "" || f.Deleting
	})
}

// conclude is for a cluster that has nothing which nothing wants: what is stored is complete again.
func (s *Search) conclude(ctx context.Context) error {
	for _, d := range s.damaged {
		if d.App == "" || s.c.Apps.Known(d.App) { // that is written with its next state
			continue
		}
		if err := s.c.Store.DropApp(ctx, d.App); err != nil && !errors.Is(err, agent.ErrLost) {
			return err
		}
	}
	if err := s.insist(ctx, func() error { return s.c.Store.SaveSearch(ctx, nil) }); err != nil {
		return err
	}
	s.tell(nil)
	return nil
}
