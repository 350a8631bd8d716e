// Package layout reads what a clusters/ folder says. In the native layout a file of kind App
// (drover.dev/v1alpha1) names a folder to render, cluster.yaml gives a cluster labels and vars, and
// everything else in the folder is the cluster's root app.
//
// It may import hub, fleet and protocol, and a YAML parser that knows line numbers.
package layout
