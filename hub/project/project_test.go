package project

import (
	"fmt"
	"strings"
	"testing"

	"github.com/drover-dev/drover/protocol"
)

// TestSources follows argo-cd, app_project_types_test.go (TestAppProject_IsSourcePermitted), but that a pattern which
// refuses something else permits nothing by itself.
func TestSources(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		patterns []string
		address  string
		want     bool
	}{
		{nil, "https://github.com/a/b", false},
		{[]string{"*"}, "https://github.com/a/b", true},
		{[]string{"https://github.com/a/b"}, "https://github.com/a/b.git", true},
		{[]string{"https://github.com/a/*"}, "git@github.com:a/b.git", true},
		{[]string{"git@github.com:a/b.git"}, "ssh://git@GitHub.com:22/a/b/", true},
		{[]string{"https://*.example.com/a"}, "https://git.example.com/a", true},
		{[]string{"oci://registry.example.com/charts/**"}, "oci://registry.example.com/charts/a/b", true},
		{[]string{"https://github.com/a/?"}, "https://github.com/a/b", true},
		{[]string{"https://github.com/a/b.git"}, "https://github.com/a/b", true},
		{[]string{"https://github.com/a/*"}, "https://github.com/a/b", true},
		{[]string{"https://github.com/*/*-repo"}, "https://github.com/a/test-repo", true},
		{[]string{"https://github.com/*/*-repo"}, "https://github.com/a/b/test-repo", false},
		{[]string{"https://github.com/*"}, "https://github.com/a/b", false},
		{[]string{"https://github.com/**"}, "https://github.com/a/b", true},
		{[]string{"https://github.com/a/{b,c}"}, "https://github.com/a/c", true},
		{[]string{"https://github.com/a/?"}, "https://github.com/a/bc", false},
		{[]string{"*", "!https://github.com/a/b"}, "https://github.com/a/b", false},
		{[]string{"!https://github.com/a/b", "*"}, "https://github.com/a/b.git", false},
		{[]string{"*", "!https://github.com/a/b"}, "https://github.com/a/c", true},
		{[]string{"!https://github.com/a/b"}, "https://github.com/a/c", false},
		{[]string{"https://github.com/a/[b"}, "https://github.com/a/b", false},
		{[]string{"*", "!https://github.com/a/[b"}, "https://github.com/a/c", false},
	} {
		p := Project{Sources: c.patterns}
		if got := p.Source(c.address); got != c.want {
			t.Errorf("%v permits %s: %v, want %v", c.patterns, c.address, got, c.want)
		}
	}
}

func TestFolders(t *testing.T) {
	t.Parallel()
	own := []string{"https://git.example.com/fleet.git"}
	for _, c := range []struct {
		sources, paths []string
		folder         string
		want           bool
	}{
		{nil, nil, "teams/a", false},
		{nil, []string{"teams/a{,/**}"}, "teams/a", true},
		{nil, []string{"teams/a{,/**}"}, "teams/a/web", true},
		{nil, []string{"teams/a{,/**}"}, "teams/ab", false},
		{nil, []string{"teams/*"}, "teams/a/web", false},
		{nil, []string{"teams/**", "!teams/a/secret"}, "teams/a/secret", false},
		{[]string{"*"}, []string{"!teams/a/secret"}, "teams/a/secret", false},
		{[]string{"*"}, []string{"!teams/a/secret"}, "teams/a", true},
		{[]string{"*"}, nil, "platform", true},
		{[]string{"*", "!https://git.example.com/fleet"}, nil, "platform", false},
		{[]string{"*", "!https://git.example.com/other"}, nil, "platform", true},
		{[]string{"https://git.example.com/fleet"}, nil, "platform", true},
		{[]string{"https://git.example.com/other"}, nil, "platform", false},
		{[]string{"https://git.example.com/other"}, []string{"teams/a"}, "teams/a", true},
	} {
		p := Project{Sources: c.sources, Paths: c.paths}
		if got := p.Folder(c.folder, own); got != c.want {
			t.Errorf("%v %v permits %s: %v, want %v", c.sources, c.paths, c.folder, got, c.want)
		}
	}
	if p := (Project{Sources: []string{"https://git.example.com/fleet"}}); p.Folder("x", nil) {
		t.Error("a repository whose address is not known is permitted")
	}
}

// TestDestinations follows argo-cd, types_test.go (TestAppProject_IsDestinationPermitted and its negations).
func TestDestinations(t *testing.T) {
	t.Parallel()
	on := Cluster{Names: []string{"prod", "prod-eu"}, Servers: []string{"https://prod"}}
	for _, c := range []struct {
		name      string
		to        []Destination
		namespace string
		want      bool
		cluster   bool
	}{
		{"nothing", nil, "web", false, false},
		{"everything", []Destination{{Server: "*", Namespace: "*"}}, "web", true, true},
		{"by name", []Destination{{Name: "prod", Namespace: "web"}}, "web", true, true},
		{"by its other name", []Destination{{Name: "prod-*", Namespace: "web"}}, "web", true, true},
		{"another name", []Destination{{Name: "test", Namespace: "web"}}, "web", false, false},
		{"by address", []Destination{{Server: "https://pro?", Namespace: "web"}}, "web", true, true},
		{"another namespace", []Destination{{Server: "https://prod", Namespace: "web-*"}}, "web", false, true},
		{"neither name nor address", []Destination{{Namespace: "*"}}, "web", false, false},
		{"a namespace refused", []Destination{{Name: "*", Namespace: "*"}, {Name: "*", Namespace: "!kube-system"}}, "kube-system", false, true},
		{"another refused", []Destination{{Name: "*", Namespace: "!kube-system"}}, "web", true, true},
		{"a cluster refused", []Destination{{Name: "*", Namespace: "*"}, {Name: "!prod", Namespace: "*"}}, "web", false, false},
		{"its other name refused", []Destination{{Name: "*", Namespace: "*"}, {Name: "!prod-eu", Namespace: "*"}}, "web", false, false},
		{"its address refused", []Destination{{Name: "*", Namespace: "*"}, {Server: "!https://prod", Namespace: "*"}}, "web", false, false},
		{"another cluster refused", []Destination{{Name: "!test", Namespace: "web"}}, "web", true, true},
	} {
		p := Project{Destinations: c.to}
		if got, at := p.Namespace(on, c.namespace), p.Cluster(on); got != c.want || at != c.cluster {
			t.Errorf("%s: the namespace %v, the cluster %v, want %v %v", c.name, got, at, c.want, c.cluster)
		}
	}
	if p := (Project{Destinations: []Destination{{Server: "!https://x", Namespace: "*"}}}); p.Namespace(
		Cluster{Names: []string{"prod"}},
		"web",
	) {
		t.Error("a cluster without an address is one at another address")
	}
}

func TestKindsOfObjects(t *testing.T) {
	t.Parallel()
	kinds := func(all ...string) (out []Kind) {
		for _, s := range all {
			f := strings.Split(s, "/")
			out = append(out, Kind{Group: f[0], Kind: f[1], Name: strings.Join(f[2:], "")})
		}
		return out
	}
	deployment := protocol.ObjectRef{Group: "apps", Kind: "Deployment", Namespace: "web", Name: "x"}
	space := protocol.ObjectRef{Kind: "Namespace", Name: "web-1"}
	for _, c := range []struct {
		p    Project
		o    protocol.ObjectRef
		want bool
	}{
		{Project{}, deployment, true},
		{Project{}, space, false},
		{Project{Namespaced: Kinds{Allow: []Kind{}}}, deployment, false},
		{Project{Namespaced: Kinds{Allow: kinds("apps/Deployment")}}, deployment, true},
		{Project{Namespaced: Kinds{Allow: kinds("apps/*")}}, deployment, true},
		{Project{Namespaced: Kinds{Allow: kinds("*/StatefulSet")}}, deployment, false},
		{Project{Namespaced: Kinds{Allow: kinds("apps/deployment")}}, deployment, false},
		{Project{Namespaced: Kinds{Deny: kinds("apps/Deployment")}}, deployment, false},
		{Project{Namespaced: Kinds{Deny: kinds("/Secret")}}, deployment, true},
		{Project{Namespaced: Kinds{Allow: kinds("*/*"), Deny: kinds("apps/Deployment/x")}}, deployment, false},
		{Project{Namespaced: Kinds{Allow: kinds("*/*"), Deny: kinds("apps/Deployment/y")}}, deployment, true},
		{Project{ClusterScoped: Kinds{Allow: kinds("/Namespace")}}, space, true},
		{Project{ClusterScoped: Kinds{Allow: kinds("/Namespace/web-*")}}, space, true},
		{Project{ClusterScoped: Kinds{Allow: kinds("/Namespace/db-*")}}, space, false},
		{Project{ClusterScoped: Kinds{Allow: kinds("*/*"), Deny: kinds("/Namespace")}}, space, false},
		{Project{Namespaced: Kinds{Allow: kinds("*/*")}, ClusterScoped: Kinds{Allow: kinds("*/*")}}, space, true},
	} {
		if got := c.p.Object(c.o); got != c.want {
			t.Errorf("%+v permits %s: %v, want %v", c.p, c.o, got, c.want)
		}
	}
}

func TestAccounts(t *testing.T) {
	t.Parallel()
	p := Project{
		Accounts: []Account{
			{Destination{Name: "prod", Namespace: "web"}, "web/a"},
			{Destination{Server: "https://test", Namespace: "*"}, "t/b"},
			{Destination{Name: "*", Namespace: "db-*"}, "db/c"},
		},
	}
	prod, test := Cluster{
		Names: []string{"prod"},
	}, Cluster{
		Names:   []string{"test"},
		Servers: []string{"https://test"},
	}
	got := fmt.Sprint(
		p.Account(prod, "web"),
		p.Account(test, "web"),
		p.Account(prod, "db-1"),
		p.Account(prod, "x") == "",
	)
	if got != "web/at/bdb/ctrue" {
		t.Errorf("the accounts are %s", got)
	}
}

func TestWhatABoundRefuses(t *testing.T) {
	t.Parallel()
	b := Bounds{
		Project: Project{
			Destinations: []Destination{{Name: "*", Namespace: "web"}},
			Namespaced:   Kinds{Deny: []Kind{{Group: "", Kind: "Secret"}}},
		},
		Cluster: Cluster{Names: []string{"prod"}},
	}
	got := b.Refused(
		[]protocol.ObjectRef{
			{Kind: "ConfigMap", Namespace: "web", Name: "a"},
			{Kind: "Secret", Namespace: "web", Name: "b"},
			{
				Kind:      "ConfigMap",
				Namespace: "kube-system",
				Name:      "c",
			},
			{Group: "rbac.authorization.k8s.io", Kind: "ClusterRole", Name: "d"},
		},
	)
	if want := "[Secret/web/b (its kind) ConfigMap/kube-system/c (its namespace) ClusterRole/d (its kind)]"; fmt.Sprint(
		got,
	) != want {
		t.Errorf("refused are %v, want %s", got, want)
	}
}

func TestPatternsThatCannotBeUnderstood(t *testing.T) {
	t.Parallel()
	bad := "[a"
	p := Project{
		Sources:       []string{bad},
		Paths:         []string{"!" + bad},
		AppNamespaces: []string{bad},
		Destinations:  []Destination{{bad, bad, bad}},
		Accounts: []Account{
			{Destination{Namespace: bad}, ""},
		},
		Namespaced:    Kinds{Allow: []Kind{{Kind: bad}}, Deny: []Kind{{Group: bad}}},
		ClusterScoped: Kinds{Allow: []Kind{{Name: bad}}, Deny: []Kind{{Kind: bad}}},
	}
	if got := p.Check(); len(got) != 11 {
		t.Errorf("wrong are %q", got)
	}
	all := Project{Sources: []string{"*"}, Destinations: []Destination{{Name: "*", Namespace: "*"}}, AppNamespaces: []string{"*"}}
	if got := all.Check(); got != nil {
		t.Errorf("of what permits everything %q is wrong", got)
	}
}

func TestNamespacesOfDeclarations(t *testing.T) {
	t.Parallel()
	for patterns, want := range map[string]bool{"!*": false, "": false, "team-*": true, "*": true, "other": false, "*,!team-a": false} {
		p := Project{AppNamespaces: strings.Split(patterns, ",")}
		if got := p.Declares("team-a"); got != want {
			t.Errorf("%q: %v, want %v", patterns, got, want)
		}
	}
}
