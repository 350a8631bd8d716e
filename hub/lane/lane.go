// Package lane hands out a number of places to jobs, whose owners take turns.
//
// It may import the standard library only.
package lane

import (
	"iter"
	"maps"
	"slices"
)

// Lane is a number of places, and the queues of the owners whose jobs wait for one. It is not safe for concurrent use.
type Lane[J comparable] struct {
	places  int
	running map[J]struct{}
	queues  map[string][]J
	turns   []string // owners with a queue, in the order of their turns
}

// New makes a lane of so many places, all of them free.
func New[J comparable](places int) *Lane[J] {
	return &Lane[J]{places: places, running: map[J]struct{}{}, queues: map[string][]J{}}
}

// Free says whether a place is free.
func (l *Lane[J]) Free() bool { return len(l.running) < l.places }

// Places is how many there are.
func (l *Lane[J]) Places() int { return l.places }

// Running gives the jobs that have a place, in no order.
func (l *Lane[J]) Running() iter.Seq[J] { return maps.Keys(l.running) }

// Enter gives a job a place, whether one is free or not.
func (l *Lane[J]) Enter(j J) { l.running[j] = struct{}{} }

// Leave frees the place of a job, if it has one.
func (l *Lane[J]) Leave(j J) { delete(l.running, j) }

// Push has a job wait in its owner's queue.
func (l *Lane[J]) Push(owner string, j J) {
	if len(l.queues[owner]) == 0 {
		l.turns = append(l.turns, owner)
	}
	l.queues[owner] = append(l.queues[owner], j)
}

// Waits says whether a job waits of which could holds.
func (l *Lane[J]) Waits(could func(J) bool) bool {
	for _, queue := range l.queues {
		if slices.ContainsFunc(queue, could) {
			return true
		}
	}
	return false
}

// Next takes the next job that may run, from the owner whose turn it is. Those that are over wait no more. Only the
// first of a queue is asked about.
func (l *Lane[J]) Next(over, may func(J) bool) (next J, found bool) {
	for i, owner := range l.turns {
		queue := slices.Clone(l.queues[owner])
		for len(queue) > 0 && over(queue[0]) {
			queue = queue[1:]
		}
		if l.queues[owner] = queue; len(queue) == 0 || !may(queue[0]) {
			continue // an owner without a queue loses its turn below
		}
		next, found = queue[0], true
		l.queues[owner] = queue[1:]
		l.turns = append(slices.Delete(l.turns, i, i+1), owner)
		break
	}
	l.turns = slices.DeleteFunc(l.turns, func(owner string) bool { return len(l.queues[owner]) == 0 })
	maps.DeleteFunc(l.queues, func(_ string, queue []J) bool { return len(queue) == 0 })
	return next, found
}
