package project

import (
	"cmp"
	"slices"
	"strings"

	"github.com/drover-dev/drover/hub/glob"
	"github.com/drover-dev/drover/protocol"
)

// Default is the project of apps that name none. Where nobody declares it, it permits everything.
const Default = "default"

// Project says what apps may use. What it does not mention is not permitted, so that the zero value permits nothing;
// but
// see Namespaced and Credentials. Patterns have * and ?, and {a,b}; "!" before one refuses what it matches.
type Project struct {
	Name  string `json:"name"`
	Where string `json:"where"` // where it is declared, as file:line

	// Sources are patterns of the addresses that may be delivered from; * does not match a slash, ** does, and *
	// alone
	// matches every address.
	Sources []string `json:"sources,omitempty"`
	// Paths are patterns of folders of the repository that the hub follows, which may be delivered beside those of
	// repositories that Sources permit.
	Paths []string `json:"paths,omitempty"`
	// Credentials are the names of what the hub may log in with for these apps; nil: any.
	Credentials []string `json:"credentials,omitempty"`
	// HubKeys are the names of keys of the hub with which it may decrypt what these apps take variables and values from;
	// none: it decrypts nothing.
	HubKeys []string `json:"hubKeys,omitempty"`

	Destinations []Destination `json:"destinations,omitempty"`
	// Namespaced bounds the kinds of objects that live in a namespace. Its Allow may be nil: then all are allowed.
	Namespaced Kinds `json:"namespaced,omitzero"`
	// ClusterScoped bounds the kinds of other objects. Without Allow there is none.
	ClusterScoped Kinds `json:"clusterScoped,omitzero"`
	// Accounts are the service accounts by destination; the first that matches counts.
	Accounts []Account `json:"accounts,omitempty"`
	// AppNamespaces are patterns of namespaces, beside the tool's own, whose declarations may name the project.
	AppNamespaces []string `json:"appNamespaces,omitempty"`
	// Unkept are restrictions that Drover cannot keep, each with its field. Where there is one, the project's apps
	// are
	// not delivered.
	Unkept []string `json:"unkept,omitempty"`
}

// Destination is where apps may deliver to: a namespace of clusters. All are patterns.
type Destination struct {
	Name      string `json:"name,omitempty"`   // of the cluster
	Server    string `json:"server,omitempty"` // the cluster's address
	Namespace string `json:"namespace,omitempty"`
}

// Kinds are lists of kinds.
type Kinds struct {
	Allow []Kind `json:"allow,omitempty"`
	Deny  []Kind `json:"deny,omitempty"`
}

// Kind is a pattern of objects. An empty Name means every name.
type Kind struct {
	Group string `json:"group"`
	Kind  string `json:"kind"`
	Name  string `json:"name,omitempty"`
}

// Account is the service account of apps that deliver to a destination.
type Account struct {
	Destination
	Name string `json:"account"` // as namespace/name
}

// Cluster is how a cluster is known.
type Cluster struct {
	Names   []string `json:"names,omitempty"`
	Servers []string `json:"servers,omitempty"`
}

// isDenied says whether a pattern refuses what it matches.
func isDenied(pattern string) bool { return strings.HasPrefix(pattern, "!") }

// matches says whether a text fits a pattern, or does not fit one that refuses. A pattern that cannot be understood
// matches nothing, and refuses everything: Check names it.
func matches(d glob.Dialect, pattern, text string) bool {
	if pattern == "*" {
		return true
	}
	re, err := d.Compile(strings.TrimPrefix(pattern, "!"))
	if err != nil {
		return false
	}
	return re.MatchString(text) != isDenied(pattern)
}

// permits says whether one of the patterns fits, and none refuses.
func permits(d glob.Dialect, patterns []string, text string) bool {
	any := false
	for _, p := range patterns {
		if isDenied(p) && !matches(d, p, text) {
			return false
		}
		any = any || !isDenied(p) && matches(d, p, text)
	}
	return any
}

// Source says whether apps may deliver from an address, in any spelling of it.
func (p *Project) Source(address string) bool {
	patterns := make([]string, len(p.Sources))
	for i, s := range p.Sources {
		patterns[i] = patternID(s)
	}
	return permits(glob.Stars, patterns, RepositoryID(address))
}

// Folder says whether apps may deliver a folder of the repository that the hub follows, by its path from the root:
// one of
// Paths fits, or an address of the repository may be delivered from; and no path refuses it.
func (p *Project) Folder(path string, addresses []string) bool {
	if slices.ContainsFunc(p.Paths, func(s string) bool { return isDenied(s) && !matches(glob.Stars, s, path) }) {
		return false
	}
	if slices.Contains(p.Sources, "*") { // but for those that are refused
		return !slices.ContainsFunc(addresses, func(a string) bool { return !p.Source(a) })
	}
	return permits(glob.Stars, p.Paths, path) || slices.ContainsFunc(addresses, p.Source)
}

// Credential says whether the hub may log in with a credential for these apps.
func (p *Project) Credential(name string) bool {
	return p.Credentials == nil || slices.Contains(p.Credentials, name)
}

// Namespace says whether apps may deliver into a namespace of a cluster (argo-cd, AppProject.isDestinationMatched).
func (p *Project) Namespace(c Cluster, namespace string) bool {
	any := false
	for _, d := range p.Destinations {
		on, refused := d.cluster(c)
		in := matches(glob.Anywhere, d.Namespace, namespace)
		switch {
		case on && in:
			any = true
		case !on && refused, !in && isDenied(d.Namespace):
			return false
		}
	}
	return any
}

// cluster says whether a destination is a cluster, and whether it refuses it.
func (d Destination) cluster(c Cluster) (is, refused bool) {
	one := func(pattern string, texts []string) bool {
		if pattern == "" {
			return false
		}
		fits := slices.ContainsFunc(texts, func(s string) bool { return matches(glob.Anywhere, pattern, s) })
		if isDenied(pattern) { // it must fit none of the names
			fits = len(texts) > 0 &&
				!slices.ContainsFunc(texts, func(s string) bool { return !matches(glob.Anywhere, pattern, s) })
		}
		return fits
	}
	named, served := one(d.Name, c.Names), one(d.Server, c.Servers)
	return named || served, !named && isDenied(d.Name) || !served && isDenied(d.Server)
}

// Cluster says whether apps may deliver to any namespace of a cluster.
func (p *Project) Cluster(c Cluster) bool {
	any := false
	for _, d := range p.Destinations {
		on, refused := d.cluster(c)
		if any = any || on; !on && refused {
			return false
		}
	}
	return any
}

// Object says whether apps may deliver an object. Its namespace must be known: one that has none is in none.
func (p *Project) Object(o protocol.ObjectRef) bool {
	if o.Namespace == "" {
		return p.ClusterScoped.has(p.ClusterScoped.Allow, o) && !p.ClusterScoped.has(p.ClusterScoped.Deny, o)
	}
	return (p.Namespaced.Allow == nil || p.Namespaced.has(p.Namespaced.Allow, o)) &&
		!p.Namespaced.has(p.Namespaced.Deny, o)
}

// has says whether a list has an object's kind (argo-cd, isNamedResourceInList).
func (Kinds) has(list []Kind, o protocol.ObjectRef) bool {
	return slices.ContainsFunc(list, func(k Kind) bool {
		return matches(glob.Anywhere, k.Kind, o.Kind) && matches(glob.Anywhere, k.Group, o.Group) &&
			matches(glob.Anywhere, cmp.Or(k.Name, "*"), o.Name)
	})
}

// Account is the service account of apps that deliver into a namespace of a cluster; "" if the project names none.
func (p *Project) Account(c Cluster, namespace string) string {
	for _, a := range p.Accounts {
		if on, _ := a.cluster(c); on && matches(glob.Anywhere, a.Namespace, namespace) {
			return a.Name
		}
	}
	return ""
}

// Check names the patterns that cannot be understood. They would match nothing, so that more would be refused, or
// less
// delivered, than is written.
func (p *Project) Check() []string {
	var wrong []string
	look := func(d glob.Dialect, field string, patterns ...string) {
		for _, s := range patterns {
			if _, err := d.Compile(strings.TrimPrefix(s, "!")); err != nil {
				wrong = append(wrong, field+": "+err.Error())
			}
		}
	}
	look(glob.Stars, "sources", p.Sources...)
	look(glob.Stars, "paths", p.Paths...)
	look(glob.Anywhere, "appNamespaces", p.AppNamespaces...)
	for _, d := range p.Destinations {
		look(glob.Anywhere, "destinations", d.Name, d.Server, d.Namespace)
	}
	for _, a := range p.Accounts {
		look(glob.Anywhere, "accounts", a.Destination.Name, a.Server, a.Namespace)
	}
	for _, list := range [][]Kind{p.Namespaced.Allow, p.Namespaced.Deny, p.ClusterScoped.Allow, p.ClusterScoped.Deny} {
		for _, k := range list {
			look(glob.Anywhere, "kinds", k.Group, k.Kind, k.Name)
		}
	}
	return wrong
}

// Bounds are what a project permits in one cluster, for what an app reads and renders to.
type Bounds struct {
	Project Project `json:"project"`
	Cluster Cluster `json:"cluster"`
	// Addresses are those of the repository that the hub follows.
	Addresses []string `json:"addresses,omitempty"`
}

// Reads says whether files of a folder of the repository that the hub follows may be read for an app.
func (b *Bounds) Reads(folder string) bool { return b.Project.Folder(folder, b.Addresses) }

// Refused are the objects that the project does not permit, each with why, in the order in which they come. The
// namespace of each must be known.
func (b *Bounds) Refused(refs []protocol.ObjectRef) []string {
	var out []string
	for _, ref := range refs {
		switch {
		case !b.Project.Object(ref):
			out = append(out, ref.String()+" (its kind)")
		case ref.Namespace != "" && !b.Project.Namespace(b.Cluster, ref.Namespace):
			out = append(out, ref.String()+" (its namespace)")
		}
	}
	return out
}

// Declares says whether a declaration in a namespace may name the project.
func (p *Project) Declares(namespace string) bool {
	return permits(glob.Anywhere, p.AppNamespaces, namespace)
}
