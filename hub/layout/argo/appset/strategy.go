package appset

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/drover-dev/drover/fleet"
)

// maxSteps is how many steps of a strategy are written.
const maxSteps = 10

// stepsOf says what the steps of a set would be in a RolloutPolicy; nothing where there are none that can be read.
func stepsOf(g *generation) []fleet.Note {
	var s strategy
	data, err := json.Marshal(g.o.Spec["strategy"])
	if err != nil || json.Unmarshal(data, &s) != nil || len(s.RollingSync.Steps) == 0 {
		return nil
	}
	var waves []string
	for i, step := range s.RollingSync.Steps[:min(len(s.RollingSync.Steps), maxSteps)] {
		wave := fmt.Sprintf("{name: step-%d", i+1)
		var expressions []string
		for _, e := range step.MatchExpressions {
			values, err := json.Marshal(e.Values)
			if err != nil || e.Operator != "In" && e.Operator != "NotIn" {
				return nil // Argo CD takes no other
			}
			expressions = append(expressions, fmt.Sprintf("{key: %s, operator: %s, values: %s}", e.Key, e.Operator, values))
		}
		if len(expressions) > 0 {
			wave += ", clusterSelector: {matchExpressions: [" + strings.Join(expressions, ", ") + "]}"
		}
		switch most := strings.Trim(string(step.MaxUpdate), `"`); most {
		case "", "null":
		case "0", "0%":
			wave += ", approval: {}"
		default:
			wave += ", atOnce: " + most
		}
		waves = append(waves, wave+"}")
	}
	return []fleet.Note{g.plan.Note(g.o, "spec.strategy.rollingSync.steps",
		fmt.Sprintf("as spec.waves in a RolloutPolicy, if "+
			"the clusters have these labels of the Applications: [%.800s]", strings.Join(waves, ", ")))}
}

// noteSteps says of the strategy of a set what is not followed: of one below FleetRoot what keeps its steps from being
// read as policies, and elsewhere what they would be in one. notes are those of the table of fields.
func noteSteps(g *generation, notes []fleet.Note) []fleet.Note {
	if !g.o.Central() {
		return append(notes, stepsOf(g)...)
	}
	steps, unread := ReadSteps(g.o.Rendered)
	if unread.Text != "" {
		notes = append(notes, g.plan.Note(g.o, fieldSteps, unread.Text))
	}
	if steps == nil {
		return notes
	}
	notes = slices.DeleteFunc(notes, func(n fleet.Note) bool {
		return n.Object == g.o.String() && n.Field == "spec.strategy"
	})
	if strategy, _ := g.o.Spec["strategy"].(map[string]any); strategy["deletionOrder"] == "Reverse" {
		notes = append(notes, g.plan.Note(g.o, "spec.strategy.deletionOrder", "not done: what goes is deleted at once"))
	}
	return notes
}
