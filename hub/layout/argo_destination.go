package layout

import (
	"encoding/json"
	"fmt"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub"
)

// The cluster that Argo CD runs in, as an Application names it.
const (
	inCluster       = "in-cluster"
	inClusterServer = "https://kubernetes.default.svc"
)

// argoDestination says where the objects of an Application go.
type argoDestination struct {
	Server, Name, Namespace string
}

func (d argoDestination) String() string {
	if d.Name != "" {
		return fmt.Sprintf("the cluster %q", d.Name)
	}
	return fmt.Sprintf("the cluster at %q", d.Server)
}

// is says whether a destination is a cluster, by the name of its folder or by what cluster.yaml says of Argo CD.
func (d argoDestination) is(c fleet.Cluster) bool {
	if d.Name != "" {
		return d.Name == c.Name || d.Name == c.Argo.Name
	}
	return d.Server == argoServer(c)
}

// here says whether a destination is the cluster in whose folder it stands.
func (d argoDestination) here() bool {
	return d.Name == inCluster || d.Name == "" && d.Server == inClusterServer
}

// argoServer is the address by which a cluster is known to Argo CD. Drover needs none; where cluster.yaml names none,
// it is made of the cluster's name.
func argoServer(c fleet.Cluster) string {
	if c.Argo.Server != "" {
		return c.Argo.Server
	}
	return "https://" + c.Name
}

// argoName is the name by which a cluster is known to Argo CD.
func argoName(c fleet.Cluster) string {
	if c.Argo.Name != "" {
		return c.Argo.Name
	}
	return c.Name
}

// destined says whether an Application is for the cluster that is planned. One that is not is named, unless it stands
// where those for many clusters do.
func (p *planner) destined(o *fluxObject) bool {
	var a argoApplication
	if o.decode(&a) != nil {
		return true // application says what is wrong
	}
	d := a.Destination
	switch {
	case d.is(p.cluster), d == argoDestination{Namespace: d.Namespace}: // an empty one is an error of the app
		return true
	case d.here() && !p.central(o):
		return true
	case !p.central(o):
		p.noteOnce(p.note(o, "spec.destination", fmt.Sprintf("left out: it is for %s, and this is the folder of %s. Move it below %s/, where each "+
			"cluster is given what is for it; cluster.yaml may say what Argo CD calls a cluster (spec.argocd)", d, p.cluster.Name, FleetRoot)))
	}
	return false
}

// central says whether an object stands below FleetRoot.
func (p *planner) central(o *fluxObject) bool { return o.App == "" }

// checkDestination finds a destination that is none, or two.
func (p *planner) checkDestination(o *fluxObject, d argoDestination) error {
	switch {
	case d.Name == "" && d.Server == "":
		return p.errorf(o, "spec.destination", "it names no cluster: write name: in-cluster, or the name of the cluster's folder")
	case d.Name != "" && d.Server != "":
		return p.errorf(o, "spec.destination", "it has a name and a server: keep one")
	}
	return nil
}

// selectArgo says whether what Argo CD reads below FleetRoot may be for a cluster. Of an ApplicationSet only its
// generators tell.
func selectArgo(o hub.Rendered, cluster fleet.Cluster) bool {
	var a struct {
		Kind string
		Spec argoApplication
	}
	if json.Unmarshal(o.JSON, &a) != nil || a.Kind != kindApplication {
		return true
	}
	return a.Spec.Destination.is(cluster)
}
