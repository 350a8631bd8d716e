package model

import (
	"fmt"

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

// Cluster is what a folder clusters/<name>/ says of a cluster.
type Cluster struct {
	Name   string            // of the folder
	Labels map[string]string // for selectors
	// Annotations are for ApplicationSets of Argo CD, which may use them as parameters.
	Annotations map[string]string
	Argo        ArgoCluster
	Vars        map[string]string // for ${var} substitution
	Suspend     bool              // leave the whole cluster as it is
	// PruneOnRemove: when the folder goes, what Drover delivered there goes too. Otherwise it is left running.
	PruneOnRemove bool
	AgentImage    string // image its agent is to run; the one that was installed, if empty
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

// CheckCluster says whether a folder's name can be a cluster's.
func CheckCluster(folder, name string) error {
	if err := protocol.CheckName(name); err != nil {
		return fmt.Errorf("%s: %w; rename the folder", folder, err)
	}
	return nil
}
