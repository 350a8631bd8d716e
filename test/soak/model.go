package soak

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/drover-dev/drover/test/testenv"
)

// space is the namespace of all objects but Jobs' pods and strangers. The soak creates it; no commit asks for it.
const space = "soak"

// Ref names an object of a cluster.
type Ref struct{ Kind, Namespace, Name string }

// String returns the reference as people write it.
func (r Ref) String() string {
	if r.Namespace == "" {
		return r.Kind + " " + r.Name
	}
	return r.Kind + " " + r.Namespace + "/" + r.Name
}

// kinds are the kinds of objects that the soak uses, with their API version and resource.
var kinds = []struct{ kind, version, resource string }{
	{"ConfigMap", "v1", "configmaps"}, {"Secret", "v1", "secrets"}, {"ServiceAccount", "v1", "serviceaccounts"},
	{"PersistentVolumeClaim", "v1", "persistentvolumeclaims"}, {"Namespace", "v1", "namespaces"},
	{"StatefulSet", "apps/v1", "statefulsets"}, {"Job", "batch/v1", "jobs"},
}

// live is the reference for the client of the API server.
func (r Ref) live() testenv.Ref {
	for _, k := range kinds {
		if k.kind == r.Kind {
			return testenv.Ref{APIVersion: k.version, Kind: r.Kind, Namespace: r.Namespace, Name: r.Name}
		}
	}
	return testenv.Ref{Kind: r.Kind, Namespace: r.Namespace, Name: r.Name}
}

// Object is an object as a commit asks for it. Its value stands for its content.
type Object struct {
	Ref
	Value string
	Extra bool // of a Secret: it has a second key
}

// yaml is the object's file.
func (o Object) yaml() string {
	in := ""
	if o.Namespace != "" {
		in = "namespace: " + o.Namespace + ", "
	}
	meta := fmt.Sprintf("metadata: {name: %s, %sannotations: {soak/value: %q}}\n", o.Name, in, o.Value)
	head := fmt.Sprintf("apiVersion: %s\nkind: %s\n%s", o.live().APIVersion, o.Kind, meta)
	pod := "template: {metadata: {labels: {app: a}}, " +
		"spec: {restartPolicy: %s, containers: [{name: a, image: example.com/a}]}}"
	switch o.Kind {
	case "ConfigMap":
		return head + fmt.Sprintf("data: {value: %q}\n", o.Value)
	case "Secret":
		extra := ""
		if o.Extra {
			extra = ", extra: more"
		}
		return head + fmt.Sprintf("stringData: {value: %q%s}\n", o.Value, extra)
	case "PersistentVolumeClaim":
		return head + "spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}\n"
	case "StatefulSet":
		spec := "spec: {replicas: 0, serviceName: a, selector: {matchLabels: {app: a}}, "
		return head + spec + fmt.Sprintf(pod, "Always") + "}\n"
	case "Job":
		return head + "spec: {ttlSecondsAfterFinished: 3, " + fmt.Sprintf(pod, "Never") + "}\n"
	}
	return head
}

// forms are the ways in which an app comes to be.
const (
	formDir   = "dir"   // an App file in the cluster's folder or below fleet/, over a folder of objects
	formChild = "child" // an App that the cluster's app "parent" renders
	formSet   = "set"   // an Application of the cluster's ApplicationSet
	formChart = "chart" // an App over the Helm chart charts/cfg
	formProbe = "probe" // an Application of fleet/probes.yaml, for the first cluster on behalf of the last
)

// App is an app as a commit declares it.
type App struct {
	Name    string
	Cluster string // "" for all clusters: it stands below fleet/
	Form    string
	Folder  string
	Objects map[Ref]Object
}

// refs are the app's objects, sorted.
func (a *App) refs() []Ref { return sorted(a.Objects) }

// file is where the app is declared; "" for one of an ApplicationSet.
func (a *App) file() string {
	switch {
	case a.Form == formSet || a.Form == formProbe:
		return ""
	case a.Form == formChild:
		return "parents/" + a.Cluster + "/" + a.Name + ".yaml"
	case a.Cluster == "":
		return "fleet/" + a.Name + ".yaml"
	}
	return "clusters/" + a.Cluster + "/" + a.Name + ".yaml"
}

// World is what the repository holds, before slips.
type World struct {
	Clusters []string
	Apps     map[string]*App // by name
	Frozen   map[string]bool // clusters with suspend: true
	next     int             // number of the next name or value
}

// newWorld is what the soak begins with.
func newWorld(clusters int) *World {
	w := &World{Apps: map[string]*App{}, Frozen: map[string]bool{}}
	for i := range clusters {
		c := fmt.Sprintf("c%d", i+1)
		w.Clusters = append(w.Clusters, c)
		w.app(c+"-web", c, formDir, 10, "ConfigMap")
		w.app(c+"-small", c, formDir, 3, "ServiceAccount")
		w.app(c+"-secrets", c, formDir, 3, "Secret")
		data := w.app(c+"-data", c, formDir, 4, "ConfigMap")
		w.put(data, "StatefulSet")
		w.put(data, "PersistentVolumeClaim")
		guests := w.app(c+"-guests", c, formDir, 2, "ConfigMap")
		w.put(guests, "Namespace")
		w.app(c+"-child", c, formChild, 6, "ConfigMap")
		w.app(c+"-set-a", c, formSet, 6, "ConfigMap")
		w.app(c+"-set-b", c, formSet, 6, "ConfigMap")
		w.app(c+"-chart", c, formChart, 7, "ConfigMap")
	}
	if first, last := w.Clusters[0], w.Clusters[clusters-1]; first != last {
		w.app("probe-"+last, first, formProbe, 2, "ConfigMap")
	}
	w.app("base", "", formDir, 7, "ConfigMap")
	w.app("tools", "", formDir, 3, "ConfigMap")
	return w
}

// app adds an app of n objects of a kind.
func (w *World) app(name, cluster, form string, n int, kind string) *App {
	folder := "apps/" + name
	if form == formSet {
		folder = "sets/" + cluster + "/" + name
	}
	a := &App{Name: name, Cluster: cluster, Form: form, Folder: folder, Objects: map[Ref]Object{}}
	for range n {
		w.put(a, kind)
	}
	w.Apps[name] = a
	return a
}

// number is one that no name and no value had before.
func (w *World) number() int {
	w.next++
	return w.next
}

// value is a content that no object had before.
func (w *World) value() string { return fmt.Sprintf("v%d", w.number()) }

// put adds an object of a new name to an app.
func (w *World) put(a *App, kind string) Ref {
	r := Ref{kind, space, fmt.Sprintf("%s-%d", strings.ToLower(kind[:1])+a.Name, w.number())}
	if kind == "Namespace" {
		r = Ref{kind, "", fmt.Sprintf("guest-%s-%d", a.Name, w.number())}
	}
	a.Objects[r] = Object{Ref: r, Value: w.value()}
	return r
}

// clone copies the world.
func (w *World) clone() *World {
	c := &World{Clusters: slices.Clone(w.Clusters), Apps: map[string]*App{}, Frozen: maps.Clone(w.Frozen), next: w.next}
	for name, a := range w.Apps {
		b := *a
		b.Objects = maps.Clone(a.Objects)
		c.Apps[name] = &b
	}
	return c
}

// of lists the apps of a cluster, those of the fleet included, sorted by name.
func (w *World) of(cluster string) (out []*App) {
	for _, name := range sorted(w.Apps) {
		if a := w.Apps[name]; a.Cluster == "" || a.Cluster == cluster {
			out = append(out, a)
		}
	}
	return out
}

// files are the repository's files, by path.
func (w *World) files() map[string]string {
	f := map[string]string{}
	for _, c := range w.Clusters {
		f["clusters/"+c+"/cluster.yaml"] = w.clusterFile(c, "prod")
		children, set := []string{}, false
		for _, a := range w.of(c) {
			if a.Form == formChild {
				children = append(children, a.Name+".yaml")
			}
			set = set || a.Form == formSet
		}
		f["parents/"+c+"/kustomization.yaml"] = kustomization(children)
		f["clusters/"+c+"/parent.yaml"] = appFile("parent", "path: ./parents/"+c)
		if set {
			f["clusters/"+c+"/set.yaml"] = setFile(c, "sets/"+c+"/*", "")
		}
	}
	f["charts/cfg/Chart.yaml"] = "apiVersion: v2\nname: cfg\nversion: 1.0.0\n"
	f["charts/cfg/templates/all.yaml"] = chartTemplate
	for _, a := range w.Apps {
		a.write(f)
		if a.Form == formProbe {
			f["fleet/probes.yaml"] = probesFile(a.Folder, a.Cluster)
		}
	}
	return f
}

// objectFile is the file of an object of an app.
func objectFile(a *App, r Ref) string {
	return fmt.Sprintf("%s/%s-%s.yaml", a.Folder, strings.ToLower(r.Kind), r.Name)
}

// write adds the app's own files.
func (a *App) write(f map[string]string) {
	if a.Form == formChart {
		f[a.file()] = appFile(a.Name, chartSpec(a, "names", "more"))
		return
	}
	for r, o := range a.Objects {
		f[objectFile(a, r)] = o.yaml()
	}
	if file := a.file(); file != "" {
		spec := "path: ./" + a.Folder
		if a.Cluster == "" {
			spec += "\n  clusterSelector: {matchLabels: {env: prod}}"
		}
		f[file] = appFile(a.Name, spec)
	}
}

func (w *World) clusterFile(name, env string) string {
	role := "hub"
	if name != w.Clusters[0] && name == w.Clusters[len(w.Clusters)-1] {
		role = "workload"
	}
	text := fmt.Sprintf("labels: {env: %s, role: %s, hub: %s}\nonRemove: prune\n", env, role, w.Clusters[0])
	if w.Frozen[name] {
		text += "suspend: true\n"
	}
	return text
}

func appFile(name, spec string) string {
	return fmt.Sprintf("apiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {name: %s}\nspec:\n  %s\n", name, spec)
}

func kustomization(resources []string) string {
	head := "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
	return head + "resources: [" + strings.Join(resources, ", ") + "]\n"
}

// alias is the address by which the ApplicationSets name the repository.
const alias = "https://git.example.com/ops/fleet.git"

// setFile is a cluster's ApplicationSet over folders.
func setFile(cluster, path, more string) string {
	return fmt.Sprintf(`apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: set-%s, namespace: argocd}
spec:
%s  generators:
  - git: {repoURL: %s, revision: HEAD, directories: [{path: '%s'}]}
  template:
    metadata: {name: '{{path.basename}}', finalizers: [resources-finalizer.argocd.argoproj.io]}
    spec:
      project: default
      source: {repoURL: %[3]s, targetRevision: HEAD, path: '{{path}}'}
      destination: {name: in-cluster, namespace: soak}
      syncPolicy: {automated: {prune: true, selfHeal: true}}
`, cluster, more, alias, path)
}

// probesFile gives an Application for each cluster with the role workload, at the destination.
func probesFile(folder, destination string) string {
	return fmt.Sprintf(`apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: probes, namespace: argocd}
spec:
  goTemplate: true
  generators:
  - clusters: {selector: {matchLabels: {role: workload}}}
  template:
    metadata: {name: 'probe-{{ .name }}', finalizers: [resources-finalizer.argocd.argoproj.io]}
    spec:
      project: default
      source: {repoURL: %s, targetRevision: HEAD, path: %s}
      destination: {name: '%s', namespace: soak}
      syncPolicy: {automated: {prune: true, selfHeal: true}}
`, alias, folder, destination)
}

const chartTemplate = `{{- range concat (default list .Values.names) (default list .Values.more) }}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .name }}, namespace: soak, annotations: {soak/value: {{ .value | quote }}}}
data: {value: {{ .value | quote }}}
{{- end }}
`

// chartSpec gives two objects to the first list of the chart's values, and the others to the second.
func chartSpec(a *App, first, second string) string {
	var lists [2][]string
	for i, r := range a.refs() {
		n := min(i/2, 1)
		lists[n] = append(lists[n], fmt.Sprintf("{name: %s, value: %s}", r.Name, a.Objects[r].Value))
	}
	return fmt.Sprintf("helm:\n    path: ./charts/cfg\n    values:\n      %s: [%s]\n      %s: [%s]", first,
		strings.Join(lists[0], ", "), second, strings.Join(lists[1], ", "))
}

// sorted lists the keys of a map in a fixed order.
func sorted[K comparable, V any](m map[K]V) []K {
	return slices.SortedFunc(maps.Keys(m), func(a, b K) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
}
