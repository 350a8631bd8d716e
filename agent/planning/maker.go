package planning

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/blobs"
	"github.com/drover-dev/drover/agent/input"
	"github.com/drover-dev/drover/agent/mailbox"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/internal/backoff"
	"github.com/drover-dev/drover/protocol"
)

const (
	// gatherTime is how long a bundle waits for all its blobs, so that an object that moves between apps is seen to.
	gatherTime = 3 * time.Second
	// parallelBlobs is how many blobs are fetched at once.
	parallelBlobs = 8
)

// Maker makes plans. It is for any goroutine.
type Maker struct {
	Blobs   agent.Blobs
	Inputs  input.Reader
	Watched Versions
	Kinds   Kinds
	Scope   agent.Scope
	Online  *mailbox.Link // to the hub
	Log     *slog.Logger
}

// Versions knows the inputs that are watched.
type Versions interface {
	// Version is the version of an input as it was seen last, 0 if there is none, and whether it is watched.
	Version(ref protocol.VarsRef) (version uint64, watched bool)
}

// Kinds knows the kinds that the cluster serves, and those that it will.
type Kinds interface {
	Define(list []agent.Resource)
	Resolve(ctx context.Context, apiVersion, kind string) (agent.Resource, error)
}

// Want is what a plan is to be made of.
type Want struct {
	Spec       protocol.App
	Had        *plan.Plan // in force, whose blob may be the same; nil if there is none
	Spare      Spare
	Epoch      uint64
	Generation uint64
	Received   time.Time // when the bundle came; zero if that does not matter
}

// Spare is what is stored of a blob that no plan could be made of.
type Spare struct {
	Packed []byte
	Digest string
}

// Gather makes the plans of apps together, by their names, and places them. What does not come in time, or at all, is
// in missing.
func (m *Maker) Gather(ctx context.Context, wants []Want) (plans map[string]*plan.Plan, missing map[string]error) {
	ctx, cancel := context.WithTimeout(ctx, gatherTime)
	defer cancel()
	plans, missing = map[string]*plan.Plan{}, map[string]error{}
	var mu sync.Mutex // guards plans and missing
	var wg sync.WaitGroup
	slots := make(chan struct{}, parallelBlobs)
	for _, w := range wants {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			p, err := m.read(ctx, w)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				missing[w.Spec.Name] = err
				return
			}
			plans[w.Spec.Name] = p
		})
	}
	wg.Wait()
	for name, p := range plans { // when the kinds that all of them define are known
		placed, err := p.Place(ctx, m.Kinds.Resolve, m.Scope)
		if plans[name] = placed; err != nil {
			missing[name] = err
			delete(plans, name)
		}
	}
	return plans, missing
}

// Make makes the plan of one app, and places it.
func (m *Maker) Make(ctx context.Context, w Want) (*plan.Plan, error) {
	p, err := m.read(ctx, w)
	if err != nil {
		return nil, err
	}
	return p.Place(ctx, m.Kinds.Resolve, m.Scope)
}

// read gets the blob of an app, from what is stored if that is the same, and indexes it.
func (m *Maker) read(ctx context.Context, w Want) (*plan.Plan, error) {
	if w.Spec.Blob == nil {
		return nil, errors.New("the bundle has no blob for it")
	}
	var packed, lines []byte
	var err error
	switch digest := w.Spec.Blob.Digest; {
	case w.Had != nil && w.Had.Digest == digest:
		packed, _ = w.Had.Packed()
		lines, err = w.Had.Raw()
	case w.Spare.Packed != nil && w.Spare.Digest == digest:
		packed = w.Spare.Packed
		lines, err = agent.Unpack(packed, w.Spec.Blob.Size)
	default:
		packed, lines, err = blobs.Fetch(ctx, m.Blobs, *w.Spec.Blob)
	}
	if err != nil {
		return nil, err
	}
	return m.index(ctx, plan.Source{Spec: w.Spec, Epoch: w.Epoch, Generation: w.Generation, Received: w.Received,
		Packed: packed, Lines: lines})
}

// index reads the inputs and indexes the lines. The kinds that the lines define are known from here on.
func (m *Maker) index(ctx context.Context, src plan.Source) (*plan.Plan, error) {
	t, err := m.Inputs.Transform(ctx, src.Spec, src.Lines)
	if err != nil {
		return nil, err
	}
	p, err := plan.Read(ctx, src, t)
	if err != nil {
		return nil, err
	}
	for _, list := range p.Definitions() {
		m.Kinds.Define(list)
	}
	return p, nil
}

// Restore makes the plan that is stored of an app. It waits for an API server that is away.
func (m *Maker) Restore(ctx context.Context, st agent.AppState) (*plan.Plan, error) {
	if st.Spec.Blob == nil {
		return nil, errors.New("there is no blob")
	}
	lines, err := agent.Unpack(st.Packed, st.Spec.Blob.Size)
	if err != nil {
		return nil, err
	}
	if err := protocol.CheckBlob(*st.Spec.Blob, lines); err != nil {
		return nil, err
	}
	pause := backoff.Backoff{Min: time.Second, Max: 30 * time.Second}
	for {
		p, err := m.restored(ctx, st, lines)
		if agent.ReasonOf(err) != agent.ReasonUnreachable {
			return p, err
		}
		if err := pause.Wait(ctx, nil); err != nil {
			return nil, err
		}
	}
}

func (m *Maker) restored(ctx context.Context, st agent.AppState, lines []byte) (*plan.Plan, error) {
	p, err := m.index(ctx, plan.Source{Spec: st.Spec, Epoch: st.Epoch, Generation: st.Generation, Packed: st.Packed,
		Lines: lines})
	if err != nil {
		return nil, err
	}
	return p.Place(ctx, m.Kinds.Resolve, m.Scope)
}

// RestoreFormer takes up former content as it was stored. What cannot be made again as it was applied is of no use.
func (m *Maker) RestoreFormer(ctx context.Context, st agent.AppState) (out []*plan.Plan) {
	for _, last := range st.Last {
		spec := protocol.App{Name: st.Spec.Name, Namespace: last.Namespace, Handling: last.Handling,
			Blob: &protocol.Blob{Size: last.Size, Objects: last.Objects}}
		lines, err := agent.Unpack(last.Packed, last.Size)
		var p *plan.Plan
		if err == nil {
			p, err = m.restored(ctx, agent.AppState{Spec: spec, Generation: st.Generation, Packed: last.Packed}, lines)
		}
		if err != nil {
			m.Lost(st.Spec.Name, err)
			continue
		}
		out = append(out, p.Former())
	}
	return out
}

// Lost tells that former content of an app cannot be used.
func (m *Maker) Lost(app string, err error) {
	m.Log.Warn("the last applied version of some objects cannot be read; drift is healed when a newer one is accepted",
		"app", app, "err", err)
}

// Outdated says whether an input of a plan is known to have changed since the plan was made.
func (m *Maker) Outdated(p *plan.Plan) bool {
	for ref, taken := range p.Inputs() {
		if version, _ := m.Watched.Version(ref); version > taken {
			return true
		}
	}
	return false
}

// Awaits says whether err is that an input is not there, so that there is nothing to do before the watch tells that it
// is.
func (m *Maker) Awaits(err error) bool {
	var gone *input.Lacking
	if !errors.As(err, &gone) {
		return false
	}
	version, watched := m.Watched.Version(gone.Ref)
	return watched && version == 0
}

// Retry tries until a try is the last, or ctx is done: at once if nothing was wrong before, or if the hub is back;
// after a pause otherwise, which a hub that comes back ends.
func (m *Maker) Retry(ctx context.Context, before error, try func(context.Context) (last bool)) {
	pause := backoff.Backoff{Min: time.Second, Max: time.Minute}
	for first := true; ; first = false {
		wake := m.whenOnline(&pause)
		once := first && (before == nil || wake == nil && errors.Is(before, agent.ErrOffline))
		if !once && pause.Wait(ctx, wake) != nil {
			return
		}
		if try(ctx) {
			return
		}
	}
}

// whenOnline is what the next try need not wait beyond: the bus coming back.
func (m *Maker) whenOnline(pause *backoff.Backoff) <-chan struct{} {
	is, up := m.Online.Get()
	if is {
		return nil // it is there, and still there was no answer: keep the pause
	}
	pause.Reset()
	return up
}
