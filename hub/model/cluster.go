package model

import (
	"cmp"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// APIVersion is that of the files people write for Drover: App and Cluster.
const APIVersion = "drover.dev/v1alpha1"

// The kinds of APIVersion.
const (
	KindApp     = "App"
	KindCluster = "Cluster"
)

// RootApp is the name of the app that holds everything in a cluster's folder that no App takes.
const RootApp = "root"

// FieldAgentImage is the field of a note about Cluster.AgentImage.
const FieldAgentImage = "agent.image"

// Cluster is what a cluster's folder, as clusters/<name>/, says of it.
type Cluster struct {
	Name   string            // by the folder, or spec.name of its cluster.yaml
	Folder string            // repository path of the folder
	Labels map[string]string // for selectors
	// Annotations are for ApplicationSets of Argo CD, which may use them as parameters.
	Annotations map[string]string
	Argo        ArgoCluster
	Flux        FluxCluster       `json:",omitzero"`
	Vars        map[string]string // for ${var} substitution
	Suspend     bool              // leave the whole cluster as it is
	// PruneOnRemove: when the folder goes, what Drover delivered there goes too. Otherwise it is left running.
	PruneOnRemove bool
	Decrypt       *protocol.Decryption // of the root app; nil for the agent's own
	AgentImage    string               // image its agent is to run; the one that was installed, if empty
	// Unclear says that the cluster's own description cannot be read: Labels, Vars and Suspend are not known, and keep
	// what they were.
	Unclear bool
	// Described says that the cluster's own description is there and has content.
	Described bool
	Apps      []App // sorted by name; the root app among them, if it has anything to hold
	// Problems are what is wrong with the folder itself, beyond any one app. While there are some, an
	// app that is missing may only be unreadable.
	Problems []string
	// Notes name what the folder asks for and Drover does not do, beyond any one app.
	Notes []fleet.Note
}

// ArgoCluster is what Argo CD calls a cluster, by which files that were written for it name the cluster.
type ArgoCluster struct {
	Name   string // beside the name of the folder; "" for none
	Server string // address of the API server; "" if nothing names it
}

// FluxCluster is what Flux in another cluster calls a cluster, and how what is written for Flux is locked down.
type FluxCluster struct {
	// KubeConfig is the Secret with its kubeconfig, as NAMESPACE/NAME or NAME; "" if nothing names it.
	KubeConfig string
	FluxLockdown
}

// FluxLockdown is what the controllers of Flux are told for several tenants in one cluster
// (https://fluxcd.io/flux/installation/configuration/multitenancy/). The zero value asks for nothing.
type FluxLockdown struct {
	// DefaultServiceAccount is the account, in the namespace of each, of Kustomizations and HelmReleases that name none;
	// "" for the agent's own rights (--default-service-account).
	DefaultServiceAccount string `json:",omitempty"`
	// NoCrossNamespaceRefs has nothing name a source of another namespace (--no-cross-namespace-refs).
	NoCrossNamespaceRefs bool `json:",omitempty"`
}

// Or is the lockdown with what another one asks for beside it.
func (l FluxLockdown) Or(other FluxLockdown) FluxLockdown {
	return FluxLockdown{cmp.Or(l.DefaultServiceAccount, other.DefaultServiceAccount), l.NoCrossNamespaceRefs || other.NoCrossNamespaceRefs}
}
