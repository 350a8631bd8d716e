// Package layout reads what a repository's files say of clusters and apps, for whichever tool they were written.
//
//	Read    a cluster's folder: cluster.yaml, Apps, everything else
//	Fleet   the Apps below fleet/, and Select which of them are for a cluster
//	Sort    rendered objects: what is for the cluster, and what declares apps
//	Plan    all that was declared, by the folder, by fleet/ and by renders of apps: which apps that comes to
//
// In the native layout a file of kind App (drover.dev/v1alpha1) names a folder to render, cluster.yaml gives a cluster
// labels and vars, and everything else in the folder is the cluster's root app. Of Flux, Kustomizations over this
// repository become apps as well, and of Argo CD, Applications, with those that ApplicationSets give; fields.go and
// fields_argo.go say of each of their fields what becomes of it.
//
// It may import hub, fleet and protocol, a YAML parser that knows line numbers, JSON patches, version ranges, and CEL
// for the selectors of clusters.
package layout
