package diff

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/drover-dev/drover/fleet/identity"
	"github.com/drover-dev/drover/fleet/rollout"
	"github.com/drover-dev/drover/hub/cmd/drover/tree"
	"github.com/drover-dev/drover/hub/difference"
	"github.com/drover-dev/drover/hub/difference/held"
	"github.com/drover-dev/drover/hub/layout"
	"github.com/drover-dev/drover/hub/release"
	"github.com/drover-dev/drover/hub/rollouts/policies"
	"github.com/drover-dev/drover/internal/shown"
	"github.com/drover-dev/drover/protocol"
)

// comparison is one run of the command.
type comparison struct {
	o          *options
	trees      *tree.Between
	base, head side
	moved      map[string]bool // clusters that may differ
	names      *shown.Names
	app        string // the key of --app
	report     *Report
	errors     problems
	notes      problems
	groups     *difference.Grouping
	held       []held.Site // clusters in which something changes
}

// report compares the two revisions.
func (o *options) report(ctx context.Context, stderr io.Writer) (*Report, error) {
	trees, err := o.Between(ctx, o.base, o.head, stderr)
	if err != nil {
		return nil, err
	}
	defer trees.Close()
	c := &comparison{o: o, trees: trees, names: shown.New(), groups: difference.NewGrouping(), report: &Report{
		Base: revisionOf(trees.Base, false), Head: revisionOf(trees.Head, trees.Working)}}
	if err := c.resolve(ctx); err != nil {
		return nil, err
	}
	if err := c.compare(); err != nil {
		return nil, err
	}
	if err := c.hold(ctx); err != nil {
		return nil, err
	}
	c.finish()
	return c.report, nil
}

// compare compares the clusters that may differ, and notes what is wrong in any.
func (c *comparison) compare() error {
	if err := c.chooseApp(); err != nil {
		return err
	}
	r := c.trees.Head.Resolver
	comparer := difference.NewComparer(content{r}, c.names.Name)
	c.report.full = comparer.Full
	for _, name := range c.both() {
		c.problemsOf(name)
		before, after := c.base.candidate(name, protocol.Bundle{}), (*release.Candidate)(nil)
		if before != nil {
			after = c.head.candidate(name, before.Bundle)
		} else {
			after = c.head.candidate(name, protocol.Bundle{})
		}
		changes, err := c.changesOf(comparer, name, before, after)
		if err != nil {
			return fmt.Errorf("cluster %s: %w", name, err)
		}
		if len(changes) == 0 {
			continue
		}
		c.report.Changed++
		c.groups.Add(name, changes)
		c.held = append(c.held, c.siteOf(name, before, after, changes))
	}
	return nil
}

// changesOf are the changes of one cluster, of the app that was asked for.
func (c *comparison) changesOf(comparer *difference.Comparer, name string, before, after *release.Candidate) (
	out []difference.ClusterChange, err error) {
	switch {
	case before == nil && after == nil, !c.affected(name):
		return nil, nil
	case after == nil && (c.head.lists(name) || !c.head.sure()):
		return nil, nil // what it would be is not known
	case before == nil && (c.base.lists(name) || !c.base.sure()):
		c.notes.add(name, "", "what the cluster had at the base is not known, so that nothing is compared", false)
		return nil, nil
	case before == nil:
		out = comparer.Added(&after.Bundle)
	case after == nil:
		out = comparer.Removed(&before.Bundle, c.base.of(name).Cluster.PruneOnRemove)
	default:
		out, err = comparer.Cluster(&before.Bundle, &after.Bundle)
	}
	if c.app != "" {
		out = slices.DeleteFunc(out, func(x difference.ClusterChange) bool { return x.Key() != c.app })
	}
	return out, err
}

// siteOf is a cluster that changes, for the rules that hold changes back.
func (c *comparison) siteOf(name string, before, after *release.Candidate,
	changes []difference.ClusterChange) held.Site {
	s := held.Site{Before: before, After: after}
	s.Name, s.Named = name, map[string][]string{}
	res := c.head.of(name)
	if res == nil {
		res = c.base.of(name)
		s.Prunes = res.Cluster.PruneOnRemove
	}
	s.Labels = res.Cluster.Labels
	for _, a := range res.Apps {
		s.Named[a.App.Name] = a.App.Policies.Names()
	}
	for _, x := range changes {
		if key := x.Key(); key != "" {
			s.Apps = append(s.Apps, key)
		}
	}
	if before == nil { // a new cluster: everything in it
		for _, a := range after.Bundle.Apps {
			s.Apps = append(s.Apps, a.Name)
		}
	}
	return s
}

// problemsOf notes what is wrong in a cluster: at the head as an error, at the base alone as a note.
func (c *comparison) problemsOf(name string) {
	was, is := c.base.wrong(name), c.head.wrong(name)
	if !c.affected(name) {
		is = was
	}
	for _, p := range is {
		if c.app == "" || p.app == c.app || p.app == "" {
			c.errors.add(name, c.names.Name(p.app), c.names.Text(p.text), slices.Contains(was, p))
		}
	}
	for _, p := range was {
		if !slices.Contains(is, p) && (c.app == "" || p.app == c.app || p.app == "") {
			c.notes.add(name, c.names.Name(p.app), "at the base: "+c.names.Text(p.text), false)
		}
	}
}

// chooseApp finds the app that --app means.
func (c *comparison) chooseApp() error {
	if c.o.app == "" {
		return nil
	}
	all := map[string]identity.Named{}
	for _, s := range []*side{&c.base, &c.head} {
		for _, res := range s.resolved {
			for _, a := range res.Apps {
				all[a.App.Name] = identity.Named{Key: a.App.Name, Declared: a.App.Declared, Formerly: a.App.Formerly}
			}
		}
	}
	named := make([]identity.Named, 0, len(all))
	for _, key := range slices.Sorted(maps.Keys(all)) {
		named = append(named, all[key])
	}
	var err error
	if c.app, err = identity.Find(named, c.o.app); err != nil {
		return fmt.Errorf("--app: %w", err)
	}
	return nil
}

// hold finds out what would hold the change.
func (c *comparison) hold(ctx context.Context) error {
	if len(c.held) == 0 {
		return nil
	}
	f := held.Fleet{Clusters: len(c.head.listed.Sites.Sites), Contents: content{c.trees.Head.Resolver}.contents,
		Now: time.Now()}
	declared, sure := policies.Declare(c.head.fleet.Declared(), (&layout.Layout{}).Policies)
	if !sure {
		c.notes.add("", "", "not all policies of rollouts can be read: what they would hold is not told", false)
	}
	for _, d := range declared {
		f.Policies = append(f.Policies, d.Policy)
	}
	slices.SortFunc(f.Policies, func(a, b rollout.Policy) int { return cmp.Compare(a.Name, b.Name) })
	trailers, err := c.trees.Head.Snap.Trailers(ctx, c.trees.Base.Snap.Revision().Hash, release.TrailerDeletions)
	if err != nil {
		return err
	}
	for _, t := range trailers {
		f.Reviewed = cmp.Or(f.Reviewed, release.Reviewed(t.Commit, t.Author, t.Value))
	}
	h := &c.report.Held
	h.Deletions, h.Removals, h.Waves = f.Deletions(c.held), f.Leaving(c.held), f.Waves(c.held)
	if h.Manual = held.Manual(c.held); len(h.Manual) == 0 {
		h.Manual = nil
	}
	for i := range h.Deletions {
		h.Deletions[i].App = c.names.Name(h.Deletions[i].App)
	}
	for i := range h.Waves {
		for j, app := range h.Waves[i].Apps {
			h.Waves[i].Apps[j] = c.names.Name(app)
		}
	}
	return nil
}

// finish puts everything in order.
func (c *comparison) finish() {
	r := c.report
	r.Groups, r.Errors, r.Notes = c.groups.Groups(), c.errors.all, c.notes.all
	for _, list := range []*[]Problem{&r.Errors, &r.Notes} {
		for i := range *list {
			slices.Sort((*list)[i].Clusters)
		}
		if *list == nil {
			*list = []Problem{}
		}
		slices.SortStableFunc(*list, func(a, b Problem) int {
			return cmp.Or(cmp.Compare(len(b.Clusters), len(a.Clusters)), cmp.Compare(a.App, b.App),
				cmp.Compare(a.Text, b.Text))
		})
	}
}
