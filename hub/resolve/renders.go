package resolve

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/drover-dev/drover/hub/lane"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/record"
)

const (
	// quickRender is how long a render may hold one of the places for all clusters. One that takes longer goes on at
	// a place for slow ones, of which a cluster has one at a time, or begins again when it gets one.
	quickRender = time.Second
	// slowTurn is how long a render holds a place for slow ones while others wait that could have it. Then it is
	// stopped, and begins again after them with twice the time, so that what ends is not kept waiting by what does
	// not, and the turns that were too short take no more time together than the one that is not.
	slowTurn = 10 * time.Second
	// loopPatience is how long the loop itself waits for a render that it has just begun: the usual build is done by
	// then, and its cluster need not be resolved twice. After one that is not, the loop waits for none until it has
	// published.
	loopPatience = 30 * time.Millisecond
)

// What apps say while they wait.
const (
	beingRendered  = "it is being rendered; keeping the last applied version until that is done"
	waitsForOthers = "waiting for an app that is being rendered and may hold its values; keeping the last " +
		"applied version"
)

// renders runs renders beside the hub's loop, so that no app's render delays another cluster: clusters take turns,
// and what takes long holds no place that others need. begin, get and end are called by the loop alone.
type renders struct {
	ctx    context.Context
	stop   context.CancelFunc
	moment time.Duration // see Config
	ended  sync.WaitGroup
	done   chan struct{} // holds at most one hint: see take

	cluster  string              // that is being resolved
	asked    map[string]struct{} // keys that it asked for
	patience *Patience           // of the caller

	mu    sync.Mutex // guards what follows, and all renderJobs
	jobs  map[string]*renderJob
	quick *lane.Lane[*renderJob]
	slow  *lane.Lane[*renderJob]
	ready map[string]struct{} // clusters with a render that has finished
}

// renderFunc is a render, which reads what it is given and nothing else.
type renderFunc func(context.Context, *record.Recorder) (Render, []model.Packed, error)

// renderJob is one render, for all clusters that ask for it.
type renderJob struct {
	key      string
	view     model.View
	rec      *record.Recorder
	render   renderFunc
	owner    string // the cluster whose place for slow renders it takes
	clusters map[string]struct{}
	run      *renderRun // nil while it waits, and when it is done
	slow     bool
	turn     time.Duration // its next turn at a place for slow ones; 0 before the first
	finished bool
	awaited  bool          // the loop waits for it
	over     chan struct{} // closed when it has finished

	result Render
	blobs  []model.Packed
	err    error
}

// waitsNot says whether a job does not wait for a place. The mutex of its renders is held.
func (j *renderJob) waitsNot() bool { return j.finished || j.run != nil }

// renderRun is one try of a job.
type renderRun struct {
	cancel context.CancelFunc
	later  *time.Timer // moves it to another place, or ends its turn
}

// stop ends the run.
func (r *renderRun) stop() {
	r.cancel()
	if r.later != nil {
		r.later.Stop()
	}
}

func newRenders(ctx context.Context, moment time.Duration) *renders {
	ctx, stop := context.WithCancel(ctx)
	p := &renders{ctx: ctx, stop: stop, moment: moment, done: make(chan struct{}, 1), jobs: map[string]*renderJob{},
		ready: map[string]struct{}{}}
	p.quick, p.slow = lane.New[*renderJob](model.QuickRenders()), lane.New[*renderJob](model.SlowRenders())
	return p
}

// close stops everything that runs.
func (p *renders) close() {
	p.stop()
	p.ended.Wait()
}

// Patience is whether to wait for renders that have just begun, each for a moment: the usual one is done by then. The
// first that takes longer uses it up, for all who share it.
type Patience struct{ used bool }

func (p *Patience) left() bool { return p != nil && !p.used }

// begin says for which cluster get is called until end; "" for what concerns many.
func (p *renders) begin(cluster string, patience *Patience) {
	if p != nil {
		p.cluster, p.asked, p.patience = cluster, map[string]struct{}{}, patience
	}
}

// end stops what the cluster does not ask for any more, and nobody else does.
func (p *renders) end() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for key, j := range p.jobs {
		if _, asked := p.asked[key]; asked {
			continue
		}
		if delete(j.clusters, p.cluster); len(j.clusters) == 0 {
			p.abandon(j)
		}
	}
	p.cluster, p.asked, p.patience = "", nil, nil
	p.schedule()
}

// get gives a finished render; nil if it is not finished, and take will name the cluster when it is.
func (p *renders) get(view model.View, key string, render renderFunc) *renderJob {
	j := p.look(view, key, render)
	if !j.awaited { // the loop alone sets that
		return j.outcome(p)
	}
	timer := time.NewTimer(p.moment)
	defer timer.Stop()
	select {
	case <-j.over:
	case <-timer.C:
		p.patience.used = true
	case <-p.ctx.Done():
	}
	return j.outcome(p)
}

// outcome is the job itself, if it has finished. The loop waits for it no longer.
func (j *renderJob) outcome(p *renders) *renderJob {
	p.mu.Lock()
	defer p.mu.Unlock()
	if j.awaited = false; j.finished {
		return j
	}
	return nil
}

// look finds the job for a question, or makes one.
func (p *renders) look(view model.View, key string, render renderFunc) *renderJob {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked[key] = struct{}{}
	j := p.jobs[key]
	if j != nil && !j.serves(view) {
		p.abandon(j)
		j = nil
	}
	made := j == nil
	if made {
		j = &renderJob{key: key, view: view, rec: record.New(view), render: render, owner: p.cluster,
			clusters: map[string]struct{}{}, over: make(chan struct{})}
		p.jobs[key] = j
	}
	if j.finished {
		return j
	}
	if _, waits := j.clusters[p.cluster]; !waits {
		j.clusters[p.cluster] = struct{}{}
		if j.run == nil && !j.slow {
			p.quick.Push(p.cluster, j)
		}
		p.schedule()
	}
	j.awaited = made && j.run != nil && p.patience.left()
	return j
}

// serves says whether a render of a job is one of a view, as far as is known: what could not be read may be readable
// in another revision.
func (j *renderJob) serves(view model.View) bool {
	if revision := view.Revision().Hash; revision != "" && revision == j.view.Revision().Hash {
		return true
	}
	_, transient := errors.AsType[*model.TransientError](j.err)
	if j.finished && (transient || j.result.Transient || j.rec.Failed()) {
		return false
	}
	return record.Holds(view, j.rec.Deps())
}

// forget drops a finished job whose outcome is remembered elsewhere.
func (p *renders) forget(j *renderJob) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.abandon(j)
}

// abandon takes a job away. p.mu is held.
func (p *renders) abandon(j *renderJob) {
	if p.jobs[j.key] == j {
		delete(p.jobs, j.key)
	}
	p.leave(j)
	j.finished = true // queues skip it
}

// leave ends a job's run and frees its place. p.mu is held.
func (p *renders) leave(j *renderJob) {
	if j.run != nil {
		j.run.stop()
		j.run = nil
	}
	p.quick.Leave(j)
	p.slow.Leave(j)
}

// schedule starts what has a place. p.mu is held.
func (p *renders) schedule() {
	for p.quick.Free() {
		over := func(j *renderJob) bool { return j.waitsNot() || j.slow }
		j, found := p.quick.Next(over, p.mayQuickly)
		if !found {
			break
		}
		p.quick.Enter(j)
		p.start(j)
	}
	for p.slow.Free() {
		j, found := p.slow.Next((*renderJob).waitsNot, p.maySlowly)
		if !found {
			break
		}
		p.slow.Enter(j)
		p.start(j)
		p.limit(j)
	}
}

// mayQuickly says whether a job may take a quick place: no cluster takes all of them. p.mu is held.
func (p *renders) mayQuickly(j *renderJob) bool {
	own := 0
	for other := range p.quick.Running() {
		if other.owner == j.owner {
			own++
		}
	}
	return own < max(1, p.quick.Places()-1)
}

// maySlowly says whether a job may take a place for slow ones: its cluster has none yet. p.mu is held.
func (p *renders) maySlowly(j *renderJob) bool {
	for other := range p.slow.Running() {
		if other.owner == j.owner {
			return false
		}
	}
	return true
}

// start runs a job that has a place. p.mu is held.
func (p *renders) start(j *renderJob) {
	ctx, cancel := context.WithCancel(p.ctx)
	run := &renderRun{cancel: cancel}
	j.run, j.rec = run, record.New(j.view)
	rec := j.rec
	if !j.slow {
		run.later = time.AfterFunc(quickRender, func() { p.late(j, run) })
	}
	p.ended.Go(func() {
		defer cancel()
		result, blobs, err := j.render(ctx, rec)
		p.finish(j, run, result, blobs, err)
	})
}

// late moves a job that takes long away from the places for all.
func (p *renders) late(j *renderJob, run *renderRun) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if j.run != run {
		return
	}
	j.slow = true
	if p.quick.Leave(j); p.slow.Free() && p.maySlowly(j) {
		p.slow.Enter(j)
		p.limit(j)
	} else {
		p.leave(j)
		p.slow.Push(j.owner, j)
	}
	p.schedule()
}

// limit ends a job's turn at its place for slow ones when that is over, or as soon afterwards as another could have
// the place. p.mu is held.
func (p *renders) limit(j *renderJob) {
	j.turn = max(slowTurn, 2*j.turn)
	run := j.run
	var over func()
	over = func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		switch {
		case j.run != run:
		case !p.slow.Waits(func(other *renderJob) bool {
			return !other.waitsNot() && (other.owner == j.owner || p.maySlowly(other))
		}):
			run.later = time.AfterFunc(quickRender, over)
		default:
			p.leave(j)
			p.slow.Push(j.owner, j)
			p.schedule()
		}
	}
	run.later = time.AfterFunc(j.turn, over)
}

// finish takes in how a run ended.
func (p *renders) finish(j *renderJob, run *renderRun, result Render, blobs []model.Packed, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if j.run != run || p.ctx.Err() != nil {
		return // it was stopped
	}
	p.leave(j)
	j.finished, j.result, j.blobs, j.err = true, result, blobs, err
	close(j.over)
	p.schedule()
	if j.awaited {
		return // the loop takes it itself
	}
	for cluster := range j.clusters {
		p.ready[cluster] = struct{}{}
	}
	select {
	case p.done <- struct{}{}:
	default:
	}
}

// take gives the clusters whose renders have finished, once, sorted.
func (p *renders) take() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	names := make([]string, 0, len(p.ready))
	for name := range p.ready {
		names = append(names, name)
	}
	clear(p.ready)
	slices.Sort(names)
	return names
}
