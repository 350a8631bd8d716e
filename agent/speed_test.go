package agent_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/protocol"
	"github.com/drover-dev/drover/test/testenv"
)

// Fifty apps of eleven objects, against what the API server can do at all: the same objects sent by a bare loop.
func TestFiftyApps(t *testing.T) {
	t.Parallel()
	cp := testenv.ControlPlaneT(t)
	const apps, size = 50, 11
	objects := func(ns string, app int) (out []string) {
		for i := range size {
			if i == 0 {
				out = append(out, deployment(ns, fmt.Sprintf("app-%d", app), 1))
				continue
			}
			out = append(out, configMap(ns, fmt.Sprintf("app-%d-%d", app, i), "1"))
		}
		return out
	}
	bareNS, ns, home := testenv.NamespaceT(t, cp), testenv.NamespaceT(t, cp), testenv.NamespaceT(t, cp)
	var all []string
	for app := range apps {
		all = append(all, objects(bareNS, app)...)
	}
	bareLoop(t, cp, all[:20]) // connections and caches
	start := time.Now()
	bareLoop(t, cp, all)
	bare := time.Since(start)

	hub := agenttest.NewHub(t, "east-1")
	agenttest.Start(t, cp, home, hub)
	hub.Apply(t, hub.App(t, "warm", configMap(home, "warm", "1")))
	var list []protocol.App
	for app := range apps {
		list = append(list, hub.App(t, fmt.Sprintf("app-%d", app), objects(ns, app)...))
	}
	b := hub.Bundle(list...)
	start = time.Now()
	hub.Publish(t, b)
	for n := range apps {
		hub.Nth(t, protocol.EventApplied, n+1)
	}
	took := time.Since(start)
	t.Logf("%d objects in %d apps: %s; bare loop %s; %.2f times", apps*size, apps, took.Round(time.Millisecond), bare.Round(time.Millisecond), float64(took)/float64(bare))
	if took > 4*bare {
		t.Errorf("the agent takes %.1f times as long as a bare loop", float64(took)/float64(bare))
	}
}

// bareLoop applies objects with as many workers as an agent has.
func bareLoop(t *testing.T, cp *testenv.ControlPlane, objects []string) {
	t.Helper()
	client := agenttest.Client(t, cp)
	work := make(chan string)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for text := range work {
				list, err := testenv.Objects(text)
				if err != nil {
					t.Error(err)
					return
				}
				ref := list[0].Ref()
				res, err := client.Resolve(t.Context(), ref.APIVersion, ref.Kind)
				if err == nil {
					_, err = client.Apply(t.Context(), res, protocol.ObjectRef{Kind: ref.Kind, Namespace: ref.Namespace, Name: ref.Name}, agent.Patch{App: "bare", Line: []byte(list[0].String())})
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	for _, o := range objects {
		work <- o
	}
	close(work)
	wg.Wait()
}
