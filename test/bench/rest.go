package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/drover-dev/drover/test/testenv"
)

// restTime is how long agents are left alone, and how long before that they may still settle.
const (
	restTime   = 2 * time.Minute
	settleTime = 20 * time.Second
)

// resting is an agent that has nothing to do.
type resting struct {
	name    string
	objects int
	apps    int
	cluster *cluster
	agent   *process

	mib, anonymous []float64
	cpu            time.Duration
	requests       testenv.Requests
}

// newResting adds a cluster with so many objects: apps, and single ConfigMaps for what is left over.
func newResting(t tree, objects int) *resting {
	r := &resting{name: fmt.Sprintf("rest-%d", objects), objects: objects, apps: objects / appSize}
	var dirs []string
	for i := range r.apps {
		dir := fmt.Sprintf("apps/%s/app-%02d", r.name, i)
		t.overlay(dir, fmt.Sprintf("shop-%02d", i), "v1", 1)
		dirs = append(dirs, dir)
	}
	t.cluster(r.name, dirs...)
	for i := range objects % appSize {
		t[fmt.Sprintf("clusters/%s/note-%d.yaml", r.name, i)] = fmt.Sprintf(
			"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: note-%d, namespace: default}\ndata: {text: a note}\n", i)
	}
	return r
}

// rest measures agents that have nothing to do, beside one that waits to lead and holds nothing. All of them rest during
// the same time. These clusters have controllers, because health has to settle first.
func (b *bench) rest(ctx context.Context) ([]Line, error) {
	sizes, left := []int{51, 1000}, restTime
	if b.opts.Quick {
		sizes, left = []int{51}, quickRest
	}
	t := newTree()
	var all []*resting
	for _, n := range sizes {
		all = append(all, newResting(t, n))
	}
	f, err := b.newFleet(ctx, "B11", t, 2*patience)
	if err != nil {
		return nil, err
	}
	defer f.close()
	for _, r := range all {
		b.said.now("B11", "%d objects come to their cluster", r.objects)
		if r.cluster, err = f.raise(ctx, r.name, testenv.WithControllers(), testenv.WithNodes(2), testenv.WithAudit()); err != nil {
			return nil, err
		}
		r.agent = r.cluster.agent
		if err := f.settled(ctx, r.cluster, r.objects, true); err != nil {
			return nil, err
		}
	}
	idle := &resting{cluster: all[0].cluster} // waits to lead
	if idle.agent, err = f.startAgent(idle.cluster, "waiting"); err != nil {
		return nil, err
	}
	if err := b.leaveAlone(ctx, left, append(all, idle)); err != nil {
		return nil, err
	}
	var lines []Line
	for _, r := range all {
		lines = append(lines, r.lines(idle, left)...)
	}
	return lines, nil
}

// quickRest is how long agents are left alone in a quick run.
const quickRest = 4 * time.Second

// leaveAlone looks at processes before, during and after a time in which nothing is asked of them.
func (b *bench) leaveAlone(ctx context.Context, rest time.Duration, all []*resting) error {
	settle := settleTime
	if b.opts.Quick {
		settle = time.Second
	}
	if err := pause(ctx, settle); err != nil {
		return err
	}
	for _, r := range all {
		if err := r.look(-1); err != nil {
			return err
		}
	}
	for begin := time.Now(); time.Since(begin) < rest; {
		b.said.then("B11", "agents are left alone, %.0f of %.0f s", time.Since(begin).Seconds(), rest.Seconds())
		if err := pause(ctx, min(10*time.Second, rest-time.Since(begin))); err != nil {
			return err
		}
		for _, r := range all {
			mib, anonymous, err := r.agent.memory()
			if err != nil {
				return err
			}
			r.mib, r.anonymous = append(r.mib, mib), append(r.anonymous, anonymous)
		}
	}
	for _, r := range all {
		if err := r.look(1); err != nil {
			return err
		}
	}
	return nil
}

// look counts what the agent has used and asked for so far, backwards before the rest.
func (r *resting) look(sign int) error {
	cpu, err := r.agent.cpu()
	if err != nil {
		return err
	}
	users, err := r.cluster.plane.Requests()
	if err != nil {
		return err
	}
	r.cpu += time.Duration(sign) * cpu
	if sign < 0 {
		r.requests = users[r.cluster.user]
	} else {
		r.requests = users[r.cluster.user].Since(r.requests)
	}
	return nil
}

func (r *resting) lines(idle *resting, rest time.Duration) []Line {
	name := fmt.Sprintf("B11-%d ", r.objects)
	mcpu := func(r *resting) Series { return seriesOf(float64(r.cpu.Milliseconds()) / rest.Seconds()) }
	asked := "none"
	if r.requests.Total() > 0 {
		asked = "\n" + r.requests.String()
	}
	what := fmt.Sprintf("agent at rest with %d objects, %.0f s", r.objects, rest.Seconds())
	return []Line{
		Line{Name: name + "memory", What: what + ", resident memory; limit: an agent that waits to lead", Unit: "MiB", Aim: Aim{Most: 24},
			Ours: seriesOf(r.mib...), Limit: seriesOf(idle.mib...), Notes: []string{fmt.Sprintf("without the pages of its file: %s, waiting %s",
				figure(seriesOf(r.anonymous...).Median, "MiB"), figure(seriesOf(idle.anonymous...).Median, "MiB"))}}.judge(),
		Line{Name: name + "processor", What: what + ", processor; limit: as above", Unit: "mCPU", Aim: Aim{Most: 1}, Ours: mcpu(r), Limit: mcpu(idle)}.judge(),
		Line{Name: name + "requests", What: what + ", requests to the API server by its audit log", Aim: Aim{Most: 0},
			Ours: seriesOf(float64(r.requests.Total())), Notes: []string{"asked for: " + asked}}.judge(),
	}
}
