// Package held says what of a difference would not reach clusters at once: deletions that wait for a person, apps that
// rollout policies release in waves, apps that a person releases, and clusters that are removed together. It asks the
// rules by which the hub itself decides, as if the clusters had what the revision before asks for. It is pure.
//
// It may import fleet, hub/release and protocol.
package held

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/drover-dev/drover/fleet/deletions"
	"github.com/drover-dev/drover/fleet/rollout"
	"github.com/drover-dev/drover/fleet/rollout/budget"
	"github.com/drover-dev/drover/fleet/rollout/lint"
	"github.com/drover-dev/drover/hub/release"
)

// Fleet is what decisions depend on beside the clusters that change.
type Fleet struct {
	Policies []rollout.Policy
	Clusters int // how many there are
	// Reviewed says why the deletions are meant, where a commit says so; "" if none does.
	Reviewed string
	Contents release.Contents
	Now      time.Time
}

// Site is a cluster in which something changes.
type Site struct {
	lint.Site                        // its Apps are the keys of those that change
	Before, After *release.Candidate // nil where there is no such cluster
	Prunes        bool               // what was delivered is deleted when the cluster is removed
}

// Deletion is deletions of an app of a cluster that wait for a person.
type Deletion struct {
	Cluster string   `json:"cluster"`
	App     string   `json:"app"`
	ID      string   `json:"id"` // by which it is approved
	Count   int      `json:"count"`
	Had     int      `json:"had"` // objects of the app before
	Why     []string `json:"why"`
}

// Deletions are those that the deletion budget holds.
func (f Fleet) Deletions(sites []Site) (out []Deletion) {
	var later []Site
	losing := 0
	for _, s := range sites {
		if s.Before == nil || s.After == nil {
			continue
		}
		r := f.release(s, release.Facts{Collecting: true})
		if r.Collect {
			later, losing = append(later, s), losing+1
			continue
		}
		count := 0
		for _, h := range r.Holds {
			count += h.Count
		}
		if count >= deletions.Default.AtLeast {
			losing++
		}
		out = append(out, shown(s, r.Holds)...)
	}
	for _, s := range later {
		out = append(out, shown(s, f.release(s, release.Facts{Losing: losing, Clusters: f.Clusters}).Holds)...)
	}
	slices.SortFunc(out, func(a, b Deletion) int {
		return cmp.Or(cmp.Compare(a.App, b.App), cmp.Compare(a.Cluster, b.Cluster))
	})
	return out
}

// release decides as the hub does for a cluster that has what the revision before asks for.
func (f Fleet) release(s Site, facts release.Facts) release.Result {
	before := f.had(s)
	facts.Limits = func(app string) deletions.Limits { return f.limits(s, app) }
	facts.Reviewed = func(string) string { return f.Reviewed }
	after := *s.After
	after.Declared = nil // what a person releases is told by Manual
	return release.Gate{Contents: f.Contents}.Release(f.Now, after, before, facts, nil)
}

// had is what the hub would remember of a cluster.
func (f Fleet) had(s Site) release.Released {
	out := release.Released{Bundle: s.Before.Bundle, Digest: s.Before.Bundle.Digest()}
	out.Deletions.Note(*s.Before)
	return out
}

func shown(s Site, holds []release.Hold) (out []Deletion) {
	for _, h := range holds {
		out = append(out, Deletion{Cluster: s.Name, App: h.App, ID: h.ID, Count: h.Count, Had: h.Had, Why: h.Why()})
	}
	return out
}

// limits are those that hold for deletions of an app.
func (f Fleet) limits(s Site, app string) deletions.Limits {
	holder := lint.Holder(f.Policies, s.Site, app)
	with := func(yield func(*rollout.Policy) bool) {
		for _, p := range slices.SortedFunc(slices.Values(f.Policies), func(a, b rollout.Policy) int {
			return cmp.Compare(a.Name, b.Name)
		}) {
			if p.Origin == nil && p.Selector.Matches(s.Labels) && !yield(&p) {
				return
			}
		}
	}
	var by *rollout.Policy
	if i := slices.IndexFunc(f.Policies, func(p rollout.Policy) bool { return p.Name == holder }); i >= 0 {
		by = &f.Policies[i]
	}
	return budget.Limits(by, with, app)
}

// Leaving are the clusters whose removal waits for a person, sorted.
func (f Fleet) Leaving(sites []Site) []string {
	prunes := map[string]Site{}
	var gone []release.Gone
	for _, s := range sites {
		if s.After == nil && s.Before != nil {
			prunes[s.Name] = s
			gone = append(gone, release.Gone{Cluster: s.Name, Known: true, Joined: true, Heard: true})
		}
	}
	_, held := release.Leaving(gone, false, f.Clusters, func(cluster string) bool {
		s := prunes[cluster]
		if !s.Prunes {
			return false
		}
		facts := release.Facts{Limits: func(app string) deletions.Limits { return f.limits(s, app) }}
		last := s.Before.Bundle
		return release.Gate{Contents: f.Contents}.Empties(release.Emptied(last, last.Revision), f.had(s), facts)
	})
	closed := func(cluster string) bool { return f.closed(prunes[cluster]) }
	if f.Reviewed != "" && !slices.ContainsFunc(held, closed) {
		return nil
	}
	return held
}

// closed says whether a policy has what Git says of deletions in a cluster count for nothing.
func (f Fleet) closed(s Site) bool {
	return slices.ContainsFunc(f.Policies, func(p rollout.Policy) bool {
		return p.Origin == nil && p.Deletions != nil && p.Deletions.Closed && p.Selector.Matches(s.Labels)
	})
}

// Wave is a wave of a policy that would release the difference to clusters.
type Wave struct {
	Policy string `json:"policy"`
	Wave   string `json:"wave,omitempty"`  // "" for clusters that are in none
	Place  int    `json:"place,omitempty"` // from 1
	Of     int    `json:"of"`
	// Waits says what the wave waits for, each as a sentence without a full stop; nothing if it begins at once.
	Waits    []string `json:"waits,omitempty"`
	Apps     []string `json:"apps"`     // sorted
	Clusters []string `json:"clusters"` // sorted
}

// Waves are those that would release apps that change, by policy and place.
func (f Fleet) Waves(sites []Site) (out []Wave) {
	type place struct {
		policy string
		wave   int
	}
	type members struct{ apps, clusters map[string]bool }
	found := map[place]*members{}
	for _, s := range sites {
		if s.After == nil {
			continue
		}
		for _, app := range s.Apps {
			policy := f.policy(lint.Holder(f.Policies, s.Site, app))
			if policy == nil || s.After.Declared[app].Spec != "" {
				continue
			}
			at := place{policy.Name, policy.WaveOf(s.Labels)}
			if found[at] == nil {
				found[at] = &members{map[string]bool{}, map[string]bool{}}
			}
			found[at].apps[app], found[at].clusters[s.Name] = true, true
		}
	}
	for at, m := range found {
		policy := f.policy(at.policy)
		w := Wave{Policy: at.policy, Place: at.wave + 1, Of: len(policy.Waves), Waits: f.waits(*policy, at.wave),
			Apps: slices.Sorted(maps.Keys(m.apps)), Clusters: slices.Sorted(maps.Keys(m.clusters))}
		if at.wave >= 0 {
			w.Wave = policy.Waves[at.wave].Name
		}
		out = append(out, w)
	}
	slices.SortFunc(out, func(a, b Wave) int {
		return cmp.Or(cmp.Compare(a.Policy, b.Policy), cmp.Compare(a.Place, b.Place))
	})
	return out
}

func (f Fleet) policy(name string) *rollout.Policy {
	for i := range f.Policies {
		if f.Policies[i].Name == name {
			return &f.Policies[i]
		}
	}
	return nil
}

// Manual are the apps that change and wait for a person, as the tool for which they are written has it: clusters by
// what declares them, sorted.
func Manual(sites []Site) map[string][]string {
	out := map[string][]string{}
	for _, s := range sites {
		if s.After == nil {
			continue
		}
		for _, app := range s.Apps {
			if by := s.After.Declared[app].Manual; by != "" && !slices.Contains(out[by], s.Name) {
				out[by] = append(out[by], s.Name)
			}
		}
	}
	for by := range out {
		slices.Sort(out[by])
	}
	return out
}
