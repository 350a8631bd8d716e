package repository

import (
	"container/heap"
	"context"
	"time"

	"github.com/drover-dev/drover/hub/git/object"
	"github.com/drover-dev/drover/hub/model"
)

// maxSkew is how much older than its parents a commit may be, by its time.
const maxSkew = time.Hour

// maxSince is how many commits are looked through at most to find out which came since another one.
const maxSince = 1000

// walked is a commit in the history of two.
type walked struct {
	id     object.Hash
	commit *object.Commit
}

// newestFirst is a heap of commits by their time.
type newestFirst []walked

func (q newestFirst) Len() int           { return len(q) }
func (q newestFirst) Less(i, j int) bool { return q[i].commit.Time.After(q[j].commit.Time) }
func (q newestFirst) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *newestFirst) Push(x any)        { *q = append(*q, x.(walked)) }
func (q *newestFirst) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}

// since is a walk through the history of a commit, and that of an older one, from the newest commit of both on, as `git
// log older..newer` does it.
type since struct {
	objects object.Objects
	queue   newestFirst
	old     map[object.Hash]bool // of those seen: it is in the history of the older one
	certain bool                 // all commits could be read
}

func (w *since) see(id object.Hash, old bool) {
	was, seen := w.old[id]
	if seen && (was || !old) {
		return
	}
	w.old[id] = old
	c, _, err := object.ReadCommit(w.objects, id)
	if err != nil {
		w.certain = false
		return
	}
	heap.Push(&w.queue, walked{id, c}) // once more, where it is found to be old after it was walked
}

// pending says whether anything is left that may be new, or that may show that one of what was found is old.
func (w *since) pending(found []walked) bool {
	var oldest time.Time
	for _, x := range found {
		if oldest.IsZero() || x.commit.Time.Before(oldest) {
			oldest = x.commit.Time
		}
	}
	for _, x := range w.queue {
		if !w.old[x.id] || len(found) > 0 && !x.commit.Time.Before(oldest.Add(-maxSkew)) {
			return true
		}
	}
	return false
}

// Trailers gives the values of a trailer of the commits that came since an older revision (model.Snapshot).
func (s *Snapshot) Trailers(ctx context.Context, older, key string) ([]model.Trailer, error) {
	from, err := object.ParseHash(older)
	if err != nil {
		return nil, nil //nolint:nilerr // what is no commit id is not in any history, so it is not certain what came since
	}
	to, err := object.ParseHash(s.revision.Hash)
	if err != nil {
		return nil, err
	}
	w := &since{objects: s.objects, old: map[object.Hash]bool{}, certain: true}
	w.see(from, true)
	w.see(to, false)
	var found []walked
	for n := 0; w.certain && w.pending(found); n++ {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if n >= maxSince {
			return nil, nil
		}
		next := heap.Pop(&w.queue).(walked)
		if !w.old[next.id] {
			found = append(found, next)
		}
		for _, parent := range next.commit.Parents {
			w.see(parent, w.old[next.id])
		}
	}
	if !w.certain {
		return nil, nil
	}
	var out []model.Trailer
	for _, x := range found {
		if value := x.commit.Trailer(key); value != "" && !w.old[x.id] {
			out = append(out, model.Trailer{Commit: x.id.String(), Author: x.commit.Author, Value: value})
		}
	}
	return out, nil
}
