package argo

import (
	"fmt"

	"github.com/drover-dev/drover/hub/layout/argo/destination"
	"github.com/drover-dev/drover/hub/layout/planning"
)

// destined says whether an Application is for the cluster that is planned. One that is not is named, unless it stands
// where those for many clusters do.
func destined(p *planning.Plan, o *planning.Object) bool {
	var a applicationSpec
	if o.Decode(&a) != nil {
		return true // application says what is wrong
	}
	d := a.Destination
	switch {
	case d.Is(p.Cluster), d == destination.Destination{Namespace: d.Namespace}: // an empty one is an error of the app
		return true
	case d.Here() && !o.Central():
		return true
	case !o.Central():
		p.NoteOnce(p.Note(o, "spec.destination",
			fmt.Sprintf("left out: it is for %s, and this is the folder of %s. Move it below %s/, where each "+
				"cluster is given what is for it; cluster.yaml may say what Argo CD calls a cluster "+
				"(spec.argocd)", d, p.Cluster.Name, planning.FleetRoot)))
	}
	return false
}

// checkDestination finds a destination that is none, or two.
func checkDestination(p *planning.Plan, o *planning.Object, d destination.Destination) error {
	switch {
	case d.Name == "" && d.Server == "":
		return p.Errorf(o, "spec.destination",
			"it names no cluster: write name: in-cluster, or the name of the cluster's folder")
	case d.Name != "" && d.Server != "":
		return p.Errorf(o, "spec.destination", "it has a name and a server: keep one")
	}
	return nil
}
