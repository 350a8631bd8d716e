package bench

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/drover-dev/drover/test/testenv"
)

// workers is how many applies the bare loop has under way at once, as many as the agent.
const workers = 16

// arrival is the measuring of many objects that come to a cluster at once.
type arrival struct {
	bench *bench
	apps  int
	whole bool // all apps are folders of one app

	ours, limit, commit []time.Duration // from the bundle; bare; from the ref
	agentTime           time.Duration
}

// fresh measures how long a cluster's first objects take.
func (b *bench) fresh(ctx context.Context) ([]Line, error) {
	a := &arrival{bench: b, apps: 50}
	if b.opts.Quick {
		a.apps = 8
	}
	rounds := b.rounds(7, 1)
	if err := a.rounds(ctx, "B6", rounds, nil); err != nil {
		return nil, err
	}
	n := a.apps * appSize
	line := Line{Name: "B6", What: fmt.Sprintf("%d objects in %d apps to 1 fresh cluster, from the bundle being published to the last object; limit: bare server-side applies, %d workers",
		n, a.apps, workers), Unit: "ms", Aim: Aim{Most: 2000, Ratio: 1.5}, Ours: millis(a.ours), Limit: millis(a.limit), Notes: []string{
		fmt.Sprintf("from moving the ref, rendering all %d apps included: %s", a.apps, figure(millis(a.commit).Median, "ms")),
		fmt.Sprintf("processor time of the agent: %s a round", figure(float64(a.agentTime.Milliseconds())/float64(rounds), "ms")),
	}}
	return []Line{line.judge()}, nil
}

// rounds takes rounds. Each has a control plane of its own, on which Drover and the bare loop take turns at going first; then comes what
// then does, if it is not nil.
func (a *arrival) rounds(ctx context.Context, name string, rounds int, then func(context.Context, *fleet, *cluster) error) error {
	t := newTree()
	for i := range rounds {
		t.cluster(freshCluster(i)) // without an app: agents connect and wait
	}
	f, err := a.bench.newFleet(ctx, name, t, patience)
	if err != nil {
		return err
	}
	defer f.close()
	for i := range rounds {
		keep := len(f.closers)
		c, err := a.round(ctx, f, i)
		if err == nil && then != nil {
			err = then(ctx, f, c)
		}
		if err != nil {
			return err
		}
		for len(f.closers) > keep { // the round's control plane and agent
			f.closers[len(f.closers)-1]()
			f.closers = f.closers[:len(f.closers)-1]
		}
		a.bench.said.now(name, "round %d of %d: %s, bare %s", i+1, rounds, a.ours[i].Round(time.Millisecond), a.limit[i].Round(time.Millisecond))
	}
	return nil
}

func freshCluster(i int) string { return fmt.Sprintf("fresh-%d", i) }

// tree has the apps, each a folder of its own, in namespaces that begin with prefix.
func (a *arrival) tree(cluster, prefix string) tree {
	t := tree{}
	var dirs []string
	for i := range a.apps {
		dir := fmt.Sprintf("apps/%s/app-%02d", cluster, i)
		t.overlay(dir, fmt.Sprintf("%s-%02d", prefix, i), "v1", 1+i%3)
		dirs = append(dirs, dir)
	}
	if a.whole {
		all := "apps/" + cluster
		t[all+"/kustomization.yaml"] = "resources: [" + strings.ReplaceAll(strings.Join(dirs, ", "), all+"/", "") + "]\n"
		dirs = []string{all}
	}
	t.cluster(cluster, dirs...)
	return t
}

func (a *arrival) round(ctx context.Context, f *fleet, i int) (*cluster, error) {
	name := freshCluster(i)
	c, err := f.raise(ctx, name)
	if err == nil {
		err = f.settled(ctx, c, 0, false)
	}
	if err != nil {
		return nil, err
	}
	return c, a.arrive(ctx, f, c, i)
}

// arrive has the objects come to a cluster, Drover's and the bare ones.
func (a *arrival) arrive(ctx context.Context, f *fleet, c *cluster, i int) error {
	objects, err := a.objects(c.name)
	if err != nil {
		return err
	}
	watching, stop := context.WithCancel(ctx)
	defer stop()
	count, err := newCounter(watching, c.client)
	if err != nil {
		return err
	}
	if err := bareLoop(ctx, c.client, objects["warm"]); err != nil { // an API server's first applies of a kind are slow
		return err
	}
	steps := []func() error{
		func() error { return a.drover(ctx, f, c, count) },
		func() error { return a.bare(ctx, c, count, objects["bare"]) },
	}
	for k := range steps {
		if err := pause(ctx, 2*time.Second); err != nil {
			return err
		}
		if err := steps[(i+k)%2](); err != nil {
			return err
		}
	}
	return nil
}

// objects builds what is applied bare: the same as Drover's, in other namespaces, and one app to warm up with.
func (a *arrival) objects(cluster string) (map[string][]object, error) {
	out := map[string][]object{}
	for prefix, apps := range map[string]int{"bare": a.apps, "warm": 1} {
		t := newTree()
		for name, text := range a.tree(cluster, prefix) {
			t[name] = text
		}
		files, err := t.files()
		if err != nil {
			return nil, err
		}
		for i := range apps {
			app := fmt.Sprintf("app-%02d", i)
			built, err := build(files, "apps/"+cluster+"/"+app)
			if err != nil {
				return nil, err
			}
			for _, o := range built {
				if o, err = labelled(o, app); err != nil {
					return nil, err
				}
				out[prefix] = append(out[prefix], o)
			}
		}
	}
	return out, nil
}

func (a *arrival) drover(ctx context.Context, f *fleet, c *cluster, count *counter) error {
	commit, err := f.repo.prepare("apps for "+c.name, a.tree(c.name, "ours"))
	if err != nil {
		return err
	}
	before, err := c.agent.cpu()
	if err != nil {
		return err
	}
	c.beside.forget()
	start := time.Now()
	if err := f.repo.move(commit); err != nil {
		return err
	}
	end, err := count.await(ctx, "ours", a.apps*appSize)
	if err != nil {
		return fmt.Errorf("%w; the agent's log ends with:\n%s", err, c.agent.tail())
	}
	d, err := c.beside.next(ctx)
	if err != nil {
		return err
	}
	a.ours, a.commit = append(a.ours, end.Sub(d.at)), append(a.commit, end.Sub(start))
	after, err := c.agent.cpu()
	a.agentTime += after - before
	return err
}

func (a *arrival) bare(ctx context.Context, c *cluster, count *counter, objects []object) error {
	start := time.Now()
	if err := bareLoop(ctx, c.client, objects); err != nil {
		return err
	}
	end, err := count.await(ctx, "bare", len(objects))
	a.limit = append(a.limit, end.Sub(start))
	return err
}

// bareLoop applies objects with as many workers as the agent has: namespaces, then all that is in them.
func bareLoop(ctx context.Context, c *client, objects []object) error {
	for _, namespaces := range []bool{true, false} {
		queue := make(chan object, len(objects))
		for _, o := range objects {
			if (o.ref.Kind == "Namespace") == namespaces {
				queue <- o
			}
		}
		close(queue)
		errs := make(chan error, workers)
		for range workers {
			go func() {
				var err error
				for o := range queue {
					if err = c.apply(ctx, o); err != nil {
						break
					}
				}
				errs <- err
			}()
		}
		for range workers {
			if err := <-errs; err != nil {
				return err
			}
		}
	}
	return nil
}

// counter counts objects as they appear, by the prefix of their namespace.
type counter struct {
	mu    sync.Mutex // guards what follows
	there map[string]map[string]bool
	last  map[string]time.Time
	moved chan struct{}
}

// newCounter watches all kinds that there are.
func newCounter(ctx context.Context, c *client) (*counter, error) {
	n := &counter{there: map[string]map[string]bool{}, last: map[string]time.Time{}, moved: make(chan struct{})}
	for kind := range plurals {
		at := strings.LastIndexByte(kind, '/')
		events, err := c.watchMetadata(ctx, testenv.Ref{APIVersion: kind[:at], Kind: kind[at+1:]})
		if err != nil {
			return nil, err
		}
		go func() {
			for s := range events {
				n.note(kind, s)
			}
		}()
	}
	return n, nil
}

func (n *counter) note(kind string, s sighting) {
	name, ns := s.object.Text("metadata", "name"), s.object.Text("metadata", "namespace")
	if ns == "" {
		ns = name
	}
	prefix, _, _ := strings.Cut(ns, "-")
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.there[prefix] == nil {
		n.there[prefix] = map[string]bool{}
	}
	id := kind + " " + ns + "/" + name
	if n.there[prefix][id] || s.deleted {
		return
	}
	n.there[prefix][id], n.last[prefix] = true, s.at
	close(n.moved)
	n.moved = make(chan struct{})
}

// await waits until so many objects are there, and says when the last of them came.
func (n *counter) await(ctx context.Context, prefix string, objects int) (time.Time, error) {
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for {
		n.mu.Lock()
		have, last, moved := len(n.there[prefix]), n.last[prefix], n.moved
		n.mu.Unlock()
		if have >= objects {
			return last, nil
		}
		select {
		case <-moved:
		case <-limit.C:
			return last, fmt.Errorf("%d of %d objects after %s", have, objects, patience)
		case <-ctx.Done():
			return last, context.Cause(ctx)
		}
	}
}
