package argo

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
)

// What Drover reads of Argo CD, of the API group argoproj.io.
const (
	apiGroup = "argoproj.io"
	home     = "argocd" // where Argo CD and its objects live

	kindApplication    = "Application"
	kindApplicationSet = "ApplicationSet"
	kindAppProject     = "AppProject"
)

// applicationSpec is what Drover takes from the spec of an Application.
type applicationSpec struct {
	Project           string
	Source            json.RawMessage
	Sources           []json.RawMessage
	Destination       destination
	SyncPolicy        *syncPolicySpec
	IgnoreDifferences []ignoredSpec
}

// resourcesFinalizer on an Application has Argo CD delete its objects when it is deleted itself.
const resourcesFinalizer = "resources-finalizer.argocd.argoproj.io"

// readApplication reads an Application of Argo CD.
func readApplication(p *planning.Plan, o *planning.Object, app *model.App) error {
	var a applicationSpec
	if err := decode(o, &a); err != nil {
		return p.Errorf(o, "spec", "%v", err)
	}
	app.Namespace, app.Project = a.Destination.Namespace, a.Project
	noteMetadata(p, o, app)
	return errors.Join(p.Weigh(judged, o, &app.Notes), checkDestination(p, o, a.Destination), readSources(p, o, a, app),
		readSyncPolicy(p, o, a, app), readIgnored(p, o, a, app))
}

// metadataSpec is what an Application says beside its spec.
type metadataSpec struct {
	Metadata struct {
		Finalizers          []string
		Labels, Annotations map[string]document.Text
	}
}

// skipReconcile on an Application has Argo CD leave it as it is, with any value that Go reads as true.
const skipReconcile = "argocd.argoproj.io/skip-reconcile"

// noteMetadata takes the finalizer and the suspension, and names what else an Application asks for by annotations.
func noteMetadata(p *planning.Plan, o *planning.Object, app *model.App) {
	var m metadataSpec
	if json.Unmarshal(o.JSON, &m) != nil {
		return
	}
	app.Handling.Orphan = !slices.ContainsFunc(m.Metadata.Finalizers,
		func(f string) bool { return f == resourcesFinalizer || strings.HasPrefix(f, resourcesFinalizer+"/") })
	skip, err := strconv.ParseBool(string(m.Metadata.Annotations[skipReconcile]))
	app.Suspend = skip && err == nil
	for _, key := range slices.Sorted(maps.Keys(m.Metadata.Annotations)) {
		if says := unsupportedAnnotation(key, string(m.Metadata.Annotations[key])); says != "" {
			app.Notes = append(app.Notes, p.Note(o, "metadata.annotations."+key, says))
		}
	}
}

// unsupportedAnnotation says what is not done of an annotation of an Application; "" if it asks for nothing.
func unsupportedAnnotation(key, value string) string {
	switch {
	case key == "argocd.argoproj.io/sync-wave" && value != "0":
		return "not done: Argo CD, too, orders by it only in which order Applications are created, unless it is told to " +
			"wait for their health; " +
			"the app is delivered at once, and what must wait for another is a native App with dependsOn"
	case strings.HasPrefix(key, "argocd-image-updater.argoproj.io/"):
		return "not done: no image is looked for; have the updater write to Git"
	case strings.HasPrefix(key, "notifications.argoproj.io/"):
		return "not done: nobody is notified"
	case strings.HasPrefix(key, "argocd.argoproj.io/hook"):
		return "not done: an Application is no hook here; it is delivered with the others"
	}
	return "" // refresh, manifest-generate-paths and the like are about the work of Argo CD itself
}

// environment are the variables of Argo CD's build environment, which some fields may name.
type environment struct {
	values map[string]string
	asked  string // a variable that cannot be known, if one was named
}

func newEnvironment(o *planning.Object, a applicationSpec, s sourceSpec) *environment {
	name := o.Name
	if o.Namespace != home {
		name = o.Namespace + "_" + o.Name
	}
	return &environment{values: map[string]string{
		"ARGOCD_APP_NAME": name, "ARGOCD_APP_NAMESPACE": a.Destination.Namespace, "ARGOCD_APP_PROJECT_NAME": a.Project,
		"ARGOCD_APP_SOURCE_REPO_URL": s.RepoURL, "ARGOCD_APP_SOURCE_PATH": s.Path, "ARGOCD_APP_SOURCE_TARGET_REVISION": s.TargetRevision,
	}}
}

// expand replaces $NAME and ${NAME}; $$ is a dollar. What there is nothing for is empty, as in Argo CD.
func (e *environment) expand(s string) string {
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

func (e *environment) expandAll(m map[string]string) map[string]string {
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
