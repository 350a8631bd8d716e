package diff

import (
	"maps"
	"slices"

	"github.com/drover-dev/drover/hub/candidate"
	"github.com/drover-dev/drover/hub/release"
	"github.com/drover-dev/drover/hub/resolve"
	"github.com/drover-dev/drover/protocol"
)

// side is one of the two revisions, resolved.
type side struct {
	revision protocol.Revision
	listed   resolve.Listing
	fleet    *resolve.Fleet
	resolved map[string]*resolve.Resolution // by cluster
}

// problem is something that is wrong in a cluster. app is a key.
type problem struct{ app, text string }

// of is what a cluster is to run; nil if that is not known, or there is no such cluster.
func (s *side) of(name string) *resolve.Resolution { return s.resolved[name] }

// lists says whether a cluster has a folder.
func (s *side) lists(name string) bool {
	_, is := s.listed.Site(name)
	return is
}

// sure says whether it is known of every folder which cluster it is for.
func (s *side) sure() bool { return len(s.listed.Unknown) == 0 }

// candidate is what a cluster would get, that has last.
func (s *side) candidate(name string, last protocol.Bundle) *release.Candidate {
	res := s.of(name)
	if res == nil {
		return nil
	}
	c := candidate.Of(*res, s.revision, last)
	return &c
}

// wrong is what is wrong in a cluster.
func (s *side) wrong(name string) (out []problem) {
	if site, is := s.listed.Site(name); is && site.Wrong != "" {
		out = append(out, problem{"", site.Wrong})
	}
	res := s.of(name)
	if res == nil {
		return out
	}
	for _, text := range res.Cluster.Problems {
		out = append(out, problem{"", text})
	}
	for _, a := range res.Apps {
		if a.Err != "" {
			out = append(out, problem{a.App.Name, a.Err})
		}
	}
	return out
}

// both are the names of the clusters of either side that were asked for, sorted.
func (c *comparison) both() []string {
	names := map[string]bool{}
	for _, s := range []*side{&c.base, &c.head} {
		for _, site := range s.listed.Sites.Sites {
			if c.asked(site.Name) {
				names[site.Name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// asked says whether a cluster was asked for, as far as that is known of it.
func (c *comparison) asked(name string) bool {
	if len(c.o.clusters) > 0 && !slices.Contains(c.o.clusters, name) {
		return false
	}
	if c.o.selector == "" {
		return true
	}
	for _, s := range []*side{&c.head, &c.base} { // what it would be, or else what it was
		if res := s.of(name); res != nil && c.o.chosen.Matches(res.Cluster.Labels) {
			return true
		}
	}
	return false
}
