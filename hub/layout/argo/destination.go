package argo

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
)

// The cluster that Argo CD runs in, as an Application names it.
const (
	inCluster       = "in-cluster"
	inClusterServer = "https://kubernetes.default.svc"
)

// destination says where the objects of an Application go.
type destination struct {
	Server, Name, Namespace string
}

func (d destination) String() string {
	if d.Name != "" {
		return fmt.Sprintf("the cluster %q", d.Name)
	}
	return fmt.Sprintf("the cluster at %q", d.Server)
}

// is says whether a destination is a cluster, by the name of its folder or by what cluster.yaml says of Argo CD.
func (d destination) is(c model.Cluster) bool {
	if d.Name != "" {
		return d.Name == c.Name || d.Name == c.Argo.Name
	}
	return sameServer(d.Server, serverOf(c))
}

// here says whether a destination is the cluster in whose folder it stands.
func (d destination) here() bool {
	return d.Name == inCluster || d.Name == "" && sameServer(d.Server, inClusterServer)
}

// sameServer says whether two addresses are of one API server. Argo CD compares them without slashes at the end
// (util/db, ByClusterURLIndexer); here one address may also differ in the case of its scheme and host, and may name the
// default port.
func sameServer(a, b string) bool { return serverID(a) == serverID(b) }

func serverID(address string) string {
	address = strings.TrimRight(address, "/")
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return address
	}
	port := u.Port()
	if port != "" && port == defaultPorts[u.Scheme] { // Parse gives the scheme in lower case
		u.Host = strings.TrimSuffix(u.Host, ":"+port)
	}
	u.Host = strings.ToLower(u.Host)
	return u.String()
}

var defaultPorts = map[string]string{"https": "443", "http": "80"}

// serverOf is the address by which a cluster is known to Argo CD. Drover needs none; where cluster.yaml names none,
// it is made of the cluster's name.
func serverOf(c model.Cluster) string {
	if c.Argo.Server != "" {
		return c.Argo.Server
	}
	return "https://" + c.Name
}

// nameOf is the name by which a cluster is known to Argo CD.
func nameOf(c model.Cluster) string {
	if c.Argo.Name != "" {
		return c.Argo.Name
	}
	return c.Name
}

// destined says whether an Application is for the cluster that is planned. One that is not is named, unless it stands
// where those for many clusters do.
func destined(p *planning.Plan, o *planning.Object) bool {
	var a applicationSpec
	if decode(o, &a) != nil {
		return true // application says what is wrong
	}
	d := a.Destination
	switch {
	case d.is(p.Cluster), d == destination{Namespace: d.Namespace}: // an empty one is an error of the app
		return true
	case d.here() && !o.Central():
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
func checkDestination(p *planning.Plan, o *planning.Object, d destination) error {
	switch {
	case d.Name == "" && d.Server == "":
		return p.Errorf(o, "spec.destination",
			"it names no cluster: write name: in-cluster, or the name of the cluster's folder")
	case d.Name != "" && d.Server != "":
		return p.Errorf(o, "spec.destination", "it has a name and a server: keep one")
	}
	return nil
}
