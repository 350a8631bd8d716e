package destination

import (
	"reflect"
	"testing"

	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/project"
)

var (
	europe = model.Cluster{Name: "eu", Argo: model.ArgoCluster{Name: "europe", Server: "https://eu.example.com"}}
	plain  = model.Cluster{Name: "us"}
)

// TestADestinationIsACluster: by name, or by the address of its server (argo-cd,
// docs/user-guide/application-specification.md).
func TestADestinationIsACluster(t *testing.T) {
	t.Parallel()
	type is struct{ europe, plain, here bool }
	for _, c := range []struct {
		to   Destination
		want is
		text string
	}{
		{Destination{Name: "eu"}, is{europe: true}, `the cluster "eu"`},
		{Destination{Name: "europe"}, is{europe: true}, `the cluster "europe"`},
		{Destination{Name: "us"}, is{plain: true}, `the cluster "us"`},
		{Destination{Name: "EU"}, is{}, `the cluster "EU"`},
		{Destination{Name: "in-cluster"}, is{here: true}, `the cluster "in-cluster"`},
		{Destination{Name: "us", Server: "https://eu.example.com"}, is{plain: true}, `the cluster "us"`},
		{Destination{Name: "us", Server: "https://kubernetes.default.svc"}, is{plain: true}, `the cluster "us"`},
		{Destination{}, is{}, `the cluster at ""`},
		{Destination{Namespace: "eu"}, is{}, `the cluster at ""`},
		{Destination{Server: "https://kubernetes.default.svc"}, is{here: true},
			`the cluster at "https://kubernetes.default.svc"`},
		{Destination{Server: "https://kubernetes.default.svc/"}, is{here: true},
			`the cluster at "https://kubernetes.default.svc/"`},
		{Destination{Server: "https://eu.example.com"}, is{europe: true}, `the cluster at "https://eu.example.com"`},
		{Destination{Server: "https://us"}, is{plain: true}, `the cluster at "https://us"`},
		{Destination{Server: "https://eu"}, is{}, `the cluster at "https://eu"`},
	} {
		if got := (is{c.to.Is(europe), c.to.Is(plain), c.to.Here()}); got != c.want || c.to.String() != c.text {
			t.Errorf("%+v: %+v, %s\nwant %+v, %s", c.to, got, c.to, c.want, c.text)
		}
	}
}

// TestAddressesOfOneServer: a slash at the end (argo-cd, util/db, ByClusterURLIndexer), the case of scheme and host,
// and the default port make no difference. Ports, paths and schemes do.
func TestAddressesOfOneServer(t *testing.T) {
	t.Parallel()
	for a, b := range map[string]string{
		"https://a.example.com/":         "https://a.example.com",
		"https://a.example.com///":       "https://a.example.com",
		"HTTPS://A.Example.com":          "https://a.example.com",
		"https://a.example.com:443":      "https://a.example.com",
		"https://A.example.com:443/k8s/": "https://a.example.com/k8s",
		"http://a.example.com:80":        "http://a.example.com",
		"https://[::1]:443":              "https://[::1]",
		"no address":                     "no address",
	} {
		if !sameServer(a, b) {
			t.Errorf("%q and %q are %q and %q", a, b, serverID(a), serverID(b))
		}
	}
	for _, other := range []string{"http://a.example.com", "https://a.example.com:6443", "https://a.example.com:80",
		"https://a.example.com/k8s", "https://b.example.com", "a.example.com", ""} {
		if sameServer("https://a.example.com", other) {
			t.Errorf("%q is taken for https://a.example.com", other)
		}
	}
}

// TestPatternsOfServers: addresses in an AppProject are compared like those of Applications, patterns as they are
// written.
func TestPatternsOfServers(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string]string{
		"":                         "",
		"*":                        "*",
		"https://A.example.com/":   "https://a.example.com",
		"!https://A.example.com/":  "!https://a.example.com",
		"https://*.Example.com/":   "https://*.Example.com/",
		"!https://{a,B}.com:443":   "!https://{a,B}.com:443",
		"https://a.example.com:80": "https://a.example.com:80",
	} {
		if got := Pattern(pattern); got != want {
			t.Errorf("%q: %q, want %q", pattern, got, want)
		}
	}
}

// TestHowAClusterIsKnown to generators and to projects.
func TestHowAClusterIsKnown(t *testing.T) {
	t.Parallel()
	if got := [4]string{Name(europe), Server(europe), Name(plain), Server(plain)}; got !=
		[4]string{"europe", "https://eu.example.com", "us", "https://us"} {
		t.Errorf("names and servers %q", got)
	}
	same := model.Cluster{Name: "eu", Argo: model.ArgoCluster{Name: "eu", Server: "https://EU:443/"}}
	for _, c := range []struct {
		cluster model.Cluster
		here    bool
		want    project.Cluster
	}{
		{europe, false, project.Cluster{Names: []string{"eu", "europe"}, Servers: []string{"https://eu.example.com"}}},
		{plain, true, project.Cluster{Names: []string{"us", "in-cluster"},
			Servers: []string{"https://us", "https://kubernetes.default.svc"}}},
		{same, false, project.Cluster{Names: []string{"eu"}, Servers: []string{"https://eu"}}},
	} {
		if got := InProjects(c.cluster, c.here); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s, here %t: %+v, want %+v", c.cluster.Name, c.here, got, c.want)
		}
	}
}
