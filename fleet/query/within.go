package query

import (
	"slices"

	"github.com/drover-dev/drover/protocol"
)

// Within is the part of a cluster that is the apps of some projects, which are sorted: for people who may see no more.
// What is known of the cluster as such, other than that it is there and connected, is left out. An app whose project is
// not known is in none.
func (c Cluster) Within(projects []string) Cluster {
	out := Cluster{Name: c.Name, Labels: c.Labels, Suspended: c.Suspended, Released: c.Released, Pruning: c.Pruning,
		Joined: c.Joined, Revoked: c.Revoked, Expired: c.Expired, Link: c.Link, Received: c.Received, Desired: c.Desired}
	names := map[string]bool{}
	out.Desired.Apps = nil
	for _, d := range c.Desired.Apps {
		if _, in := slices.BinarySearch(projects, d.Project); !in || d.Project == "" {
			continue
		}
		names[d.Name] = true
		for _, name := range d.Formerly {
			names[name] = true
		}
		out.Desired.Apps = append(out.Desired.Apps, d)
	}
	other := func(app string) bool { return !names[app] }
	for i := range out.Desired.Apps {
		d := &out.Desired.Apps[i]
		d.DependsOn = slices.DeleteFunc(slices.Clone(d.DependsOn), other)
	}
	for _, h := range c.Waiting {
		if len(h.Apps) > 0 && !slices.ContainsFunc(h.Apps, other) {
			out.Waiting = append(out.Waiting, h)
		}
	}
	out.Guarded = slices.DeleteFunc(slices.Clone(c.Guarded), other)
	for _, e := range c.Recent {
		if names[e.App] {
			out.Recent = append(out.Recent, e)
		}
	}
	if c.Report != nil {
		r := protocol.Report{Version: c.Report.Version, Cluster: c.Report.Cluster, Seq: c.Report.Seq, Time: c.Report.Time,
			Agent: c.Report.Agent, Generation: c.Report.Generation, Epoch: c.Report.Epoch, Digest: c.Report.Digest,
			Revision: c.Report.Revision, Suspended: c.Report.Suspended}
		for _, a := range c.Report.Apps {
			if names[a.Name] {
				r.Apps = append(r.Apps, a)
			}
		}
		out.Report = &r
	}
	return out
}
