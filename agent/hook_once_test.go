package agent_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/agent/deliver"
	"github.com/drover-dev/drover/protocol"
	"github.com/drover-dev/drover/test/testenv"
)

// mortal dies with its n-th request: the API server has done it, and nobody hears of that, nor of anything after it. Several share what they
// count.
type mortal struct {
	agent.Objects
	agent.Store
	left int // requests until it dies; negative for never
	mu   sync.Mutex
	dead chan struct{}
	jobs *int // how many Jobs were made
}

func newMortal(left int, jobs *int) *mortal {
	return &mortal{left: left, jobs: jobs, dead: make(chan struct{})}
}

func (m *mortal) into(c *deliver.Config) {
	m.Objects, m.Store = c.Objects(agent.Access{}), c.Store
	c.Objects, c.Store = func(agent.Access) agent.Objects { return m }, m
}

// do makes a request, unless it is dead. An error of a dead one is what a killed process would not have seen.
func (m *mortal) do(ctx context.Context, f func() error) error {
	m.mu.Lock()
	if m.left == 0 {
		m.mu.Unlock()
		<-ctx.Done()
		return ctx.Err()
	}
	m.left--
	dies := m.left == 0
	err := f()
	m.mu.Unlock()
	if dies {
		close(m.dead)
		<-ctx.Done()
		return ctx.Err()
	}
	return err
}

func (m *mortal) Apply(ctx context.Context, res agent.Resource, ref protocol.ObjectRef, p agent.Patch) (live agent.Live, err error) {
	err = m.do(ctx, func() error {
		live, err = m.Objects.Apply(ctx, res, ref, p)
		if ref.Kind == "Job" && live.Created {
			*m.jobs++
		}
		return err
	})
	return live, err
}

func (m *mortal) Get(ctx context.Context, res agent.Resource, ref protocol.ObjectRef) (live agent.Live, err error) {
	err = m.do(ctx, func() error {
		live, err = m.Objects.Get(ctx, res, ref)
		return err
	})
	return live, err
}

func (m *mortal) Release(ctx context.Context, res agent.Resource, live agent.Live) error {
	return m.do(ctx, func() error { return m.Objects.Release(ctx, res, live) })
}

func (m *mortal) Retire(ctx context.Context, res agent.Resource, live agent.Live) (gone bool, err error) {
	err = m.do(ctx, func() error {
		gone, err = m.Objects.Retire(ctx, res, live)
		return err
	})
	return gone, err
}

func (m *mortal) SaveApp(ctx context.Context, a agent.AppState) error {
	return m.do(ctx, func() error { return m.Store.SaveApp(ctx, a) })
}

func (m *mortal) SaveBundle(ctx context.Context, envelope []byte, generation uint64) error {
	return m.do(ctx, func() error { return m.Store.SaveBundle(ctx, envelope, generation) })
}

// An agent that is killed after any of its requests leaves a cluster in which the next one goes on: no hook is done twice, though its Job is
// gone as soon as it has ended.
func TestHooksRunOnceWhereverTheAgentDies(t *testing.T) {
	t.Parallel()
	total := 0
	t.Run("never", func(t *testing.T) { total = -dieAfter(t, -1).left - 1 })
	t.Logf("the delivery takes %d requests", total)
	for n := 1; n <= total; n++ {
		t.Run(fmt.Sprintf("request %d", n), func(t *testing.T) {
			t.Parallel()
			dieAfter(t, n)
		})
	}
}

// dieAfter delivers an app with hooks by an agent that dies after so many requests, and by the next one, and gives the
// first.
func dieAfter(t *testing.T, requests int) *mortal {
	cp, ns, hub := stage(t)
	jobs := 0
	first := newMortal(requests, &jobs)
	running := agenttest.Start(t, cp, ns, hub, first.into)
	app := hub.App(t, "shop", brief(hookJob(ns, "migrate", "PreSync", works)), configMap(ns, "settings", "1"),
		inWave(1, configMap(ns, "later", "1")), brief(hookJob(ns, "warm", "PostSync", works, "argocd.argoproj.io/hook-delete-policy: HookSucceeded")))
	b := hub.Bundle(app)
	hub.Publish(t, b)
	healthy := make(chan struct{})
	go func() {
		defer close(healthy)
		hub.Healthy(t, b)
	}()
	select {
	case <-first.dead:
		running.Stop(t)
		for _, name := range []string{"migrate", "warm"} { // what runs ends, and is gone if nothing holds it
			if err := cp.Kube().Wait(t.Context(), jobRef(ns, name), "ended", func(o testenv.Object) bool {
				return o == nil || o.Text("metadata", "deletionTimestamp") != ""
			}); err != nil {
				t.Error(err)
			}
		}
		agenttest.Start(t, cp, ns, hub, newMortal(-1, &jobs).into)
		<-healthy
	case <-healthy:
	}
	gone(t, cp, jobRef(ns, "migrate"))
	gone(t, cp, jobRef(ns, "warm"))
	if jobs != 2 {
		t.Errorf("%d Jobs were made for two hooks", jobs)
	}
	running.Stop(t)
	return first
}
