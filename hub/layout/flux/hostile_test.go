package flux

import (
	"fmt"
	"strings"
	"testing"

	"github.com/drover-dev/drover/hub/model"
)

// TestFieldsOfOtherTypesStopTheApp: each is named with its place, and nothing is guessed from it.
func TestFieldsOfOtherTypesStopTheApp(t *testing.T) {
	t.Parallel()
	const chart = "  chart: {spec: {chart: web, sourceRef: {kind: HelmRepository, name: charts, namespace: " +
		"flux-system}}}\n"
	for _, c := range []struct{ text, want string }{
		{kustomizationOf("  path: [a]\n"), "o.yaml:6: Kustomization flux-system/x: spec.path: it is a list, and has to " +
			"be a string"},
		{kustomizationOf("  path: 7\n"), "spec.path: it is a number, and has to be a string: put it in quotes"},
		{kustomizationOf("  path: true\n"), "spec.path: it is true or false, and has to be a string: put it in quotes"},
		{kustomizationOf("  prune: 1\n"), "spec.prune: it is a number, and has to be true or false"},
		{kustomizationOf("  prune: {}\n"), "spec.prune: it is a mapping, and has to be true or false"},
		{kustomizationOf("  prune: ${prune}\n"), "spec.prune: it is a string, and has to be true or false: look at the " +
			"value of the variable ${prune}"},
		{kustomizationOf("  dependsOn: base\n"), "spec.dependsOn: it is a string, and has to be a list"},
		{kustomizationOf("  dependsOn: {name: base}\n"), "spec.dependsOn: it is a mapping, and has to be a list"},
		{kustomizationOf("  dependsOn: [base]\n"), "spec.dependsOn[0]: it is a string, and has to be a mapping"},
		{kustomizationOf("  dependsOn: [{name: base}, {name: [a]}]\n"), "spec.dependsOn[1].name: it is a list, and has " +
			"to be a string"},
		{kustomizationOf("  timeout: 90\n"), "spec.timeout: it is a number, and has to be a string: put it in quotes"},
		{kustomizationOf("  postBuild: always\n"), "spec.postBuild: it is a string, and has to be a mapping"},
		{kustomizationOf("  postBuild: {substitute: [a]}\n"), "spec.postBuild.substitute: it is a list, and has to be a " +
			"mapping"},
		{kustomizationOf("  postBuild: {substitute: {a: {b: c}}}\n"), "spec.postBuild.substitute.a: it is a mapping, " +
			"and has to be a string"},
		{kustomizationOf("  patches: [{patch: {kind: A}}]\n"), "spec.patches[0].patch: it is a mapping, and has to be a " +
			"string"},
		{kustomizationOf("  images: [{name: a, newTag: 1.2}]\n"), "spec.images[0].newTag: it is a number, and has to be " +
			"a string: put it in quotes"},
		{kustomizationOf("  ignore: [{paths: /a}]\n"), "spec.ignore[0].paths: it is a string, and has to be a list"},
		{kustomizationOf("  decryption: sops\n"), "spec.decryption: it is a string, and has to be a mapping"},
		{kustomizationOf("  commonMetadata: {labels: {a: 1}}\n"), "spec.commonMetadata.labels.a: it is a number, and " +
			"has to be a string"},
		{kustomizationOf("  healthChecks: [{kind: 1}]\n"), "spec.healthChecks[0].kind: it is a number, and has to be a " +
			"string"},
		{releaseOf("  chart: web\n"), "spec.chart: it is a string, and has to be a mapping"},
		{releaseOf("  chart: {spec: [web]}\n"), "spec.chart.spec: it is a list, and has to be a mapping"},
		{releaseOf("  chart: {spec: {version: 1.2}}\n"), "spec.chart.spec.version: it is a number, and has to be a " +
			"string: put it in quotes"},
		{releaseOf(chart + "  valuesFrom: {kind: Secret}\n"), "spec.valuesFrom: it is a mapping, and has to be a list"},
		{releaseOf(chart + "  valuesFrom: [{kind: Secret, name: s, optional: 'yes'}]\n"),
			"spec.valuesFrom[0].optional: it is a string, and has to be true or false"},
		{releaseOf(chart + "  install: {crds: false}\n"), "spec.install.crds: it is true or false, and has to be a string"},
		{releaseOf(chart + "  install: {createNamespace: 'true'}\n"), "spec.install.createNamespace: it is a string, " +
			"and has to be true or false"},
		{releaseOf(chart + "  postRenderers: {kustomize: {}}\n"), "spec.postRenderers: it is a mapping, and has to be a " +
			"list"},
		{releaseOf(chart + "  driftDetection: enabled\n"), "spec.driftDetection: it is a string, and has to be a mapping"},
		{releaseOf(chart + "  releaseName: 5\n"), "spec.releaseName: it is a number, and has to be a string"},
		{"apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: s, namespace: " +
			"flux-system}\nspec:\n  url: [a]\n---\n" +
			replaced(kustomizationOf("  path: charts\n"), "name: own", "name: s"),
			"o.yaml:5: GitRepository flux-system/s: spec.url: it is a list"},
		{"apiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\nmetadata: {name: s, namespace: " +
			"flux-system}\nspec:\n  insecure: 1\n---\n" +
			replaced(kustomizationOf("  path: charts\n"), "GitRepository, name: own", "OCIRepository, name: s"),
			"OCIRepository flux-system/s: spec.insecure: it is a number, and has to be true or false"},
	} {
		app, _, message := read(t, c.text)
		if !strings.Contains(message, c.want) || strings.Contains(message, "\n") {
			t.Errorf("%s\ngives %q\nwant  %q", c.text, message, c.want)
		}
		if app.Prune || app.Path == "apps/web" {
			t.Errorf("%s\nis read in part: %+v", c.text, app)
		}
	}
}

// TestSpecsThatAreNone: null, empty and missing ones have the defaults, or an error.
func TestSpecsThatAreNone(t *testing.T) {
	t.Parallel()
	const head = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: x, namespace: " +
		"flux-system}\n"
	const missing = `spec.sourceRef: a source of kind "" is not supported`
	for spec, want := range map[string]string{"": missing, "spec: null\n": missing, "spec: {}\n": missing,
		"spec: {sourceRef: null}\n": missing, "spec: {sourceRef: {name: own}}\n": missing,
		"spec: {sourceRef: {kind: gitrepository, name: own}}\n": `a source of kind "gitrepository" is not supported`,
		"spec: {sourceRef: {kind: GitRepository}}\n":            `there is no GitRepository flux-system/ in what`,
		"Spec: {path: apps/web}\n":                              missing, // another field
		"spec: {sourceRef: {kind: GitRepository, name: own}, path: null, prune: null, dependsOn: null, postBuild: null, " +
			"images: null, timeout: null, decryption: null, healthChecks: null, ignore: null}\n": "",
	} {
		app, _, message := read(t, head+spec)
		if want == "" && message != "" || !strings.Contains(message, want) || app.Prune || app.DependsOn != nil {
			t.Errorf("%q gives %q, want %q; app %+v", spec, message, want, app)
		}
	}
}

// TestEveryFaultIsToldAtOnce, each with its line.
func TestEveryFaultIsToldAtOnce(t *testing.T) {
	t.Parallel()
	_, _, message := read(t, kustomizationOf("  path: apps/none\n  timeout: soon\n  deletionPolicy: Keep\n  "+
		"decryption: {provider: x}\n"+
		"  kubeConfig: {secretRef: {name: a}}\n  dependsOn: [{name: base, readyExpr: '('}]\n"))
	for _, want := range []string{"o.yaml:6: Kustomization flux-system/x: spec.path: ", "o.yaml:7: Kustomization " +
		"flux-system/x: spec.timeout: ",
		"o.yaml:8: Kustomization flux-system/x: spec.deletionPolicy: ", "o.yaml:9: Kustomization flux-system/x: " +
			"spec.decryption.provider: ",
		"o.yaml:10: Kustomization flux-system/x: spec.kubeConfig: ", "o.yaml:11: Kustomization flux-system/x: " +
			"spec.dependsOn[0].readyExpr: "} {
		if !strings.Contains(message, want) {
			t.Errorf("%s\nlacks %s", message, want)
		}
	}
}

// TestPathsNeverLeadOut of the repository, whatever they are written as.
func TestPathsNeverLeadOut(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{"/": ".", "..": ".", "./..//../": ".", "../../../etc/passwd": "etc/passwd",
		"apps/../../..": ".", "/apps//web/": "apps/web", "'   '": "   ", "a\\..\\b": "a\\..\\b", ".": ".", "...": "...",
		strings.Repeat("../", 5000) + "apps": "apps"} {
		app, _, _ := read(t, kustomizationOf("  path: "+path+"\n"))
		if app.Path != want {
			t.Errorf("%.40q is %.40q, want %q", path, app.Path, want)
		}
	}
}

// TestHugeObjectsAreRead: many items, long texts and deep values end, and say what they are.
func TestHugeObjectsAreRead(t *testing.T) {
	t.Parallel()
	var on, vars strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&on, "  - {name: d%d}\n", i)
		fmt.Fprintf(&vars, "      v%d: x\n", i)
	}
	app, _, message := read(t, kustomizationOf("  path: apps/web\n  postBuild:\n    substitute:\n"+vars.String()+"  "+
		"dependsOn:\n"+on.String()))
	if message != "" || len(app.DependsOn) != 3000 || len(app.Absent) != 3000 || len(app.Vars) != 3000 {
		t.Errorf("%d dependencies, %d absent, %d variables, %.200q", len(app.DependsOn), len(app.Absent), len(app.Vars),
			message)
	}
	long := strings.Repeat("x", 200_000)
	_, _, message = read(t, kustomizationOf("  path: apps/web\n  decryption: {provider: "+long+"}\n"))
	if len(message) > 400 {
		t.Errorf("a provider of %d letters gives a message of %d", len(long), len(message))
	}
	deep := strings.Repeat("{a: ", 300) + "1" + strings.Repeat("}", 300)
	app, _, message = read(t, releaseOf("  chart: {spec: {chart: web, sourceRef: {kind: HelmRepository, name: "+
		"charts, namespace: flux-system}}}\n"+
		"  values: "+deep+"\n"))
	if message != "" || len(app.Chart.Values) != 1 || strings.Count(app.Chart.Values[0].Text, "{") != 300 {
		t.Errorf("deep values: %.200q, %d of them", message, len(app.Chart.Values))
	}
}

// TestSourcesThatAreMadeOfThemselves: a circle, a chain without an end, and too many copies are refused.
func TestSourcesThatAreMadeOfThemselves(t *testing.T) {
	t.Parallel()
	git := func(name string, includes ...string) string {
		text := "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: " + name +
			", namespace: flux-system}\n" +
			"spec:\n  url: https://git.example.com/" + name + ".git\n  include:\n"
		for i, in := range includes {
			text += fmt.Sprintf("  - {repository: {name: %s}, toPath: t%d}\n", in, i)
		}
		return text + "---\n"
	}
	of := func(name string) string {
		return replaced(kustomizationOf("  path: charts\n"), "name: own", "name: "+name)
	}
	chain, fan := "", git("f", "own", "own", "own")
	for i := range 14 {
		chain += git(fmt.Sprintf("c%d", i), fmt.Sprintf("c%d", i+1))
	}
	for i := range 8 {
		last := fmt.Sprintf("f%d", i-1)
		if i == 0 {
			last = "f"
		}
		fan += git(fmt.Sprintf("f%d", i), last, last, last)
	}
	for _, c := range []struct{ name, text, want string }{
		{"itself", git("s", "s") + of("s"), "GitRepository flux-system/s: sources are made of each other more than 12 " +
			"deep or in a circle " +
			"(GitRepository flux-system/s → GitRepository flux-system/s): take one out"},
		{"a circle", git("s", "r") + git("r", "s") + of("s"), "(GitRepository flux-system/s → GitRepository " +
			"flux-system/r → GitRepository flux-system/s)"},
		{"a chain", chain + of("c0"), "more than 12 deep or in a circle"},
		{"a fan", fan + of("f7"), "is made of more than 1000 copies: name folders instead of files"},
	} {
		if app, _, message := read(t, c.text); !strings.Contains(message, c.want) || strings.Contains(message, "\n") ||
			app.Source != nil {
			t.Errorf("%s: %q, want %q; source %v", c.name, message, c.want, app.Source)
		}
	}
}

// TestGeneratorsThatAreWrong: each of their faults stops the app that needs the artifact, and names the generator.
func TestGeneratorsThatAreWrong(t *testing.T) {
	t.Parallel()
	of := func(spec string) string {
		return "apiVersion: source.extensions.fluxcd.io/v1beta1\nkind: ArtifactGenerator\nmetadata: {name: g, " +
			"namespace: flux-system}\nspec:\n" +
			"  sources: [{alias: a, kind: GitRepository, name: own}, {alias: me, kind: ExternalArtifact, name: art}]\n" +
			spec + "---\n" +
			replaced(kustomizationOf("  path: charts\n"), "GitRepository, name: own", "ExternalArtifact, name: art")
	}
	for copied, want := range map[string]string{
		"{from: 'a/b', to: '@artifact/'}": `art: a copy from "a/b" to "@artifact/": write them as ` +
			`@ALIAS/PATH and @artifact/PATH`,
		"{from: '@a', to: '@artifact/'}": `art: a copy from "@a" to "@artifact/": write them as ` +
			`@ALIAS/PATH`,
		"{from: '@a/b', to: 'c'}":           `art: a copy from "@a/b" to "c": write them as @ALIAS/PATH`,
		"{from: '@a/b', to: '@Artifact/c'}": `art: a copy from "@a/b" to "@Artifact/c"`,
		"{}":                                `art: a copy from "" to ""`,
		"{from: '@A/b', to: '@artifact/'}":  `spec.sources: there is no source with the alias "A": add it`,
		"{from: '@a/b', to: '@artifact/', strategy: copy}": `art: the strategy "copy" is not known: write Overwrite, ` +
			`Merge or Extract`,
		"{from: '@me/b', to: '@artifact/'}": `ArtifactGenerator flux-system/g: sources are made of each ` +
			`other more than 12 deep or in a circle`,
	} {
		app, _, message := read(t, of("  artifacts: [{name: art, copy: ["+copied+"]}]\n"))
		if !strings.Contains(message, want) || app.Source != nil {
			t.Errorf("%s: %q, want %q; source %v", copied, message, want, app.Source)
		}
	}
	if _, _, message := read(t, of("  artifacts: art\n")); !strings.Contains(message,
		"no ArtifactGenerator in what the cluster's folder renders to makes the ExternalArtifact flux-system/art") {
		t.Errorf("a generator that cannot be read: %q", message)
	}
}

// TestSourcesThatAreDeclaredTwice, otherwise each time, are not chosen between.
func TestSourcesThatAreDeclaredTwice(t *testing.T) {
	t.Parallel()
	twice := "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: own, namespace: " +
		"flux-system}\n" +
		"spec: {url: https://git.example.com/other.git}\n---\n"
	app, _, message := read(t, twice+kustomizationOf("  path: apps/web\n"))
	if !strings.Contains(message, "GitRepository flux-system/own: it is declared in clusters/eu/o.yaml as well, and "+
		"otherwise: keep one") ||
		app.Source != nil {
		t.Errorf("%q, source %v", message, app.Source)
	}
	const bucket = "  sourceRef: {kind: Bucket, name: own}\n"
	_, _, message = read(t, replaced(kustomizationOf("  path: apps/web\n"),
		"  sourceRef: {kind: GitRepository, name: own}\n", bucket))
	if !strings.Contains(message, `clusters/eu/o.yaml:5: Kustomization flux-system/x: spec.sourceRef: a source of `+
		`kind "Bucket"`) {
		t.Errorf("a Bucket: %q", message)
	}
}

// TestTheClustersOwnFolderStandsInThisRepository: what hides or includes files elsewhere is told, and not done in it.
func TestTheClustersOwnFolderStandsInThisRepository(t *testing.T) {
	t.Parallel()
	git := func(spec string) string {
		return "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: s, namespace: " +
			"flux-system}\nspec: " + spec + "\n---\n" +
			replaced(kustomizationOf("  path: clusters/eu\n"), "name: own", "name: s")
	}
	const here = "url: 'https://github.com/org/fleet', ref: {branch: main}"
	for _, c := range []struct{ name, spec, note, kind string }{
		{"nothing more", "{" + here + "}", "", ""},
		{"rules", "{" + here + ", ignore: '*.md'}", "manifests in the cluster's own folder that .sourceignore or " +
			"spec.ignore of the " +
			"GitRepository hide from Flux are delivered: take them out of the folder", ""},
		{"includes", "{" + here + ", include: [{repository: {name: own}}]}",
			"the cluster's own folder is delivered as it stands in this " +
				"repository: what its GitRepository includes is not seen in it", ""},
		{"another branch", "{url: 'https://github.com/org/fleet', ref: {branch: next}}", "", string(model.SourceGit)},
		{"a tag", "{url: 'https://github.com/org/fleet', ref: {tag: v1, branch: main}}", "", string(model.SourceGit)},
		{"another address, which then is this repository's", "{url: 'https://github.com/org/other'}", "", ""},
		{"with includes", "{url: 'https://github.com/org/fleet', ref: {branch: next}, include: [{repository: {name: " +
			"own}}]}", "",
			string(model.SourceComposed)},
	} {
		app, notes, message := read(t, git(c.spec))
		kind := ""
		if app.Source != nil {
			kind = string(app.Source.Kind)
		}
		if all := notesOf(notes); message != "" || kind != c.kind || c.note == "" && all != "" || !strings.Contains(all,
			c.note) {
			t.Errorf("%s: source %q, notes %q, error %q", c.name, kind, all, message)
		}
	}
}
