package actor

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/mailbox"
	"github.com/drover-dev/drover/protocol"
)

// counter is an actor whose state is what happened to it.
type counter struct {
	Actor
	crew      *mailbox.Crew
	turns     int
	sightings []string
	published int
	over      bool
}

func (c *counter) Turns(context.Context) {
	for c.TurnDue {
		c.TurnDue = false
		c.turns++
	}
	c.Running = c.TurnDue
}

func (c *counter) Sight(_ context.Context, sg agent.Sighting) {
	c.sightings = append(c.sightings, sg.Live.Ref.Name)
}

func (c *counter) Publish() { c.published++; c.TellNow() }
func (c *counter) End()     { c.over = true }

func begin(ctx context.Context) *counter {
	c := &counter{crew: &mailbox.Crew{}}
	c.Actor = New(c.crew, c)
	c.Start(ctx)
	c.Start(ctx) // of no effect
	return c
}

func TestMessagesAreHandledWhileARequestIsAwaited(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	c := begin(ctx)
	defer c.crew.Close()
	defer cancel()
	var order []string // of the actor's goroutine alone
	c.Do(func() {
		c.Await(ctx, func() {
			c.Do(func() { order = append(order, "asked by the request") })
			c.Post(func() { order = append(order, "told by the request") })
			c.Do(func() {})
		})
		order = append(order, "after it")
	})
	if want := []string{"asked by the request", "told by the request", "after it"}; !slices.Equal(order, want) {
		t.Errorf("%q", order)
	}
}

func TestAnActorEndsWhenItsRequestsHave(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		c := begin(ctx)
		release := make(chan struct{})
		asked := 0
		c.Do(func() {
			c.Spawn(func() {
				<-release
				c.Do(func() { asked++ })
			})
		})
		cancel()
		synctest.Wait()
		select {
		case <-c.ended:
			t.Error("it ended while a request was under way")
		default:
		}
		close(release)
		<-c.ended
		if c.Do(func() { asked++ }); asked != 2 || !c.over {
			t.Errorf("%d of 2 questions were answered, one of them after the end", asked)
		}
		c.crew.Close()
		c.Post(func() { t.Error("a message to an actor that has ended was handled") })
	})
}

func TestTurnsSightingsAndNews(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		c := begin(ctx)
		told := 0
		c.Post(func() {
			c.TellLater(func() { told++; c.TellLater(func() { told++ }) })
			if c.Kick(); !c.Running || told != 0 {
				t.Error("others were told before it was published")
			}
		})
		c.Box.Sight(agent.Sighting{Live: agent.Live{Ref: protocol.ObjectRef{Name: "web"}}})
		synctest.Wait()
		c.Do(func() {
			if c.turns != 1 || c.Running || told != 2 || c.published < 2 || !slices.Equal(c.sightings, []string{"web"}) {
				t.Errorf("turns %d, told %d, published %d, saw %q", c.turns, told, c.published, c.sightings)
			}
			limit := time.NewTimer(time.Hour)
			c.HandleUntil(ctx, limit.C, func() bool { return false }) // ends by the clock
			c.Post(func() { told = 7 })
			c.HandleUntil(ctx, nil, func() bool { return told == 7 })
			c.Gone = true
		})
		<-c.ended // by itself, as nothing is left to do
		cancel()
		c.crew.Close()
		late := &counter{crew: c.crew}
		late.Actor = New(c.crew, late)
		late.Start(ctx)
		answered := false
		if late.Do(func() { answered = true }); !answered {
			t.Error("an actor of a session that is over answers nobody")
		}
	})
}

func TestAlarms(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var x Timing
		rang := 0
		posted := make(chan func(), 10) // to this goroutine, which owns x
		wait := func() {
			for synctest.Wait(); len(posted) > 0; {
				(<-posted)()
			}
		}
		at := func(d time.Duration) time.Time { return time.Now().Add(d) }
		set := func(when time.Time) {
			x.Alarm(t.Context(), when, func(f func()) { posted <- f }, func() { rang++ })
		}
		first := at(time.Minute)
		set(first)
		set(first) // it is set already
		set(at(2 * time.Minute))
		time.Sleep(time.Minute + time.Second)
		if wait(); rang != 0 {
			t.Error("an alarm that was set to another time rang")
		}
		time.Sleep(time.Minute)
		if wait(); rang != 1 {
			t.Errorf("it rang %d times", rang)
		}
		set(at(time.Minute))
		set(time.Time{})
		set(at(time.Minute))
		x.Stop()
		time.Sleep(time.Hour)
		if wait(); rang != 1 {
			t.Errorf("%d alarms rang that were taken back", rang-1)
		}
	})
}
