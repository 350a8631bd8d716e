package bench

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/drover-dev/drover/test/testenv"
)

// target is a field that is edited: of which object, and how it is when it is as in Git and when it is not.
type target struct {
	ref    testenv.Ref
	patch  string // strays
	strays func(testenv.Object) bool
	right  func(testenv.Object) bool
}

// replicasOf is the number of pods that a Deployment asks for.
func replicasOf(namespace, name string, right int) target {
	is := func(n int) func(testenv.Object) bool {
		return func(o testenv.Object) bool { return o.Number("spec", "replicas") == n }
	}
	return target{testenv.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: namespace, Name: name}, `{"spec":{"replicas":9}}`, is(9), is(right)}
}

// levelOf is a value of a ConfigMap.
func levelOf(namespace, name string) target {
	is := func(level string) func(testenv.Object) bool {
		return func(o testenv.Object) bool { return o.Text("data", "LOG_LEVEL") == level }
	}
	return target{testenv.Ref{APIVersion: "v1", Kind: "ConfigMap", Namespace: namespace, Name: name}, `{"data":{"LOG_LEVEL":"edited"}}`, is("edited"), is("info")}
}

// healing is the measuring of edits in one cluster.
type healing struct {
	*fleet
	cluster *cluster
	seen    map[string]<-chan sighting // by kind
	bare    target
	body    object // what takes the bare target's edit back

	ours, limit, told, watch, apply []time.Duration
}

// drift measures the time from a live edit to its correction: of one object again and again, and of many.
func (b *bench) drift(ctx context.Context) ([]Line, error) {
	apps := 20
	if b.opts.Quick {
		apps = 2
	}
	t := newTree()
	var dirs []string
	var many []target
	for i := range apps {
		dir, ns := fmt.Sprintf("apps/shop/overlays/app-%02d", i), fmt.Sprintf("shop-%02d", i)
		t.overlay(dir, ns, "v1", 2)
		dirs = append(dirs, dir)
		many = append(many, replicasOf(ns, "web", 2), levelOf(ns, "web"), replicasOf(ns, "worker", 1), levelOf(ns, "worker"))
	}
	t.cluster(measured, dirs...)
	f, err := b.newFleet(ctx, "B8", t, patience)
	if err != nil {
		return nil, err
	}
	defer f.close()
	h := &healing{fleet: f}
	if err := h.prepare(ctx, apps*appSize); err != nil {
		return nil, err
	}
	edits := b.rounds(200, 8)
	one, err := h.series(ctx, "B8-one", edits, many[:1])
	if err != nil {
		return nil, err
	}
	spread, err := h.series(ctx, "B8-many", edits, many)
	if err != nil {
		return nil, err
	}
	one.What = fmt.Sprintf("live edit → healed, %d edits of one Deployment's field; limit: watch event of an edit of an object of nobody's + one apply until its watch event", edits)
	spread.What = fmt.Sprintf("the same over %d objects, Deployments and ConfigMaps in turn", len(many))
	return []Line{one, spread}, nil
}

// prepare raises the cluster, and applies a Deployment that is nobody's beside Drover's.
func (h *healing) prepare(ctx context.Context, objects int) (err error) {
	if h.cluster, err = h.raise(ctx, measured); err != nil {
		return err
	}
	if err := h.settled(ctx, h.cluster, objects, false); err != nil {
		return err
	}
	h.seen = map[string]<-chan sighting{}
	for kind, api := range map[string]string{"Deployment": "apps/v1", "ConfigMap": "v1"} {
		if h.seen[kind], err = h.cluster.client.watch(ctx, testenv.Ref{APIVersion: api, Kind: kind}); err != nil {
			return err
		}
	}
	t := newTree()
	t.overlay("apps/bare", "bare", "v1", 2)
	files, err := t.files()
	if err != nil {
		return err
	}
	built, err := build(files, "apps/bare")
	if err != nil {
		return err
	}
	h.bare = replicasOf("bare", "web", 2)
	for _, o := range built {
		if o.ref == h.bare.ref {
			h.body = o
		}
		if o.ref.Kind == "Namespace" || o.ref == h.bare.ref {
			if err := h.cluster.client.apply(ctx, o); err != nil {
				return err
			}
		}
	}
	return nil
}

// series edits targets in turn, and takes the limit after each.
func (h *healing) series(ctx context.Context, name string, edits int, targets []target) (Line, error) {
	h.ours, h.limit, h.told, h.watch, h.apply = nil, nil, nil, nil, nil
	const warm = 3
	for i := range warm + edits {
		err := errors.Join(h.edit(ctx, targets[i%len(targets)]), h.atBest(ctx))
		if err != nil {
			return Line{}, fmt.Errorf("edit %d: %w; the agent's log ends with:\n%s", i+1, err, h.cluster.agent.tail())
		}
		h.bench.said.then(name, "edit %d of %d: %s, limit %s", i+1, warm+edits, h.ours[i].Round(100*time.Microsecond), h.limit[i].Round(100*time.Microsecond))
	}
	told, watch, apply := millis(h.told[warm:]), millis(h.watch[warm:]), millis(h.apply[warm:])
	return Line{Name: name, Unit: "ms", Aim: Aim{P99: true, Most: 50, Ratio: 5}, Ours: millis(h.ours[warm:]), Limit: millis(h.limit[warm:]), Notes: []string{
		fmt.Sprintf("parts, median and p99: the edit's own watch event %s, %s; limit: watch event %s, %s, apply %s, %s",
			figure(told.Median, "ms"), figure(told.P99, "ms"), figure(watch.Median, "ms"), figure(watch.P99, "ms"), figure(apply.Median, "ms"), figure(apply.P99, "ms")),
	}}.judge(), nil
}

// between is the pause before each edit, so that the agent has told of the last one.
const between = 60 * time.Millisecond

// edit makes one edit and waits until it is healed. The clock starts when the edit is answered, which is after it was
// committed: whoever watches may know of it before.
func (h *healing) edit(ctx context.Context, t target) error {
	edited, start, err := h.stray(ctx, t)
	if err != nil {
		return err
	}
	healed, err := h.await(ctx, t, "to be healed", t.right)
	if err != nil {
		return err
	}
	h.told = append(h.told, max(0, edited.at.Sub(start)))
	h.ours = append(h.ours, max(0, healed.at.Sub(start)))
	return nil
}

// atBest does what healing must: hear of an edit, and apply.
func (h *healing) atBest(ctx context.Context) error {
	edited, start, err := h.stray(ctx, h.bare)
	if err != nil {
		return err
	}
	begin := time.Now()
	if err := h.cluster.client.apply(ctx, h.body); err != nil {
		return err
	}
	applied, err := h.await(ctx, h.bare, "to be applied again", h.bare.right)
	if err != nil {
		return err
	}
	watch, apply := max(0, edited.at.Sub(start)), applied.at.Sub(begin)
	h.watch, h.apply, h.limit = append(h.watch, watch), append(h.apply, apply), append(h.limit, watch+apply)
	return nil
}

// stray edits a target, and gives the watch event of the edit and the time at which it was answered.
func (h *healing) stray(ctx context.Context, t target) (edited sighting, answered time.Time, err error) {
	if err := pause(ctx, between); err != nil {
		return edited, answered, err
	}
	if err := h.cluster.client.edit(ctx, t.ref, "bench-editor", t.patch); err != nil {
		return edited, answered, err
	}
	answered = time.Now()
	edited, err = h.await(ctx, t, "to be edited", t.strays)
	return edited, answered, err
}

func (h *healing) await(ctx context.Context, t target, what string, wanted func(testenv.Object) bool) (sighting, error) {
	return await(ctx, h.seen[t.ref.Kind], strings.Join([]string{t.ref.String(), what}, " "), func(o testenv.Object) bool {
		return o.Text("metadata", "name") == t.ref.Name && o.Text("metadata", "namespace") == t.ref.Namespace && wanted(o)
	})
}
