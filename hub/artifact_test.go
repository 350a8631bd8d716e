package hub_test

import (
	"slices"
	"strings"
	"testing"
)

// generator is an ArtifactGenerator that makes the artifact "made" of copies, out of this repository as @own
// and the sources that are named.
func generator(copies string, sources ...string) string {
	return "-- clusters/staging/generator.yaml --\napiVersion: source.extensions.fluxcd.io/v1beta1\nkind: ArtifactGenerator\nmetadata: {name: made, namespace: flux-system}\nspec:\n" +
		"  sources:\n  - {alias: own, kind: GitRepository, name: flux-system}\n" + strings.Join(sources, "") + "  artifacts:\n  - name: made\n    copy:\n" + copies
}

// builtOf is a Kustomization over a folder of the artifact.
func builtOf(path string) string {
	return bootstrap + of("ExternalArtifact", "made", kustomization("app", "  path: "+path+"\n"))
}

// patterned is a tree whose generator has the capture of its pattern in the name of the artifact, of which one is
// used.
func patterned(capture, value, tree string) string {
	return strings.NewReplacer("  - name: made\n", "  - name: made-{"+capture+"}\n", "ExternalArtifact, name: made",
		"ExternalArtifact, name: made-"+value).Replace(tree)
}

// named are the names of the objects of an app, or its error.
func named(summary, app string) string {
	_, text, _ := strings.Cut("\n"+summary, "\napp "+app)
	text, _, _ = strings.Cut(text, "\napp ")
	var out []string
	for line := range strings.Lines(text) {
		if _, name, ok := strings.Cut(line, `"name":"`); ok {
			name, _, _ = strings.Cut(name, `"`)
			out = append(out, name)
		} else if _, why, ok := strings.Cut(line, "ERR "); ok {
			out = append(out, strings.TrimSpace(why))
		}
	}
	return strings.Join(out, " ")
}

// TestArtifactsAreCopied by the rules of source-watcher.
func TestArtifactsAreCopied(t *testing.T) {
	t.Parallel()
	tree := manifest("a/one.yaml", "one", "{}") + manifest("a/two.yaml", "two", "{}") + manifest("a/deep/three.yaml", "three", "{}") + manifest("a/deep/er/four.yaml", "four", "{}") +
		manifest("b/one.yaml", "other", "{}") + "-- a/README.md --\nx\n"
	for _, c := range []struct{ name, copies, path, want, fault string }{
		{"all below a folder", "    - {from: '@own/a/**', to: '@artifact/'}\n", ".", "four one three two", ""},
		{"the prefix goes", "    - {from: '@own/a/**', to: '@artifact/x/'}\n", "x/deep", "four three", ""},
		{"a pattern keeps the path", "    - {from: '@own/a/*.yaml', to: '@artifact/'}\n", "a", "one two", ""},
		{"two stars elsewhere are one step", "    - {from: '@own/**/*.yaml', to: '@artifact/'}\n", ".", "one other two", ""},
		{"a folder goes below the destination", "    - {from: '@own/a/deep', to: '@artifact/x'}\n", "x/deep", "four three", ""},
		{"a folder with a slash too", "    - {from: '@own/a/deep/', to: '@artifact/'}\n", "deep/er", "four", ""},
		{"a file by another name", "    - {from: '@own/a/one.yaml', to: '@artifact/x/z.yaml'}\n", "x", "one", ""},
		{"a file into a folder", "    - {from: '@own/a/one.yaml', to: '@artifact/x/'}\n", "x", "one", ""},
		{"a file into a folder that is there", "    - {from: '@own/a/deep/er', to: '@artifact/'}\n    - {from: '@own/a/one.yaml', to: '@artifact/er'}\n", "er", "four one", ""},
		{"the later one counts", "    - {from: '@own/a/*.yaml', to: '@artifact/'}\n    - {from: '@own/b/one.yaml', to: '@artifact/a/'}\n", "a", "other two", ""},
		{"excluded by name", "    - {from: '@own/a/**', to: '@artifact/', exclude: [one.yaml, 'th*']}\n", ".", "four two", ""},
		{"excluded by folder", "    - {from: '@own/a/**', to: '@artifact/', exclude: ['deep/**']}\n", ".", "one two", ""},
		{"excluded seen from the root", "    - {from: '@own/a/**', to: '@artifact/', exclude: [a/deep]}\n", ".", "one two", ""},
		{"excluded by alternatives", "    - {from: '@own/a/**', to: '@artifact/', exclude: ['{one,two}.yaml']}\n", ".", "four three", ""},
		{"a folder leaves out what is excluded", "    - {from: '@own/a', to: '@artifact/', exclude: [er, two.yaml]}\n", "a", "one three", ""},
		{"no match is an error", "    - {from: '@own/c/*', to: '@artifact/'}\n", ".", "", `ExternalArtifact flux-system/made: copy "c/*" to "": nothing matches "c/*" that is not excluded`},
		{"that all is excluded is one", "    - {from: '@own/b/*', to: '@artifact/', exclude: ['*']}\n", ".", "", `nothing matches "b/*" that is not excluded`},
		{"a file that is not there is one", "    - {from: '@own/c', to: '@artifact/'}\n", ".", "", `there is no "c"`},
		{"it may be missing", "    - {from: '@own/c', to: '@artifact/', optional: true}\n    - {from: '@own/d/*', to: '@artifact/', optional: true}\n    - {from: '@own/b/**', to: '@artifact/'}\n", ".", "other", ""},
		{"it leads out", "    - {from: '@own/b/**', to: '@artifact/../x'}\n", ".", "", `"../x" leads out of the artifact`},
		{"from outside", "    - {from: '@own/../b', to: '@artifact/'}\n", ".", "", "../b"},
		{"too many alternatives", "    - {from: '@own/" + strings.Repeat("{a,b}", 21) + "*', to: '@artifact/'}\n", ".", "", "has more than 20 alternatives"},
		{"an alias that there is not", "    - {from: '@x/b', to: '@artifact/'}\n", ".", "", `there is no source with the alias "x": add it`},
		{"a strategy that there is not", "    - {from: '@own/b', to: '@artifact/', strategy: Include}\n", ".", "", `the strategy "Include" is not known`},
		{"a destination elsewhere", "    - {from: '@own/b', to: /}\n", ".", "", "write them as @ALIAS/PATH and @artifact/PATH"},
		{"a path that is not in it", "    - {from: '@own/b/**', to: '@artifact/'}\n", "nope", "", "ExternalArtifact flux-system/made: nope"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newScene(t, builtOf(c.path)+tree+generator(c.copies))
			summary := b.summary(b.resolve("staging"))
			if got := named(summary, "app"); c.fault == "" && got != c.want || !strings.Contains(got, c.fault) {
				t.Errorf("got %q, want %q", got, c.want+c.fault)
			}
			if strings.Contains(summary, "did not settle") {
				t.Error(summary)
			}
		})
	}
}

// TestArtifactsOfArchivesAndOtherSources: strategies, other sources, artifacts of artifacts, and what cannot be made.
func TestArtifactsOfArchivesAndOtherSources(t *testing.T) {
	t.Parallel()
	e := threeVersions(t)
	shop := fluxSource("GitRepository", "shop", "  url: "+e.URL+"/git/shop.git\n  ref: {tag: v1.0.0}\n")
	packed := fluxSource("OCIRepository", "packed", "  insecure: true\n  url: "+e.artifact("packed", "latest", map[string]string{
		"in/x.tgz": string(archive("", map[string]string{"deploy/packed.yaml": configMap("packed", "x")})), "in/readme.md": "x"})+"\n")
	alias := func(kind, name string) string {
		return "  - {alias: " + name + ", kind: " + kind + ", name: " + name + "}\n"
	}
	chart := "-- charts/web/Chart.yaml --\napiVersion: v2\nname: web\nversion: 0.1.0\n-- charts/web/values.yaml --\nreplicas: 1\nweb: {a: 1, b: [1, 2]}\n" +
		"-- charts/web/templates/config.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {values: {{ toJson .Values | quote }}}\n-- prod.yaml --\nreplicas: 5\nweb: {b: [3]}\n"
	release := bootstrap + helmRelease("app", "flux-system", "  chartRef: {kind: ExternalArtifact, name: made}\n")
	for _, c := range []struct{ name, tree, want string }{
		{"another repository", builtOf(".") + shop + generator("    - {from: '@shop/deploy/**', to: '@artifact/'}\n", alias("GitRepository", "shop")), shopConfig("one")},
		{"an archive in an artifact", builtOf("x") + packed + generator("    - {from: '@packed/in/*', to: '@artifact/x/', strategy: Extract}\n", alias("OCIRepository", "packed")), `"name":"packed"`},
		{"one archive", builtOf("deploy") + packed + generator("    - {from: '@packed/in/x.tgz', to: '@artifact/', strategy: Extract}\n", alias("OCIRepository", "packed")), `"name":"packed"`},
		{"what is no archive", builtOf("x") + packed + generator("    - {from: '@packed/in/readme.md', to: '@artifact/', strategy: Extract}\n", alias("OCIRepository", "packed")), "is no archive: name a .tar.gz or a .tgz"},
		{"a chart with other values", release + chart + generator("    - {from: '@own/charts/web', to: '@artifact/'}\n    - {from: '@own/prod.yaml', to: '@artifact/web/values.yaml', strategy: Merge}\n"),
			`{\"replicas\":5,\"web\":{\"a\":1,\"b\":[3]}}`},
		{"a chart in no folder", release + chart + generator("    - {from: '@own/charts/web/**', to: '@artifact/'}\n    - {from: '@own/charts', to: '@artifact/'}\n"), "a chart is to be in the only folder at the root of the artifact, and there are 2"},
		{"an artifact of an artifact", builtOf("y") + shop + generator("    - {from: '@below/x/**', to: '@artifact/y/'}\n", alias("ExternalArtifact", "below")) +
			strings.NewReplacer("generator.yaml", "below.yaml", "name: made", "name: below").Replace(generator("    - {from: '@shop/deploy/**', to: '@artifact/x/'}\n", alias("GitRepository", "shop"))), shopConfig("one")},
		{"an artifact of itself", builtOf("y") + generator("    - {from: '@made/x', to: '@artifact/y/'}\n", alias("ExternalArtifact", "made")), "sources are made of each other more than 12 deep or in a circle (ExternalArtifact flux-system/made → ExternalArtifact flux-system/made)"},
		{"an artifact that nobody makes", builtOf("."), "no ArtifactGenerator in what the cluster's folder renders to makes the ExternalArtifact flux-system/made"},
		{"an artifact that two make", builtOf(".") + generator("    - {from: '@own/a', to: '@artifact/'}\n") +
			strings.NewReplacer("generator.yaml", "twice.yaml", "{name: made,", "{name: twice,").Replace(generator("    - {from: '@own/b', to: '@artifact/'}\n")), "is made by ArtifactGenerator flux-system/made and by ArtifactGenerator flux-system/twice: keep one"},
		{"a pattern of paths", patterned("app", "shop", builtOf("x")+generator("    - {from: '@own/apps/{app}/**', to: "+
			"'@artifact/x/'}\n  pathPattern: '@own/apps/{app}'\n")) + manifest("apps/Shop/one.yaml", "shop", "{}") +
			manifest("apps/other/two.yaml", "other", "{}"), `"name":"shop"`},
		{"a pattern over another repository", patterned("dir", "deploy",
			builtOf("x")+shop+generator("    - {from: '@shop/{dir}/**', to: '@artifact/x/'}\n  pathPattern: '@shop/{dir}'\n",
				alias("GitRepository", "shop"))), shopConfig("one")},
		{"a pattern that is none", builtOf(".") + generator("    - {from: '@own/a', to: '@artifact/'}\n  pathPattern: "+
			"'own/{x}'\n"), `spec.pathPattern: "own/{x}" is no pattern`},
		{"a Bucket", builtOf(".") + generator("    - {from: '@b/a', to: '@artifact/'}\n", alias("Bucket", "b")), `a source of kind "Bucket" is not supported`},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := foreignScene(t, e, c.tree)
			if got := b.summary(b.resolve("staging")); !strings.Contains(got, c.want) || strings.Contains(got, "problem") {
				t.Errorf("got:\n%s\nwant in it:\n%s", got, c.want)
			}
		})
	}
}

// TestAnArtifactFollowsWhatItIsMadeOf: the cluster depends on what was copied, and what is not copied renders
// nothing again.
func TestAnArtifactFollowsWhatItIsMadeOf(t *testing.T) {
	t.Parallel()
	b := newScene(t, builtOf(".")+manifest("a/one.yaml", "one", "{}")+manifest("z/z.yaml", "z", "{}")+generator("    - {from: '@own/a/*', to: '@artifact/'}\n"))
	res := b.resolve("staging")
	for _, place := range []string{"a", "a/one.yaml"} {
		if !slices.Contains(res.Places(), place) {
			t.Errorf("the cluster does not depend on %s, but on %v", place, res.Places())
		}
	}
	if slices.Contains(res.Places(), "z/z.yaml") {
		t.Error("the cluster depends on what is not copied")
	}
	builds := b.renderer.builds.Load()
	b.commit(manifest("z/z.yaml", "y", "{}"))
	b.resolve("staging")
	if n := b.renderer.builds.Load() - builds; n != 0 {
		t.Errorf("a change beside was built %d times", n)
	}
	b.commit(manifest("a/two.yaml", "two", "{}"))
	if got := named(b.summary(b.resolve("staging")), "app"); got != "one two" {
		t.Errorf("with a file more: %q", got)
	}
	b.commit("-- a/one.yaml --\n-- a/two.yaml --\n")
	if got := named(b.summary(b.resolve("staging")), "app"); !strings.Contains(got, "nothing matches") {
		t.Errorf("with no file: %q", got)
	}
}
