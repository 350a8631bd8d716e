package fleet

import (
	"cmp"
	"fmt"
	"time"

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

// LabelApp is put on every object that Drover applies; its value is the app's name. Watches select by it, so an
// agent is never told of objects that are not its own.
const LabelApp = "drover.dev/app"

// AnnotationPrune with the value PruneDisabled on an object keeps it from ever being pruned.
const (
	AnnotationPrune = "drover.dev/prune"
	PruneDisabled   = "disabled"
)

// Cluster is what a folder clusters/<name>/ says of a cluster.
type Cluster struct {
	Name    string            // of the folder
	Labels  map[string]string // for selectors
	Vars    map[string]string // for ${var} substitution
	Suspend bool              // leave the whole cluster as it is
	// PruneOnRemove: when the folder goes, what Drover delivered there goes too. Otherwise it is left running.
	PruneOnRemove bool
	AgentImage    string // image its agent is to run; the one that was installed, if empty
	// Unclear says that the cluster's own description cannot be read: Labels, Vars and Suspend are not known, and keep
	// what they were.
	Unclear bool
	Apps    []App // sorted by name; the root app among them, if it has anything to hold
	// Problems are what is wrong with the folder itself, beyond any one app. While there are some, an
	// app that is missing may only be unreadable.
	Problems []string
}

// App is the unit of delivery in a cluster, as Git describes it.
type App struct {
	Name       string
	File       string            // repository path of the file that declares it; of the folder for the root app
	Path       string            // repository path of the folder to render
	Namespace  string            // of namespaced objects that name none
	DependsOn  []string          // apps that must be healthy first
	Prune      bool              // objects that left the app are deleted
	Suspend    bool              // leave the app as it is
	Substitute bool              // replace ${var} in the rendered objects
	Vars       map[string]string // go before the cluster's
	Timeout    time.Duration     // for becoming healthy; 0: the agent's own
	Err        string            // why this app cannot be known; it keeps its last good state
}

// Variables are the cluster's vars with the app's own laid over them.
func (a App) Variables(c Cluster) map[string]string {
	out := make(map[string]string, len(c.Vars)+len(a.Vars))
	for k, v := range c.Vars {
		out[k] = v
	}
	for k, v := range a.Vars {
		out[k] = v
	}
	return out
}

// CompareApps orders apps by name.
func CompareApps(a, b App) int { return cmp.Compare(a.Name, b.Name) }

// CheckCluster says whether a folder's name can be a cluster's.
func CheckCluster(folder, name string) error {
	if err := protocol.CheckName(name); err != nil {
		return fmt.Errorf("%s: %w; rename the folder", folder, err)
	}
	return nil
}
