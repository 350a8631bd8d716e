package appproject

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/drover-dev/drover/hub/layout/argo/argotest"
	"github.com/drover-dev/drover/hub/layout/argo/destination"
	"github.com/drover-dev/drover/hub/model"
)

// documented are the windows of Argo CD's documentation (argo-cd, docs/user-guide/sync_windows.md).
const documented = `
  - {kind: allow, schedule: '10 1 * * *', duration: 1h, applications: ['*-prod'], manualSync: true}
  - {kind: deny, schedule: '0 22 * * *', timeZone: "Europe/Amsterdam", duration: 1h, namespaces: [default]}
  - {kind: allow, schedule: '0 23 * * *', duration: 1h, clusters: [in-cluster, cluster1]}
`

// withWindows is an AppProject with these windows, as it stands below fleet/.
func withWindows(t *testing.T, name, windows string) model.Rendered {
	t.Helper()
	data, err := yaml.YAMLToJSON([]byte("apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {name: " + name +
		"}\nspec:\n  syncWindows: " + windows))
	if err != nil {
		t.Fatal(err)
	}
	return model.Rendered{JSON: data, File: argotest.File}
}

// Each Application is under the windows that match its name, its namespace or its cluster, and open when Argo CD says
// so.
func TestWhichWindowsAnApplicationIsUnder(t *testing.T) {
	t.Parallel()
	w, unread := ReadWindows(withWindows(t, "shop", documented))
	if w == nil || len(unread) > 0 {
		t.Fatalf("not read: %+v", unread)
	}
	policies := w.Policies()
	open := func(policy, at string) bool {
		now, err := time.Parse(time.RFC3339, "2026-12-01T"+at+":00Z")
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range policies {
			if p.Name == policy {
				open, _ := p.Windows.Open(now)
				return open
			}
		}
		t.Fatalf("there is no policy %q", policy)
		return false
	}
	for _, c := range []struct {
		app, to      string // destination as name/namespace
		policy       string
		opens, shuts []string // times of day in UTC; Amsterdam is an hour ahead
	}{
		{"web-prod", "eu/shop", "project--shop--1", []string{"01:10", "02:09"}, []string{"01:09", "02:10", "23:30"}},
		{"web", "eu/default", "project--shop--2", []string{"20:59", "22:00"}, []string{"21:00", "21:59"}},
		{"web", "cluster1/shop", "project--shop--3", []string{"23:00", "23:59"}, []string{"22:59", "00:00"}},
		{"web-prod", "in-cluster/shop", "project--shop--1-3", []string{"01:10", "23:30"}, []string{"02:10", "22:30"}},
		{"web-prod", "in-cluster/default", "project--shop", []string{"01:10", "23:30"}, []string{"21:30", "12:00"}},
		{"web", "eu/shop", "", nil, nil},
	} {
		name, namespace, _ := strings.Cut(c.to, "/")
		got := w.Policy(c.app, destination.Destination{Name: name, Namespace: namespace})
		if got != c.policy {
			t.Errorf("%s to %s is under %q, want %q", c.app, c.to, got, c.policy)
			continue
		}
		for _, at := range c.opens {
			if !open(c.policy, at) {
				t.Errorf("%s is shut at %s", c.policy, at)
			}
		}
		for _, at := range c.shuts {
			if open(c.policy, at) {
				t.Errorf("%s is open at %s", c.policy, at)
			}
		}
	}
	var names []string
	for _, p := range policies {
		names = append(names, p.Name)
		if !p.HasWaves() || !p.Waves[0].Unwatched || p.Origin.Object != "AppProject argocd/shop" {
			t.Errorf("%+v", p)
		}
	}
	if slices.Sort(names); len(slices.Compact(names)) != 7 {
		t.Errorf("there are %q", names)
	}
}

func TestHowWindowsChoose(t *testing.T) {
	t.Parallel()
	to := destination.Destination{Server: "https://a", Namespace: "shop"}
	for spec, want := range map[string]bool{
		"applications: ['web*']":                                                                true,
		"applications: ['{api,web-1}']":                                                         true,
		"applications: [api], namespaces: ['sh?p']":                                             true,
		"applications: [api], namespaces: [shop], andOperator: true":                            false,
		"applications: [web-1], namespaces: [shop], andOperator: true":                          true,
		"applications: [web-1], namespaces: [shop], clusters: ['https://*'], andOperator: true": true,
		"clusters: ['*']":  true,
		"clusters: [a]":    false,
		"manualSync: true": false, // it is for none
	} {
		w, unread := ReadWindows(withWindows(t, "shop", "[{kind: deny, schedule: '@daily', duration: 1h, "+spec+"}]"))
		if w == nil {
			t.Fatalf("%s: %+v", spec, unread)
		}
		if got := w.Policy("web-1", to) != ""; got != want {
			t.Errorf("%s: %v, want %v", spec, got, want)
		}
	}
}

// What cannot be followed is named, with its field, and nothing of the project is; what Argo CD does not take either is
// told apart, because what was followed before goes on then.
func TestWindowsThatAreNotFollowed(t *testing.T) {
	t.Parallel()
	window := func(edit string) string { return "[{kind: deny, applications: ['*'], " + edit + "}]" }
	var many, choices []string
	for i := range maxWindows + 1 {
		many = append(many, "{kind: deny, schedule: '0 0 * * *', duration: 1h, applications: ['*']}")
		if i <= maxSelections {
			choices = append(choices, fmt.Sprintf("{kind: deny, schedule: '0 0 * * *', duration: 1h, applications: [a%d]}", i))
		}
	}
	for _, c := range []struct {
		name, windows, at, want string
		wrong                   bool
	}{
		{"s", "[{kind: never, schedule: '0 0 * * *', duration: 1h}]", "[0]", `its kind is "never"`, true},
		{"s", window("schedule: '0 0 * * *', duration: long"), "[0]", `its duration is "long"`, true},
		{"s", window("schedule: '0 0 * *', duration: 1h"), "[0]", "does not take its schedule", true},
		{"s", window("schedule: '@every 1h', duration: 1h"), "[0]", "does not take its schedule", false},
		{"s", window("schedule: '0 0 * * *', duration: 1h, timeZone: Mars"), "[0]", `the time zone "Mars"`, true},
		{"s", "[{kind: deny, schedule: '0 0 * * *', duration: 1h, clusters: ['[']}]", "[0]", "a [ without a ]", true},
		{"s", "{a: b}", "", "it is no list of windows", true},
		{"s", "[" + strings.Join(many, ", ") + "]", "", "more than 50 windows", false},
		{"s", "[" + strings.Join(choices, ", ") + "]", "", "5 different choices of Applications, and 4 may be", false},
		{strings.Repeat("s", 60), window("schedule: '0 0 * * *', duration: 1h"), "", "a name that is none", false},
	} {
		w, unread := ReadWindows(withWindows(t, c.name, c.windows))
		if w != nil || len(unread) != 1 || unread[0].At != "spec.syncWindows"+c.at || unread[0].Wrong != c.wrong ||
			!strings.Contains(unread[0].Text, c.want) || !strings.HasPrefix(unread[0].Text, "not followed") {
			t.Errorf("%.100s: %+v, want %q", c.windows, unread, c.want)
		}
	}
	for _, spec := range []string{"[]", "null"} {
		if w, unread := ReadWindows(withWindows(t, "s", spec)); w != nil || len(unread) > 0 {
			t.Errorf("%s: %+v", spec, unread)
		}
	}
}

// Of a project below fleet/ only what is not followed is a note.
func TestNotesOfWindowsBelowFleet(t *testing.T) {
	t.Parallel()
	for windows, want := range map[string]string{
		documented: "",
		"[{kind: deny, schedule: '@every 1h', duration: 1h, applications: ['*']}]": "spec.syncWindows[0]: not followed, " +
			"and neither are the other windows of the project: a policy does not take its schedule",
	} {
		p := argotest.Plan(t, "kind: AppProject\nmetadata: {name: team}\nspec:\n  syncWindows: "+windows, nil)
		o := p.Objects()[0]
		o.App = ""
		Read(p, o)
		notes := strings.Join(argotest.Notes(p.Cluster.Notes), "\n")
		if !strings.Contains(notes, want) || (want == "") != (notes == "") || strings.Contains(notes, "not done") {
			t.Errorf("%s: %q", windows, notes)
		}
	}
}
