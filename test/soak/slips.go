package soak

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// Target is what a slip hits. It is drawn once, when the slip is made.
type Target struct {
	Cluster string // one of the clusters
	App     string // an app of it of the wanted form
	Ref     Ref    // an object of the app
	Variant int
}

// Slip is a mistake in one commit. It changes the files and, where that changes what Git asks for, the ask. The world
// does not change, so that taking the slip back brings everything back.
type Slip struct {
	Name string
	Form string                                            // of the app that it hits; "" for none
	Own  bool                                              // the app must be the cluster's own
	Fits func(a *App) bool                                 // which apps it may hit; nil for all of the form
	Edit func(w *World, t Target)                          // changes a copy of the world
	File func(w *World, t Target, f map[string]string)     // changes the files
	Ask  func(w *World, t Target, cluster string, a *Ask)  // changes what is asked of a cluster
	More func(r *rand.Rand, w *World, t *Target) (ok bool) // draws more of the target
	Keep bool                                              // it is never approved
	Root bool                                              // the commit has no parent: another history
}

// slips are all of them.
func slips() []Slip {
	return slices.Concat(removals(), clusterSlips(), fleetSlips(), setSlips(), appSlips(), moves())
}

// large says whether the guard looks at what leaves the app.
func large(a *App) bool { return len(a.Objects) >= guardObjects }

// removals are commits that remove much, or what weighs much.
func removals() []Slip {
	part := func(name string, fits func(a *App) bool, gone func(r Ref, i, n int) bool) Slip {
		return Slip{Name: name, Form: formDir, Fits: fits, Edit: func(w *World, t Target) {
			a := w.Apps[t.App]
			refs := a.refs()
			for i, r := range refs {
				if gone(r, i, len(refs)) {
					delete(a.Objects, r)
				}
			}
		}}
	}
	has := func(kind string) func(a *App) bool {
		return func(a *App) bool { return slices.ContainsFunc(a.refs(), func(r Ref) bool { return r.Kind == kind }) }
	}
	plain := func(a *App) bool { return len(a.Objects) >= 6 && !has("Namespace")(a) }
	of := func(kind string) func(Ref, int, int) bool {
		return func(r Ref, _, _ int) bool { return r.Kind == kind }
	}
	return []Slip{
		part("most-objects-removed", plain, func(_ Ref, i, n int) bool { return i < n*9/10 }),
		part("volume-claim-removed", has("PersistentVolumeClaim"), of("PersistentVolumeClaim")),
		part("stateful-set-removed", has("StatefulSet"), of("StatefulSet")),
		{Name: "large-app-removed", Form: formDir, Fits: plain, Edit: func(w *World, t Target) {
			delete(w.Apps, t.App)
		}},
		{Name: "chart-value-typo", Form: formChart, Fits: large, File: func(w *World, t Target, f map[string]string) {
			a := w.Apps[t.App]
			f[a.file()] = appFile(a.Name, chartSpec(a, "names", "mroe"))
		}, Ask: func(w *World, t Target, cluster string, a *Ask) {
			for i, r := range w.Apps[t.App].refs() {
				if i >= 2 {
					delete(a.Apps[t.App], r)
				}
			}
		}},
		{Name: "unrelated-history", Root: true, Edit: func(w *World, _ Target) {
			clear(w.Apps)
			for _, c := range w.Clusters {
				w.app("other-"+c, c, formDir, 3, "ConfigMap")
			}
		}},
	}
}

// owns says whether the app is declared in the cluster's folder.
func owns(a *App, cluster string) bool {
	return a.Cluster == cluster && a.Form != formProbe
}

// labelled are the apps that a cluster has because of its labels.
func labelled(w *World, cluster string) (out []string) {
	for _, a := range w.of(cluster) {
		if a.Cluster == "" {
			out = append(out, a.Name)
		}
	}
	return out
}

// unlabel takes out what a cluster, and the first one on its behalf, has because of its labels.
func unlabel(w *World, t Target, cluster string, a *Ask, hold string) {
	if cluster == t.Cluster {
		for _, app := range labelled(w, cluster) {
			a.remove(app, hold, true)
		}
	}
	a.remove("probe-"+t.Cluster, "", true)
}

// clusterSlips hit a cluster's folder.
func clusterSlips() []Slip {
	dir := func(t Target) string { return "clusters/" + t.Cluster + "/" }
	yaml := func(t Target) string { return dir(t) + "cluster.yaml" }
	own := func(w *World, t Target, a *Ask, hold string, except string) {
		for _, app := range w.of(t.Cluster) {
			if owns(app, t.Cluster) && app.Name != except {
				a.remove(app.Name, hold, true)
			}
		}
	}
	return []Slip{
		{Name: "cluster-folder-emptied", File: func(_ *World, t Target, f map[string]string) {
			drop(f, dir(t))
			f[dir(t)+".gitkeep"] = ""
		}, Ask: func(w *World, t Target, cluster string, a *Ask) {
			unlabel(w, t, cluster, a, "cluster.yaml is gone")
			if cluster == t.Cluster {
				own(w, t, a, "cluster.yaml is gone", "")
			}
		}, Keep: true},
		{Name: "cluster-folder-renamed", File: func(_ *World, t Target, f map[string]string) {
			rename(f, dir(t), "clusters/"+t.Cluster+"-renamed/")
		}, Ask: func(_ *World, t Target, cluster string, a *Ask) {
			if cluster == t.Cluster {
				a.Doubt, a.Frozen = "its folder is gone", true
			}
			a.remove("probe-"+t.Cluster, "", true)
		}, Keep: true},
		{Name: "cluster-kustomization", Form: formDir, Own: true, File: func(w *World, t Target, f map[string]string) {
			f[dir(t)+"kustomization.yaml"] = kustomization([]string{t.App + ".yaml"})
		}, Ask: func(w *World, t Target, cluster string, a *Ask) {
			if cluster == t.Cluster {
				own(w, t, a, "", t.App)
			}
		}, Keep: true},
		{Name: "cluster-yaml-removed", File: func(_ *World, t Target, f map[string]string) { delete(f, yaml(t)) },
			Ask: func(w *World, t Target, cluster string, a *Ask) {
				unlabel(w, t, cluster, a, "cluster.yaml is gone")
			}, Keep: true},
		{Name: "cluster-yaml-empty", File: func(_ *World, t Target, f map[string]string) { f[yaml(t)] = "" },
			Ask: func(w *World, t Target, cluster string, a *Ask) { unlabel(w, t, cluster, a, "") }, Keep: true},
		{Name: "cluster-label-typo",
			File: func(w *World, t Target, f map[string]string) { f[yaml(t)] = w.clusterFile(t.Cluster, "prd") },
			Ask: func(w *World, t Target, cluster string, a *Ask) {
				for _, app := range labelled(w, cluster) {
					if cluster == t.Cluster {
						a.remove(app, "", false)
					}
				}
			}},
		{Name: "cluster-yaml-unreadable",
			File: func(_ *World, t Target, f map[string]string) { f[yaml(t)] = "labels: {env: [prod\n" },
			Ask: func(w *World, t Target, cluster string, a *Ask) {
				if cluster == t.Cluster {
					a.Doubt = "its cluster.yaml cannot be read"
				}
				if _, ok := a.Apps["probe-"+t.Cluster]; ok {
					a.keep("probe-"+t.Cluster, "the labels of "+t.Cluster+" are not known")
				}
			}},
		{Name: "clusters-renamed",
			File: func(_ *World, _ Target, f map[string]string) { rename(f, "clusters/", "Clusters/") },
			Ask:  func(_ *World, _ Target, _ string, a *Ask) { a.Doubt, a.Frozen = "clusters/ is gone", true }},
	}
}

// fleetSlips hit the folder fleet/.
func fleetSlips() []Slip {
	unknown := func(name, old, with string, variants ...string) Slip {
		return Slip{Name: name, Form: formDir, Fits: func(a *App) bool { return a.Cluster == "" && large(a) },
			More: func(r *rand.Rand, _ *World, t *Target) bool {
				t.Variant = r.IntN(1 + len(variants))
				return true
			},
			File: func(w *World, t Target, f map[string]string) {
				file := w.Apps[t.App].file()
				f[file] = strings.Replace(f[file], old, append([]string{with}, variants...)[t.Variant], 1)
			},
			Ask: func(w *World, t Target, _ string, a *Ask) {
				a.keep(t.App, "the declaration of "+t.App+" cannot be read")
			}}
	}
	return []Slip{
		{Name: "fleet-renamed", File: func(_ *World, _ Target, f map[string]string) { rename(f, "fleet/", "Fleet/") },
			Ask: func(w *World, _ Target, cluster string, a *Ask) {
				for _, app := range append(labelled(w, cluster), "probe-"+w.Clusters[len(w.Clusters)-1]) {
					a.remove(app, "fleet/ is gone", true)
				}
			}, Keep: true},
		unknown("fleet-syntax", "spec:\n", "spec: [\n", "spec:\n\t- a\n", "<<<<<<< HEAD\nspec:\n"),
		unknown("fleet-kind", "kind: App\n", "kind: Appp\n", "kind: app\n", "kind: Apps\n"),
		unknown("fleet-group", "drover.dev/v1alpha1", "drover.io/v1alpha1", "drover.dev", "drover.dev/v1alpha0"),
		unknown("fleet-selector", "{matchLabels: {env: prod}}", "{matchLabel: {env: prod}}",
			"{matchExpressions: [{key: env, operator: Inn, values: [prod]}]}", "{expression: 'cluster.labels.env ='}"),
	}
}

// setSlips hit ApplicationSets.
func setSlips() []Slip {
	members := func(w *World, t Target, cluster string, do func(app string)) {
		for _, a := range w.of(cluster) {
			if a.Form == formSet && cluster == t.Cluster {
				do(a.Name)
			}
		}
	}
	gone := func(w *World, t Target, cluster string, a *Ask) {
		members(w, t, cluster, func(app string) { a.remove(app, "", true) })
	}
	set := func(t Target) string { return "clusters/" + t.Cluster + "/set.yaml" }
	return []Slip{
		{Name: "set-path-typo", Form: formSet, Fits: large, Ask: gone,
			File: func(_ *World, t Target, f map[string]string) {
				f[set(t)] = setFile(t.Cluster, "stes/"+t.Cluster+"/*", "")
			}},
		{Name: "set-folder-renamed", Form: formSet, Fits: large, Ask: gone,
			File: func(_ *World, t Target, f map[string]string) {
				rename(f, "sets/"+t.Cluster+"/", "old-sets/"+t.Cluster+"/")
			}},
		{Name: "set-fails", Form: formSet, File: func(_ *World, t Target, f map[string]string) {
			text := setFile(t.Cluster, "sets/"+t.Cluster+"/*", "  goTemplate: true\n")
			f[set(t)] = strings.Replace(text, "{{path}}", "{{fail `no`}}", 1)
		}, Ask: func(w *World, t Target, cluster string, a *Ask) {
			members(w, t, cluster, func(app string) { a.keep(app, "the ApplicationSet fails") })
		}},
		{Name: "set-destination-template", Form: formProbe, File: func(w *World, t Target, f map[string]string) {
			f["fleet/probes.yaml"] = probesFile(w.Apps[t.App].Folder, "{{ .metadata.labels.hub }}")
		}},
	}
}

// drop removes all files below a folder.
func drop(f map[string]string, dir string) {
	for path := range f {
		if strings.HasPrefix(path, dir) {
			delete(f, path)
		}
	}
}

// rename moves all files below a folder.
func rename(f map[string]string, dir, to string) {
	for _, path := range sorted(f) {
		if rest, ok := strings.CutPrefix(path, dir); ok {
			f[to+rest] = f[path]
			delete(f, path)
		}
	}
}

// String tells what was hit.
func (t Target) String() string {
	return strings.Trim(fmt.Sprintf("%s %s variant %d", t.Cluster, t.App, t.Variant), " ")
}
