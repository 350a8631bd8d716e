package rancher

import (
	"strings"

	"github.com/drover-dev/drover/hub/layout/planning"
)

// What Drover reads of Rancher Fleet, of the API group fleet.cattle.io.
const (
	apiGroup = "fleet.cattle.io"
	home     = "fleet-default" // the workspace of downstream clusters

	kindGitRepo      = "GitRepo"
	kindBundle       = "Bundle" // also what a folder of a GitRepo becomes
	kindClusterGroup = "ClusterGroup"
	kindFile         = "FleetFile" // stands for a fleet.yaml in a cluster's folder; Rancher Fleet has no such kind
)

var kinds = planning.Kinds{
	Tool: "Rancher Fleet", Home: home, Namespace: home, Central: true,
	Groups: []planning.Group{{Name: apiGroup, Version: "v1alpha1", Apps: []string{kindBundle},
		Others: []string{kindGitRepo, kindClusterGroup, kindFile, "Cluster", "GitRepoRestriction",
			"BundleNamespaceMapping",
			"BundleDeployment", "HelmOp", "ImageScan", "ClusterRegistration", "ClusterRegistrationToken"},
		Resembles: func(group string) bool { return strings.HasPrefix(group, "fleet.cattle") }}},
}
