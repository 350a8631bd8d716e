package layout

import (
	"cmp"
	"slices"

	"github.com/drover-dev/drover/fleet/identity"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/trust"
)

// meetDependencies has native Apps wait for apps of other tools by their keys. An App names them as people read them,
// by kind, namespace and name, or by the name of older releases. A name that is that of an app is taken as it stands,
// and of several that were once called alike the app that is trusted most is meant: nobody's declaration changes for
// what those wait for who are trusted more.
func (p *planner) meetDependencies() {
	for name, a := range p.Apps {
		if a.Foreign || !slices.ContainsFunc(a.DependsOn, p.unknown) {
			continue
		}
		a.DependsOn = slices.Clone(a.DependsOn)
		a.Handling.Ready = slices.Clone(a.Handling.Ready)
		for i, on := range a.DependsOn {
			key := p.meant(on)
			if key == "" {
				continue
			}
			a.DependsOn[i] = key
			for j, r := range a.Handling.Ready {
				if r.App == on {
					a.Handling.Ready[j].App = key
				}
			}
		}
		p.Apps[name] = a
	}
}

func (p *planner) unknown(app string) bool {
	_, known := p.Apps[app]
	return !known
}

// meant is the key of the app of another tool that a native App means; "" where it is none, or may be several.
func (p *planner) meant(asked string) string {
	if !p.unknown(asked) {
		return ""
	}
	for _, is := range []func(model.App) bool{
		func(a model.App) bool { return identity.Named{Key: a.Name, Declared: a.Declared}.DeclaredAs(asked) },
		func(a model.App) bool { return slices.Contains(a.Formerly, asked) },
	} {
		var found []model.App
		for _, a := range p.Apps {
			if a.Foreign && a.Declared != "" && is(a) {
				found = append(found, a)
			}
		}
		rights := func(a model.App) trust.Party {
			return trust.Party{Account: a.Handling.ServiceAccount, Project: a.Project}
		}
		slices.SortFunc(found, func(a, b model.App) int {
			return cmp.Or(trust.Compare(rights(a), rights(b)), cmp.Compare(a.Name, b.Name))
		})
		if len(found) == 1 || len(found) > 1 && trust.Compare(rights(found[0]), rights(found[1])) != 0 {
			return found[0].Name
		}
	}
	return ""
}
