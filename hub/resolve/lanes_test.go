package resolve

import (
	"context"
	"fmt"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/drover-dev/drover/hub/lane"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/record"
)

// treeView is a view without revisions.
type treeView struct{ fstest.MapFS }

func (treeView) Revision() model.Revision { return model.Revision{Hash: "one"} }

func (v treeView) Lookup(path string) (model.Entry, error) { return model.Entry{Path: path}, nil }

// endless renders until it is stopped.
func endless(ctx context.Context, _ *record.Recorder) (Render, []model.Packed, error) {
	<-ctx.Done()
	return Render{}, nil, ctx.Err()
}

// taking renders for a while.
func taking(d time.Duration) renderFunc {
	return func(ctx context.Context, _ *record.Recorder) (Render, []model.Packed, error) {
		select {
		case <-time.After(d):
			return Render{}, nil, nil
		case <-ctx.Done():
			return Render{}, nil, ctx.Err()
		}
	}
}

// ask has a cluster ask for renders, and says how many have finished.
func (p *renders) ask(cluster string, keys []string, render renderFunc) (finished int) {
	p.begin(cluster, nil)
	for _, key := range keys {
		if p.get(treeView{}, key, render) != nil {
			finished++
		}
	}
	p.end()
	return finished
}

func count(l *lane.Lane[*renderJob]) (n int) {
	for range l.Running() {
		n++
	}
	return n
}

func keysOf(cluster string, n int) (out []string) {
	for i := range n {
		out = append(out, fmt.Sprint(cluster, "-", i))
	}
	return out
}

// However many endless renders a cluster has, they leave the places for quick ones within a second, and one place for
// slow ones at most is taken by them.
func TestEndlessRendersOfOneClusterTakeOnePlace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newRenders(t.Context(), loopPatience)
		defer p.close()
		p.ask("a", keysOf("a", 50), endless)
		p.ask("b", []string{"b-quick"}, taking(100*time.Millisecond))
		p.ask("c", []string{"c-slow"}, taking(10*time.Second))
		time.Sleep(2*quickRender + time.Second/2) // those of a that run, one after them where there is one place only
		if p.ask("b", []string{"b-quick"}, nil) != 1 {
			t.Error("the quick render of b has not finished")
		}
		time.Sleep(12 * time.Second)
		if p.ask("c", []string{"c-slow"}, nil) != 1 {
			t.Error("the slow render of c has not finished")
		}
		time.Sleep(time.Duration(50/model.QuickRenders()+1) * quickRender)
		synctest.Wait()
		p.mu.Lock()
		quick, slow := count(p.quick), count(p.slow)
		p.mu.Unlock()
		if quick != 0 || slow != 1 {
			t.Errorf("a has %d places for quick and %d for slow renders, want 0 and 1", quick, slow)
		}
		p.ask("a", nil, nil) // its apps are gone
		synctest.Wait()
		if n := len(p.jobs) - 2; n != 0 {
			t.Errorf("%d jobs that nobody wants any more are left", n)
		}
	})
}

// What ends is not kept waiting by what does not: neither by endless renders of its own cluster, nor by those of as
// many others as there are places. What is stopped for it begins again with more time, so that it ends as well if it
// can.
func TestSlowRendersTakeTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newRenders(t.Context(), loopPatience)
		defer p.close()
		for i := range model.SlowRenders() {
			p.ask(fmt.Sprint("full-", i), []string{fmt.Sprint("endless-", i)}, endless)
		}
		time.Sleep(3 * quickRender)
		p.begin("full-0", nil)
		p.get(treeView{}, "endless-0", endless)
		p.get(treeView{}, "own", taking(3*time.Second))
		p.get(treeView{}, "long", taking(3*slowTurn))
		p.end()
		p.ask("other", []string{"others"}, taking(3*time.Second))
		time.Sleep(3 * slowTurn)
		finished := func(cluster, key string) bool {
			p.begin(cluster, nil)
			return p.get(treeView{}, key, nil) != nil
		}
		if !finished("full-0", "own") || !finished("other", "others") {
			t.Error("two renders of three seconds have not finished after three turns of those that do not end")
		}
		time.Sleep(20 * slowTurn)
		if !finished("full-0", "long") {
			t.Error("a render of three turns never gets them in one piece")
		}
		synctest.Wait()
		p.mu.Lock()
		defer p.mu.Unlock()
		if quick, slow := count(p.quick), count(p.slow); quick != 0 || slow != model.SlowRenders() {
			t.Errorf("%d quick and %d slow renders go on, want only those that do not end", quick, slow)
		}
	})
}

// A render for several clusters is done once, in the turn of whichever comes first, and all are told.
func TestASharedRenderRunsOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newRenders(t.Context(), loopPatience)
		defer p.close()
		p.ask("a", append(keysOf("a", 20), "shared"), endless)
		runs := 0
		shared := func(context.Context, *record.Recorder) (Render, []model.Packed, error) {
			runs++
			return Render{}, nil, nil
		}
		p.begin("a", nil)
		for _, key := range append(keysOf("a", 20), "other") {
			p.get(treeView{}, key, shared)
		}
		p.end()
		p.ask("b", []string{"other"}, shared)
		time.Sleep(3 * quickRender)
		synctest.Wait()
		if runs != 1 {
			t.Errorf("it ran %d times", runs)
		}
		if names := p.take(); len(names) != 2 || names[0] != "a" || names[1] != "b" {
			t.Errorf("%q are told", names)
		}
	})
}
