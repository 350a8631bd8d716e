package api

import (
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/drover-dev/drover/fleet/access"
	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/fleet/selector"
	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/hub/audit"
	"github.com/drover-dev/drover/hub/people"
)

// Policies gives what callers may do. Where there are none, or a nil policy, only the shared token may do anything.
type Policies interface {
	Policy() *access.Policy
}

// within says of which place a route asks for a right.
type within int

const (
	ofFleet  within = iota // the whole fleet
	ofSome                 // at least one place; the handler bounds the answer, or asks again for what is meant
	ofNamed                // the cluster of the path, with all of its apps
	ofPart                 // the cluster of the path, or some apps in it; the handler bounds the answer
	ofCaller               // none: it is about the caller
	ofAnyone               // none: no token is needed, or the handler has secrets of its own
)

// needs are what a route asks for. With several verbs or resources any of them lets a request in, and the handler asks
// again for what is meant.
type needs struct {
	verbs     []access.Verb
	resources []access.Resource
	place     within
}

func need(v access.Verb, on access.Resource, place within) needs {
	return needs{[]access.Verb{v}, []access.Resource{on}, place}
}

// route is one path of the API, with what it asks for.
type route struct {
	pattern string
	needs   needs
	serve   http.HandlerFunc
}

// sight knows what callers may do and see.
type sight struct {
	state    *hub.State
	policies Policies
	journal  *audit.Journal
	denials  *audit.Denials
	log      *slog.Logger
}

func (s sight) policy() *access.Policy {
	if s.policies == nil {
		return nil
	}
	return s.policies.Policy()
}

// caller is who makes a request; one of which that is not known may do nothing.
func caller(r *http.Request) access.Caller {
	who, _ := people.Of(r.Context())
	return who.Caller
}

// admit says whether a caller may use a route, and by which role.
func (s sight) admit(r *http.Request, who people.Who, n needs) (people.Who, error) {
	if n.place == ofCaller || n.place == ofAnyone {
		return who, nil
	}
	target := access.Target{}
	name := r.PathValue("name")
	switch n.place {
	case ofSome:
		target = access.Anywhere()
	case ofNamed, ofPart:
		c, _ := s.state.Get(name)
		target = access.In(c.Labels)
	}
	var first access.Decision
	for _, on := range n.resources {
		for _, v := range n.verbs {
			if !access.Known(v, on) {
				continue
			}
			d := s.policy().Decide(who.Caller, v, on, target)
			if !d.Allowed && n.place == ofPart {
				c, _ := s.state.Get(name)
				if all, projects := s.policy().View(who.Caller, v, on).Cluster(c.Labels); all || len(projects) > 0 {
					d = s.policy().Decide(who.Caller, v, on, access.Anywhere())
				}
			}
			if d.Allowed {
				who.Role = d.Role
				return who, nil
			}
			if first.Why == "" {
				first = d
			}
		}
	}
	return who, s.denied(who, fmt.Sprintf("%s %s", n.verbs[0], n.resources[0]), r.URL.Path, first.Why)
}

// denied notes that something is not allowed, and is the answer.
func (s sight) denied(who people.Who, what, path, why string) error {
	if err := s.denials.Note(s.journal, time.Now(), who, what, fmt.Sprintf("%.200s: %s", path, why)); err != nil {
		s.log.Warn("a denial could not be noted", "by", who.String(), "what", what, "err", err)
	}
	status := http.StatusForbidden
	if !s.policy().Read() {
		status = http.StatusServiceUnavailable
	}
	return failure{status, why}
}

// may asks for one right, and gives the request with the role that allows it.
func (s sight) may(r *http.Request, v access.Verb, on access.Resource, target access.Target) (*http.Request, error) {
	who, known := people.Of(r.Context())
	if !known {
		return r, errToken
	}
	d := s.policy().Decide(who.Caller, v, on, target)
	if !d.Allowed {
		who.Role = ""
		return r, s.denied(who, fmt.Sprintf("%s %s", v, on), r.URL.Path, d.Why)
	}
	who.Role = d.Role
	return r.WithContext(people.With(r.Context(), who)), nil
}

// view is where a caller may do something.
func (s sight) view(r *http.Request, v access.Verb, on access.Resource) access.View {
	return s.policy().View(caller(r), v, on)
}

// part is what a view has of a cluster; ok is false for nothing.
func part(v access.View, c query.Cluster) (_ query.Cluster, ok bool) {
	all, projects := v.Cluster(c.Labels)
	if all {
		return c, true
	}
	if len(projects) == 0 {
		return query.Cluster{}, false
	}
	c = c.Within(projects)
	return c, len(c.Desired.Apps) > 0
}

// clusters are those of a selector that a view has, each as far as the view has it.
func (s sight) clusters(v access.View, sel selector.Selector) []query.Cluster {
	all := s.state.Select(sel)
	if v.Everywhere() {
		return all
	}
	out := all[:0]
	for _, c := range all {
		if c, ok := part(v, c); ok {
			out = append(out, c)
		}
	}
	return out
}

// has says whether a view has all of what is told by its clusters and, where it is about apps alone, by its apps.
func (s sight) has(v access.View, clusters, apps []string) bool {
	if v.Everywhere() {
		return true
	}
	for _, name := range clusters {
		c, _ := s.state.Get(name)
		all, projects := v.Cluster(c.Labels)
		if all {
			continue
		}
		if len(projects) == 0 || len(apps) == 0 {
			return false
		}
		c = c.Within(projects)
		for _, app := range apps {
			if !slices.ContainsFunc(c.Desired.Apps, func(d query.DesiredApp) bool { return d.Name == app }) {
				return false
			}
		}
	}
	return len(clusters) > 0
}

// holds says whether a view has all clusters that a policy of rollouts may hold. Of one that another tool's object
// declares that is not known.
func (s sight) holds(v access.View, r query.Rollout) bool {
	if v.Everywhere() {
		return true
	}
	if r.From != "" {
		return false
	}
	var names []string
	for _, c := range s.state.Select(r.Selects) {
		names = append(names, c.Name)
	}
	return s.has(v, names, nil)
}

// rollouts are those that a view has.
func (s sight) rollouts(v access.View) []query.Rollout {
	out := []query.Rollout{}
	for _, r := range s.state.Source().Rollouts {
		if s.holds(v, r) {
			out = append(out, r)
		}
	}
	return out
}

// rollout says whether a caller may do something with a policy of rollouts, which may be unknown.
func (s sight) rollout(r *http.Request, v access.Verb, policy string) (*http.Request, error) {
	view := s.view(r, v, access.Rollouts)
	all := s.state.Source().Rollouts
	i := slices.IndexFunc(all, func(x query.Rollout) bool { return x.Policy == policy })
	if i >= 0 && s.holds(view, all[i]) && !view.Everywhere() {
		return s.may(r, v, access.Rollouts, access.Anywhere())
	}
	return s.may(r, v, access.Rollouts, access.Target{})
}

// hold asks for a right on what waits for a person.
func (s sight) hold(r *http.Request, v access.Verb, h query.Hold) (*http.Request, error) {
	if view := s.view(r, v, access.Decisions); !view.Everywhere() && s.has(view, h.Clusters, h.Apps) {
		return s.may(r, v, access.Decisions, access.Anywhere())
	}
	return s.may(r, v, access.Decisions, access.Target{})
}

// source is how the hub stands to its repository, as far as a caller may know.
func (s sight) source(c access.Caller, all hub.SourceStatus) hub.SourceStatus {
	p := s.policy()
	out := all
	if !p.Decide(c, access.Get, access.Source, access.Target{}).Allowed {
		out = hub.SourceStatus{Repository: all.Repository, Branch: all.Branch, Revision: all.Revision,
			Resolved: all.Resolved, Hub: all.Hub, Withheld: all.Withheld, Held: all.Held, Frozen: all.Frozen}
	}
	if v := p.View(c, access.Get, access.Decisions); !v.Everywhere() {
		out.Held = slices.DeleteFunc(slices.Clone(out.Held), func(h query.Hold) bool { return !s.has(v, h.Clusters, h.Apps) })
	}
	out.Rollouts = all.Rollouts
	if v := p.View(c, access.List, access.Rollouts); !v.Everywhere() {
		out.Rollouts = nil
		for _, r := range all.Rollouts {
			if s.holds(v, r) {
				out.Rollouts = append(out.Rollouts, r)
			}
		}
	}
	return out
}
