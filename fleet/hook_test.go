package fleet

import (
	"reflect"
	"strings"
	"testing"

	"github.com/drover-dev/drover/protocol"
)

// notes are annotations from pairs of key and value.
func notes(pairs ...string) map[string]any {
	m := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return m
}

func TestCourseOfAnnotations(t *testing.T) {
	phases := func(p ...HookPhase) []HookPhase { return p }
	implied := []DeletePolicy{BeforeHookCreation}
	hook := func(install, upgrade []HookPhase) *Hook {
		return &Hook{Install: install, Upgrade: upgrade, Delete: implied, Implied: true}
	}
	both := func(p ...HookPhase) *Hook { return hook(p, p) }
	for _, c := range []struct {
		name string
		in   map[string]any
		want Course
	}{
		{"nothing", nil, Course{}},
		{"a wave", notes("argocd.argoproj.io/sync-wave", "-5"), Course{Wave: -5}},
		{"a wave that is no number is none", notes("argocd.argoproj.io/sync-wave", "soon"), Course{}},
		{"a wave that is no text is none", map[string]any{"argocd.argoproj.io/sync-wave": 7.0}, Course{}},
		{"our wave first", notes("argocd.argoproj.io/sync-wave", "1", "drover.dev/sync-wave", "2"), Course{Wave: 2}},
		{"a weight of what is no hook is none", notes("helm.sh/hook-weight", "3"), Course{}},
		{"Argo CD's hook", notes("argocd.argoproj.io/hook", "PreSync, PostSync"), Course{Hook: both(PreSync, PostSync)}},
		{"our hook", notes("drover.dev/hook", "SyncFail"), Course{Hook: both(SyncFail)}},
		{"Argo CD's takes precedence over Helm's", notes("argocd.argoproj.io/hook", "Sync", "helm.sh/hook", "pre-install"), Course{Hook: both(Sync)}},
		{"Skip", notes("argocd.argoproj.io/hook", "Skip"), Course{Skip: true}},
		{"policies", notes("argocd.argoproj.io/hook", "PreDelete", "argocd.argoproj.io/hook-delete-policy", "HookSucceeded,HookFailed, Never"),
			Course{Hook: &Hook{Install: phases(PreDelete), Upgrade: phases(PreDelete), Delete: []DeletePolicy{HookSucceeded, HookFailed}}}},
		{"Helm's install", notes("helm.sh/hook", "pre-install"), Course{Hook: hook(phases(PreSync), nil)}},
		{"Helm's upgrade, with a weight", notes("helm.sh/hook", "post-upgrade", "helm.sh/hook-weight", "-2"), Course{Wave: -2, Hook: hook(nil, phases(PostSync))}},
		{"Helm's both", notes("helm.sh/hook", "pre-install,pre-upgrade"), Course{Hook: both(PreSync)}},
		{"Helm's deletes", notes("helm.sh/hook", "pre-delete,post-delete,test"), Course{Hook: both(PreDelete, PostDelete)}},
		{"Helm's policies", notes("helm.sh/hook", "post-install", "helm.sh/hook-delete-policy", "before-hook-creation,hook-succeeded"),
			Course{Hook: &Hook{Install: phases(PostSync), Delete: []DeletePolicy{BeforeHookCreation, HookSucceeded}}}},
		{"Helm's tests", notes("helm.sh/hook", "test"), Course{Skip: true, Hook: hook(nil, nil)}},
		{"Helm's rollbacks", notes("helm.sh/hook", "pre-rollback,post-rollback,post-upgrade"),
			Course{Hook: hook(nil, phases(PreRollback, PostRollback, PostSync))}},
		{"our rollbacks", notes("drover.dev/hook", "PreRollback"), Course{Hook: both(PreRollback)}},
		{"Helm's definitions are no hooks", notes("helm.sh/hook", "crd-install"), Course{}},
		{"after others", notes("config.kubernetes.io/depends-on", "/namespaces/shop/Pod/a, apps/namespaces/shop/Deployment/b,/Namespace/shop"),
			Course{After: []protocol.ObjectRef{{Kind: "Pod", Namespace: "shop", Name: "a"}, {Group: "apps", Kind: "Deployment", Namespace: "shop", Name: "b"},
				{Kind: "Namespace", Name: "shop"}}}},
	} {
		got, err := CourseOf(c.in)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v (%v), want %+v", c.name, got, err, c.want)
		}
	}
}

func TestCourseThatCannotBeUnderstood(t *testing.T) {
	for text, in := range map[string]map[string]any{
		`"PreSink", which is no phase`:         notes("argocd.argoproj.io/hook", "PreSink"),
		`"Pod/a", which names no object`:       notes("config.kubernetes.io/depends-on", "Pod/a"),
		`"a/places/b/c/d", which names no`:     notes("drover.dev/depends-on", "a/places/b/c/d"),
		`"apps/namespaces//Pod/a", which`:      notes("config.kubernetes.io/depends-on", "apps/namespaces//Pod/a"),
		`"apps/Deployment/", which names no o`: notes("config.kubernetes.io/depends-on", "apps/Deployment/"),
	} {
		if _, err := CourseOf(in); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%v gives %v, want %q", in, err, text)
		}
	}
}

func TestCircle(t *testing.T) {
	ref := func(name string) protocol.ObjectRef { return protocol.ObjectRef{Kind: "ConfigMap", Name: name} }
	after := map[protocol.ObjectRef][]protocol.ObjectRef{ref("a"): {ref("b")}, ref("b"): {ref("x"), ref("c")}, ref("c"): {ref("a")}, ref("d"): {ref("a")}}
	of := func(r protocol.ObjectRef) []protocol.ObjectRef { return after[r] }
	if got, want := Circle(ref("a"), of), []protocol.ObjectRef{ref("a"), ref("b"), ref("c"), ref("a")}; !reflect.DeepEqual(got, want) {
		t.Errorf("the circle is %v, want %v", got, want)
	}
	if got := Circle(ref("d"), of); got != nil { // it waits for a circle, and is not in it
		t.Errorf("found %v", got)
	}
}

func TestHookHealth(t *testing.T) {
	being := map[string]any{"deletionTimestamp": "2026-11-03T09:30:00Z"}
	for _, c := range []struct {
		name string
		obj  map[string]any
		want protocol.Health
	}{
		{"a Job that runs", live("batch/v1", "Job", "status", counts("active", 1), "status.startTime", "now"), protocol.HealthProgressing},
		{"a Job that is suspended", live("batch/v1", "Job", "spec.suspend", true, "status", counts()), protocol.HealthPaused},
		{"a Job that completed", live("batch/v1", "Job", "status", with(counts(), cond("Complete", "True", "", ""))), protocol.HealthCurrent},
		{"a Job that failed", live("batch/v1", "Job", "status", with(counts(), cond("Failed", "True", "", ""))), protocol.HealthDegraded},
		{"a Job that completed and is being deleted", live("batch/v1", "Job", "metadata", being, "status", with(counts(), cond("Complete", "True", "", ""))), protocol.HealthCurrent},
		{"a Pod that is ready and shall end", live("v1", "Pod", "spec.restartPolicy", "Never", "status", with(map[string]any{"phase": "Running"}, cond("Ready", "True", "", ""))), protocol.HealthProgressing},
		{"a Pod that is ready and shall not end", live("v1", "Pod", "spec.restartPolicy", "Always", "status", with(map[string]any{"phase": "Running"}, cond("Ready", "True", "", ""))), protocol.HealthCurrent},
		{"a Pod that ended well", live("v1", "Pod", "status.phase", "Succeeded"), protocol.HealthCurrent},
		{"a Pod that ended badly", live("v1", "Pod", "status.phase", "Failed"), protocol.HealthDegraded},
		{"something else that is ready", live("example.com/v1", "Widget", "status", with(map[string]any{}, cond("Ready", "True", "", ""))), protocol.HealthCurrent},
		{"a strange shape", map[string]any{"metadata": "x", "kind": 7}, protocol.HealthCurrent},
	} {
		if got := HookHealth(c.obj); got.Health != c.want {
			t.Errorf("%s is %v, want %s", c.name, got, c.want)
		}
	}
}
