package deliver

import (
	"context"
	"sync"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/mailbox"
)

// actor is how an app is worked on: one goroutine owns all of the app's state, and the others send it messages. What
// waits, such as a request to the API server, runs in a goroutine of its own, which may ask the app with do; the app
// handles its messages meanwhile.
//
// Code of an app is of one of two kinds. Methods of app run on its goroutine. Methods of request run beside it, and
// touch nothing of the app but with do.
type actor struct {
	box     *mailbox.Queue
	crew    *mailbox.Crew
	work    worker
	workers int // goroutines that may ask the app something
	turnDue bool
	running bool          // a turn is under way or due
	started bool          // the goroutine was; of the one who starts it alone
	gone    bool          // there is nothing left to do, ever
	later   []func()      // what to tell others when the board says what it is about
	ended   chan struct{} // closed when the goroutine is no more

	late sync.Mutex // held by who asks an app whose goroutine has ended
}

// worker is what an actor does.
type worker interface {
	turns(ctx context.Context)                    // takes turns until there is nothing left to do at once
	sight(ctx context.Context, sg agent.Sighting) // takes what a watch tells
	publish()                                     // tells others what they may know
	end()                                         // ends what others do for it
}

func newActor(crew *mailbox.Crew, work worker) actor {
	return actor{box: mailbox.NewQueue(), crew: crew, work: work, ended: make(chan struct{})}
}

// post tells the app to do something. It never blocks.
func (a *actor) post(do func()) { a.box.Put(do) }

// do has the app do something and waits until that is done. It is for other goroutines than the app's.
func (a *actor) do(f func()) {
	done := make(chan struct{})
	if a.box.Put(func() { defer close(done); f() }) {
		<-done
		return
	}
	<-a.ended
	a.late.Lock()
	defer a.late.Unlock()
	f()
}

// loop is the app's goroutine. It ends when the session does, or when there is nothing left of the app, and nobody is
// left who may ask it something.
func (a *actor) loop(ctx context.Context) {
	defer close(a.ended)
	for !a.gone && ctx.Err() == nil {
		if a.turnDue {
			a.work.turns(ctx)
			continue
		}
		select {
		case <-ctx.Done():
		case <-a.box.Ready:
			a.handleMessages(ctx)
		}
	}
	a.work.end()
	for a.workers > 0 || !a.box.Close() {
		<-a.box.Ready
		a.handleMessages(ctx)
	}
}

// handleMessages does what the app was told.
func (a *actor) handleMessages(ctx context.Context) {
	for _, m := range a.box.Take() {
		if m.Do != nil {
			m.Do()
		} else {
			a.work.sight(ctx, m.Sighting)
		}
		a.work.publish()
	}
}

// spawn runs something beside the app.
func (a *actor) spawn(f func()) {
	a.workers++
	if !a.crew.Start(func() {
		f()
		a.post(func() { a.workers-- })
	}) {
		a.workers--
	}
}

// await runs something beside the app and waits for it. Messages are handled meanwhile, so whatever was true before may
// no longer be true after it.
func (a *actor) await(ctx context.Context, f func()) {
	done := make(chan struct{})
	a.work.publish()
	go func() {
		defer close(done)
		f()
	}()
	for {
		select {
		case <-done:
			return
		case <-a.box.Ready:
			a.handleMessages(ctx)
		}
	}
}

// handleUntil handles messages until something is so, for some time at most.
func (a *actor) handleUntil(ctx context.Context, limit <-chan time.Time, so func() bool) {
	a.work.publish()
	for !so() {
		select {
		case <-ctx.Done():
			return
		case <-limit:
			return
		case <-a.box.Ready:
			a.handleMessages(ctx)
		}
	}
}

// tellLater has others told of something when the board says what it is about.
func (a *actor) tellLater(f func()) { a.later = append(a.later, f) }

// tellNow tells them.
func (a *actor) tellNow() {
	for later := a.later; len(later) > 0; later = a.later {
		a.later = nil
		for _, f := range later {
			f()
		}
	}
}

// kick has a turn taken at the app.
func (a *actor) kick() { a.turnDue, a.running = true, true }

// whenFree does something with an object when no request for it is under way, and waits until that is done. It is for
// other goroutines than the app's.
func (a *actor) whenFree(o *object, f func()) {
	done := make(chan struct{})
	a.do(func() { o.onFree(func() { defer close(done); f() }) })
	<-done
}

// end ends what the app has others do.
func (a *app) end() {
	a.timing.stop()
	a.fetch.stop()
	a.checks.Stop()
}

// publish puts what others may know of the app on the board, and then tells them.
func (a *app) publish() {
	if a.took {
		a.env.board.Taken(a, a.summarize())
		a.took = false
	} else {
		a.env.board.Tell(a, a.summarize())
	}
	a.reveal()
	a.tellNow()
}

// turns takes turns at an app until there is nothing left to do at once.
func (a *app) turns(ctx context.Context) {
	for a.turnDue && ctx.Err() == nil && !a.gone {
		a.turnDue = false
		a.turn(ctx)
		a.publish()
	}
	a.running = a.turnDue
	for _, o := range a.own {
		if o.look == nil {
			a.inquire(ctx, o)
		}
	}
	a.assess(ctx)
	a.schedule(ctx)
	a.publish()
}

// request is what is done beside an app, with the rights that the app had when it began.
type request struct {
	env     *session
	app     *app // is asked with do
	name    string
	names   []string // others that the app had
	account string   // whose rights they are; "" for the agent's own
	at      agent.Objects
}

// request begins one.
func (a *app) request() request {
	return request{env: a.env, app: a, name: a.name, names: a.names, account: a.spec.ServiceAccount, at: a.objects()}
}
