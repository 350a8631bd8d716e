// Package lint finds what is wrong with RolloutPolicies, held against the clusters of a fleet.
//
// It may import fleet/rollout.
package lint

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/drover-dev/drover/fleet/rollout"
)

// Policy is a RolloutPolicy.
type Policy = rollout.Policy

// Site is a cluster of a fleet, as Lint judges it.
type Site struct {
	Name   string
	Labels map[string]string
	Apps   []string
	Named  map[string][]string // by app: the policies that it names, see Origin
}

// Finding is what is wrong with a policy.
type Finding struct {
	Policy string
	Field  string // below the object, as spec.waves[1].clusterSelector
	Text   string
}

// Policies holds policies against the clusters of a fleet. It names policies that select nothing, clusters that are in
// no wave, two policies that claim one app of a cluster, waves that can never pass or get anything, and windows that
// never open. Of policies that are read from objects of other tools Origins says what is to be known.
func Policies(now time.Time, policies []Policy, sites []Site) (out []Finding) {
	policies = slices.DeleteFunc(slices.Clone(policies), func(p Policy) bool { return p.Origin != nil })
	after := map[string]string{}
	for _, p := range policies {
		if p.HasWaves() {
			after[p.Name] = p.After
		}
	}
	for _, p := range policies {
		out = append(out, lintSelection(p, sites)...)
		out = append(out, lintWaves(p, sites)...)
		out = append(out, lintAfter(p, after)...)
		if len(p.Windows) > 0 && p.Windows.Opens(now).IsZero() {
			out = append(out, Finding{p.Name, "spec.windows", "no time is allowed by these windows, so that nothing would " +
				"ever be released: change the schedules, or remove a denial that covers them"})
		}
	}
	out = append(out, lintClaims(policies, sites, claim{"holds", "holds", "held"}, Policy.HasWaves)...)
	return append(out, lintClaims(policies, sites, claim{"bounds the deletions of", "bounds", "bounded"},
		func(p Policy) bool { return p.Deletions != nil })...)
}

// lintSelection finds a policy that holds nothing.
func lintSelection(p Policy, sites []Site) []Finding {
	selected := 0
	for _, s := range sites {
		if !p.Selector.Matches(s.Labels) {
			continue
		}
		selected++
		if slices.ContainsFunc(s.Apps, p.HoldsApp) {
			return nil
		}
	}
	if selected == 0 {
		return []Finding{{p.Name, "spec.clusterSelector", "it selects none of the fleet's clusters, so that the policy " +
			"holds " +
			"nothing: compare it with the labels in their cluster.yaml"}}
	}
	return []Finding{{p.Name, "spec.apps", fmt.Sprintf("none of %s that it selects has an app of these names, so that "+
		"the "+
		"policy holds nothing: compare them with `drover status`", clusters(selected))}}
}

// lintWaves finds clusters in no wave, and waves that never get any.
func lintWaves(p Policy, sites []Site) (out []Finding) {
	if !p.HasWaves() && p.Deletions != nil {
		return nil
	}
	var none []string
	for _, s := range sites {
		if p.Selector.Matches(s.Labels) && p.WaveOf(s.Labels) < 0 {
			none = append(none, s.Name)
		}
	}
	if len(none) > 0 {
		out = append(out, Finding{p.Name, "spec.waves", fmt.Sprintf("nothing would ever be released to %s in no "+
			"wave (%s): add a last wave without a clusterSelector, which takes the rest", clusters(len(none)), few(none))})
	}
	for i, w := range p.Waves[:max(0, len(p.Waves)-1)] {
		if w.Selector == nil {
			out = append(out, Finding{p.Name, fmt.Sprintf("spec.waves[%d]", i+1), fmt.Sprintf("no cluster is left for it: the "+
				"wave %s before it has no clusterSelector and takes the rest; move that one to the end", w.Name)})
			break
		}
	}
	return out
}

// lintAfter finds a policy that waits for one that never passes anything on.
func lintAfter(p Policy, after map[string]string) []Finding {
	if p.After == "" {
		return nil
	}
	seen := []string{p.Name}
	for at := p.After; at != ""; at = after[at] {
		if _, known := after[at]; !known {
			if len(seen) > 1 {
				return nil // it is said of that one
			}
			return []Finding{{p.Name, "spec.after", fmt.Sprintf("there is no RolloutPolicy %q with waves, so that "+
				"nothing would ever be released: name one of the fleet", at)}}
		}
		if slices.Contains(seen, at) {
			if at != p.Name {
				return nil // it is said of those in the circle
			}
			return []Finding{{p.Name, "spec.after", fmt.Sprintf("the policies wait for each other, so that nothing would ever "+
				"be "+
				"released (%s): remove one of these fields", strings.Join(append(seen, at), " after "))}}
		}
		seen = append(seen, at)
	}
	return nil
}

// claim is how people are told of what a policy does with an app, that another one does, too, and that is done.
type claim struct{ does, also, is string }

// lintClaims finds apps that two policies hold, or of which two bound the deletions.
func lintClaims(policies []Policy, sites []Site, what claim, claims func(Policy) bool) (out []Finding) {
	type pair struct{ first, second string }
	found := map[pair][]string{}
	for _, s := range sites {
		for _, app := range s.Apps {
			first := ""
			for _, p := range policies {
				switch {
				case !claims(p) || !p.Holds(s.Labels, app):
				case first == "":
					first = p.Name
				default:
					found[pair{first, p.Name}] = append(found[pair{first, p.Name}], s.Name+"/"+app)
				}
			}
		}
	}
	pairs := slices.SortedFunc(maps.Keys(found), func(a, b pair) int {
		return strings.Compare(a.second+" "+a.first, b.second+" "+b.first)
	})
	for _, p := range pairs {
		apps := found[p]
		out = append(out, Finding{p.second, "spec.clusterSelector", fmt.Sprintf("it %s %d %s that the policy %s %s, "+
			"too (%s): an app of a cluster may be %s by one policy alone; change a clusterSelector, or spec.apps", what.does,
			len(apps), plural(len(apps), "app"), p.first, what.also, few(apps), what.is)})
	}
	return out
}

// clusters counts clusters in words.
func clusters(n int) string { return fmt.Sprintf("%d %s", n, plural(n, "cluster")) }

func plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}

// few names the first three.
func few(names []string) string {
	if len(names) <= 3 {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:3], ", "), len(names)-3)
}
