// Package layout reads what a repository's files say of clusters and apps, for whichever tool they were written.
//
//	Read    a cluster's folder: cluster.yaml, Apps, everything else
//	Fleet   the Apps below fleet/, and Select which of them are for a cluster
//	Sort    rendered objects: what is for the cluster, and what declares apps
//	Plan    all that was declared, by the folder, by fleet/ and by renders of apps: which apps that comes to
//
// It composes native, Drover's own declarations, with the dialects of other tools, flux and argo, which it knows by
// planning.Dialect. A dialect is added in Layout.dialects, and nowhere else.
//
// It may import what lies below it, hub, fleet and protocol.
package layout
