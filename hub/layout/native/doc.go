// Package native reads what people write for Drover itself (drover.dev/v1alpha1): an App names a folder or a chart to
// render, and cluster.yaml gives a cluster labels and vars. The shapes of their fields are the JSON Schemas, too.
//
// It may import document, planning, cel and rights beside it, hub, fleet and protocol, but no dialect.
package native
