package deliver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/guard"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/internal/backoff"
	"github.com/drover-dev/drover/internal/phrase"
	"github.com/drover-dev/drover/protocol"
)

// search is the looking for objects that Drover applied once and that nothing wants, after the inventory was lost. It
// is begun again by every agent that leads, until nothing is found.
type search struct {
	mu     sync.Mutex      // guards what follows
	reason string          // why it is not known yet what there is; "" if it is
	held   []protocol.Held // what was found, and waits for a person
	unread string          // what could not be searched
	saved  savedSearch
}

// with reads or changes it.
func (s *search) with(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// says is what is to be reported of it.
func (s *search) says() (reason, unread string, held []protocol.Held) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reason, s.unread, s.held
}

// savedSearch is what is stored of a search.
type savedSearch struct {
	Lost     string   `json:"lost,omitempty"`     // why there is one
	Approved []string `json:"approved,omitempty"` // uids of objects whose deletion was approved
}

// unreadTries is how often an API group is waited for that does not answer, before the search does without it.
const unreadTries = 6

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
		if spec.Blob != nil && !slices.ContainsFunc(st.Apps, func(a agent.AppState) bool { return a.Spec.Name == spec.Name }) {
			return "nothing is stored of app " + spec.Name
		}
	}
	return ""
}

// resumeSearch prepares to look for what nothing wants any more, if a part of the inventory is missing or an agent
// before this one had not come to an end with that. That there is a search is stored before anything else is, because
// the next agent would find its state complete. begin begins it, when it is known what there is.
func (s *session) resumeSearch(ctx context.Context, st agent.Stored, bundle *protocol.Bundle) (begin func()) {
	lost := lostState(st, bundle)
	if lost == "" && st.Search == nil {
		return func() {}
	}
	if st.Search != nil && json.Unmarshal(st.Search, &s.search.saved) != nil {
		s.search.saved = savedSearch{} // what was approved is asked for again
	}
	if s.search.saved.Lost == "" {
		s.search.saved.Lost = lost
	}
	stored := st.Search != nil
	if !stored {
		stored = s.saveSearch(ctx) == nil // or else it is retried below, while what is known is healed
	}
	text := s.searching("no bundle has been read yet")
	s.search.with(func() { s.search.reason = text })
	return func() {
		s.crew.Start(func() {
			if stored || s.keepSearch(ctx) == nil {
				s.seek(ctx, st.Damaged)
			}
		})
	}
}

// searching says what is searched for, why, and what it waits for.
func (s *session) searching(waits string) string {
	text := "the inventory is not complete (" + s.search.saved.Lost +
		"): searching the cluster for objects that Drover applied and that nothing wants any more"
	if waits != "" {
		text += "; " + waits
	}
	return text
}

// saveSearch stores the search.
func (s *session) saveSearch(ctx context.Context) error {
	data, err := json.Marshal(s.search.saved)
	if err != nil {
		return err
	}
	return s.store.SaveSearch(ctx, data)
}

// keepSearch stores the search, however long that takes.
func (s *session) keepSearch(ctx context.Context) error {
	return s.insistSearch(ctx, func() error { return s.saveSearch(ctx) })
}

// insistSearch has something of the search saved.
func (s *session) insistSearch(ctx context.Context, save func() error) error {
	return s.insist(ctx, save, func(err error) {
		s.log.Warn("the search for what nothing wants any more cannot be stored; retrying", "err", err)
	})
}

// seek searches until there is nothing that nothing wants. What is found is held; it is looked for again with every
// bundle, and less and less often without one.
func (s *session) seek(ctx context.Context, damaged []agent.Damage) {
	pause := backoff.Backoff{Min: 250 * time.Millisecond, Max: 30 * time.Second}
	recheck := backoff.Backoff{Min: time.Minute, Max: time.Hour}
	listed := "" // the digest of the bundle that was listed for
	var next time.Time
	tries := 0
	for ctx.Err() == nil {
		moved := s.moved.Wait()
		waits, digest := s.board.unsure(), s.inForce().Digest
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
			s.awaitSearch(ctx, waits, listed != "", moved, pause.Next())
			continue
		}
		pause.Reset()
		listed, tries = digest, 0
		left, deleted := s.confront(ctx, found)
		_, unread, _ := s.search.says()
		whole := unread == ""
		if left == 0 && !whole {
			s.tellHeld(nil) // what is known is known; the rest is searched when it can be
		}
		switch {
		case left == 0 && whole && s.concludeSearch(ctx, damaged) == nil:
			return
		case deleted:
			next = time.Now().Add(time.Second)
		default:
			next = time.Now().Add(recheck.Next())
		}
	}
}

// awaitSearch says what the search waits for, and waits for something to move. What was found before is still known.
func (s *session) awaitSearch(ctx context.Context, waits string, known bool, moved <-chan struct{},
	pause time.Duration) {
	if text := s.searching(waits); !known {
		s.search.with(func() { s.search.reason = text })
		s.out.Changed(false)
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
func (s *session) list(ctx context.Context, try int) (found []agent.Found, err error) {
	found, unread, others, err := s.cluster.Labelled(ctx, s.scope)
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
	s.search.with(func() { s.search.unread = text })
	foreign := map[string]bool{} // apps of other agents in this cluster
	for _, name := range others {
		if namespace, app, _ := strings.Cut(name, "/"); namespace != s.namespace {
			foreign[app] = true
		}
	}
	return slices.DeleteFunc(found, func(f agent.Found) bool {
		ours := f.Fields != agent.Sum{} && f.App != "" && f.HookRun == "" && !foreign[f.App]
		return !ours || f.KeptBy != "" || f.Deleting || s.protected(f.Ref)
	}), nil
}

// confront compares what was found with what is wanted. It holds what nothing wants, by app, and deletes what was
// approved. left is how many objects there are that nothing wants.
func (s *session) confront(ctx context.Context, found []agent.Found) (left int, deleted bool) {
	byApp := map[string][]agent.Found{}
	for _, f := range found {
		if s.objects.Owner(f.Ref) == "" && !s.board.wantedBeside("", f.Ref) {
			byApp[f.App] = append(byApp[f.App], f)
			left++
		}
	}
	var held []protocol.Held
	var doomed []agent.Found
	grown := false
	bundle := s.inForce().Bundle
	for _, app := range slices.Sorted(maps.Keys(byApp)) {
		rest := slices.DeleteFunc(byApp[app], func(f agent.Found) bool {
			yes := slices.Contains(s.search.saved.Approved, f.UID)
			if yes {
				doomed = append(doomed, f)
			}
			return yes
		})
		if len(rest) == 0 {
			continue
		}
		h := s.orphaned(app, rest)
		if d := bundle.Deletions; d == nil || !slices.Contains(d.Approved, h.ID) {
			held = append(held, h)
			continue
		}
		for _, f := range rest {
			s.search.saved.Approved, grown = append(s.search.saved.Approved, f.UID), true
		}
		doomed = append(doomed, rest...)
	}
	if bundle.Suspend {
		doomed = nil
	}
	if grown && s.keepSearch(ctx) != nil {
		return left, false
	}
	inside, deleted := s.eraseOrphans(ctx, doomed)
	if left > 0 {
		s.tellHeld(append(held, inside...))
	}
	return left, deleted
}

// orphaned is the hold of what was found of an app.
func (s *session) orphaned(app string, list []agent.Found) protocol.Held {
	refs, uids := make([]protocol.ObjectRef, 0, len(list)), make([]string, 0, len(list))
	for _, f := range list {
		refs, uids = append(refs, f.Ref), append(uids, f.UID)
	}
	slices.Sort(uids)
	h := guard.Held(protocol.HoldOrphans, s.name, app, refs, uids...)
	h.Message = fmt.Sprintf("%s that Drover applied for app %s and that nothing wants any more, found after the inventory "+
		"was lost: %s; delete with drover approve %s, or keep with the annotation %s: %s", phrase.Count(len(refs), "object"), app,
		guard.Some(h.Objects, h.Count), h.ID, fleet.AnnotationPrune, fleet.PruneDisabled)
	return h
}

// tellHeld puts what was found into the report, and what is new of it into the journal.
func (s *session) tellHeld(held []protocol.Held) {
	_, _, before := s.search.says()
	for _, h := range held {
		if !slices.ContainsFunc(before, func(x protocol.Held) bool { return x.ID == h.ID }) {
			s.emit(protocol.Event{Kind: protocol.EventHeld, App: h.App, Object: h.Object, Message: h.Message})
		}
	}
	s.search.with(func() { s.search.held, s.search.reason = held, "" })
	s.out.Changed(true)
}

// eraseOrphans deletes what was approved, in the reverse of the order of applying. inside are those that hold
// something else.
func (s *session) eraseOrphans(ctx context.Context, list []agent.Found) (inside []protocol.Held, deleted bool) {
	slices.SortFunc(list, func(a, b agent.Found) int { return fleet.CompareApply(b.Ref, a.Ref) })
	goes := func(f agent.Found) bool {
		return slices.ContainsFunc(list, func(x agent.Found) bool { return x.UID == f.UID })
	}
	for _, f := range list {
		if ctx.Err() != nil {
			return inside, deleted
		}
		held, err := s.eraseOrphan(ctx, f, goes)
		switch {
		case held != nil:
			inside = append(inside, *held)
		case err != nil:
			s.log.Warn("an object whose deletion was approved could not be deleted; retrying",
				"object", f.Ref.String(), "err", err)
		default:
			deleted = true
		}
	}
	return inside, deleted
}

// eraseOrphan deletes just the object that was found, if nothing has come to want or keep it since.
func (s *session) eraseOrphan(ctx context.Context, f agent.Found, goes func(agent.Found) bool) (*protocol.Held, error) {
	at := s.reach(agent.Access{})
	live, err := at.Get(ctx, f.Resource, f.Ref)
	switch {
	case agent.ReasonOf(err) == agent.ReasonMissing || agent.ReasonOf(err) == agent.ReasonKind || agent.ReasonOf(err) == agent.ReasonNamespace:
		return nil, nil
	case err != nil:
		return nil, err
	case live.UID != f.UID || live.App != f.App || live.Fields == agent.Sum{} || live.KeptBy != "" || live.Deleting:
		return nil, nil
	}
	if held, err := s.guard(ctx, f.App, live, goes); held != nil || err != nil {
		return held, err
	}
	wanted := s.objects.Owner(f.Ref) != "" || s.board.wantedBeside("", f.Ref) || s.board.unsure() != "" || s.inForce().Bundle.Suspend
	if wanted {
		return nil, nil
	}
	if _, err := at.Delete(ctx, f.Resource, live); err != nil {
		return nil, err
	}
	s.emit(protocol.Event{Kind: protocol.EventPruned, App: f.App, Object: &f.Ref,
		Message: "deleted, because nothing wanted it any more and its deletion was approved"})
	return nil, nil
}

// concludeSearch is for a cluster that has nothing which nothing wants: what is stored is complete again.
func (s *session) concludeSearch(ctx context.Context, damaged []agent.Damage) error {
	for _, d := range damaged {
		known := s.board.app(d.App) != nil
		if d.App == "" || known { // or else it is written with the next state
			continue
		}
		if err := s.store.DropApp(ctx, d.App); err != nil && !errors.Is(err, agent.ErrLost) {
			return err
		}
	}
	if err := s.insistSearch(ctx, func() error { return s.store.SaveSearch(ctx, nil) }); err != nil {
		return err
	}
	s.tellHeld(nil)
	return nil
}
