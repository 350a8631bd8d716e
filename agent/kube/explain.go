package kube

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

const (
	// tailLines and tailBytes bound what is read of a container's output.
	tailLines = 50
	tailBytes = 16 << 10
	// tailTime is how long a cause waits for the words of the container that ended.
	tailTime = 5 * time.Second
	// maxTopics bounds how many kinds of events about one object are kept.
	maxTopics = 32
)

// Explain looks for the cause why an object is not healthy, until ctx is done or nothing more will come of it.
func (c *Client) Explain(ctx context.Context, res agent.Resource, ref protocol.ObjectRef, found func(fleet.Cause)) error {
	w, err := c.workload(ctx, res, ref)
	if w == nil || err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	x := &explanation{client: c, workload: w, found: found, ctx: ctx, stop: stop, notes: map[string]note{}, topics: map[string]fleet.Event{}}
	defer x.end()
	if w.query == nil {
		x.listed()
		<-ctx.Done()
		return nil
	}
	return c.collect(ctx, podKind, ref.Namespace, w.query, collector{begin: x.begin, seen: x.seen, listed: x.listed})
}

// explanation is one search for a cause: a watch of the Pods, one of the events about what says too little
// itself, and the
// output of a container that ended.
type explanation struct {
	client   *Client
	workload *workload
	ctx      context.Context
	stop     context.CancelFunc
	wg       sync.WaitGroup

	mu       sync.Mutex // guards what follows
	found    func(fleet.Cause)
	told     *fleet.Cause
	notes    map[string]note // by name, of Pods with a cause
	complete bool            // all Pods were seen
	timer    *time.Timer     // for what the clock alone changes
	about    string          // uid of what events are followed of
	unfollow context.CancelFunc
	topics   map[string]fleet.Event // the newest of each
	asked    output                 // whose output was asked for
	answered bool
	wrote    string // what it says; "" if it cannot be read
}

// note is what is known of one Pod.
type note struct {
	uid   string
	cause fleet.Cause
	raw   []byte // kept where the clock may change the cause
}

type output struct {
	pod string
	fleet.Output
}

// end waits until nothing of it runs any more.
func (x *explanation) end() {
	x.stop()
	x.mu.Lock()
	if x.timer != nil {
		x.timer.Stop()
	}
	x.mu.Unlock()
	x.wg.Wait()
}

func (x *explanation) begin() {
	x.mu.Lock()
	defer x.mu.Unlock()
	clear(x.notes)
	x.complete = false
}

func (x *explanation) listed() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.complete = true
	x.decide()
}

// seen takes a Pod.
func (x *explanation) seen(raw []byte, deleted bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.note(raw, deleted)
	if x.complete {
		x.decide()
	}
}

// note takes a Pod down. x.mu is held.
func (x *explanation) note(raw []byte, deleted bool) {
	var d described
	var pod map[string]any
	if json.Unmarshal(raw, &d) != nil || json.Unmarshal(raw, &pod) != nil {
		return // the API server gave what is no Pod
	}
	cause := fleet.PodCause(pod, time.Now())
	mine := x.workload.owner == "" || d.ownedBy(x.workload.owner)
	if deleted || !mine || cause.Health == "" {
		delete(x.notes, d.Metadata.Name)
		return
	}
	n := note{uid: d.Metadata.UID, cause: cause}
	if !cause.Until.IsZero() {
		n.raw = append(n.raw, raw...)
	}
	x.notes[d.Metadata.Name] = n
}

// decide chooses what to tell, and what else to look at. x.mu is held.
func (x *explanation) decide() {
	causes := make([]fleet.Cause, 0, len(x.notes))
	for _, n := range x.notes {
		causes = append(causes, n.cause)
	}
	worst := fleet.WorstCause(causes, x.workload.revision)
	about := x.workload.about
	if worst.Health == "" {
		worst = fleet.Cause{Health: protocol.HealthProgressing, Doubt: fleet.DoubtStart} // Pods are missing, or there are to be none
	} else {
		about = x.notes[worst.Pod].uid
	}
	if worst.Doubt == fleet.NoDoubt || x.workload.finished {
		about = ""
	}
	x.listen(about)
	x.wake(worst.Until)
	cause := worst.Hear(x.heard())
	if x.workload.counts && cause.Restarts > 0 {
		cause.Health = protocol.HealthProgressing
	}
	if cause.Output == nil {
		x.tell(cause)
	} else if x.read(output{cause.Pod, *cause.Output}) {
		x.tell(cause.Quote(x.wrote))
	}
}

// tell tells what changed. x.mu is held.
func (x *explanation) tell(cause fleet.Cause) {
	if cause.What == "" {
		cause = fleet.Cause{}
	}
	if x.ctx.Err() == nil && (x.told == nil || cause.Message() != x.told.Message() || cause.Health != x.told.Health) {
		x.told = &cause
		x.found(cause)
	}
	if x.workload.finished && x.complete {
		x.stop()
	}
}

// wake has it decided again when the clock has changed a cause. x.mu is held.
func (x *explanation) wake(at time.Time) {
	if x.timer != nil {
		x.timer.Stop()
		x.timer = nil
	}
	if at.IsZero() {
		return
	}
	x.timer = time.AfterFunc(time.Until(at)+time.Millisecond, func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		for _, n := range x.notes {
			if n.raw != nil {
				x.note(n.raw, false)
			}
		}
		if x.ctx.Err() == nil {
			x.decide()
		}
	})
}

// listen follows the events about one object, and no longer those about another. x.mu is held.
func (x *explanation) listen(uid string) {
	if uid == x.about {
		return
	}
	if x.unfollow != nil {
		x.unfollow()
		x.unfollow = nil
	}
	clear(x.topics)
	if x.about = uid; uid == "" {
		return
	}
	ctx, stop := context.WithCancel(x.ctx)
	x.unfollow = stop
	hear := func(raw []byte, deleted bool) {
		if !deleted {
			x.hear(uid, raw)
		}
	}
	x.wg.Go(func() {
		err := x.client.collect(ctx, eventKind, x.workload.ref.Namespace, url.Values{"fieldSelector": {"involvedObject.uid=" + uid}},
			collector{begin: func() {}, seen: hear, listed: func() {}})
		if err != nil {
			x.client.log.Debug("events cannot be read", "namespace", x.workload.ref.Namespace, "err", err)
		}
	})
}

func (x *explanation) hear(uid string, raw []byte) {
	var o map[string]any
	if json.Unmarshal(raw, &o) != nil {
		return
	}
	e := fleet.ReadEvent(o)
	x.mu.Lock()
	defer x.mu.Unlock()
	if was, ok := x.topics[e.Topic()]; x.about != uid || ok && e.At.Before(was.At) || !ok && len(x.topics) == maxTopics {
		return
	}
	x.topics[e.Topic()] = e
	x.decide()
}

func (x *explanation) heard() []fleet.Event {
	all := make([]fleet.Event, 0, len(x.topics))
	for _, e := range x.topics {
		all = append(all, e)
	}
	return all
}

// read has a container's output read if it was not, and says whether it was. x.mu is held.
func (x *explanation) read(o output) bool {
	if x.asked == o {
		return x.answered
	}
	x.asked, x.answered, x.wrote = o, false, ""
	x.wg.Go(func() {
		text, err := x.client.tail(x.ctx, x.workload.ref.Namespace, o)
		if err != nil {
			x.client.log.Debug("a container's output cannot be read", "pod", o.pod, "container", o.Container, "err", err)
		}
		x.mu.Lock()
		defer x.mu.Unlock()
		if x.asked == o && x.ctx.Err() == nil {
			x.answered, x.wrote = true, text
			x.decide()
		}
	})
	return false
}

// tail is the end of a container's output. It is shown to people and kept nowhere.
func (c *Client) tail(ctx context.Context, namespace string, o output) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, tailTime)
	defer cancel()
	query := url.Values{"container": {o.Container}, "tailLines": {strconv.Itoa(tailLines)}, "limitBytes": {strconv.Itoa(tailBytes)}}
	if o.Previous {
		query.Set("previous", "true")
	}
	ref := protocol.ObjectRef{Namespace: namespace, Name: o.pod}
	resp, err := c.open(ctx, call{method: http.MethodGet, path: objectPath(podKind, ref) + "/log", query: query, accept: "*/*"})
	if err != nil {
		return "", err
	}
	defer drain(resp.Body)
	var text strings.Builder
	_, err = io.Copy(&text, io.LimitReader(resp.Body, tailBytes))
	return text.String(), err
}
