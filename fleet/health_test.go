package fleet

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/drover-dev/drover/protocol"
)

// live builds a live object as the API server gives it, from pairs of a dotted path and a value.
func live(apiVersion, kind string, pairs ...any) map[string]any {
	obj := map[string]any{"apiVersion": apiVersion, "kind": kind, "metadata": map[string]any{
		"name": "payment", "namespace": "shop", "generation": int64(3),
	}}
	for i := 0; i < len(pairs); i += 2 {
		path := strings.Split(pairs[i].(string), ".")
		at := obj
		for _, p := range path[:len(path)-1] {
			next, ok := at[p].(map[string]any)
			if !ok {
				next = map[string]any{}
				at[p] = next
			}
			at = next
		}
		at[path[len(path)-1]] = pairs[i+1]
	}
	return obj
}

// cond is a condition as controllers write it.
func cond(kind, status, reason, message string) map[string]any {
	return map[string]any{"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": "2026-11-03T09:30:00Z"}
}

// counts are the numbers in a status.
func counts(pairs ...any) map[string]any {
	m := map[string]any{"observedGeneration": int64(3)}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i].(string)] = int64(pairs[i+1].(int))
	}
	return m
}

func with(status map[string]any, conditions ...any) map[string]any {
	status = maps.Clone(status)
	status["conditions"] = conditions
	return status
}

var (
	available = cond("Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
	rolledOut = cond("Progressing", "True", "NewReplicaSetAvailable", `ReplicaSet "payment-7d4" has successfully progressed.`)
	rolling   = cond("Progressing", "True", "ReplicaSetUpdated", `ReplicaSet "payment-7d4" is progressing.`)
	timedOut  = cond("Progressing", "False", "ProgressDeadlineExceeded", `ReplicaSet "payment-7d4" has timed out progressing.`)
	twoOfTwo  = counts("replicas", 2, "updatedReplicas", 2, "readyReplicas", 2, "availableReplicas", 2)
)

func deployment(status map[string]any) map[string]any {
	return live("apps/v1", "Deployment", "spec.replicas", int64(2), "spec.progressDeadlineSeconds", int64(600), "status", status)
}

func statefulSet(status map[string]any, pairs ...any) map[string]any {
	return live("apps/v1", "StatefulSet", append([]any{"spec.replicas", int64(2), "status", status}, pairs...)...)
}

func daemonSet(status map[string]any) map[string]any {
	return live("apps/v1", "DaemonSet", "status", status)
}

func job(status map[string]any) map[string]any { return live("batch/v1", "Job", "status", status) }

func pod(status map[string]any) map[string]any { return live("v1", "Pod", "status", status) }

func autoscaler(conditions ...any) map[string]any {
	return live("autoscaling/v2", "HorizontalPodAutoscaler", "status", with(map[string]any{"currentReplicas": int64(2)}, conditions...))
}

func definition(conditions ...any) map[string]any {
	return live("apiextensions.k8s.io/v1", "CustomResourceDefinition", "status", with(map[string]any{}, conditions...))
}

// verdicts are live objects of each kind with a rule, in the states that people meet.
var verdicts = map[string]struct {
	object  map[string]any
	health  protocol.Health
	message string
}{
	"Deployment not seen yet": {live("apps/v1", "Deployment", "spec.replicas", int64(2)), prog, "0 of 2 pods exist"},
	"Deployment changed": {live("apps/v1", "Deployment", "metadata.generation", int64(4), "status", twoOfTwo), prog,
		"its controller has not seen the last change yet"},
	"Deployment rolling out":      {deployment(with(counts("replicas", 3, "updatedReplicas", 1, "readyReplicas", 2, "availableReplicas", 2), available, rolling)), prog, "1 of 2 pods are updated"},
	"Deployment ending old pods":  {deployment(with(counts("replicas", 3, "updatedReplicas", 2, "readyReplicas", 2, "availableReplicas", 2), available, rolling)), prog, "1 old pods have yet to end"},
	"Deployment starting pods":    {deployment(with(counts("replicas", 2, "updatedReplicas", 2, "readyReplicas", 1, "availableReplicas", 1), available, rolling)), prog, "1 of 2 pods are available"},
	"Deployment with unready pod": {deployment(with(counts("replicas", 2, "updatedReplicas", 2, "readyReplicas", 1, "availableReplicas", 2), available, rolledOut)), prog, "1 of 2 pods are ready"},
	"Deployment about to settle":  {deployment(with(twoOfTwo, available, rolling)), prog, "its new ReplicaSet is not available yet"},
	"Deployment not available":    {deployment(with(twoOfTwo, rolledOut)), prog, "it is not available yet"},
	"Deployment past its deadline": {deployment(with(counts("replicas", 2, "updatedReplicas", 1), timedOut)), degr,
		`its progress deadline passed: ReplicaSet "payment-7d4" has timed out progressing.`},
	"Deployment ready":            {deployment(with(twoOfTwo, available, rolledOut)), cur, "2 of 2 pods are ready"},
	"Deployment scaled to zero":   {live("apps/v1", "Deployment", "spec.replicas", int64(0), "status", with(counts(), available)), cur, "0 of 0 pods are ready"},
	"Deployment without deadline": {live("apps/v1", "Deployment", "spec.replicas", int64(2), "status", with(twoOfTwo, available)), cur, "2 of 2 pods are ready"},
	// The API writes "no deadline" as the greatest int32, and then there never is a condition Progressing.
	"Deployment with deadline off": {live("apps/v1", "Deployment", "spec.replicas", int64(2), "spec.progressDeadlineSeconds", int64(2147483647),
		"status", with(twoOfTwo, available)), cur, "2 of 2 pods are ready"},
	"Deployment paused": {live("apps/v1", "Deployment", "spec.paused", true, "spec.replicas", int64(2), "spec.progressDeadlineSeconds", int64(600), "status",
		with(counts("replicas", 2, "readyReplicas", 2, "availableReplicas", 2), available, cond("Progressing", "Unknown", "DeploymentPaused", "Deployment is paused"))), paus,
		"its update is paused (spec.paused) with 0 of 2 pods updated: it waits for a person to remove that"},
	"Deployment paused and ill": {live("apps/v1", "Deployment", "spec.paused", true, "spec.replicas", int64(2), "spec.progressDeadlineSeconds", int64(600), "status",
		with(counts("replicas", 2, "readyReplicas", 1, "availableReplicas", 1), available)), prog, "1 of 2 pods are ready"},
	"Deployment beyond its quota": {deployment(with(counts("replicas", 1, "updatedReplicas", 1), rolling,
		cond("ReplicaFailure", "True", "FailedCreate", `pods "payment-7d4-x2" is forbidden: exceeded quota: pods, requested: pods=1, used: pods=1, limited: pods=1`))), prog,
		"its pods exceed a quota of the namespace: exceeded quota: pods, requested: pods=1, used: pods=1, limited: pods=1; raise the ResourceQuota or ask for less"},
	"Deployment against a policy": {deployment(with(counts(), rolling, cond("ReplicaFailure", "True", "FailedCreate",
		"admission webhook \"policy.example.com\" denied the request: no tag\n  latest\n"))), degr,
		`its pods are refused by an admission policy: admission webhook "policy.example.com" denied the request: no tag latest; change the pod template or the policy`},
	"Deployment being deleted": {live("apps/v1", "Deployment", "metadata.deletionTimestamp", "2026-11-03T09:30:00Z", "status", twoOfTwo), prog, "it is being deleted"},

	"StatefulSet starting":  {statefulSet(counts("replicas", 1)), prog, "1 of 2 pods exist"},
	"StatefulSet not ready": {statefulSet(counts("replicas", 2, "readyReplicas", 1)), prog, "1 of 2 pods are ready"},
	"StatefulSet shrinking": {statefulSet(counts("replicas", 3, "readyReplicas", 3)), prog, "1 pods have yet to end"},
	"StatefulSet updating":  {statefulSet(counts("replicas", 2, "readyReplicas", 2, "currentReplicas", 1)), prog, "1 of 2 pods are current"},
	"StatefulSet about to settle": {statefulSet(counts("replicas", 2, "readyReplicas", 2, "currentReplicas", 2),
		"status.currentRevision", "payment-1", "status.updateRevision", "payment-2"), prog, "the update is not complete yet"},
	"StatefulSet ready": {statefulSet(counts("replicas", 2, "readyReplicas", 2, "currentReplicas", 2),
		"status.currentRevision", "payment-2", "status.updateRevision", "payment-2"), cur, "2 of 2 pods are ready"},
	"StatefulSet up to its partition": {statefulSet(counts("replicas", 2, "readyReplicas", 2, "updatedReplicas", 1),
		"spec.updateStrategy.rollingUpdate.partition", int64(1)), cur, "1 pods are updated up to the partition"},
	"StatefulSet before its partition": {statefulSet(counts("replicas", 2, "readyReplicas", 2),
		"spec.updateStrategy.rollingUpdate.partition", int64(1)), prog, "0 of 1 pods are updated"},
	"StatefulSet updated by hand": {statefulSet(counts("replicas", 2, "readyReplicas", 2, "updatedReplicas", 0), "spec.updateStrategy.type", "OnDelete"), cur,
		"2 of 2 pods are ready; they are updated by hand (OnDelete)"},
	"StatefulSet updated by hand, ill": {statefulSet(counts("replicas", 2, "readyReplicas", 1), "spec.updateStrategy.type", "OnDelete"), prog, "1 of 2 pods are ready"},

	"DaemonSet not seen yet":  {live("apps/v1", "DaemonSet"), prog, "its controller has not seen it yet"},
	"DaemonSet not counted":   {daemonSet(counts("numberReady", 1)), prog, "its controller has not seen it yet"},
	"DaemonSet scheduling":    {daemonSet(counts("desiredNumberScheduled", 3, "currentNumberScheduled", 2)), prog, "2 of 3 pods are scheduled"},
	"DaemonSet updating":      {daemonSet(counts("desiredNumberScheduled", 3, "currentNumberScheduled", 3, "updatedNumberScheduled", 1)), prog, "1 of 3 pods are updated"},
	"DaemonSet not available": {daemonSet(counts("desiredNumberScheduled", 3, "currentNumberScheduled", 3, "updatedNumberScheduled", 3)), prog, "0 of 3 pods are available"},
	"DaemonSet not ready":     {daemonSet(counts("desiredNumberScheduled", 3, "currentNumberScheduled", 3, "updatedNumberScheduled", 3, "numberAvailable", 3, "numberReady", 2)), prog, "2 of 3 pods are ready"},
	"DaemonSet ready":         {daemonSet(counts("desiredNumberScheduled", 3, "currentNumberScheduled", 3, "updatedNumberScheduled", 3, "numberAvailable", 3, "numberReady", 3)), cur, "3 of 3 pods are ready"},
	"DaemonSet updated by hand": {live("apps/v1", "DaemonSet", "spec.updateStrategy.type", "OnDelete", "status",
		counts("desiredNumberScheduled", 3, "currentNumberScheduled", 3, "updatedNumberScheduled", 1, "numberAvailable", 3, "numberReady", 3)), cur,
		"3 of 3 pods are ready; they are updated by hand (OnDelete)"},
	"DaemonSet without nodes": {daemonSet(counts("desiredNumberScheduled", 0)), cur, "0 of 0 pods are ready"},

	"ReplicaSet without quota": {live("apps/v1", "ReplicaSet", "status", with(counts(), cond("ReplicaFailure", "True", "FailedCreate", "exceeded quota: pods"))), prog,
		"its pods exceed a quota of the namespace: exceeded quota: pods; raise the ResourceQuota or ask for less"},
	"ReplicaSet starting":   {live("apps/v1", "ReplicaSet", "status", counts("replicas", 1, "fullyLabeledReplicas", 1)), prog, "0 of 1 pods are available"},
	"ReplicaSet unlabelled": {live("apps/v1", "ReplicaSet", "status", counts("replicas", 1)), prog, "0 of 1 pods are labelled"},
	"ReplicaSet not ready":  {live("apps/v1", "ReplicaSet", "status", counts("replicas", 1, "fullyLabeledReplicas", 1, "availableReplicas", 1)), prog, "0 of 1 pods are ready"},
	"ReplicaSet shrinking":  {live("apps/v1", "ReplicaSet", "status", counts("replicas", 2, "fullyLabeledReplicas", 2, "availableReplicas", 2, "readyReplicas", 2)), prog, "1 pods have yet to end"},
	"ReplicaSet ready":      {live("apps/v1", "ReplicaSet", "status", counts("replicas", 1, "fullyLabeledReplicas", 1, "availableReplicas", 1, "readyReplicas", 1)), cur, "1 of 1 pods are ready"},

	"Job not started": {job(nil), prog, "it has not started"},
	"Job running":     {job(map[string]any{"startTime": "2026-11-03T09:30:00Z", "active": int64(1), "failed": int64(2)}), prog, "it runs (1 active, 2 failed)"},
	"Job complete":    {job(with(map[string]any{"startTime": "x"}, cond("SuccessCriteriaMet", "True", "", ""), cond("Complete", "True", "", ""))), cur, "it completed"},
	"Job failed":      {job(with(map[string]any{"startTime": "x"}, cond("Failed", "True", "BackoffLimitExceeded", "Job has reached the specified backoff limit"))), degr, "it failed (BackoffLimitExceeded): Job has reached the specified backoff limit"},
	"Job failing": {job(with(map[string]any{"startTime": "x", "terminating": int64(1)}, cond("FailureTarget", "True", "PodFailurePolicy", "Container main failed with exit code 3"))), degr,
		"it failed (PodFailurePolicy): Container main failed with exit code 3"},
	"Job suspended": {live("batch/v1", "Job", "spec.suspend", true, "status", with(map[string]any{}, cond("Suspended", "True", "JobSuspended", "Job suspended"))), paus,
		"it is suspended (spec.suspend): it waits for a person or a queue to remove that"},
	"Job failed in a word": {job(with(map[string]any{}, cond("Failed", "True", "DeadlineExceeded", ""))), degr, "it failed: DeadlineExceeded"},

	"Pod not seen yet": {pod(nil), prog, "its phase is unknown"},
	"Pod pending":      {pod(map[string]any{"phase": "Pending"}), prog, "it is pending"},
	"Pod unschedulable": {pod(with(map[string]any{"phase": "Pending"}, cond("PodScheduled", "False", "Unschedulable", "0/3 nodes are available"))), prog,
		"it cannot be scheduled: 0/3 nodes are available"},
	"Pod running":         {pod(with(map[string]any{"phase": "Running"}, cond("Ready", "False", "ContainersNotReady", ""))), prog, "it runs but is not ready"},
	"Pod ready":           {pod(with(map[string]any{"phase": "Running"}, cond("Ready", "True", "", ""))), cur, "it is ready"},
	"Pod succeeded":       {pod(map[string]any{"phase": "Succeeded"}), cur, "it ended well"},
	"Pod failed":          {pod(map[string]any{"phase": "Failed", "message": "The node was low on resource: memory."}), degr, "it ended in failure: The node was low on resource: memory."},
	"Pod failed silently": {pod(map[string]any{"phase": "Failed"}), degr, "it ended in failure: unknown"},
	"Pod lost":            {pod(map[string]any{"phase": "Unknown"}), prog, "its phase is Unknown"},
	"Pod crashing": {pod(map[string]any{"phase": "Running", "containerStatuses": []any{
		map[string]any{"name": "proxy", "state": map[string]any{"running": map[string]any{}}},
		map[string]any{"name": "app", "state": map[string]any{"waiting": map[string]any{"reason": "CrashLoopBackOff"}}},
	}}), degr, "container app crashes again and again"},

	"PersistentVolumeClaim pending": {live("v1", "PersistentVolumeClaim", "status.phase", "Pending"), prog, "the claim is not bound (Pending)"},
	"PersistentVolumeClaim new":     {live("v1", "PersistentVolumeClaim"), prog, "the claim is not bound (unknown)"},
	"PersistentVolumeClaim lost": {live("v1", "PersistentVolumeClaim", "spec.volumeName", "pv-7", "status.phase", "Lost"), degr,
		"its volume pv-7 is gone, and what was on it: restore the volume, or delete the claim: a new one is created, empty"},
	"PersistentVolumeClaim bound": {live("v1", "PersistentVolumeClaim", "status.phase", "Bound"), cur, "the claim is bound"},

	"Service":                    {live("v1", "Service", "spec.type", "ClusterIP"), cur, "it is there"},
	"Service without an address": {live("v1", "Service", "spec.type", "LoadBalancer"), prog, "it has no address yet"},
	"Service with an address":    {live("v1", "Service", "spec.type", "LoadBalancer", "spec.clusterIP", "10.0.0.1"), cur, "it is there"},
	"ConfigMap":                  {live("v1", "ConfigMap"), cur, "it is there"},
	"Secret being deleted":       {live("v1", "Secret", "metadata.deletionTimestamp", "2026-11-03T09:30:00Z"), prog, "it is being deleted"},
	"CronJob":                    {live("batch/v1", "CronJob"), cur, "it has not run yet"},
	"CronJob suspended":          {live("batch/v1", "CronJob", "spec.suspend", true, "status.lastScheduleTime", "2026-11-03T09:30:00Z"), cur, "it is suspended (spec.suspend)"},
	"CronJob running": {live("batch/v1", "CronJob", "status.lastScheduleTime", "2026-11-03T09:30:00Z", "status.active", []any{map[string]any{"name": "payment-1"}}), cur,
		"1 of its Jobs run, since 2026-11-03T09:30:00Z"},
	"CronJob whose last run succeeded": {live("batch/v1", "CronJob", "status.lastScheduleTime", "2026-11-03T09:30:00Z", "status.lastSuccessfulTime", "2026-11-03T09:30:09Z"), cur,
		"its last run, of 2026-11-03T09:30:00Z, succeeded"},
	"CronJob whose last run failed": {live("batch/v1", "CronJob", "status.lastScheduleTime", "2026-11-03T09:30:00Z", "status.lastSuccessfulTime", "2026-11-03T09:00:09Z"), degr,
		"its last run, of 2026-11-03T09:30:00Z, did not succeed; it counts as healthy when the next one does (try now: kubectl create job -n shop --from=cronjob/payment payment-retry)"},
	"CronJob that never succeeded": {live("batch/v1", "CronJob", "status.lastScheduleTime", "2026-11-03T09:30:00Z"), degr,
		"its last run, of 2026-11-03T09:30:00Z, did not succeed; it counts as healthy when the next one does (try now: kubectl create job -n shop --from=cronjob/payment payment-retry)"},

	"HPA not looked at": {live("autoscaling/v2", "HorizontalPodAutoscaler"), prog, "its controller has not looked at it yet"},
	"HPA scaling":       {autoscaler(cond("AbleToScale", "True", "ReadyForNewScale", ""), cond("ScalingActive", "True", "ValidMetricFound", "")), cur, "it scales (2 replicas)"},
	"HPA at its limit": {autoscaler(cond("AbleToScale", "True", "ReadyForNewScale", ""), cond("ScalingActive", "True", "ValidMetricFound", ""),
		cond("ScalingLimited", "True", "TooManyReplicas", "the desired replica count is more than the maximum replica count")), cur, "it scales (2 replicas)"},
	"HPA without a target": {autoscaler(cond("AbleToScale", "False", "FailedGetScale", "the HPA controller was unable to get the target's current scale")), prog,
		"it cannot scale its target: the HPA controller was unable to get the target's current scale"},
	"HPA without metrics": {autoscaler(cond("AbleToScale", "True", "SucceededGetScale", ""), cond("ScalingActive", "False", "FailedGetResourceMetric", "unable to get metrics for resource cpu")), prog,
		"it does not scale, for it has no metrics: unable to get metrics for resource cpu; see that metrics-server, or the adapter of the metric, runs, and that the pods have resource requests"},
	"HPA with a wrong metric": {autoscaler(cond("AbleToScale", "True", "SucceededGetScale", ""), cond("ScalingActive", "False", "InvalidMetricSourceType", "unknown metric source type")), degr,
		"it does not scale: unknown metric source type; correct it in Git"},
	"HPA of nothing": {autoscaler(cond("AbleToScale", "True", "SucceededGetScale", ""), cond("ScalingActive", "False", "ScalingDisabled", "scaling is disabled since the replica count of the target is zero")), cur,
		"scaling is switched off, because its target has 0 replicas"},

	"APIService served": {live("apiregistration.k8s.io/v1", "APIService", "status", with(map[string]any{}, cond("Available", "True", "Passed", "all checks passed"))), cur, "its API is served"},
	"APIService of nobody": {live("apiregistration.k8s.io/v1", "APIService", "status", with(map[string]any{}, cond("Available", "False", "ServiceNotFound", "service/metrics-server in \"kube-system\" is not present"))), prog,
		"its API is not served: service/metrics-server in \"kube-system\" is not present"},

	"PodDisruptionBudget that allows none": {live("policy/v1", "PodDisruptionBudget", "status", with(counts(), cond("DisruptionAllowed", "False", "InsufficientPods", ""))), cur, "it is there"},
	"PodDisruptionBudget of what it cannot count": {live("policy/v1", "PodDisruptionBudget", "status", with(counts(), cond("DisruptionAllowed", "False", "SyncFailed", "found no controllers for pod"))), prog,
		"the pods that it protects cannot be determined, so none is evicted: found no controllers for pod"},
	"PodDisruptionBudget not counted yet": {live("policy/v1", "PodDisruptionBudget", "status", map[string]any{"observedGeneration": int64(2)}), prog, "its controller has not seen the last change yet"},

	"CRD new":               {definition(), prog, "it is being installed"},
	"CRD installing":        {definition(cond("NamesAccepted", "True", "", ""), cond("Established", "False", "Installing", "the initial names have been accepted")), prog, "it is being installed"},
	"CRD established":       {definition(cond("NamesAccepted", "True", "NoConflicts", ""), cond("Established", "True", "InitialNamesAccepted", "")), cur, "it is established"},
	"CRD with a taken name": {definition(cond("NamesAccepted", "False", "PluralConflict", `"widgets" is already in use`)), degr, `its names are not accepted: "widgets" is already in use`},
	"CRD not established":   {definition(cond("Established", "False", "NotAccepted", "not all names are accepted")), degr, "it is not established: not all names are accepted"},

	"custom ready":                {live("cert-manager.io/v1", "Certificate", "status", with(counts(), cond("Ready", "True", "Ready", ""))), cur, "it is ready"},
	"custom not ready":            {live("cert-manager.io/v1", "Certificate", "status", with(counts(), cond("Ready", "False", "DoesNotExist", "Issuing certificate as Secret does not exist"))), prog, "Issuing certificate as Secret does not exist"},
	"custom unsure":               {live("cert-manager.io/v1", "Certificate", "status", with(counts(), cond("Ready", "Unknown", "", ""))), prog, "Unknown"},
	"custom stalled":              {live("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "status", with(counts(), cond("Stalled", "True", "InvalidPath", "path not found"), cond("Ready", "False", "", ""))), degr, "path not found"},
	"custom reconciling":          {live("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "status", with(counts(), cond("Reconciling", "True", "Progressing", "building"), cond("Ready", "True", "", ""))), prog, "building"},
	"custom silent":               {live("example.com/v1", "Widget"), cur, "it is there"},
	"Deployment of another group": {live("example.com/v1", "Deployment", "spec.replicas", int64(2)), cur, "it is there"},
}

func TestHealthOfLiveObjects(t *testing.T) {
	for name, c := range verdicts {
		t.Run(name, func(t *testing.T) {
			if got := ObjectHealth(c.object); got != (Verdict{c.health, c.message}) {
				t.Errorf("got %s: %s\nwant %s: %s", got.Health, got.Message, c.health, c.message)
			}
			// The hub decodes with encoding/json, where every number is a float64.
			data, err := json.Marshal(c.object)
			if err != nil {
				t.Fatal(err)
			}
			var decoded map[string]any
			if err := json.Unmarshal(data, &decoded); err != nil {
				t.Fatal(err)
			}
			if got := ObjectHealth(decoded); got != (Verdict{c.health, c.message}) {
				t.Errorf("decoded by encoding/json: %s: %s, want %s: %s", got.Health, got.Message, c.health, c.message)
			}
		})
	}
}

// TestKindsThatCanBeUnhealthyAreWatchedInFull: the agent sees no more than the metadata of kinds without a health, so a kind
// that can be anything but current must be said to have one.
func TestKindsThatCanBeUnhealthyAreWatchedInFull(t *testing.T) {
	for name, c := range verdicts {
		if r := RefOf(c.object); c.health != cur && !strings.HasSuffix(name, "being deleted") && !HasHealth(r) {
			t.Errorf("%s: a %s can be %s, and HasHealth says no", name, r.Kind, c.health)
		}
	}
	for _, r := range []protocol.ObjectRef{
		ref("", "ConfigMap", "", ""), ref("", "Secret", "", ""), ref("", "ServiceAccount", "", ""),
		ref("rbac.authorization.k8s.io", "Role", "", ""), ref("networking.k8s.io", "Ingress", "", ""),
	} {
		if HasHealth(r) {
			t.Errorf("a %s says nothing of its health, and would be read in full", r.Kind)
		}
	}
	if !HasHealth(ref("example.com", "Widget", "", "")) {
		t.Error("a custom kind may have a health")
	}
}

func TestRefOfBearsAnyShape(t *testing.T) {
	if got, want := RefOf(live("apps/v1", "Deployment")), ref("apps", "Deployment", "shop", "payment"); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	for _, obj := range []map[string]any{nil, {}, {"metadata": "x"}, {"apiVersion": 1, "kind": nil, "metadata": map[string]any{"name": []any{}}}} {
		if got := RefOf(obj); got != (protocol.ObjectRef{}) {
			t.Errorf("%v is named %v", obj, got)
		}
	}
	for apiVersion, want := range map[string]string{"v1": "", "": "", "apps/v1": "apps", "a/b/c": "a"} {
		if got := GroupOf(apiVersion); got != want {
			t.Errorf("the group of %q is %q, want %q", apiVersion, got, want)
		}
	}
}

// FuzzObjectHealth: an object may be of any shape that JSON has, under any kind.
func FuzzObjectHealth(f *testing.F) {
	for _, c := range verdicts {
		data, err := json.Marshal(c.object)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data))
	}
	for _, hostile := range []string{
		`{"status":{"conditions":{"type":"Ready"}}}`, `{"status":{"conditions":[null,1,"x",[],{"type":1,"status":{}}]}}`,
		`{"apiVersion":"v1","kind":"Pod","status":{"phase":"Running","containerStatuses":[null,{"state":[]},{"state":{"waiting":1}}]}}`,
		`{"apiVersion":"apps/v1","kind":"Deployment","spec":{"replicas":1e308},"status":{"replicas":-1e308,"observedGeneration":1.5}}`,
		`{"apiVersion":"apps/v1","kind":"StatefulSet","spec":{"updateStrategy":{"rollingUpdate":{"partition":-9e18}}},"status":[]}`,
	} {
		f.Add(hostile)
	}
	kinds := make([]string, 0, len(healthRules))
	for kind := range healthRules {
		kinds = append(kinds, kind)
	}
	f.Fuzz(func(t *testing.T, data string) {
		var obj map[string]any
		if json.Unmarshal([]byte(data), &obj) != nil {
			return
		}
		check := func() {
			switch v := ObjectHealth(obj); v.Health {
			case cur, prog, paus, degr, unkn:
				if v.Message == "" {
					t.Errorf("%s without a reason: %s", v.Health, data)
				}
			default:
				t.Errorf("health %q", v.Health)
			}
			RefOf(obj)
		}
		check()
		if obj == nil {
			return
		}
		for _, kind := range kinds { // the same shape under every kind with a rule
			group, name, _ := strings.Cut(kind, "/")
			obj["apiVersion"], obj["kind"] = strings.TrimPrefix(group+"/v1", "/"), name
			check()
		}
	})
}
