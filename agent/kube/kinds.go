package kube

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// acceptDiscovery asks for all groups in one answer, and takes the old list of groups from servers that do not know it.
const acceptDiscovery = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList," + acceptJSON

// kinds remembers what the API server serves.
type kinds struct {
	load sync.Mutex // held while the server is asked, so that many who miss something ask once

	mu     sync.Mutex // guards what follows
	all    map[kindKey]agent.Resource
	first  map[groupKind]agent.Resource // in the version that the server prefers
	loaded bool
	digest string // of all, as APIs gives them; "" if it is to be computed
}

type (
	kindKey   struct{ apiVersion, kind string }
	groupKind struct{ group, kind string }
)

// Resolve finds where a kind is served. The whole of discovery is read once, in two requests; later misses ask
// for the one group and version that was missed.
func (c *Client) Resolve(ctx context.Context, apiVersion, kind string) (agent.Resource, error) {
	key := kindKey{apiVersion, kind}
	if r, ok := c.kinds.get(key); ok {
		return r, nil
	}
	c.kinds.load.Lock()
	defer c.kinds.load.Unlock()
	if r, ok := c.kinds.get(key); ok {
		return r, nil
	}
	if err := c.discover(ctx, apiVersion); err != nil && agent.ReasonOf(err) != agent.ReasonKind && agent.ReasonOf(err) != agent.ReasonMissing {
		return agent.Resource{}, fmt.Errorf("ask what kinds the cluster serves: %w", err)
	}
	if r, ok := c.kinds.get(key); ok {
		return r, nil
	}
	return agent.Resource{}, &agent.Failure{Reason: agent.ReasonKind, Text: fmt.Sprintf(
		"this cluster does not serve %s in %s: install its CustomResourceDefinition, or correct apiVersion and kind; "+
			"it is applied as soon as that is there", kind, apiVersion)}
}

// Learn adds kinds that are known to be served.
func (c *Client) Learn(served []agent.Resource) { c.kinds.add(served) }

func (k *kinds) get(key kindKey) (agent.Resource, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	r, ok := k.all[key]
	return r, ok
}

// drop forgets a kind that turned out not to be served where it was.
func (k *kinds) drop(res agent.Resource) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.all, kindKey{res.APIVersion(), res.Kind})
	k.digest = ""
	if k.first[groupKind{res.Group, res.Kind}] == res {
		delete(k.first, groupKind{res.Group, res.Kind})
	}
}

func (k *kinds) add(list []agent.Resource) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.all == nil {
		k.all = make(map[kindKey]agent.Resource)
		k.first = make(map[groupKind]agent.Resource)
	}
	for _, r := range list {
		key := kindKey{r.APIVersion(), r.Kind}
		if _, known := k.all[key]; !known {
			k.digest = ""
		}
		k.all[key] = r
		if _, ok := k.first[groupKind{r.Group, r.Kind}]; !ok { // discovery names versions in the order of preference
			k.first[groupKind{r.Group, r.Kind}] = r
		}
	}
}

// Discover reads the whole of discovery, if that was not done yet.
func (c *Client) Discover(ctx context.Context) error {
	c.kinds.load.Lock()
	defer c.kinds.load.Unlock()
	c.kinds.mu.Lock()
	loaded := c.kinds.loaded
	c.kinds.mu.Unlock()
	if loaded {
		return nil
	}
	return c.discover(ctx, "v1")
}

// APIs lists what is known to be served, as Helm has it in .Capabilities.APIVersions: groups with their
// versions, and their kinds. Kinds of
// subresources, which Helm lists too, are left out.
func (c *Client) APIs() []string {
	c.kinds.mu.Lock()
	defer c.kinds.mu.Unlock()
	return c.kinds.list()
}

// APIsDigest implements agent.Discovery.
func (c *Client) APIsDigest() string {
	k := c.kinds
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.digest == "" {
		k.digest = protocol.APIsDigest(k.list())
	}
	return k.digest
}

// list is what APIs gives. k.mu is held.
func (k *kinds) list() (list []string) {
	if !k.loaded {
		return nil
	}
	for key := range k.all {
		list = append(list, key.apiVersion, key.apiVersion+"/"+key.kind)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// discover reads everything the first time, and one group and version after that.
func (c *Client) discover(ctx context.Context, apiVersion string) error {
	c.kinds.mu.Lock()
	loaded := c.kinds.loaded
	c.kinds.mu.Unlock()
	if loaded {
		return c.discoverVersion(ctx, apiVersion)
	}
	for _, path := range [...]string{"/api", "/apis"} {
		aggregated, err := c.discoverAll(ctx, path)
		if err != nil {
			return err
		}
		if !aggregated {
			return c.discoverVersion(ctx, apiVersion)
		}
	}
	c.kinds.mu.Lock()
	c.kinds.loaded = true
	c.kinds.mu.Unlock()
	return nil
}

// groupDiscovery is one group of an aggregated discovery answer.
type groupDiscovery struct {
	Metadata struct{ Name string }
	Versions []struct {
		Version   string
		Freshness string // "Stale" where what serves it does not answer
		Resources []struct {
			Resource     string
			ResponseKind struct{ Kind string }
			Scope        string
			Verbs        []string
		}
	}
}

// discoverAll reads one of the two roots of discovery. It says false if the server is too old to aggregate.
func (c *Client) discoverAll(ctx context.Context, path string) (aggregated bool, err error) {
	var list struct {
		Kind  string
		Items []groupDiscovery
	}
	if _, err := c.do(ctx, call{method: http.MethodGet, path: path, accept: acceptDiscovery}, &list); err != nil {
		return false, err
	}
	if list.Kind != "APIGroupDiscoveryList" {
		return false, nil
	}
	var found []agent.Resource
	for _, g := range list.Items {
		for _, v := range g.Versions {
			for _, r := range v.Resources {
				if r.ResponseKind.Kind != "" {
					found = append(found, agent.Resource{Group: g.Metadata.Name, Version: v.Version, Kind: r.ResponseKind.Kind,
						Plural: r.Resource, Namespaced: r.Scope == "Namespaced"})
				}
			}
		}
	}
	c.kinds.add(found)
	return true, nil
}

// discoverVersion reads what one group serves in one version.
func (c *Client) discoverVersion(ctx context.Context, apiVersion string) error {
	path := "/apis/" + apiVersion
	group := fleet.GroupOf(apiVersion)
	if group == "" {
		path = "/api/" + apiVersion
	}
	var list struct {
		Resources []struct {
			Name, Kind string
			Namespaced bool
		}
	}
	if _, err := c.do(ctx, call{method: http.MethodGet, path: path, accept: acceptJSON}, &list); err != nil {
		return err
	}
	var found []agent.Resource
	for _, r := range list.Resources {
		if !isSubresource(r.Name) {
			found = append(found, agent.Resource{Group: group, Version: versionOf(apiVersion), Kind: r.Kind, Plural: r.Name, Namespaced: r.Namespaced})
		}
	}
	c.kinds.add(found)
	return nil
}

func isSubresource(name string) bool { return strings.Contains(name, "/") }

func versionOf(apiVersion string) string {
	return apiVersion[strings.LastIndexByte(apiVersion, '/')+1:]
}
