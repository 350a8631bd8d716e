package repository

import (
	"context"
	"slices"
	"sync"

	"github.com/drover-dev/drover/hub/git/object"
)

// maxHistory is how many commits are looked through for one of them. Beyond that it counts as not found, which costs
// a look at the origin.
const maxHistory = 500_000

// history is how far the history of a commit was read. Each snapshot reads its own at most once.
type history struct {
	mu    sync.Mutex               // guards what follows
	seen  map[object.Hash]struct{} // commits that were reached
	queue []object.Hash            // those of them whose parents were not read yet
}

// Lacks gives those of revisions (full commit ids) that are not in the snapshot's history: neither its own commit nor
// one before it. What is no commit id, and what an incomplete clone no longer has, is lacking.
func (s *Snapshot) Lacks(ctx context.Context, revisions []string) ([]string, error) {
	wanted := map[object.Hash]struct{}{}
	for _, r := range revisions {
		if id, err := object.ParseHash(r); err == nil {
			wanted[id] = struct{}{}
		}
	}
	if err := s.past.find(ctx, s, wanted); err != nil {
		return nil, err
	}
	var out []string
	for _, r := range revisions {
		id, err := object.ParseHash(r)
		if _, missing := wanted[id]; (err != nil || missing) && !slices.Contains(out, r) {
			out = append(out, r)
		}
	}
	return out, nil
}

// find takes out of wanted what it finds.
func (h *history) find(ctx context.Context, s *Snapshot, wanted map[object.Hash]struct{}) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.seen == nil {
		id, err := object.ParseHash(s.revision.Hash)
		if err != nil {
			return err
		}
		h.seen, h.queue = map[object.Hash]struct{}{id: {}}, []object.Hash{id}
	}
	for id := range wanted {
		if _, is := h.seen[id]; is {
			delete(wanted, id)
		}
	}
	for len(wanted) > 0 && len(h.queue) > 0 && len(h.seen) < maxHistory {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		c, _, err := object.ReadCommit(s.objects, h.queue[0])
		h.queue = h.queue[1:]
		if err != nil {
			continue // a shallow clone ends here
		}
		for _, p := range c.Parents {
			if _, known := h.seen[p]; !known {
				h.seen[p] = struct{}{}
				h.queue = append(h.queue, p)
				delete(wanted, p)
			}
		}
	}
	return nil
}
