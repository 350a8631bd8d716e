package soak

import (
	"math/rand/v2"
	"strings"
)

// variants draws one of n variants.
func variants(n int) func(r *rand.Rand, w *World, t *Target) bool {
	return func(r *rand.Rand, _ *World, t *Target) bool {
		t.Variant = r.IntN(n)
		return true
	}
}

// appSlips hit the files of one app.
func appSlips() []Slip {
	keep := func(why string) func(w *World, t Target, cluster string, a *Ask) {
		return func(_ *World, t Target, _ string, a *Ask) {
			if _, ok := a.Apps[t.App]; ok {
				a.keep(t.App, t.App+" "+why)
			}
		}
	}
	emptied := func(w *World, t Target, f map[string]string) {
		dir := w.Apps[t.App].Folder + "/"
		first := ""
		for _, path := range sorted(f) {
			if strings.HasPrefix(path, dir) {
				first = path
			}
		}
		switch t.Variant {
		case 0:
			f[dir+"kustomization.yaml"] = kustomization(nil)
		case 1:
			drop(f, dir)
			f[first] = ""
		default:
			drop(f, dir)
			f[dir+"README.md"] = "Nothing here.\n"
		}
	}
	return []Slip{
		{Name: "app-emptied", Form: formDir, More: variants(3), File: emptied, Ask: keep("renders to nothing")},
		{Name: "parent-emptied", Form: formChild, File: func(_ *World, t Target, f map[string]string) {
			f["parents/"+t.Cluster+"/kustomization.yaml"] = kustomization(nil)
		}, Ask: func(w *World, t Target, cluster string, a *Ask) {
			for _, app := range w.of(cluster) {
				if app.Form == formChild && cluster == t.Cluster {
					a.keep(app.Name, "its parent renders to nothing")
				}
			}
		}},
		{Name: "app-file-lost", Form: formDir, Own: true, Fits: large, More: variants(5), File: loseFile,
			Ask: func(_ *World, t Target, _ string, a *Ask) { a.remove(t.App, "", true) }},
		{Name: "app-group", Form: formDir, Own: true, More: variants(4),
			File: misspell("drover.dev/v1alpha1",
				"drover.io/v1alpha1", "drover.dev", "drover.io/v1", "drover.dev/v1alpha9"),
			Ask: keep("is declared in a group that is not Drover's")},
		{Name: "app-kind", Form: formDir, Own: true, More: variants(3),
			File: misspell("kind: App\n", "kind: Appp\n", "kind: app\n", "kind: Ap\n"),
			Ask:  keep("is declared with a kind that does not exist")},
		{Name: "app-object-unreadable", Form: formDir, More: variants(3),
			File: func(w *World, t Target, f map[string]string) {
				path := objectFile(w.Apps[t.App], t.Ref)
				f[path] = []string{"<<<<<<< HEAD\n" + f[path], "apiVersion: v1\nkind: [\n", lfs}[t.Variant]
			}, Ask: keep("cannot be rendered")},
		{Name: "object-refused", Form: formDir, Fits: func(a *App) bool { return strings.HasSuffix(a.Name, "-web") },
			More: func(_ *rand.Rand, _ *World, t *Target) bool { return t.Ref.Kind == "ConfigMap" },
			File: func(w *World, t Target, f map[string]string) {
				path := objectFile(w.Apps[t.App], t.Ref)
				f[path] = strings.Replace(f[path], "data: {value: ", "data: {port: 8080, value: ", 1)
			}, Ask: func(_ *World, t Target, _ string, a *Ask) { a.Lax[t.App] = true }},
	}
}

// lfs is the pointer to a file that Git LFS did not fetch.
const lfs = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"

// misspell replaces a part of the app's declaration by the variant that was drawn.
func misspell(old string, with ...string) func(w *World, t Target, f map[string]string) {
	return func(w *World, t Target, f map[string]string) {
		file := w.Apps[t.App].file()
		f[file] = strings.Replace(f[file], old, with[t.Variant], 1)
	}
}

// loseFile has the file of an app say nothing, or be no file that is read.
func loseFile(w *World, t Target, f map[string]string) {
	file := w.Apps[t.App].file()
	text := f[file]
	switch t.Variant {
	case 0:
		f[file] = ""
	case 1:
		f[file] = "# " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n# ") + "\n"
	case 2:
		f[file] = "null\n"
	default:
		delete(f, file)
		f[strings.TrimSuffix(file, ".yaml")+[]string{".YAML", ".json"}[t.Variant-3]] = text
	}
}

// moves take an object into an app that is new and whose declaration cannot be read.
func moves() []Slip {
	into := func(name string, spoil func(file string) string) Slip {
		late := func(w *World, t Target) *App {
			a := &App{Name: "late", Form: formDir, Folder: "apps/late", Objects: map[Ref]Object{}}
			if o, ok := w.Apps[t.App].Objects[t.Ref]; ok {
				a.Objects[t.Ref] = o
			}
			return a
		}
		return Slip{Name: "moved-into-" + name, Form: formDir, Own: true,
			Fits: func(a *App) bool { return strings.HasSuffix(a.Name, "-web") },
			File: func(w *World, t Target, f map[string]string) {
				delete(f, objectFile(w.Apps[t.App], t.Ref))
				a := late(w, t)
				a.write(f)
				f[a.file()] = spoil(f[a.file()])
			},
			Ask: func(w *World, t Target, cluster string, a *Ask) {
				if cluster == t.Cluster {
					a.Apps["late"] = late(w, t).Objects
					delete(a.Apps[t.App], t.Ref)
				}
				a.keep("late", "the declaration of the app late cannot be read")
			}}
	}
	set := strings.NewReplacer("{{ .name }}", "{{ fail `no` }}", "probes", "late")
	return []Slip{
		into("syntax", func(file string) string { return strings.Replace(file, "spec:\n", "spec: [\n", 1) }),
		into("kind", func(file string) string { return strings.Replace(file, "kind: App\n", "kind: Appp\n", 1) }),
		into("selector", func(file string) string { return strings.Replace(file, "{matchLabels:", "{matchLabel:", 1) }),
		into("operator", func(file string) string {
			return strings.Replace(file, "{matchLabels: {env: prod}}", "{matchExpressions: [{key: env, operator: Inn}]}", 1)
		}),
		into("set", func(string) string { return set.Replace(probesFile("apps/late", "in-cluster")) }),
	}
}
