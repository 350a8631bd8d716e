package model

import (
	"path"
	"slices"
	"strings"
)

// Plugin has a folder rendered by a renderer plugin that the operator of the hub configured.
type Plugin struct {
	Name string `json:"name,omitempty"` // of the plugin; "" if Detect says which
	// Detect has the plugins asked which of them the folder is for. If none is, it is rendered as without a Plugin, or
	// if Required is set, that is an error.
	Detect   bool `json:"detect,omitempty"`
	Required bool `json:"required,omitempty"`
	// Config is the digest of what is configured, on which the outcome depends.
	Config string   `json:"config"`
	Env    []string `json:"env,omitempty"` // what the plugin is told of the app, as NAME=value
	// Paths are the folders and files of the source that the plugin is shown; nil for all.
	Paths []string `json:"paths,omitempty"`
	// Kubernetes and APIs are those of Capabilities.
	Kubernetes string   `json:"kubernetes,omitempty"`
	APIs       []string `json:"apis,omitempty"`
}

// On is the plugin for a folder in a cluster, as Capabilities tell of it. Where not the whole source may be read, it
// is shown the folder and what it
// names itself.
func (p *Plugin) On(kubernetes string, apis []string, folder string, whole bool) *Plugin {
	if p == nil {
		return nil
	}
	out := *p
	out.Kubernetes, out.APIs = kubernetes, apis
	if whole && len(p.Paths) == 0 {
		return &out
	}
	out.Paths = append(slices.Clone(p.Paths), folder)
	for i, name := range out.Paths {
		out.Paths[i] = path.Clean(name)
	}
	slices.Sort(out.Paths)
	all := slices.Compact(out.Paths)
	out.Paths = nil
	for _, name := range all {
		within := func(above string) bool { return above != name && (above == "." || strings.HasPrefix(name, above+"/")) }
		if !slices.ContainsFunc(all, within) {
			out.Paths = append(out.Paths, name)
		}
	}
	return &out
}
