// Package destination tells clusters apart as Argo CD does: by names, and by the addresses of API servers.
//
// It may import planning's nouns: hub/model and hub/project.
package destination

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/project"
)

// The cluster that Argo CD runs in, as an Application names it.
const (
	inCluster       = "in-cluster"
	inClusterServer = "https://kubernetes.default.svc"
)

// Destination says where the objects of an Application go.
type Destination struct {
	Server, Name, Namespace string
}

// String names the cluster in a sentence.
func (d Destination) String() string {
	if d.Name != "" {
		return fmt.Sprintf("the cluster %q", d.Name)
	}
	return fmt.Sprintf("the cluster at %q", d.Server)
}

// Is says whether a destination is a cluster, by the name of its folder or by what cluster.yaml says of Argo CD.
func (d Destination) Is(c model.Cluster) bool {
	if d.Name != "" {
		return d.Name == c.Name || d.Name == c.Argo.Name
	}
	return sameServer(d.Server, Server(c))
}

// Here says whether a destination is the cluster in whose folder it stands.
func (d Destination) Here() bool {
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

// Server is the address by which a cluster is known to Argo CD. Drover needs none; where cluster.yaml names none,
// it is made of the cluster's name.
func Server(c model.Cluster) string {
	if c.Argo.Server != "" {
		return c.Argo.Server
	}
	return "https://" + c.Name
}

// Name is the name by which a cluster is known to Argo CD.
func Name(c model.Cluster) string {
	if c.Argo.Name != "" {
		return c.Argo.Name
	}
	return c.Name
}

// Pattern is the form of an address of an API server, or of a pattern, in which those of one server are equal.
func Pattern(pattern string) string {
	plain := strings.TrimPrefix(pattern, "!")
	if plain == "" || strings.ContainsAny(plain, "*?[{") {
		return pattern
	}
	return pattern[:len(pattern)-len(plain)] + serverID(plain)
}

// InProjects is how a project of Argo CD may name a cluster. here: what is asked about stands in the cluster's own
// folder, to which it is the one that Argo CD runs in.
func InProjects(c model.Cluster, here bool) project.Cluster {
	out := project.Cluster{Names: []string{c.Name}, Servers: []string{serverID(Server(c))}}
	if c.Argo.Name != "" && c.Argo.Name != c.Name {
		out.Names = append(out.Names, c.Argo.Name)
	}
	if here {
		out.Names, out.Servers = append(out.Names, inCluster), append(out.Servers, inClusterServer)
	}
	return out
}
