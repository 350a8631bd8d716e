// Package renderers has folders rendered by plugins that the operator of the hub configured:
//
//	Renderers ─ copy of the source ═ drover-renderers (renderers/host) ═ drover-plugin-NAME ─ the operator's command
//	          ◀ manifests, which Builder reads like those of any folder
//
// For each render there is a copy of the source, a host and a plugin of its own, which end with it. The host speaks
// gRPC
// with the plugin, so that drover does not link it, and bounds what it and the plugin may do.
//
// It may import hub/model, hub/memtree and hub/cmplugin; no gRPC, which renderers/host links, and never another package
// below hub.
package renderers
