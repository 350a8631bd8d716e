package model

import (
	"fmt"
	"strings"

	"github.com/drover-dev/drover/fleet"
)

// Unsatisfiable says of the apps whose dependencies can never be satisfied why, and where that is written.
func Unsatisfiable(apps []App) map[string]string {
	deps, out := map[string][]string{}, map[string]string{}
	by := map[string]App{}
	for _, a := range apps {
		deps[a.Name], by[a.Name] = a.DependsOn, a
	}
	for _, b := range fleet.CheckDependencies(deps) {
		if out[b.App] == "" {
			out[b.App] = by[b.App].DependsAt + ": the app " + b.App + " " + by[b.App].absent(deps, b.Reason)
		}
	}
	return out
}

// absent is the reason why the dependencies of an app cannot be satisfied, with what is known of one that is not there.
func (a App) absent(deps map[string][]string, reason string) string {
	for _, on := range a.DependsOn {
		if _, there := deps[on]; !there && a.Absent[on] != "" && strings.Contains(reason, fmt.Sprintf("%q", on)) {
			return "depends on " + a.Absent[on]
		}
	}
	return reason
}
