package argo

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/drover-dev/drover/hub/cmplugin"
	"github.com/drover-dev/drover/hub/layout/argo/destination"
	"github.com/drover-dev/drover/hub/layout/argo/fields"
	"github.com/drover-dev/drover/hub/layout/argo/source"
	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
)

// applicationSpec is what Drover takes from the spec of an Application.
type applicationSpec struct {
	Project           string
	Source            json.RawMessage
	Sources           []json.RawMessage
	Destination       destination.Destination
	SyncPolicy        *syncPolicySpec
	IgnoreDifferences []ignoredSpec
}

// readApplication reads an Application of Argo CD.
func readApplication(p *planning.Plan, o *planning.Object, plugins *cmplugin.Set, app *model.App) error {
	var a applicationSpec
	if err := o.Decode(&a); err != nil {
		return p.Undecodable(o, err)
	}
	app.Namespace, app.Project = a.Destination.Namespace, a.Project
	noteMetadata(p, o, app)
	of := source.Application{Source: a.Source, Sources: a.Sources, Namespace: a.Destination.Namespace, Project: a.Project,
		Plugins: plugins}
	return errors.Join(p.Weigh(fields.Table, o, &app.Notes), checkDestination(p, o, a.Destination),
		source.Read(p, o, of, app), readSyncPolicy(p, o, a, app), readIgnored(p, o, a, app))
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
		func(f string) bool { return f == fields.Finalizer || strings.HasPrefix(f, fields.Finalizer+"/") })
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
			"wait for their health; the app is delivered at once, and what must wait for another is a native App with dependsOn"
	case strings.HasPrefix(key, "argocd-image-updater.argoproj.io/"):
		return "not done: no image is looked for; have the updater write to Git"
	case strings.HasPrefix(key, "notifications.argoproj.io/"):
		return "not done: nobody is notified"
	case strings.HasPrefix(key, "argocd.argoproj.io/hook"):
		return "not done: an Application is no hook here; it is delivered with the others"
	}
	return "" // refresh, manifest-generate-paths and the like are about the work of Argo CD itself
}
