package resolve

import (
	"maps"
)

// memoRounds is how many sweeps a question survives that no resolution asks: what was reverted, and comes back, is
// found.
const memoRounds = 2

// memoCrowd is how many questions come up, at least, before the next sweep.
const memoCrowd = 4096

// trace begins to note what is asked.
func (m *memo) trace() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.uses = map[*question]struct{}{}
}

// Crowded says whether many questions came up since the last sweep.
func (r *Resolver) Crowded() bool { return r.memo.crowded() }

// Sweep forgets the answers that nothing in resolved asks for, and that nobody has asked for in a while. It gives the
// keys that the store is to keep, and adds to blobs the ids of those that it is to keep.
func (r *Resolver) Sweep(resolved map[string]*Resolution, blobs map[string]bool) (keys map[string]bool) {
	return r.memo.sweep(resolved, blobs)
}

// crowded says whether many questions came up since the last sweep.
func (m *memo) crowded() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.fresh > max(memoCrowd, len(m.known)/2)
}

// traced ends it, and gives what was asked.
func (m *memo) traced() []*question {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]*question, 0, len(m.uses))
	for q := range m.uses {
		out = append(out, q)
	}
	m.uses = nil
	return out
}

// sweep forgets the questions that no resolution asks, and that nobody has asked for memoRounds sweeps. It gives the
// keys of the others, and adds the blobs of their answers.
func (m *memo) sweep(resolved map[string]*Resolution, blobs map[string]bool) (keys map[string]bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	used := map[*question]struct{}{}
	for _, res := range resolved {
		for _, q := range res.questions {
			used[q] = struct{}{}
		}
	}
	maps.DeleteFunc(m.known, func(_ string, q *question) bool {
		_, is := used[q]
		return !is && q.asked+memoRounds <= m.round
	})
	m.round++
	m.fresh = 0
	keys = make(map[string]bool, len(m.known))
	for key, q := range m.known {
		keys[key] = true
		for _, r := range q.variants {
			if len(r.Ref.Key) > 0 {
				blobs[r.Ref.ID()] = true
			}
			if r.Sealed != nil {
				blobs[r.Sealed.ID()] = true
			}
		}
	}
	for key := range m.batch.Memos {
		keys[key] = true
	}
	for _, p := range m.batch.Blobs {
		blobs[p.Ref.ID()] = true
	}
	return keys
}
