package appset

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/drover-dev/drover/fleet/rollout"
	"github.com/drover-dev/drover/hub/layout/argo/argotest"
	"github.com/drover-dev/drover/hub/model"
)

// documented is the strategy of Argo CD's documentation (argo-cd, docs/operator-manual/applicationset/
// Progressive-Syncs.md).
const documented = `
    type: RollingSync
    deletionOrder: Reverse
    rollingSync:
      steps:
      - matchExpressions: [{key: envLabel, operator: In, values: [env-dev]}]
      - matchExpressions: [{key: envLabel, operator: In, values: [env-qa]}]
        maxUpdate: 0
      - matchExpressions: [{key: envLabel, operator: In, values: [env-prod]}]
        maxUpdate: 10%
`

// set is an ApplicationSet with this strategy, as it stands below fleet/.
func set(t *testing.T, metadata, strategy string) model.Rendered {
	t.Helper()
	data, err := yaml.YAMLToJSON([]byte("apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {" + metadata +
		"}\nspec:\n  strategy: " + strategy))
	if err != nil {
		t.Fatal(err)
	}
	return model.Rendered{JSON: data, File: argotest.File}
}

func TestStepsAreReadAsPolicies(t *testing.T) {
	t.Parallel()
	s, unread := ReadSteps(set(t, "name: guestbook", documented))
	if s == nil {
		t.Fatalf("not read: %+v", unread)
	}
	var got []string
	for _, p := range s.Policies() {
		w := p.Waves[0]
		got = append(got, fmt.Sprintf("%s after %q, at once %s, asks %t", p.Name, p.After, w.AtOnce, w.Approval != nil))
		if p.OnFailure != rollout.Halt || p.Offline.Quorum != rollout.All || w.Unwatched || len(p.Waves) != 1 ||
			*p.Origin != (rollout.Origin{Object: "ApplicationSet argocd/guestbook", Field: fieldSteps}) {
			t.Errorf("%+v", p)
		}
	}
	want := []string{`appset--guestbook--1 after "", at once 0, asks false`,
		`appset--guestbook--2 after "appset--guestbook--1", at once 0, asks true`,
		`appset--guestbook--3 after "appset--guestbook--2", at once 10%, asks false`}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	for env, want := range map[string]string{"env-dev": "appset--guestbook--1", "env-qa": "appset--guestbook--2",
		"env-prod": "appset--guestbook--3", "env-test": ""} {
		if got := s.Policy(map[string]string{"envLabel": env}); got != want {
			t.Errorf("%s is in %q, want %q", env, got, want)
		}
	}
	if got := s.Policy(nil); got != "" {
		t.Errorf("without labels it is in %q", got)
	}
}

// The first step whose expressions all match counts; NotIn matches what lacks the label, and a step without expressions
// all.
func TestWhichStepAnApplicationIsIn(t *testing.T) {
	t.Parallel()
	s, unread := ReadSteps(set(t, "name: s, namespace: team", "{type: RollingSync, rollingSync: {steps: "+
		"[{matchExpressions: [{key: env, operator: In, values: [dev, qa]}, {key: slow, operator: NotIn, values: ['1']}]}, "+
		"{matchExpressions: [{key: env, operator: In, values: [qa]}], maxUpdate: 5}, {}]}}"))
	if s == nil {
		t.Fatalf("not read: %+v", unread)
	}
	for text, want := range map[string]string{"env=dev": "1", "env=qa": "1", "env=qa slow=1": "2", "env=qa slow=0": "1",
		"env=prod": "3", "": "3"} {
		labels := map[string]string{}
		for pair := range strings.FieldsSeq(text) {
			key, value, _ := strings.Cut(pair, "=")
			labels[key] = value
		}
		if got := s.Policy(labels); got != "appset--team--s--"+want {
			t.Errorf("%q is in %s, want step %s", text, got, want)
		}
	}
	if got := s.Policies()[1].Waves[0].AtOnce; got != (rollout.Amount{Count: 5}) {
		t.Errorf("at once %s", got)
	}
}

func TestStepsThatAreNotFollowed(t *testing.T) {
	t.Parallel()
	of := func(steps string) string { return "{type: RollingSync, rollingSync: {steps: " + steps + "}}" }
	for _, c := range []struct {
		metadata, strategy, want string
		wrong                    bool
	}{
		{"name: s", of("[{matchExpressions: [{key: env, operator: Exists}]}]"), `step 1: the operator "Exists"`, true},
		{"name: s", of("[{}, {matchExpressions: [{operator: In, values: [a]}]}]"), "step 2: a requirement without a", true},
		{"name: s", of("[{maxUpdate: lots}]"), `maxUpdate: "lots" is neither`, true},
		{"name: s", of("x"), "it cannot be read", true},
		{"name: s", of("[" + strings.Repeat("{}, ", 20) + "{}]"), "there are 21 steps, and 20 may be", false},
		{"name: s.t", of("[{}]"), "a name that is none", false},
		{"name: s", of("[]"), "", false},
		{"name: s", "{type: AllAtOnce, rollingSync: {steps: [{}]}}", "", false},
		{"name: s", "{rollingSync: {steps: [{}]}}", "", false},
	} {
		s, unread := ReadSteps(set(t, c.metadata, c.strategy))
		if s != nil || !strings.Contains(unread.Text, c.want) || (c.want == "") != (unread.Text == "") ||
			unread.Wrong != c.wrong {
			t.Errorf("%s: %+v, want %q", c.strategy, unread, c.want)
		}
	}
}

// Of a set below fleet/ only what is not followed is a note.
func TestNotesOfStepsBelowFleet(t *testing.T) {
	t.Parallel()
	for strategy, want := range map[string]string{
		documented: "spec.strategy.deletionOrder: not done: what goes is deleted at once",
		"{type: RollingSync, rollingSync: {steps: [{maxUpdate: lots}]}}": "spec.strategy.rollingSync.steps: not followed: ",
		"{type: RollingSync, rollingSync: {steps: [{}]}}":                "",
	} {
		p := argotest.Plan(t, "kind: ApplicationSet\nmetadata: {name: s}\nspec:\n  template: {metadata: {name: app}, "+
			"spec: {}}\n  strategy: "+strategy, nil)
		p.Objects()[0].App = ""
		if _, err := Expand(t.Context(), p, nil); err != nil {
			t.Fatal(err)
		}
		notes := strings.Join(argotest.Notes(p.Cluster.Notes), "\n")
		if !strings.Contains(notes, want) || (want == "") != (notes == "") {
			t.Errorf("%s: %q, want %q", strategy, notes, want)
		}
	}
}
