package argo

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/layout/argo/appset"
	"github.com/drover-dev/drover/hub/layout/argo/destination"
	"github.com/drover-dev/drover/hub/layout/argo/fields"
	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
)

var _ planning.Destined = Dialect{}

// Untaken implements planning.Destined: it names Applications whose destination no cluster is, also those that
// ApplicationSets give. What is wrong with them otherwise, the plans of the clusters say.
func (d Dialect) Untaken(ctx context.Context, p *planning.Plan) []fleet.Note {
	clusters, err := p.Fleet()
	if err != nil {
		return nil // then nobody can say
	}
	u := untaken{plan: p, clusters: clusters}
	for _, o := range p.Objects() {
		switch o.Kind {
		case fields.Application:
			for _, either := range append([]*planning.Object{o}, o.Rivals...) {
				u.application(either)
			}
		case fields.ApplicationSet:
			u.set(o, appset.Wide(ctx, p, d.Templates, o))
		}
	}
	return u.notes
}

// untaken gathers what no cluster takes.
type untaken struct {
	plan     *planning.Plan
	clusters []model.Cluster
	notes    []fleet.Note
}

// by says whether no cluster takes a destination. An empty one is an error of each cluster.
func (u *untaken) by(d destination.Destination) bool {
	return d.Name+d.Server != "" && !slices.ContainsFunc(u.clusters, d.Is)
}

func (u *untaken) application(o *planning.Object) {
	var a applicationSpec
	if o.Decode(&a) == nil && u.by(a.Destination) {
		u.notes = append(u.notes, u.plan.Note(o, "spec.destination",
			fmt.Sprintf("left out: it is for %s, which no cluster of the fleet is: %s", a.Destination, u.remedy(a.Destination))))
	}
}

// set names the Applications of a set, by their destinations.
func (u *untaken) set(o *planning.Object, given []model.Declaration) {
	var order []destination.Destination
	names := map[destination.Destination][]string{}
	for _, made := range given {
		var a struct {
			Metadata struct{ Name string }
			Spec     applicationSpec
		}
		if json.Unmarshal(made.JSON, &a) != nil || !u.by(a.Spec.Destination) {
			continue
		}
		d := a.Spec.Destination
		d.Namespace = ""
		if names[d] == nil {
			order = append(order, d)
		}
		names[d] = append(names[d], a.Metadata.Name)
	}
	for _, d := range order {
		u.notes = append(u.notes, u.plan.Note(o, "spec.template.spec.destination",
			fmt.Sprintf("left out: %s for %s, which no cluster of the fleet is: %s", applications(names[d]), d, u.remedy(d))))
	}
}

// applications are the subject of a sentence about Applications.
func applications(names []string) string {
	const shown = 3
	switch n := len(names); {
	case n == 1:
		return "the Application " + names[0] + " is"
	case n > shown:
		return fmt.Sprintf("the Applications %s and %d more are", strings.Join(names[:shown], ", "), n-shown)
	}
	return "the Applications " + strings.Join(names, ", ") + " are"
}

// remedy says what to do about a destination that no cluster is.
func (u *untaken) remedy(d destination.Destination) string {
	if d.Here() {
		return "name a cluster, or say in the cluster.yaml of the cluster that Argo CD runs in what it is called there " +
			"(spec.argocd)"
	}
	near := ""
	for _, c := range u.clusters {
		for _, name := range []string{c.Name, c.Argo.Name} {
			if near == "" && name != "" && document.Nearly(d.Name, name) {
				near = fmt.Sprintf(" (there is %s)", name)
			}
		}
	}
	return "correct it" + near + ", say in the cluster.yaml of that cluster what Argo CD calls it (spec.argocd), or " +
		"add its folder"
}
