package kube

import (
	"context"
	"net/http"
	"slices"

	"github.com/drover-dev/drover/agent"
)

// deletable asks again which kinds there are, because what is remembered may lack what others added. It gives those
// whose objects can be listed and deleted, each once. unread are the groups whose kinds are not known, because what
// serves them does not answer.
func (c *Client) deletable(ctx context.Context) (kinds []agent.Resource, unread []string, err error) {
	seen := map[groupKind]bool{}
	for _, path := range [...]string{"/api", "/apis"} {
		var list struct {
			Kind     string
			Items    []groupDiscovery
			Versions []string      // of /api, where nothing is aggregated
			Groups   []groupListed // of /apis
		}
		if _, err := c.do(ctx, call{method: http.MethodGet, path: path, accept: acceptDiscovery}, &list); err != nil {
			return nil, nil, err
		}
		if list.Kind != "APIGroupDiscoveryList" {
			found, missing := c.deletableIn(ctx, list.Versions, list.Groups)
			kinds, unread = append(kinds, found...), append(unread, missing...)
			continue
		}
		for _, g := range list.Items {
			kinds = append(kinds, g.deletable(seen)...)
			for _, v := range g.Versions {
				if v.Freshness == "Stale" {
					unread = append(unread, g.Metadata.Name+"/"+v.Version)
				}
			}
		}
	}
	return kinds, unread, nil
}

// groupListed is a group as servers list it that do not aggregate discovery.
type groupListed struct {
	Name             string
	PreferredVersion struct{ GroupVersion string }
}

// deletable are the kinds of a group whose objects can be listed and deleted, each in the version that the server
// prefers.
func (g groupDiscovery) deletable(seen map[groupKind]bool) (out []agent.Resource) {
	for _, v := range g.Versions {
		for _, r := range v.Resources {
			key := groupKind{g.Metadata.Name, r.Resource}
			if r.ResponseKind.Kind == "" || seen[key] || !listsAndDeletes(r.Verbs) {
				continue
			}
			seen[key] = true
			out = append(out, agent.Resource{Group: g.Metadata.Name, Version: v.Version, Kind: r.ResponseKind.Kind,
				Plural: r.Resource, Namespaced: r.Scope == "Namespaced"})
		}
	}
	return out
}

func listsAndDeletes(verbs []string) bool {
	return slices.Contains(verbs, "list") && slices.Contains(verbs, "delete")
}

// deletableIn is the same from a server that does not aggregate: one request for each group, in the version that it
// prefers.
func (c *Client) deletableIn(ctx context.Context, core []string, groups []groupListed) (kinds []agent.Resource,
	unread []string) {
	type place struct{ path, group, version string }
	var places []place
	for _, v := range core {
		places = append(places, place{"/api/" + v, "", v})
	}
	for _, g := range groups {
		gv := g.PreferredVersion.GroupVersion
		places = append(places, place{"/apis/" + gv, g.Name, versionOf(gv)})
	}
	for _, p := range places {
		var list struct {
			Resources []struct {
				Name, Kind string
				Namespaced bool
				Verbs      []string
			}
		}
		if _, err := c.do(ctx, call{method: http.MethodGet, path: p.path, accept: acceptJSON}, &list); err != nil {
			unread = append(unread, p.group+"/"+p.version)
			continue
		}
		for _, r := range list.Resources {
			if !isSubresource(r.Name) && listsAndDeletes(r.Verbs) {
				kinds = append(kinds, agent.Resource{Group: p.group, Version: p.version, Kind: r.Kind, Plural: r.Name,
					Namespaced: r.Namespaced})
			}
		}
	}
	return kinds, unread
}
