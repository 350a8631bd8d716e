package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/drover-dev/drover/test/testenv"
)

// change is the measuring of commits that change one object of a large app.
type change struct {
	*arrival
	one, bare []time.Duration
	writes    []float64
	tags      int
}

// large measures an app of 500 objects of all kinds: its arrival, and commits that change one of them.
func (b *bench) large(ctx context.Context) ([]Line, error) {
	c := &change{arrival: &arrival{bench: b, apps: 46, whole: true}}
	if b.opts.Quick {
		c.apps = 4
	}
	if err := c.rounds(ctx, "B7", b.rounds(7, 1), c.commits); err != nil {
		return nil, err
	}
	n := c.apps * appSize
	fresh := Line{Name: "B7-fresh", What: fmt.Sprintf("%d objects in 1 app to 1 fresh cluster, from the bundle being published to the last object; limit: bare server-side applies, %d workers", n, workers),
		Unit: "ms", Aim: Aim{Most: 2000, Ratio: 1.11}, Ours: millis(c.ours), Limit: millis(c.limit), Notes: []string{
			fmt.Sprintf("from moving the ref, rendering included: %s", figure(millis(c.commit).Median, "ms"))}}
	one := Line{Name: "B7-one", What: fmt.Sprintf("1 object of the %d changes in Git, from the bundle being published until a watch shows it; limit: one bare server-side apply until the same", n),
		Unit: "ms", Aim: Aim{Most: 80}, Ours: millis(c.one), Limit: millis(c.bare)}
	writes := Line{Name: "B7-one writes", What: "writes to objects that this takes beyond the one, as the API server counts them, the agent's own state aside", Aim: Aim{}, Ours: seriesOf(c.writes...)}
	return []Line{fresh.judge(), one.judge(), writes.judge()}, nil
}

// commits changes one object again and again, and beside it a bare one.
func (c *change) commits(ctx context.Context, f *fleet, at *cluster) error {
	seen, err := at.client.watch(ctx, testenv.Ref{APIVersion: "apps/v1", Kind: "Deployment"})
	if err != nil {
		return err
	}
	for range c.bench.rounds(5, 2) {
		c.tags++
		tag := fmt.Sprintf("v%d", 100+c.tags)
		if err := errors.Join(c.commitOne(ctx, f, at, seen, tag), c.applyOne(ctx, at, seen, tag)); err != nil {
			return err
		}
	}
	return nil
}

// isAt says whether an object is the Deployment web of a namespace with an image of this tag.
func isAt(namespace, tag string) func(testenv.Object) bool {
	return func(o testenv.Object) bool {
		return o.Text("metadata", "name") == "web" && o.Text("metadata", "namespace") == namespace && image(o) == "shop/web:"+tag
	}
}

func (c *change) commitOne(ctx context.Context, f *fleet, at *cluster, seen <-chan sighting, tag string) error {
	t := tree{}
	t.overlay("apps/"+at.name+"/app-01", "ours-01", tag, 2)
	commit, err := f.repo.prepare("shop "+tag, t)
	if err != nil {
		return err
	}
	at.beside.forget()
	if err := pause(ctx, rest); err != nil {
		return err
	}
	before, err := at.writes(ctx)
	if err != nil {
		return err
	}
	if err := f.repo.move(commit); err != nil {
		return err
	}
	s, err := await(ctx, seen, "the change of one object", isAt("ours-01", tag))
	if err != nil {
		return fmt.Errorf("%w; the agent's log ends with:\n%s", err, at.agent.tail())
	}
	d, err := at.beside.next(ctx)
	if err != nil {
		return err
	}
	if err := pause(ctx, rest); err != nil { // what is written too much may come late
		return err
	}
	after, err := at.writes(ctx)
	c.one, c.writes = append(c.one, s.at.Sub(d.at)), append(c.writes, float64(after-before-1))
	return err
}

// writes counts the writes to objects so far.
func (c *cluster) writes(ctx context.Context) (int, error) {
	requests, err := c.plane.Kube().Metrics(ctx)
	return requests.Total(testenv.Write, func(r testenv.Request) bool {
		return r.Resource != "secrets" && r.Resource != "leases" && r.Resource != "events"
	}), err
}

func (c *change) applyOne(ctx context.Context, at *cluster, seen <-chan sighting, tag string) error {
	t := newTree()
	t.overlay("apps/bare", "bare-01", tag, 2)
	files, err := t.files()
	if err != nil {
		return err
	}
	built, err := build(files, "apps/bare")
	if err != nil {
		return err
	}
	for _, o := range built {
		if o.ref != deployment("bare-01") {
			continue
		}
		if err := pause(ctx, rest); err != nil {
			return err
		}
		start := time.Now()
		if err := at.client.apply(ctx, o); err != nil {
			return err
		}
		s, err := await(ctx, seen, "a bare change", isAt("bare-01", tag))
		c.bare = append(c.bare, s.at.Sub(start))
		return err
	}
	return errors.New("the base has no Deployment web")
}
