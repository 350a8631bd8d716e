package naming

import (
	"testing"

	"github.com/drover-dev/drover/fleet/identity"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/release"
	"github.com/drover-dev/drover/hub/resolve"
	"github.com/drover-dev/drover/protocol"
)

// An agent that cannot move apps is given them under the names that it has, and all others under their keys; one that
// can, is given the keys, and what is remembered of the cluster goes with them.
func TestAnAgentIsGivenTheNamesThatItCanHandle(t *testing.T) {
	t.Parallel()
	plex, base := identity.ID{Kind: "HelmRelease", Namespace: "media", Name: "plex"}, identity.ID{Kind: "Kustomization", Namespace: "media", Name: "base"}
	res := &resolve.Resolution{Apps: []resolve.AppResult{
		{App: model.App{Name: base.Key(), Declared: base.String(), Formerly: []string{"media-base", "media-base-1"}}},
		{App: model.App{Name: plex.Key(), Declared: plex.String(), Formerly: []string{"media-plex", "media-plex-1"},
			Parent: base.Key(), DependsOn: []string{base.Key()}}},
		{App: model.App{Name: "web"}},
	}}
	for _, a := range res.Apps {
		res.Cluster.Apps = append(res.Cluster.Apps, a.App)
	}
	bundle := func(names ...string) (out release.Released) {
		for _, name := range names {
			a := protocol.App{Name: name}
			for _, id := range []identity.ID{plex, base} {
				if name == id.Key() { // of a hub of this release
					a.Declared = id.String()
				}
			}
			out.Bundle.Apps = append(out.Bundle.Apps, a)
		}
		return out
	}
	report := func(renames bool, names ...string) *protocol.Report {
		r := &protocol.Report{Agent: protocol.Agent{Renames: renames}}
		for _, name := range names {
			r.Apps = append(r.Apps, protocol.AppReport{Name: name, Deleted: 7})
		}
		return r
	}
	for name, c := range map[string]struct {
		prev         release.Released
		report       *protocol.Report
		plex, parent string
		moved        bool
	}{
		"a new cluster":                        {release.Released{}, nil, plex.Key(), base.Key(), false},
		"nothing was heard of its agent":       {bundle("media-base", "media-plex", "web"), nil, "media-plex", "media-base", false},
		"an old agent":                         {bundle("media-base", "media-plex"), report(false, "media-base", "media-plex"), "media-plex", "media-base", false},
		"an old agent, with a digest":          {bundle("media-plex-1"), report(false, "media-plex-1"), "media-plex-1", base.Key(), false},
		"an old agent that has the keys":       {bundle(base.Key(), plex.Key()), report(false, base.Key(), plex.Key()), plex.Key(), base.Key(), false},
		"an old agent that was not given them": {bundle(base.Key(), plex.Key()), report(false, "media-base", "media-plex"), "media-plex", "media-base", true},
		"an agent that moves":                  {bundle("media-base", "media-plex"), report(true, "media-base", "media-plex"), plex.Key(), base.Key(), true},
		"an agent that has moved":              {bundle(base.Key(), plex.Key()), report(true, base.Key(), plex.Key()), plex.Key(), base.Key(), false},
		"a store that was lost, an old agent":  {release.Released{}, report(false, "media-base", "media-plex"), "media-plex", "media-base", false},
		"a store that was lost":                {release.Released{}, report(true, "media-base", "media-plex"), plex.Key(), base.Key(), false},
	} {
		was := c.prev
		if len(was.Bundle.Apps) > 0 {
			was.Deletions.Apps = map[string]release.AppDeletions{was.Bundle.Apps[len(was.Bundle.Apps)-1].Name: {Total: 7}}
		}
		got, prev, heard, moved := Named(res, was, c.report)
		var app model.App
		for _, a := range got.Apps {
			if a.App.Declared == plex.String() {
				app = a.App
			}
		}
		if app.Name != c.plex || app.Parent != c.parent || app.DependsOn[0] != c.parent || moved != c.moved {
			t.Errorf("%s: given %s with parent %s, depending on %s, moved %v", name, app.Name, app.Parent, app.DependsOn, moved)
		}
		if len(got.Apps) != 3 || len(got.Cluster.Apps) != 3 || got.Apps[2].App.Name != "web" {
			t.Errorf("%s: the apps are %+v", name, got.Apps)
		}
		for _, a := range prev.Bundle.Apps {
			if a.Name == "media-plex" && c.plex != "media-plex" || a.Name == plex.Key() && c.plex != plex.Key() {
				t.Errorf("%s: what was published names %s", name, a.Name)
			}
		}
		if c.moved && prev.Deletions.Apps[c.plex].Total != 7 {
			t.Errorf("%s: of deletions is remembered %+v", name, prev.Deletions.Apps)
		}
		if c.report != nil {
			for _, a := range heard.Apps {
				if a.Name != c.plex && a.Name != c.parent {
					t.Errorf("%s: it is taken to report %s", name, a.Name)
				}
			}
		}
	}
}
