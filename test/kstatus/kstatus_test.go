package kstatus

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// healths are kstatus' words in ours.
var healths = map[status.Status]protocol.Health{
	status.CurrentStatus:     protocol.HealthCurrent,
	status.InProgressStatus:  protocol.HealthProgressing,
	status.TerminatingStatus: protocol.HealthProgressing,
	status.FailedStatus:      protocol.HealthDegraded,
	status.UnknownStatus:     protocol.HealthUnknown,
}

// deviations are all the places where fleet differs on purpose. Each says what kstatus gives, what fleet gives, and for which
// objects; a deviation that no object of the corpus shows any more fails the test, as does one that is not listed.
var deviations = map[string]struct {
	kstatus, fleet protocol.Health
	holds          func(o *unstructured.Unstructured) bool
}{
	"a Job that runs is on its way (as in Flux)": {protocol.HealthCurrent, protocol.HealthProgressing, func(o *unstructured.Unstructured) bool {
		return o.GetKind() == "Job" && !isTrue(o, "Complete")
	}},
	"a Pod that ended in failure is degraded (as in Argo CD)": {protocol.HealthCurrent, protocol.HealthDegraded, func(o *unstructured.Unstructured) bool {
		return o.GetKind() == "Pod" && phase(o) == "Failed"
	}},
	// kstatus gives it 15 seconds by the clock. fleet has no clock; and a cluster that adds a node mends it.
	"a Pod that cannot be scheduled yet is on its way": {protocol.HealthDegraded, protocol.HealthProgressing, func(o *unstructured.Unstructured) bool {
		return o.GetKind() == "Pod" && phase(o) == "Pending"
	}},
	// kstatus gives an error, which stops whoever asked; a node that is lost comes back, or the Pod is deleted.
	"a Pod of a phase that is not known is on its way": {protocol.HealthUnknown, protocol.HealthProgressing, func(o *unstructured.Unstructured) bool {
		return o.GetKind() == "Pod" && phase(o) == "Unknown"
	}},
	"a StatefulSet that is updated by hand must be ready all the same": {protocol.HealthCurrent, protocol.HealthProgressing, func(o *unstructured.Unstructured) bool {
		return o.GetKind() == "StatefulSet" && str(o, "spec", "updateStrategy", "type") == "OnDelete"
	}},
	// Nobody is going to update them.
	"a DaemonSet that is updated by hand does not wait for it": {protocol.HealthProgressing, protocol.HealthCurrent, func(o *unstructured.Unstructured) bool {
		return o.GetKind() == "DaemonSet" && str(o, "spec", "updateStrategy", "type") == "OnDelete"
	}},
	"a Deployment that is paused and updated is as Git says": {protocol.HealthProgressing, protocol.HealthCurrent, pausedDeployment},
	// kstatus has no such answer.
	"a Deployment whose update is paused is paused (as in Argo CD)":   {protocol.HealthProgressing, protocol.HealthPaused, pausedDeployment},
	"a Job that is suspended is paused (as in Argo CD)":               {protocol.HealthProgressing, protocol.HealthPaused, suspendedJob},
	"a Job that is suspended while it runs is paused (as in Argo CD)": {protocol.HealthCurrent, protocol.HealthPaused, suspendedJob},
	"a Deployment whose pods are refused is on its way, whatever it counts": {protocol.HealthCurrent, protocol.HealthProgressing, func(o *unstructured.Unstructured) bool {
		return o.GetAPIVersion() == "apps/v1" && o.GetKind() == "Deployment" && isTrue(o, "ReplicaFailure")
	}},
	"a CronJob whose last run failed is degraded (as in Argo CD)": {protocol.HealthCurrent, protocol.HealthDegraded, func(o *unstructured.Unstructured) bool {
		return o.GetKind() == "CronJob" && str(o, "status", "lastScheduleTime") != ""
	}},
	"an autoscaler that cannot scale is on its way": {protocol.HealthCurrent, protocol.HealthProgressing, func(o *unstructured.Unstructured) bool {
		return o.GetKind() == "HorizontalPodAutoscaler" && !(isTrue(o, "AbleToScale") && isTrue(o, "ScalingActive"))
	}},
	"an autoscaler with a metric that cannot be is degraded (as in Argo CD)": {protocol.HealthCurrent, protocol.HealthDegraded, func(o *unstructured.Unstructured) bool {
		return o.GetKind() == "HorizontalPodAutoscaler" && !isTrue(o, "ScalingActive")
	}},
	"an APIService that nobody serves is on its way (as in Argo CD)": {protocol.HealthCurrent, protocol.HealthProgressing, func(o *unstructured.Unstructured) bool {
		return o.GetKind() == "APIService" && !isTrue(o, "Available")
	}},
	"a budget that protects what cannot be counted is on its way": {protocol.HealthCurrent, protocol.HealthProgressing, func(o *unstructured.Unstructured) bool {
		return o.GetKind() == "PodDisruptionBudget" && !isTrue(o, "DisruptionAllowed")
	}},
	"a claim whose volume is lost is degraded (as in Argo CD)": {protocol.HealthProgressing, protocol.HealthDegraded, func(o *unstructured.Unstructured) bool {
		return o.GetKind() == "PersistentVolumeClaim" && phase(o) == "Lost"
	}},
	"a Job that is about to fail has failed": {protocol.HealthCurrent, protocol.HealthDegraded, func(o *unstructured.Unstructured) bool {
		return o.GetKind() == "Job" && isTrue(o, "FailureTarget")
	}},
	// kstatus takes whichever condition comes first in the list, which means nothing. Such a definition does not serve the
	// names that it asks for now.
	"a definition whose new names are refused is degraded although it serves": {protocol.HealthCurrent, protocol.HealthDegraded, func(o *unstructured.Unstructured) bool {
		return o.GetKind() == "CustomResourceDefinition" && isTrue(o, "Established")
	}},
}

func pausedDeployment(o *unstructured.Unstructured) bool {
	return o.GetAPIVersion() == "apps/v1" && o.GetKind() == "Deployment" && o.Object["spec"].(map[string]any)["paused"] == true
}

func suspendedJob(o *unstructured.Unstructured) bool {
	return o.GetKind() == "Job" && o.Object["spec"].(map[string]any)["suspend"] == true
}

func phase(o *unstructured.Unstructured) string { return str(o, "status", "phase") }

func str(o *unstructured.Unstructured, path ...string) string {
	s, _, _ := unstructured.NestedString(o.Object, path...)
	return s
}

func isTrue(o *unstructured.Unstructured, kind string) bool {
	list, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	return slices.ContainsFunc(list, func(c any) bool {
		m := c.(map[string]any)
		return m["type"] == kind && m["status"] == "True"
	})
}

// TestHealthIsKstatus compares fleet.ObjectHealth with kstatus over every combination of what their rules read.
func TestHealthIsKstatus(t *testing.T) {
	shown := map[string]int{}
	seen := map[protocol.Health]int{}
	objects := 0
	for _, k := range kinds {
		k.each(func(o *unstructured.Unstructured) {
			objects++
			before := o.DeepCopy()
			got := fleet.ObjectHealth(o.Object).Health
			want := protocol.HealthUnknown // kstatus gives an error for what it cannot judge
			if result, err := status.Compute(before); err == nil {
				want = healths[result.Status]
			}
			seen[got]++
			if got == want {
				return
			}
			for name, d := range deviations {
				if d.kstatus == want && d.fleet == got && d.holds(o) {
					shown[name]++
					return
				}
			}
			if !t.Failed() { // one is enough to begin with
				t.Errorf("fleet says %s, kstatus %s, of %s", got, want, text(o))
			}
		})
	}
	for name := range deviations {
		if shown[name] == 0 {
			t.Errorf("no object shows the deviation %q: take it out of the list", name)
		}
	}
	if objects < 50000 || seen[protocol.HealthCurrent] < 100 || seen[protocol.HealthProgressing] < 100 || seen[protocol.HealthDegraded] < 100 {
		t.Errorf("the corpus of %d objects is one-sided: %v", objects, seen)
	}
	t.Logf("%d objects: %v; deviations %v", objects, seen, shown)
}

func text(o *unstructured.Unstructured) string {
	data, err := json.Marshal(o.Object)
	if err != nil {
		return err.Error()
	}
	return string(data)
}

// kind is one kind with the values that its fields take in the corpus. Every combination is made.
type kind struct {
	apiVersion, name string
	fields           map[string][]any // by dotted path; absent stands for a field that is not there
	conditions       map[string][]any // by type: status and reason, as "True/Reason"; absent for none
}

type nothing struct{}

var absent = nothing{}

func numbers(ns ...int64) []any {
	out := []any{}
	for _, n := range ns {
		if n < 0 {
			out = append(out, absent)
			continue
		}
		out = append(out, n)
	}
	return out
}

var (
	now  = time.Now().UTC().Format(time.RFC3339)
	some = numbers(-1, 1, 2) // of pods, where one or two are wanted
)

// common are what every kind may have; kstatus looks at it first.
var common = map[string][]any{
	"metadata.deletionTimestamp": {absent, now},
	"status.observedGeneration":  {absent, int64(2), int64(3)},
}

var ready = []any{absent, "True/Ready", "False/Failed", "Unknown/"}

var kinds = []kind{
	{"apps/v1", "Deployment", map[string][]any{
		"spec.replicas": numbers(-1, 0, 2), "spec.progressDeadlineSeconds": {absent, int64(600), int64(2147483647)},
		"status.replicas": some, "status.updatedReplicas": some, "status.readyReplicas": some, "status.availableReplicas": some,
	}, map[string][]any{
		"Available":   {absent, "True/x", "False/MinimumReplicasUnavailable"},
		"Progressing": {absent, "True/NewReplicaSetAvailable", "True/ReplicaSetUpdated", "False/ProgressDeadlineExceeded"},
	}},
	{"apps/v1", "Deployment", map[string][]any{
		"spec.replicas": numbers(2), "spec.paused": {absent, true}, "spec.progressDeadlineSeconds": {absent, int64(600)},
		"status.replicas": some, "status.updatedReplicas": some, "status.readyReplicas": some, "status.availableReplicas": some,
	}, map[string][]any{"Available": {"True/x"}, "Progressing": {"Unknown/DeploymentPaused", "True/NewReplicaSetAvailable"}, "ReplicaFailure": {absent, "True/FailedCreate"}}},
	{"apps/v1", "StatefulSet", map[string][]any{
		"spec.replicas": numbers(-1, 0, 2), "spec.updateStrategy.type": {absent, "RollingUpdate", "OnDelete"},
		"spec.updateStrategy.rollingUpdate.partition": numbers(-1, 0, 1), "status.replicas": some, "status.readyReplicas": some,
		"status.currentReplicas": some, "status.updatedReplicas": some, "status.currentRevision": {absent, "a"},
		"status.updateRevision": {absent, "a", "b"},
	}, nil},
	{"apps/v1", "DaemonSet", map[string][]any{
		"status.desiredNumberScheduled": some, "status.currentNumberScheduled": some, "status.updatedNumberScheduled": some,
		"status.numberAvailable": some, "status.numberReady": some, "spec.updateStrategy.type": {absent, "OnDelete"},
	}, nil},
	{"apps/v1", "ReplicaSet", map[string][]any{
		"spec.replicas": numbers(-1, 0, 2), "status.replicas": some, "status.fullyLabeledReplicas": some,
		"status.readyReplicas": some, "status.availableReplicas": some,
	}, map[string][]any{"ReplicaFailure": {absent, "True/FailedCreate", "False/x"}}},
	{"batch/v1", "Job", map[string][]any{
		"spec.suspend": {absent, true}, "status.startTime": {absent, now}, "status.active": some, "status.succeeded": some, "status.failed": some,
	}, map[string][]any{
		"Complete": {absent, "True/", "False/"}, "Failed": {absent, "True/BackoffLimitExceeded", "False/"}, "FailureTarget": {absent, "True/BackoffLimitExceeded"}, "Suspended": {absent, "True/"},
	}},
	{"batch/v1", "CronJob", map[string][]any{
		"spec.suspend": {absent, true}, "status.lastScheduleTime": {absent, now}, "status.lastSuccessfulTime": {absent, "2026-01-01T00:00:00Z", "2096-01-01T00:00:00Z"},
		"status.active": {absent, []any{map[string]any{"name": "x-1"}}},
	}, nil},
	{"autoscaling/v2", "HorizontalPodAutoscaler", nil, map[string][]any{
		"AbleToScale": {absent, "True/SucceededGetScale", "False/FailedGetScale"}, "ScalingLimited": {absent, "True/TooManyReplicas"},
		"ScalingActive": {absent, "True/ValidMetricFound", "False/FailedGetResourceMetric", "False/ScalingDisabled", "False/InvalidMetricSourceType"},
	}},
	{"apiregistration.k8s.io/v1", "APIService", nil, map[string][]any{"Available": {absent, "True/Passed", "False/ServiceNotFound"}}},
	{"v1", "Pod", map[string][]any{
		"status.phase": {absent, "Pending", "Running", "Succeeded", "Failed", "Unknown"}, "metadata.creationTimestamp": {"2026-01-01T00:00:00Z", now},
		"status.containerStatuses": {absent, []any{}, []any{
			map[string]any{"name": "a", "state": map[string]any{"running": map[string]any{}}},
			map[string]any{"name": "b", "state": map[string]any{"waiting": map[string]any{"reason": "CrashLoopBackOff"}}},
		}, []any{map[string]any{"name": "a", "state": map[string]any{"waiting": map[string]any{"reason": "ContainerCreating"}}}}},
	}, map[string][]any{"Ready": ready, "PodScheduled": {absent, "True/", "False/Unschedulable", "False/SchedulingGated"}}},
	{"v1", "PersistentVolumeClaim", map[string][]any{"status.phase": {absent, "Pending", "Bound", "Lost"}}, nil},
	{"v1", "Service", map[string][]any{
		"spec.type": {absent, "ClusterIP", "LoadBalancer", "ExternalName"}, "spec.clusterIP": {absent, "", "None", "10.0.0.1"},
	}, nil},
	{"apiextensions.k8s.io/v1", "CustomResourceDefinition", nil, map[string][]any{
		"NamesAccepted": {absent, "True/NoConflicts", "False/PluralConflict"},
		"Established":   {absent, "True/InitialNamesAccepted", "False/Installing", "False/NotAccepted"},
	}},
	{"v1", "ConfigMap", nil, nil},
	{"v1", "Secret", nil, nil},
	{"v1", "Namespace", map[string][]any{"status.phase": {absent, "Active", "Terminating"}}, nil},
	{"v1", "ReplicationController", map[string][]any{"spec.replicas": numbers(2), "status.replicas": some}, nil},
	{"policy/v1", "PodDisruptionBudget", map[string][]any{"status.currentHealthy": some}, map[string][]any{"DisruptionAllowed": {absent, "False/InsufficientPods", "False/SyncFailed"}}},
	{"networking.k8s.io/v1", "Ingress", nil, nil},
	{"example.com/v1", "Deployment", map[string][]any{"spec.replicas": numbers(2), "status.replicas": some}, map[string][]any{"Ready": ready}},
	{"example.com/v1", "Widget", nil, map[string][]any{
		"Ready": ready, "Reconciling": {absent, "True/x", "False/x"}, "Stalled": {absent, "True/x", "False/x"}, "Available": {absent, "False/x"},
	}},
}

// each makes every combination of the kind's fields and conditions.
func (k kind) each(yield func(*unstructured.Unstructured)) {
	fields := maps.Clone(common)
	maps.Copy(fields, k.fields)
	paths := slices.Sorted(maps.Keys(fields))
	types := slices.Sorted(maps.Keys(k.conditions))
	picks := make([]any, len(paths)+len(types))
	var pick func(at int)
	pick = func(at int) {
		switch {
		case at == len(picks):
			yield(k.object(paths, types, picks))
		case at < len(paths):
			for _, v := range fields[paths[at]] {
				picks[at] = v
				pick(at + 1)
			}
		default:
			for _, v := range k.conditions[types[at-len(paths)]] {
				picks[at] = v
				pick(at + 1)
			}
		}
	}
	pick(0)
}

func (k kind) object(paths, types []string, picks []any) *unstructured.Unstructured {
	o := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": k.apiVersion, "kind": k.name,
		"metadata": map[string]any{"name": "x", "namespace": "y", "generation": int64(3)},
	}}
	for i, path := range paths {
		if picks[i] != absent {
			set(o, path, picks[i])
		}
	}
	conditions := []any{}
	for i, name := range types {
		if s, ok := picks[len(paths)+i].(string); ok {
			state, reason, _ := strings.Cut(s, "/")
			conditions = append(conditions, map[string]any{"type": name, "status": state, "reason": reason, "message": "because"})
		}
	}
	if len(conditions) > 0 {
		set(o, "status.conditions", conditions)
	}
	return o
}

func set(o *unstructured.Unstructured, path string, value any) {
	if err := unstructured.SetNestedField(o.Object, value, strings.Split(path, ".")...); err != nil {
		panic(err) // the corpus contradicts itself
	}
}
