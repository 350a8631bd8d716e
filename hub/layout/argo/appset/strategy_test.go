package appset

import (
	"strings"
	"testing"

	"github.com/drover-dev/drover/hub/layout/argo/argotest"
)

// TestStepsAreWrittenAsWavesOfAPolicy: nothing is held back by them, so that what would is said.
func TestStepsAreWrittenAsWavesOfAPolicy(t *testing.T) {
	t.Parallel()
	for steps, want := range map[string]string{
		`[{matchExpressions: [{key: env, operator: In, values: [dev, "1"]}]}, {matchExpressions: [{key: env, operator: ` +
			`NotIn, values: [dev]}], maxUpdate: 10%}, {maxUpdate: 0}]`: "as spec.waves in a RolloutPolicy, if the clusters " +
			"have " +
			"these labels of the Applications: [{name: step-1, clusterSelector: {matchExpressions: [{key: env, operator: In, " +
			`values: ["dev","1"]}]}}, {name: step-2, clusterSelector: {matchExpressions: [{key: env, operator: NotIn, ` +
			`values: ["dev"]}]}, atOnce: 10%}, {name: step-3, approval: {}}]`,
		`[{maxUpdate: 5}]`: "[{name: step-1, atOnce: 5}]",
		`[{matchExpressions: [{key: env, operator: Exists}]}]`: "",
		`x`:  "",
		`[]`: "",
	} {
		p := argotest.Plan(t, "kind: ApplicationSet\nmetadata: {name: s}\nspec:\n  strategy: {type: RollingSync, "+
			"rollingSync: "+
			"{steps: "+steps+"}}\n  template: {metadata: {name: app}, spec: {}}\n", nil)
		_, _ = Expand(t.Context(), p, nil)
		got := ""
		for _, n := range argotest.Notes(p.Cluster.Notes) {
			if strings.Contains(n, "spec.strategy.rollingSync.steps: ") {
				got = n
			}
		}
		if !strings.Contains(got, want) || (got == "") != (want == "") {
			t.Errorf("%s: %q, want %q", steps, got, want)
		}
	}
}
