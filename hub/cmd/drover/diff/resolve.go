package diff

import (
	"context"
	"fmt"
	"slices"

	"github.com/drover-dev/drover/hub/cmd/drover/tree"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/resolve"
	"github.com/drover-dev/drover/protocol"
)

// resolve resolves the base, and of the head the clusters that may differ: those that depend on a path that changed, or
// for which other apps are selected of those for many clusters. It is what the hub does when a branch moves.
func (c *comparison) resolve(ctx context.Context) error {
	if err := c.list(); err != nil {
		return err
	}
	sites := c.chosen(&c.base)
	fleet, all, err := c.trees.Base.Settled(ctx, sites, nil)
	if err != nil {
		return err
	}
	c.base.take(fleet, sites, all)
	if c.head.fleet, _, err = c.trees.Head.Settled(ctx, nil, nil); err != nil {
		return err
	}
	if c.moved, err = c.movedSites(); err != nil {
		return err
	}
	sites = slices.DeleteFunc(c.chosen(&c.head), func(s model.Site) bool { return !c.affected(s.Name) })
	fleet, all, err = c.trees.Head.Settled(ctx, sites, func(name string) []protocol.App {
		if had := c.base.candidate(name, protocol.Bundle{}); had != nil {
			return had.Bundle.Apps
		}
		return nil
	})
	if err != nil {
		return err
	}
	c.head.take(fleet, sites, all)
	for _, s := range []*side{&c.base, &c.head} {
		for _, res := range s.resolved {
			for _, a := range res.Apps {
				c.names.Learn(a.App.Declared)
			}
		}
	}
	c.problemsOfFleet()
	c.report.Clusters = len(c.both())
	return nil
}

// list finds out which clusters there are.
func (c *comparison) list() (err error) {
	for s, o := range map[*side]*tree.Opened{&c.base: c.trees.Base, &c.head: c.trees.Head} {
		if s.listed, err = o.Resolver.Clusters(o.Snap); err != nil {
			return err
		}
		r := o.Snap.Revision()
		s.revision = protocol.Revision{Hash: r.Hash, Branch: r.Branch, Subject: r.Subject, Time: r.Time}
		s.resolved = map[string]*resolve.Resolution{}
	}
	for _, name := range c.o.clusters {
		if !c.base.lists(name) && !c.head.lists(name) {
			return fmt.Errorf("--cluster %s: there is no such cluster at either revision: there are %v", name,
				c.head.listed.Names())
		}
	}
	return nil
}

// chosen are the clusters of a side that --cluster names; all if it names none.
func (c *comparison) chosen(s *side) (out []model.Site) {
	for _, site := range s.listed.Sites.Sites {
		if len(c.o.clusters) == 0 || slices.Contains(c.o.clusters, site.Name) {
			out = append(out, site)
		}
	}
	return out
}

// take takes in what was resolved.
func (s *side) take(fleet *resolve.Fleet, sites []model.Site, all []resolve.Resolution) {
	s.fleet = fleet
	for i, site := range sites {
		if site.Wrong == "" {
			s.resolved[site.Name] = &all[i]
		}
	}
}

// affected says whether a cluster may differ.
func (c *comparison) affected(name string) bool { return c.moved[name] }

// movedSites are the clusters that may differ.
func (c *comparison) movedSites() (map[string]bool, error) {
	paths, err := c.trees.Head.Snap.Changes(c.trees.Base.Snap)
	if err != nil {
		return nil, err
	}
	changed := make(map[string]bool, len(paths))
	for _, p := range paths {
		changed[p] = true
	}
	selects := c.head.fleet.Differs(c.base.fleet)
	out := map[string]bool{}
	for _, s := range []*side{&c.base, &c.head} {
		for _, site := range s.listed.Sites.Sites {
			was, had := c.base.listed.Site(site.Name)
			is, has := c.head.listed.Site(site.Name)
			res := c.base.of(site.Name)
			if !had || !has || was != is || res == nil || res.Transient || res.Selecting ||
				slices.ContainsFunc(res.Places(), func(p string) bool { return changed[p] }) ||
				selects && c.trees.Head.Resolver.Reselected(c.head.fleet, res) {
				out[site.Name] = true
			}
		}
	}
	return out, nil
}

// problemsOfFleet notes what is wrong beyond any one cluster.
func (c *comparison) problemsOfFleet() {
	was := slices.Concat(c.base.listed.Problems(), c.base.fleet.Problems())
	is := slices.Concat(c.head.listed.Problems(), c.head.fleet.Problems())
	for _, text := range is {
		c.errors.add("", "", c.names.Text(text), slices.Contains(was, text))
	}
	for _, text := range was {
		if !slices.Contains(is, text) {
			c.notes.add("", "", "at the base: "+c.names.Text(text), false)
		}
	}
}
