package appproject

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/drover-dev/drover/fleet/schedule"
)

// syncWindow is a window of an AppProject (argo-cd, SyncWindow).
type syncWindow struct {
	Kind, Schedule, Duration, TimeZone string
	Applications, Namespaces, Clusters []string
	ManualSync                         bool
	AndOperator                        bool
}

// windowOf says what a window would be in a RolloutPolicy; "" for one that Argo CD itself does not take.
func windowOf(data json.RawMessage) string {
	var w syncWindow
	if json.Unmarshal(data, &w) != nil {
		return ""
	}
	length, err := time.ParseDuration(w.Duration)
	if err != nil || length <= 0 || w.Kind != "allow" && w.Kind != "deny" {
		return ""
	}
	if _, err := schedule.ParseCron(w.Schedule); err != nil {
		return fmt.Sprintf("a RolloutPolicy does not take its schedule: %v", err)
	}
	zone := ""
	if w.TimeZone != "" {
		zone = ", timeZone: " + w.TimeZone
	}
	out := fmt.Sprintf("as one of spec.windows in a RolloutPolicy: {kind: %s, schedule: %q, duration: %s%s}", w.Kind,
		w.Schedule,
		w.Duration, zone)
	for _, of := range []struct {
		patterns     []string
		are, instead string
	}{
		{w.Applications, "applications", "spec.apps, by keys such as NAME--*"},
		{w.Clusters, "clusters", "spec.clusterSelector, by labels"},
		{w.Namespaces, "namespaces", "nothing: name the apps that deliver there in spec.apps"},
	} {
		if len(of.patterns) > 0 && !slices.Contains(of.patterns, "*") {
			out += fmt.Sprintf("; its %s %.100s are %s", of.are, strings.Join(of.patterns, ", "), of.instead)
		}
	}
	if w.ManualSync {
		out += "; what is synchronized by hand in spite of it is released by `drover rollout expedite`"
	}
	return out
}
