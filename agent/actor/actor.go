// Package actor is the goroutine that owns the state of an app. What belongs to the app is read and written on that
// goroutine alone; all others send it messages, also while it waits for a request that runs beside it.
//
// It may import agent and agent/mailbox.
package actor

import (
	"context"
	"sync"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/mailbox"
)

// Actor is one goroutine that owns state, and the messages to it. Its exported fields are that goroutine's own, but for
// Box. What waits, such as a request to the API server, runs in a goroutine of its own, which may ask with Do; messages
// are handled meanwhile.
type Actor struct {
	Box     *mailbox.Queue
	crew    *mailbox.Crew
	work    Worker
	workers int // goroutines that may ask the app something
	TurnDue bool
	Running bool          // a turn is under way or due
	started bool          // the goroutine was; of the one who starts it alone
	Gone    bool          // there is nothing left to do, ever
	later   []func()      // what to tell others when the board says what it is about
	ended   chan struct{} // closed when the goroutine is no more

	late sync.Mutex // held by who asks an app whose goroutine has ended
}

// Worker is what an actor does.
type Worker interface {
	Turns(ctx context.Context)                    // takes turns until there is nothing left to do at once
	Sight(ctx context.Context, sg agent.Sighting) // takes what a watch tells
	Publish()                                     // tells others what they may know
	End()                                         // ends what others do for it
}

// New makes an actor whose goroutine is yet to be started. crew counts the goroutines.
func New(crew *mailbox.Crew, work Worker) Actor {
	return Actor{Box: mailbox.NewQueue(), crew: crew, work: work, ended: make(chan struct{})}
}

// Post tells the app to do something. It never blocks.
func (a *Actor) Post(do func()) { a.Box.Put(do) }

// Do has the app do something and waits until that is done. It is for other goroutines than the app's.
func (a *Actor) Do(f func()) {
	done := make(chan struct{})
	if a.Box.Put(func() { defer close(done); f() }) {
		<-done
		return
	}
	<-a.ended
	a.late.Lock()
	defer a.late.Unlock()
	f()
}

// Start starts the goroutine, unless it was started. It is for one goroutine alone.
func (a *Actor) Start(ctx context.Context) {
	if a.started {
		return
	}
	a.started = true
	if !a.crew.Start(func() { a.loop(ctx) }) {
		a.Box.Close()
		close(a.ended)
	}
}

// loop is the app's goroutine. It ends when the session does, or when there is nothing left of the app, and nobody is
// left who may ask it something.
func (a *Actor) loop(ctx context.Context) {
	defer close(a.ended)
	for !a.Gone && ctx.Err() == nil {
		if a.TurnDue {
			a.work.Turns(ctx)
			continue
		}
		select {
		case <-ctx.Done():
		case <-a.Box.Ready:
			a.handleMessages(ctx)
		}
	}
	a.work.End()
	for a.workers > 0 || !a.Box.Close() {
		<-a.Box.Ready
		a.handleMessages(ctx)
	}
}

// handleMessages does what the app was told.
func (a *Actor) handleMessages(ctx context.Context) {
	for _, m := range a.Box.Take() {
		if m.Do != nil {
			m.Do()
		} else {
			a.work.Sight(ctx, m.Sighting)
		}
		a.work.Publish()
	}
}

// Spawn runs something beside the app.
func (a *Actor) Spawn(f func()) {
	a.workers++
	if !a.crew.Start(func() {
		f()
		a.Post(func() { a.workers-- })
	}) {
		a.workers--
	}
}

// Await runs something beside the app and waits for it. Messages are handled meanwhile, so whatever was true before may
// no longer be true after it.
func (a *Actor) Await(ctx context.Context, f func()) {
	done := make(chan struct{})
	a.work.Publish()
	go func() {
		defer close(done)
		f()
	}()
	for {
		select {
		case <-done:
			return
		case <-a.Box.Ready:
			a.handleMessages(ctx)
		}
	}
}

// HandleUntil handles messages until something is so, for some time at most.
func (a *Actor) HandleUntil(ctx context.Context, limit <-chan time.Time, so func() bool) {
	a.work.Publish()
	for !so() {
		select {
		case <-ctx.Done():
			return
		case <-limit:
			return
		case <-a.Box.Ready:
			a.handleMessages(ctx)
		}
	}
}

// TellLater has others told of something when the board says what it is about.
func (a *Actor) TellLater(f func()) { a.later = append(a.later, f) }

// TellNow tells them.
func (a *Actor) TellNow() {
	for later := a.later; len(later) > 0; later = a.later {
		a.later = nil
		for _, f := range later {
			f()
		}
	}
}

// Kick has a turn taken at the app.
func (a *Actor) Kick() { a.TurnDue, a.Running = true, true }

// Each does something for all of a list, as many at once as there are slots.
func Each[T any](slots chan struct{}, list []T, do func(T)) {
	var wg sync.WaitGroup
	for _, x := range list {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			do(x)
		})
	}
	wg.Wait()
}
