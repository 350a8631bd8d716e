package agent_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/protocol"
	"github.com/drover-dev/drover/test/testenv"
)

// edit is something that people and controllers do to objects, and what should be said of it.
type edit struct {
	name   string
	ref    func(ns string) testenv.Ref
	do     func(ctx context.Context, k *testenv.Kube, ref testenv.Ref) error
	healed func(testenv.Object) bool
	by     string
	field  string // one of the fields that the event names; "" if it names none
}

func patch(text string) func(context.Context, *testenv.Kube, testenv.Ref) error {
	return func(ctx context.Context, k *testenv.Kube, ref testenv.Ref) error {
		_, err := k.Patch(ctx, "kubectl-edit", ref, text)
		return err
	}
}

func is(value string, path ...string) func(testenv.Object) bool {
	return func(o testenv.Object) bool { return o != nil && o.Text(path...) == value }
}

var edits = []edit{
	{name: "value", ref: func(ns string) testenv.Ref { return mapRef(ns, "settings") },
		do: patch(`{"data":{"key":"other"}}`), healed: is("1", "data", "key"), by: "kubectl-edit", field: "data.key"},
	{name: "removed", ref: func(ns string) testenv.Ref { return mapRef(ns, "settings") },
		do: patch(`{"data":null}`), healed: is("1", "data", "key"), field: "data.key"},
	{name: "scale", ref: func(ns string) testenv.Ref { return deploymentRef(ns, "web") },
		do:     patch(`{"spec":{"replicas":5}}`),
		healed: func(o testenv.Object) bool { return o != nil && o.Number("spec", "replicas") == 1 }, by: "kubectl-edit", field: "spec.replicas"},
	{name: "image", ref: func(ns string) testenv.Ref { return deploymentRef(ns, "web") },
		do: patch(`{"spec":{"template":{"spec":{"containers":[{"name":"main","image":"example.com/evil:1"}]}}}}`),
		healed: func(o testenv.Object) bool {
			list := o.Items("spec", "template", "spec", "containers")
			return len(list) == 1 && list[0].Text("image") == "example.com/app:1"
		}, by: "kubectl-edit", field: `spec.template.spec.containers[name="main"].image`},
	{name: "label", ref: func(ns string) testenv.Ref { return mapRef(ns, "settings") },
		do: patch(`{"metadata":{"labels":{"drover.dev/app":null}}}`), healed: is("web", "metadata", "labels", "drover.dev/app"), field: "metadata.labels.drover.dev/app"},
	{name: "label of another app", ref: func(ns string) testenv.Ref { return mapRef(ns, "settings") },
		do: patch(`{"metadata":{"labels":{"drover.dev/app":"theirs"}}}`), healed: is("web", "metadata", "labels", "drover.dev/app"), by: "kubectl-edit", field: "metadata.labels.drover.dev/app"},
	{name: "managedFields cleared", ref: func(ns string) testenv.Ref { return mapRef(ns, "settings") },
		do: patch(`{"metadata":{"managedFields":[{}]},"data":{"key":"sly"}}`), healed: is("1", "data", "key"), field: "data.key"},
	{name: "deleted", ref: func(ns string) testenv.Ref { return mapRef(ns, "settings") },
		do:     func(ctx context.Context, k *testenv.Kube, ref testenv.Ref) error { return k.Delete(ctx, ref) },
		healed: is("1", "data", "key")},
	{name: "service account token field", ref: func(ns string) testenv.Ref {
		return testenv.Ref{APIVersion: "v1", Kind: "ServiceAccount", Namespace: ns, Name: "robot"}
	},
		do:     patch(`{"automountServiceAccountToken":true}`),
		healed: func(o testenv.Object) bool { return o != nil && o.Field("automountServiceAccountToken") == false },
		by:     "kubectl-edit", field: "automountServiceAccountToken"},
}

func TestDriftIsHealedAndBlamed(t *testing.T) {
	t.Parallel()
	cp, ns, hub, _ := scene(t)
	hub.Apply(t, hub.App(t, "web", configMap(ns, "settings", "1"), deployment(ns, "web", 1),
		fmt.Sprintf(`{"apiVersion":"v1","kind":"ServiceAccount","metadata":{"name":"robot","namespace":%q},"automountServiceAccountToken":false}`, ns)))
	for _, e := range edits {
		t.Run(e.name, func(t *testing.T) {
			ref, before := e.ref(ns), len(hub.Events(protocol.EventDrift))
			if err := e.do(t.Context(), cp.Kube(), ref); err != nil {
				t.Fatal(err)
			}
			if err := cp.Kube().Wait(t.Context(), ref, "as in Git", e.healed); err != nil {
				t.Fatal(err)
			}
			event := hub.Nth(t, protocol.EventDrift, before)
			if event.By != e.by || e.field != "" && !slices.Contains(event.Fields, e.field) || event.Object == nil || event.Object.Name != ref.Name {
				t.Errorf("the event is of %v by %q in %v, want %s by %q in %q", event.Object, event.By, event.Fields, ref, e.by, e.field)
			}
			hub.Report(t, "the app healthy", func(r protocol.Report) bool { return agenttest.PhaseOf(r, "web") == protocol.PhaseHealthy })
		})
	}
}

// A heal must not be taken for drift, nor what others do to fields that are not Drover's.
func TestNothingIsWrittenWithoutDrift(t *testing.T) {
	t.Parallel()
	cp, ns, hub, _ := scene(t)
	hub.Apply(t, hub.App(t, "web", configMap(ns, "settings", "1"), deployment(ns, "web", 1)))
	before := applies(t, cp, ns)
	for i := range 20 {
		for _, ref := range []testenv.Ref{mapRef(ns, "settings"), deploymentRef(ns, "web")} {
			if err := patch(fmt.Sprintf(`{"metadata":{"annotations":{"theirs":"%d"}}}`, i))(t.Context(), cp.Kube(), ref); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := patch(`{"data":{"key":"drift"}}`)(t.Context(), cp.Kube(), mapRef(ns, "settings")); err != nil {
		t.Fatal(err)
	}
	hub.Event(t, "the drift", func(e protocol.Event) bool { return e.Kind == protocol.EventDrift })
	hub.Report(t, "the drift counted", func(r protocol.Report) bool { return r.Drift.Corrected == 1 })
	if got := applies(t, cp, ns) - before; got != 1 {
		t.Errorf("%d applies for 40 foreign edits and 1 drift, want 1", got)
	}
}

// It is not parallel, because it measures; the bench does so more thoroughly (B8).
func TestHealsFast(t *testing.T) {
	cp, ns, hub, _ := scene(t)
	hub.Apply(t, hub.App(t, "web", configMap(ns, "settings", "1")))
	var took []time.Duration
	for i := range 20 {
		start := time.Now()
		if err := patch(fmt.Sprintf(`{"data":{"key":"edit-%d"}}`, i))(t.Context(), cp.Kube(), mapRef(ns, "settings")); err != nil {
			t.Fatal(err)
		}
		hub.Report(t, "the drift corrected", func(r protocol.Report) bool { return r.Drift.Corrected == uint64(i+1) })
		took = append(took, time.Since(start))
	}
	var heal []float64
	for _, e := range hub.Events(protocol.EventDrift) {
		heal = append(heal, float64(e.Took))
	}
	slices.Sort(heal)
	slices.Sort(took)
	t.Logf("watch event to correction: median %.1f ms, p99 %.1f ms, worst %.1f ms; edit to report: median %s", heal[len(heal)/2], heal[len(heal)*99/100], heal[len(heal)-1], took[len(took)/2])
	if median := heal[len(heal)/2]; median > 50 { // the tail depends on what else the machine does
		t.Errorf("the median from watch event to correction is %.1f ms", median)
	}
}
