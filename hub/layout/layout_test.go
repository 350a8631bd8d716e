package layout

import (
	"context"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/drover-dev/drover/hub/kustomize"
	"github.com/drover-dev/drover/hub/model"
)

// tree makes a repository from text in the txtar format: each file after a line "-- name --". A name with an arrow is a
// symbolic link.
func tree(text string) fstest.MapFS {
	files := fstest.MapFS{}
	var name string
	for line := range strings.Lines(strings.TrimLeft(text, "\n")) {
		if rest, ok := strings.CutPrefix(line, "-- "); ok && strings.HasSuffix(rest, " --\n") {
			name = strings.TrimSuffix(rest, " --\n")
			if from, to, ok := strings.Cut(name, " -> "); ok {
				files[from] = &fstest.MapFile{Data: []byte(to), Mode: fs.ModeSymlink | 0o777}
				name = ""
				continue
			}
			files[name] = &fstest.MapFile{}
			continue
		}
		if name != "" {
			files[name].Data = append(files[name].Data, line...)
		}
	}
	return files
}

// renderer is the real one: what a folder says depends on what kustomize makes of it.
var renderer = kustomize.New()

// staging is the cluster whose folder tests read.
var staging = model.Site{Name: "staging", Folder: "clusters/staging"}

func read(t *testing.T, text string) model.Folder {
	t.Helper()
	f, err := (&Layout{Renderer: renderer}).Read(context.Background(), tree(text), staging)
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Cluster.Problems) == 0 {
		for name, why := range model.Unsatisfiable(f.Cluster.Apps) {
			if a := &f.Cluster.Apps[slices.IndexFunc(f.Cluster.Apps,
				func(a model.App) bool { return a.Name == name })]; a.Err == "" {
				a.Err = why
			}
		}
	}
	return f
}

const payment = `
-- apps/payment/cm.yaml --
apiVersion: v1
kind: ConfigMap
metadata:
  name: payment
`

// app is an App file in the cluster's folder.
func app(file, name, spec string) string {
	return "-- clusters/staging/" + file + " --\napiVersion: drover.dev/v1alpha1\nkind: App\nmetadata:\n  name: " + name + "\nspec:\n" + spec
}

// summary is what a folder says, in lines: each problem, each app, each object of the root app.
func summary(f model.Folder) string {
	var b strings.Builder
	for _, p := range f.Cluster.Problems {
		b.WriteString("problem " + p + "\n")
	}
	for _, a := range f.Cluster.Apps {
		b.WriteString("app " + a.Name + ": ")
		if a.Err != "" {
			b.WriteString("ERR " + a.Err + "\n")
			continue
		}
		b.WriteString(a.Path + "\n")
	}
	for _, o := range f.Root {
		b.WriteString("root " + string(o.JSON) + "\n")
	}
	return b.String()
}

// badInput are folders with something wrong in them.
var badInput = []struct{ name, tree, want string }{
	{"invalid YAML in a manifest",
		"-- clusters/staging/x.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n   labels: {}\n", say(
			`problem clusters/staging/x.yaml:5: invalid YAML: mapping values are not allowed in this context`,
			`app root: ERR clusters/staging/x.yaml:5: not valid YAML: mapping values are not allowed in this context (check the indentation and the quotes on this line and the one above)`,
		)},
	{"a broken file hides no App of another", payment + app("payment.yaml", "payment",
		"  path: ./apps/payment\n") + "-- clusters/staging/broken.yaml --\na: [\n", say(
		`problem clusters/staging/broken.yaml:1: invalid YAML: did not find expected node content`,
		`app payment: apps/payment`,
		`app root: ERR clusters/staging/broken.yaml:1: not valid YAML: did not find expected node content (check the indentation and the quotes on this line and the one above)`,
	)},
	{"a broken document hides no App before it", payment + app("payment.yaml", "payment",
		"  path: ./apps/payment\n") + "---\na: [\n", say(
		`problem clusters/staging/payment.yaml:8: invalid YAML: did not find expected node content`,
		`app payment: apps/payment`,
		`app root: ERR clusters/staging/payment.yaml:8: not valid YAML: did not find expected node content (check the indentation and the quotes on this line and the one above)`,
	)},
	{"an unknown field near a known one", payment + app("a.yaml", "payment",
		"  path: ./apps/payment\n  dependOn: [x]\n"), say(
		`app payment: ERR clusters/staging/a.yaml:7: spec of an App has no field "dependOn" (did you mean "dependsOn"?)`,
	)},
	{"an unknown field near none", payment + app("a.yaml", "payment", "  path: ./apps/payment\n  interval: 5m\n"), say(
		`app payment: ERR clusters/staging/a.yaml:7: spec of an App has no field "interval": it knows path, source, helm, namespace, project, serviceAccount, decryption, dependsOn, health, prune, suspend, allowEmpty, deletions, timeout, vars, substitute, targetNamespace, namePrefix, nameSuffix, patches, images, components, clusterSelector, commonMetadata, createNamespace, recreate, keepDrift, healthChecks, ignore`,
	)},
	{"a status in an App", payment + app("a.yaml", "payment", "  path: ./apps/payment\nstatus: {}\n"), say(
		`app payment: ERR clusters/staging/a.yaml:7: an App has no field "status": it knows apiVersion, kind, metadata, spec`,
	)},
	{"an unknown field of metadata",
		payment + "-- clusters/staging/a.yaml --\napiVersion: drover.dev/v1alpha1\nkind: App\nmetadata:\n  name: payment\n  nmae: x\nspec:\n  path: ./apps/payment\n", say(
			`app payment: ERR clusters/staging/a.yaml:5: metadata has no field "nmae" (did you mean "name"?)`,
		)},
	{"three mistakes are told at once", payment + app("a.yaml", "payment",
		"  path: ./apps/nope\n  prunes: no\n  suspend: maybe\n"), say(
		`app payment: ERR clusters/staging/a.yaml:7: spec of an App has no field "prunes" (did you mean "prune"?); clusters/staging/a.yaml:8: suspend is "maybe": write true or false; clusters/staging/a.yaml:6: spec.path "./apps/nope" does not exist at this revision: paths are seen from the repository's root`,
	)},
	{"no path", app("a.yaml", "payment", "  prune: false\n"), say(
		`app payment: ERR clusters/staging/a.yaml:1: the App payment has no spec.path: name the folder to render, as ./apps/payment/overlays/production, or a chart under spec.helm`,
	)},
	{"no spec", "-- clusters/staging/a.yaml --\napiVersion: drover.dev/v1alpha1\nkind: App\nmetadata:\n  name: payment\n", say(
		`app payment: ERR clusters/staging/a.yaml:1: the App payment has no spec.path: name the folder to render, as ./apps/payment/overlays/production, or a chart under spec.helm`,
	)},
	{"a path that does not exist", app("a.yaml", "payment", "  path: ./apps/payment\n"), say(
		`app payment: ERR clusters/staging/a.yaml:6: spec.path "./apps/payment" does not exist at this revision: paths are seen from the repository's root`,
	)},
	{"a path to a file", payment + app("a.yaml", "payment", "  path: ./apps/payment/cm.yaml\n"), say(
		`app payment: ERR clusters/staging/a.yaml:6: spec.path "./apps/payment/cm.yaml" is a file: name the folder it is in`,
	)},
	{"a path out of the repository", app("a.yaml", "payment", "  path: ../other\n"), say(
		`app payment: ERR clusters/staging/a.yaml:6: spec.path "../other" leaves the repository: name something in it, seen from its root`,
	)},
	{"a path that is a list", app("a.yaml", "payment", "  path: [a]\n"), say(
		`app payment: ERR clusters/staging/a.yaml:6: spec.path is to be a text: the folder to render, as ./apps/payment/overlays/production`,
	)},
	{"a name that is no DNS label", payment + app("a.yaml", "Payment_Service", "  path: ./apps/payment\n"), say(
		`problem clusters/staging/a.yaml:4: the app's metadata.name: the name "Payment_Service" is no DNS label: use lower-case letters, digits and '-', beginning and ending with a letter or digit`,
	)},
	{"an App without a name", payment + "-- clusters/staging/a.yaml --\napiVersion: drover.dev/v1alpha1\nkind: App\nspec:\n  path: ./apps/payment\n", say(
		`problem clusters/staging/a.yaml:1: an App without metadata.name: give it one`,
		`app root: ERR clusters/staging/a.yaml:1: document 1, a App, has no metadata.name (add metadata.name)`,
	)},
	{"a name of digits", payment + app("a.yaml", "1", "  path: ./apps/payment\n"), say(
		`app 1: apps/payment`,
	)},
	{"an App of a newer release",
		payment + "-- clusters/staging/a.yaml --\napiVersion: drover.dev/v2\nkind: App\nmetadata:\n  name: payment\nspec:\n  path: ./apps/payment\n", say(
			`app payment: ERR clusters/staging/a.yaml:1: an App of drover.dev/v2: this release of Drover knows drover.dev/v1alpha1`,
		)},
	{"two Apps of one name in two files", payment + app("a.yaml", "payment", "  path: ./apps/payment\n") + app("b.yaml",
		"payment", "  path: ./apps/payment\n"), say(
		`app payment: ERR the app payment is declared in clusters/staging/a.yaml:4 and in clusters/staging/b.yaml:4: rename or remove one`,
		`app root: ERR clusters/staging/b.yaml: App "payment" is declared a second time, first in clusters/staging/a.yaml (remove one, or give the two different names or namespaces)`,
	)},
	{"two Apps of one name in one file", payment + app("a.yaml", "payment",
		"  path: ./apps/payment\n") + "---\napiVersion: drover.dev/v1alpha1\nkind: App\nmetadata:\n  name: payment\nspec:\n  path: ./apps\n", say(
		`app payment: ERR the app payment is declared in clusters/staging/a.yaml:4 and in clusters/staging/a.yaml:11: rename or remove one`,
		`app root: ERR clusters/staging/a.yaml: App "payment" is declared a second time, first in clusters/staging/a.yaml (remove one, or give the two different names or namespaces)`,
	)},
	{"the reserved name", payment + app("a.yaml", "root", "  path: ./apps/payment\n"), say(
		`app root: ERR clusters/staging/a.yaml:4: the name "root" is kept for what the folder holds beside its Apps: choose another`,
	)},
	{"the reserved name beside objects", payment + app("a.yaml", "root",
		"  path: ./apps/payment\n") + "-- clusters/staging/ns.yaml --\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n", say(
		`app root: ERR clusters/staging/a.yaml:4: the name "root" is kept for what the folder holds beside its Apps: choose another`,
		`root {"apiVersion":"v1","kind":"Namespace","metadata":{"name":"shop"}}`,
	)},
	{"an unknown dependency", payment + app("a.yaml", "payment", "  path: ./apps/payment\n  dependsOn: [databse]\n"), say(
		`app payment: ERR clusters/staging/a.yaml:7: the app payment depends on app "databse", which this cluster does not have: add it, or take it out of dependsOn`,
	)},
	{"a dependency that may only be unreadable", payment + app("a.yaml", "payment",
		"  path: ./apps/payment\n  dependsOn: [database]\n") + "-- clusters/staging/database.yaml --\na: [\n", say(
		`problem clusters/staging/database.yaml:1: invalid YAML: did not find expected node content`,
		`app payment: apps/payment`,
		`app root: ERR clusters/staging/database.yaml:1: not valid YAML: did not find expected node content (check the indentation and the quotes on this line and the one above)`,
	)},
	{"a circle of dependencies", payment + app("a.yaml", "a",
		"  path: ./apps/payment\n  dependsOn: [b]\n") + app("b.yaml", "b", "  path: ./apps/payment\n  dependsOn:\n  - name: a\n"), say(
		`app a: ERR clusters/staging/a.yaml:7: the app a depends on itself (a → b → a): take one of these out of dependsOn`,
		`app b: ERR clusters/staging/b.yaml:8: the app b depends on itself (b → a → b): take one of these out of dependsOn`,
	)},
	{"dependsOn that is no list", payment + app("a.yaml", "a", "  path: ./apps/payment\n  dependsOn: b\n"), say(
		`app a: ERR clusters/staging/a.yaml:7: dependsOn is to be a list of names`,
	)},
	{"dependsOn as Flux has it, with a namespace", payment + app("a.yaml", "a",
		"  path: ./apps/payment\n  dependsOn:\n  - name: b\n    namespace: c\n"), say(
		`app a: ERR clusters/staging/a.yaml:9: dependsOn has no field "namespace": it knows name, ready`,
	)},
	{"a Cluster in another file",
		"-- clusters/staging/c.yaml --\napiVersion: drover.dev/v1alpha1\nkind: Cluster\nmetadata:\n  name: staging\n", say(
			`problem clusters/staging/c.yaml:2: a Cluster belongs in clusters/staging/cluster.yaml: move it there`,
		)},
	{"an unknown kind of ours",
		"-- clusters/staging/c.yaml --\napiVersion: drover.dev/v1alpha1\nkind: Fleet\nmetadata:\n  name: staging\n", say(
			`problem clusters/staging/c.yaml:2: drover.dev/v1alpha1 Fleet is not known to this release of Drover: it knows drover.dev/v1alpha1 App, Cluster and Project`,
		)},
	{"an object without a name", "-- clusters/staging/c.yaml --\napiVersion: v1\nkind: ConfigMap\ndata: {}\n", say(
		`app root: ERR clusters/staging/c.yaml:1: document 1, a ConfigMap, has no metadata.name (add metadata.name)`,
	)},
	{"a timeout without a unit", payment + app("a.yaml", "payment", "  path: ./apps/payment\n  timeout: 5\n"), say(
		`app payment: ERR clusters/staging/a.yaml:7: timeout is "5": write a duration such as 90s or 5m`,
	)},
	{"vars that are a list", payment + app("a.yaml", "payment", "  path: ./apps/payment\n  vars: [a]\n"), say(
		`app payment: ERR clusters/staging/a.yaml:7: vars is to be a mapping of names to texts`,
	)},
	{"vars that are nested", payment + app("a.yaml", "payment", "  path: ./apps/payment\n  vars:\n    a: {b: c}\n"), say(
		`app payment: ERR clusters/staging/a.yaml:8: vars.a is to be a text`,
	)},
	{"a namespace that is a list", payment + app("a.yaml", "payment", "  path: ./apps/payment\n  namespace: [a]\n"), say(
		`app payment: ERR clusters/staging/a.yaml:7: namespace is to be a text`,
	)},
	{"a quoted boolean", payment + app("a.yaml", "payment", "  path: ./apps/payment\n  prune: \"false\"\n"), say(
		`app payment: ERR clusters/staging/a.yaml:7: prune is "false": write true or false`,
	)},
	{"a field twice", payment + app("a.yaml", "payment", "  path: ./apps/payment\n  path: ./apps\n"), say(
		`app payment: ERR clusters/staging/a.yaml:7: spec of an App has the field "path" twice: keep one`,
		`app root: ERR clusters/staging/a.yaml:7: key "path" stands here a second time, first on line 6 (keep one of the two)`,
	)},
	{"an App through a kustomization", payment + app("payment.yaml", "payment",
		"  path: ./apps/payment\n") + "-- clusters/staging/kustomization.yaml --\nresources: [payment.yaml]\n", say(
		`app payment: apps/payment`,
	)},
	{"a mistake in an App through a kustomization, with its line",
		payment + app("payment.yaml", "payment",
			"  pth: ./apps/payment\n") + "-- clusters/staging/kustomization.yaml --\nresources: [payment.yaml]\n", say(
			`app payment: ERR clusters/staging/payment.yaml:6: spec of an App has no field "pth" (did you mean "path"?); clusters/staging/payment.yaml:1: the App payment has no spec.path: name the folder to render, as ./apps/payment/overlays/production, or a chart under spec.helm`,
		)},
	{"a kustomization that does not build", payment + app("payment.yaml", "payment",
		"  path: ./apps/payment\n") + "-- clusters/staging/kustomization.yaml --\nresources: [paymnt.yaml]\n", say(
		`problem clusters/staging/kustomization.yaml:1: resources[0] "paymnt.yaml" does not exist (did you mean "payment.yaml"?)`,
		`app root: ERR clusters/staging/kustomization.yaml:1: resources[0] "paymnt.yaml" does not exist (did you mean "payment.yaml"?)`,
	)},
	{"a kustomization below that does not build may hide Apps",
		payment + app("payment.yaml", "payment",
			"  path: ./apps/payment\n") + "-- clusters/staging/infra/kustomization.yaml --\nresources: [x.yaml]\n", say(
			`problem clusters/staging/infra/kustomization.yaml:1: resources[0] "x.yaml" does not exist (check the path; it is relative to the kustomization's folder)`,
			`app payment: apps/payment`,
			`app root: ERR clusters/staging/infra/kustomization.yaml:1: resources[0] "x.yaml" does not exist (check the path; it is relative to the kustomization's folder)`,
		)},
	{"an App through a kustomization below", payment + app("infra/payment.yaml", "payment",
		"  path: ./apps/payment\n") + "-- clusters/staging/infra/kustomization.yaml --\nresources: [payment.yaml]\n", say(
		`app payment: apps/payment`,
	)},
	{"two Apps of one name, one through a kustomization", payment + app("infra/payment.yaml", "payment",
		"  path: ./apps/payment\n") + app("p.yaml", "payment", "  path: ./apps\n") + "-- clusters/staging/infra/kustomization.yaml --\nresources: [payment.yaml]\n", say(
		`problem clusters/staging/p.yaml: App "payment" is declared a second time, first in clusters/staging/infra/payment.yaml (remove one, or give the two different names or namespaces)`,
		`app payment: apps`,
		`app root: ERR clusters/staging/p.yaml: App "payment" is declared a second time, first in clusters/staging/infra/payment.yaml (remove one, or give the two different names or namespaces)`,
	)},
	{"an App in a List", payment + "-- clusters/staging/a.yaml --\napiVersion: v1\nkind: List\nitems:\n- apiVersion: drover.dev/v1alpha1\n  kind: App\n  metadata: {name: payment}\n  spec: {path: ./apps/payment}\n", say(
		`app payment: apps/payment`,
	)},
	{"a file that is no manifest", "-- clusters/staging/values.yaml --\nimage: x\n", say(
		`app root: ERR clusters/staging/values.yaml:1: document 1 has no kind (if it is no manifest, move it elsewhere or list the manifests in a kustomization.yaml)`,
	)},
	{"cluster.yaml: a list", "-- clusters/staging/cluster.yaml --\n- a\n", say(
		`problem clusters/staging/cluster.yaml:1: cluster.yaml is no mapping`,
	)},
	{"cluster.yaml: invalid YAML", "-- clusters/staging/cluster.yaml --\nlabels: {a: b\n", say(
		`problem clusters/staging/cluster.yaml:1: invalid YAML: did not find expected ',' or '}'`,
	)},
	{"cluster.yaml: an unknown field", "-- clusters/staging/cluster.yaml --\nlables: {a: b}\n", say(
		`problem clusters/staging/cluster.yaml:1: cluster.yaml has no field "lables" (did you mean "labels"?)`,
	)},
	{"cluster.yaml: labels under spec",
		"-- clusters/staging/cluster.yaml --\napiVersion: drover.dev/v1alpha1\nkind: Cluster\nmetadata:\n  name: staging\nspec:\n  labels: {a: b}\n", say(
			`problem clusters/staging/cluster.yaml:6: the labels of a Cluster stand under metadata, not under spec: move them there`,
		)},
	{"cluster.yaml: another name",
		"-- clusters/staging/cluster.yaml --\napiVersion: drover.dev/v1alpha1\nkind: Cluster\nmetadata:\n  name: production\n", say(
			`problem clusters/staging/cluster.yaml:4: metadata.name is "production" but the folder is "staging": make them equal, or name the cluster with spec.name, which stays when the folder is renamed`,
		)},
	{"cluster.yaml: of other kinds it is an ordinary file", payment +
		"-- clusters/staging/cluster.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n---\n" +
		"apiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {name: payment}\nspec: {path: ./apps/payment}\n---\n" +
		"apiVersion: cluster.x-k8s.io/v1beta1\nkind: Cluster\nmetadata: {name: b}\n", say(
		`app payment: apps/payment`,
		`app root: clusters/staging`,
		`root {"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}}`,
		`root {"apiVersion":"cluster.x-k8s.io/v1beta1","kind":"Cluster","metadata":{"name":"b"}}`,
	)},
	{"cluster.yaml: one of several documents describes the cluster",
		"-- clusters/staging/cluster.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n---\n" +
			"apiVersion: drover.dev/v1alpha1\nkind: Cluster\nmetadata: {name: staging}\n", say(
			`problem clusters/staging/cluster.yaml:6: cluster.yaml holds 2 documents, and this one describes the cluster, or looks like it: ` +
				`keep it alone in cluster.yaml, and move the others to another file; or, if it does not, give it apiVersion and kind`,
		)},
	{"cluster.yaml: two documents", "-- clusters/staging/cluster.yaml --\nlabels: {}\n---\nvars: {}\n", say(
		`problem clusters/staging/cluster.yaml:1: cluster.yaml holds 2 documents, and this one describes the cluster, or looks like it: ` +
			`keep it alone in cluster.yaml, and move the others to another file; or, if it does not, give it apiVersion and kind`,
	)},
	{"cluster.yaml: what looks like a Cluster",
		"-- clusters/staging/cluster.yaml --\napiVersion: drover.dve/v1alpha1\nkind: Cluster\nmetadata:\n  name: staging\n", say(
			`problem clusters/staging/cluster.yaml:1: cluster.yaml holds "Cluster" of "drover.dve/v1alpha1", which looks like Cluster of ` +
				`drover.dev/v1alpha1: correct apiVersion and kind, or rename the file`,
		)},
	{"cluster.yaml: Cluster without apiVersion", "-- clusters/staging/cluster.yaml --\nkind: Cluster\nlabels: {a: b}\n", say(
		`problem clusters/staging/cluster.yaml:1: cluster.yaml holds "Cluster" of "", which looks like Cluster of ` +
			`drover.dev/v1alpha1: correct apiVersion and kind, or rename the file`,
	)},
	{"cluster.yaml: of a newer release",
		"-- clusters/staging/cluster.yaml --\napiVersion: drover.dev/v2\nkind: Cluster\nmetadata:\n  name: staging\n", say(
			`problem clusters/staging/cluster.yaml:1: a Cluster of drover.dev/v2: this release of Drover knows drover.dev/v1alpha1`,
		)},
	{"cluster.yaml: labels that are a list", "-- clusters/staging/cluster.yaml --\nlabels: [a]\n", say(
		`problem clusters/staging/cluster.yaml:1: labels is to be a mapping of names to texts`,
	)},
	{"cluster.yaml: suspend that is a text", "-- clusters/staging/cluster.yaml --\nsuspend: yes please\n", say(
		`problem clusters/staging/cluster.yaml:1: suspend is "yes please": write true or false`,
	)},
	{"cluster.yaml: suspend as YAML 1.1 has it", "-- clusters/staging/cluster.yaml --\nsuspend: yes\n", say(
		`problem clusters/staging/cluster.yaml:1: suspend is "yes": write true or false`,
	)},
	{"an alias where a text is to be", payment + app("a.yaml", "payment",
		"  path: ./apps/payment\n  vars: &v {a: b}\n") + app("b.yaml", "other", "  path: &p ./apps/payment\n  namespace: *p\n"), say(
		`app other: ERR clusters/staging/b.yaml:7: namespace is to be a text`,
		`app payment: apps/payment`,
	)},
	{"a merge key", payment + "-- clusters/staging/a.yaml --\nx: &x {path: ./apps/payment}\n---\napiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {name: payment}\nspec:\n  <<: {path: ./apps/payment}\n", say(
		`app payment: ERR clusters/staging/a.yaml:7: spec of an App has no field "<<": it knows path, source, helm, namespace, project, serviceAccount, decryption, dependsOn, health, prune, suspend, allowEmpty, deletions, timeout, vars, substitute, targetNamespace, namePrefix, nameSuffix, patches, images, components, clusterSelector, commonMetadata, createNamespace, recreate, keepDrift, healthChecks, ignore; clusters/staging/a.yaml:3: the App payment has no spec.path: name the folder to render, as ./apps/payment/overlays/production, or a chart under spec.helm`,
		`app root: ERR clusters/staging/a.yaml:1: document 1 has no kind (if it is no manifest, move it elsewhere or list the manifests in a kustomization.yaml)`,
	)},
	{"cluster.yaml: onRemove that is neither", "-- clusters/staging/cluster.yaml --\nonRemove: delete\n", say(
		`problem clusters/staging/cluster.yaml:1: onRemove is "delete": write keep (what runs there is left running when the folder goes) or prune (it is deleted)`,
	)},
	{"cluster.yaml: an agent without image", "-- clusters/staging/cluster.yaml --\nagent: {version: v2}\n", say(
		`problem clusters/staging/cluster.yaml:1: agent has no field "version": it knows image`,
	)},
	{"cluster.yaml: an image that is none",
		"-- clusters/staging/cluster.yaml --\nsuspend: true\nagent:\n  image: 'a b'\n", say(
			`problem clusters/staging/cluster.yaml:3: agent.image is "a b": write an image reference, as registry.example.com/drover-agent@sha256:…`,
		)},
	{"cluster.yaml: an agent that is a text", "-- clusters/staging/cluster.yaml --\nagent: v2\n", say(
		`problem clusters/staging/cluster.yaml:1: agent is no mapping`,
	)},
	{"cluster.yaml: a folder", "-- clusters/staging/cluster.yaml/x --\n", say(
		`problem clusters/staging/cluster.yaml is a folder: it is to be a file that describes the cluster; rename it`,
	)},
	{"a spec that is a list", app("a.yaml", "payment", "  - x\n"), say(
		`app payment: ERR clusters/staging/a.yaml:6: spec of an App is no mapping; clusters/staging/a.yaml:1: the App payment has no spec.path: name the folder to render, as ./apps/payment/overlays/production, or a chart under spec.helm`,
	)},
	{"an empty name", payment + app("a.yaml", "\"\"", "  path: ./apps/payment\n"), say(
		`problem clusters/staging/a.yaml:4: the app's metadata.name: the name is empty: use 1 to 63 lower-case letters, digits and '-'`,
		`app root: ERR clusters/staging/a.yaml:1: document 1, a App, has no metadata.name (add metadata.name)`,
	)},
	{"a path of null", payment + app("a.yaml", "payment", "  path: null\n"), say(
		`app payment: ERR clusters/staging/a.yaml:6: the App payment has no spec.path: name the folder to render, as ./apps/payment/overlays/production, or a chart under spec.helm`,
	)},
	{"the whole repository", payment + app("a.yaml", "payment", "  path: ./\n"), say(
		`app payment: .`,
	)},
	{"a path from the root", payment + app("a.yaml", "payment", "  path: /apps/payment/\n"), say(
		`app payment: apps/payment`,
	)},
	{"an object without apiVersion", "-- clusters/staging/a.yaml --\nkind: ConfigMap\nmetadata: {name: x}\n", say(
		`app root: ERR clusters/staging/a.yaml: ConfigMap "x" has no apiVersion (add the apiVersion of the kind)`,
	)},
	{"a List behind a broken manifest is seen all the same",
		payment + "-- clusters/staging/a.yaml --\napiVersion: v1\nkind: List\nitems:\n- apiVersion: drover.dev/v1alpha1\n  kind: App\n  metadata: {name: payment}\n  spec: {path: ./apps/payment}\n-- clusters/staging/values.yaml --\nimage: x\n", say(
			`app payment: apps/payment`,
			`app root: ERR clusters/staging/values.yaml:1: document 1 has no kind (if it is no manifest, move it elsewhere or list the manifests in a kustomization.yaml)`,
		)},
	{"two Apps of one name through a kustomization", payment + app("a.yaml", "payment",
		"  path: ./apps/payment\n") + "-- clusters/staging/b.yaml --\napiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {name: payment, namespace: other}\nspec: {path: ./apps/payment}\n-- clusters/staging/kustomization.yaml --\nresources: [a.yaml, b.yaml]\n", say(
		`app payment: apps/payment`,
	)},
	{"a kustomization that spoils an App", payment + app("a.yaml", "payment",
		"  path: ./apps/payment\n") + "-- clusters/staging/kustomization.yaml --\nresources: [a.yaml]\npatches:\n- target: {kind: App}\n  patch: |-\n    - {op: replace, path: /spec/path, value: ./apps/nope}\n", say(
		`app payment: ERR clusters/staging/a.yaml: spec.path "./apps/nope" does not exist at this revision: paths are seen from the repository's root`,
	)},
	{"a Cluster through a kustomization",
		"-- clusters/staging/c.yaml --\napiVersion: drover.dev/v1alpha1\nkind: Cluster\nmetadata:\n  name: staging\n-- clusters/staging/kustomization.yaml --\nresources: [c.yaml]\n", say(
			`problem clusters/staging/c.yaml: a Cluster belongs in clusters/staging/cluster.yaml: move it there`,
		)},
	{"cluster.yaml that cannot be known keeps substituted apps as they are",
		"-- clusters/staging/cluster.yaml --\nvars: {size: large\n" + payment + app("a.yaml", "a",
			"  path: ./apps/payment\n  substitute: true\n") + app("b.yaml", "b", "  path: ./apps/payment\n"), say(
			`problem clusters/staging/cluster.yaml:2: invalid YAML: did not find expected ',' or '}'`,
			`app a: ERR the cluster's vars cannot be known, so the app is kept as last published: clusters/staging/cluster.yaml:2: invalid YAML: did not find expected ',' or '}'`,
			`app b: apps/payment`,
		)},
	{"a cluster.yaml deeper down is a manifest",
		"-- clusters/staging/capi/cluster.yaml --\napiVersion: cluster.x-k8s.io/v1beta2\nkind: Cluster\nmetadata:\n  name: other\n", say(
			`app root: clusters/staging`,
			`root {"apiVersion":"cluster.x-k8s.io/v1beta2","kind":"Cluster","metadata":{"name":"other"}}`,
		)},
	{"an empty file and comments", "-- clusters/staging/a.yaml --\n# soon\n-- clusters/staging/b.yml --\n---\n---\n",
		say()},
	{"a folder that holds nothing of ours", "-- clusters/staging/README.md --\nhello\n", say()},
	{"a name that the build knows under no file", payment + app("x/a.yaml", "payment",
		"  path: ./apps/payment\n") + "-- clusters/staging/x/kustomization.yaml --\nresources: [a.yaml]\nnamePrefix: eu-\n", say(
		`app eu-payment: apps/payment`,
	)},
	{"two kustomizations", "-- clusters/staging/kustomization.yaml --\nresources: []\n-- clusters/staging/Kustomization --\nresources: []\n", say(
		`problem clusters/staging/kustomization.yaml: the folder has a second kustomization, clusters/staging/Kustomization, and kustomize takes only one (keep one of them)`,
		`app root: ERR clusters/staging/kustomization.yaml: the folder has a second kustomization, clusters/staging/Kustomization, and kustomize takes only one (keep one of them)`,
	)},
	{"a kustomization that reaches out of the repository",
		"-- clusters/staging/kustomization.yaml --\nresources:\n- ../../../secret.yaml\n", say(
			`problem clusters/staging/kustomization.yaml:2: resources[0] "../../../secret.yaml" leads outside the repository (copy it into the repository and refer to it by relative path)`,
			`app root: ERR clusters/staging/kustomization.yaml:2: resources[0] "../../../secret.yaml" leads outside the repository (copy it into the repository and refer to it by relative path)`,
		)},
}

// say puts the lines of a summary together.
func say(lines ...string) string {
	if len(lines) == 0 {
		return ""
	}
	return strings.Join(lines, "\n") + "\n"
}

// TestBadInputIsNamedWithPlaceAndRemedy is all that can be wrong with a folder, and what the person is told: the file,
// the line where there is one, and what to do; and that everything else goes on.
func TestBadInputIsNamedWithPlaceAndRemedy(t *testing.T) {
	for _, c := range badInput {
		t.Run(c.name, func(t *testing.T) {
			f := read(t, c.tree)
			if got := summary(f); got != c.want {
				t.Errorf("got:\n%swant:\n%s", got, c.want)
			}
			for _, p := range f.Cluster.Problems {
				if strings.Contains(p, "\n") {
					t.Errorf("more than a line: %q", p)
				}
			}
			for _, a := range f.Cluster.Apps {
				if strings.Contains(a.Err, "\n") {
					t.Errorf("more than a line: %q", a.Err)
				}
			}
		})
	}
}

// TestNoAppIsOutOfSightUnnoticed: an App that is not found is taken for one that was removed, and its objects are
// deleted, unless a problem says that the folder could not be read whole. So whatever keeps an App from being found
// must leave a problem.
func TestNoAppIsOutOfSightUnnoticed(t *testing.T) {
	plain := payment + app("payment.yaml", "payment", "  path: ./apps/payment\n")
	through := payment + app("infra/payment.yaml", "payment", "  path: ./apps/payment\n") +
		"-- clusters/staging/infra/kustomization.yaml --\nresources: [payment.yaml]\n"
	list := payment + "-- clusters/staging/list.yaml --\napiVersion: v1\nkind: List\nitems:\n" +
		"- apiVersion: drover.dev/v1alpha1\n  kind: App\n  metadata: {name: payment}\n  spec: {path: ./apps/payment}\n"
	for damage, with := range map[string]string{
		"nothing":                      "",
		"a broken file":                "-- clusters/staging/0.yaml --\na: [\n",
		"a broken file after":          "-- clusters/staging/zz.yaml --\na: [\n",
		"no manifest":                  "-- clusters/staging/values.yaml --\nimage: x\n",
		"an object without a name":     "-- clusters/staging/0.yaml --\napiVersion: v1\nkind: Secret\n",
		"an object twice":              "-- clusters/staging/0.yaml --\n" + secret + "-- clusters/staging/1.yaml --\n" + secret,
		"a kustomization beside":       "-- clusters/staging/other/kustomization.yaml --\nresources: [nope.yaml]\n",
		"a kustomization above":        "-- clusters/staging/kustomization.yaml --\nresources: [nope.yaml]\n",
		"an empty kustomization above": "-- clusters/staging/kustomization.yaml --\n# soon\n",
		"a broken cluster.yaml":        "-- clusters/staging/cluster.yaml --\na: [\n",
		"a broken App":                 app("0.yaml", "other", "  pth: x\n"),
		"an App without a name":        "-- clusters/staging/0.yaml --\napiVersion: drover.dev/v1alpha1\nkind: App\n",
	} {
		for how, text := range map[string]string{"plain": plain, "through a kustomization": through, "in a list": list} {
			f := read(t, text+with)
			found := false
			for _, a := range f.Cluster.Apps {
				found = found || a.Name == "payment"
			}
			if !found && len(f.Cluster.Problems) == 0 {
				t.Errorf("%s hides an App %s, and there is no problem: its objects would be deleted", damage, how)
			}
			if how == "plain" && !strings.HasSuffix(damage, "above") && !found {
				t.Errorf("%s takes an App of another file with it", damage)
			}
		}
	}
}

const secret = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: x\n"
