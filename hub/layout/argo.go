package layout

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/drover-dev/drover/fleet"
)

// What Drover reads of Argo CD, of the API group argoproj.io.
const (
	argoGroup     = "argoproj.io"
	argoNamespace = "argocd" // where Argo CD and its objects live

	kindApplication    = "Application"
	kindApplicationSet = "ApplicationSet"
	kindAppProject     = "AppProject"
)

// isArgo says whether objects of a group and a kind are for Argo CD itself. Its group is also that of Rollouts and
// Workflows.
func isArgo(group, kind string) bool {
	return group == argoGroup && (kind == kindApplication || kind == kindApplicationSet || kind == kindAppProject)
}

// isArgo says whether the document is for Argo CD itself.
func (d document) isArgo() bool {
	return isArgo(fleet.GroupOf(scalar(field(d.node, "apiVersion"))), scalar(field(d.node, "kind")))
}

func (o *fluxObject) isApplication() bool { return o.kind == kindApplication && o.group == argoGroup }

// home is the namespace of the tool that an object is for.
func (o *fluxObject) home() string {
	if isArgo(o.group, o.kind) {
		return argoNamespace
	}
	return fluxNamespace
}

// argoApplication is what Drover takes from the spec of an Application.
type argoApplication struct {
	Project           string
	Source            json.RawMessage
	Sources           []json.RawMessage
	Destination       argoDestination
	SyncPolicy        *argoSyncPolicy
	IgnoreDifferences []argoIgnored
}

// resourcesFinalizer on an Application has Argo CD delete its objects when it is deleted itself.
const resourcesFinalizer = "resources-finalizer.argocd.argoproj.io"

// application reads an Application of Argo CD.
func (p *planner) application(o *fluxObject, app *fleet.App) error {
	var a argoApplication
	if err := o.decode(&a); err != nil {
		return p.errorf(o, "spec", "%v", err)
	}
	app.Namespace = a.Destination.Namespace
	p.noteMetadata(o, app)
	return errors.Join(p.weigh(o, &app.Notes), p.checkDestination(o, a.Destination), p.argoSources(o, a, app), p.syncPolicy(o, a, app), p.ignored(o, a, app))
}

// argoMetadata is what an Application says beside its spec.
type argoMetadata struct {
	Metadata struct {
		Finalizers          []string
		Labels, Annotations map[string]text
	}
}

// noteMetadata takes the finalizer, and names what an Application asks for by annotations.
func (p *planner) noteMetadata(o *fluxObject, app *fleet.App) {
	var m argoMetadata
	if json.Unmarshal(o.JSON, &m) != nil {
		return
	}
	app.Handling.Orphan = !slices.ContainsFunc(m.Metadata.Finalizers, func(f string) bool { return f == resourcesFinalizer || strings.HasPrefix(f, resourcesFinalizer+"/") })
	for _, key := range sortedKeys(m.Metadata.Annotations) {
		if says := argoAnnotation(key, string(m.Metadata.Annotations[key])); says != "" {
			app.Notes = append(app.Notes, p.note(o, "metadata.annotations."+key, says))
		}
	}
}

// argoAnnotation says what is not done of an annotation of an Application; "" if it asks for nothing.
func argoAnnotation(key, value string) string {
	switch {
	case key == "argocd.argoproj.io/sync-wave" && value != "0":
		return "not done: Argo CD, too, orders by it only in which order Applications are created, unless it is told to wait for their health; " +
			"the app is delivered at once, and what must wait for another is a native App with dependsOn"
	case key == "argocd.argoproj.io/skip-reconcile" && value == "true":
		return "not done: suspend the cluster in its cluster.yaml, or take the Application out"
	case strings.HasPrefix(key, "argocd-image-updater.argoproj.io/"):
		return "not done: no image is looked for; have the updater write to Git"
	case strings.HasPrefix(key, "notifications.argoproj.io/"):
		return "not done: nobody is notified"
	case strings.HasPrefix(key, "argocd.argoproj.io/hook"):
		return "not done: an Application is no hook here; it is delivered with the others"
	}
	return "" // refresh, manifest-generate-paths and the like are about the work of Argo CD itself
}

// noteProject says what an AppProject is to Drover.
func (p *planner) noteProject(o *fluxObject) {
	if o.group == argoGroup && o.kind == kindAppProject {
		p.noteOnce(p.note(o, "", "left out: what a project forbids (sources, destinations, kinds, sync windows) is not forbidden here; "+
			"who may change what is decided in Git"))
	}
}

// argoEnv are the variables of Argo CD's build environment, which some fields may name.
type argoEnv struct {
	values map[string]string
	asked  string // a variable that cannot be known, if one was named
}

func newArgoEnv(o *fluxObject, a argoApplication, s argoSource) *argoEnv {
	name := o.name
	if o.namespace != argoNamespace {
		name = o.namespace + "_" + o.name
	}
	return &argoEnv{values: map[string]string{
		"ARGOCD_APP_NAME": name, "ARGOCD_APP_NAMESPACE": a.Destination.Namespace, "ARGOCD_APP_PROJECT_NAME": a.Project,
		"ARGOCD_APP_SOURCE_REPO_URL": s.RepoURL, "ARGOCD_APP_SOURCE_PATH": s.Path, "ARGOCD_APP_SOURCE_TARGET_REVISION": s.TargetRevision,
	}}
}

// expand replaces $NAME and ${NAME}; $$ is a dollar. What there is nothing for is empty, as in Argo CD.
func (e *argoEnv) expand(s string) string {
	return os.Expand(s, func(name string) string {
		if name == "$" {
			return "$"
		}
		if strings.HasPrefix(name, "ARGOCD_APP_REVISION") {
			e.asked = name
		}
		return e.values[name]
	})
}

func (e *argoEnv) expandAll(m map[string]string) map[string]string {
	out := make(map[string]string, len(m))
	for k, v := range m {
		out[k] = e.expand(v)
	}
	return out
}

// inTree is a path of a source, seen from its root; false if it leads out of it.
func inTree(name string) (string, bool) {
	if path.IsAbs(name) {
		return name, false
	}
	name = path.Clean(name)
	return name, name != ".." && !strings.HasPrefix(name, "../")
}

// fieldAt names an item of a list, as spec.sources[1].
func fieldAt(list string, i int) string { return fmt.Sprintf("%s[%d]", list, i) }
