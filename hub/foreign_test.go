package hub_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/drover-dev/drover/hub/fetch"
	"github.com/drover-dev/drover/hub/git/sourceignore"
	"github.com/drover-dev/drover/hub/resolve"
)

// fluxSource is a source of Flux in the cluster's folder.
func fluxSource(kind, name, spec string) string {
	return "-- clusters/staging/" + strings.ToLower(kind) + "-" + name + ".yaml --\napiVersion: source.toolkit.fluxcd.io/v1\nkind: " + kind + "\nmetadata:\n  name: " + name +
		"\n  namespace: flux-system\nspec:\n  interval: 10m\n" + spec
}

// of names another source in a Kustomization.
func of(kind, name, text string) string {
	return strings.ReplaceAll(text, "sourceRef: {kind: GitRepository, name: flux-system}", "sourceRef: {kind: "+kind+", name: "+name+"}")
}

func shopConfig(value string) string {
	return `{"apiVersion":"v1","data":{"value":"` + value + `"},"kind":"ConfigMap","metadata":{"name":"shop","namespace":"web"}}`
}

// webChartFiles are a chart's templates and values.
func webChartFiles(version string) map[string]string {
	return map[string]string{
		"values.yaml":           "replicas: 1\nregion: none\n",
		"values-prod.yaml":      "replicas: 5\n",
		"more.yaml":             "region: more\n",
		"templates/config.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}}\ndata: {replicas: \"{{ .Values.replicas }}\", region: \"{{ .Values.region }}\", version: " + version + "}\n",
		"crds/widget.yaml":      "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: widgets.example.com}\n",
		".helmignore":           "more.yaml\n",
	}
}

func webConfig(name, replicas, region, version string) string {
	return `{"apiVersion":"v1","data":{"region":"` + region + `","replicas":"` + replicas + `","version":"` + version + `"},"kind":"ConfigMap","metadata":{"name":"` + name + `"}}`
}

// threeVersions is a server with three versions of a repository, of a chart and of an artifact.
func threeVersions(t *testing.T) *elsewhere {
	e := newElsewhere(t)
	for i, tag := range []string{"v1.0.0", "v1.1.0", "v2.0.0-rc.1"} {
		value := []string{"one", "two", "three"}[i]
		e.push("shop.git", tag, map[string]string{"deploy/shop.yaml": configMap("shop", value), "deploy/logo.png": "x", "ci/ci.yaml": configMap("ci", value)})
		files := map[string]string{"deploy/shop.yaml": configMap("shop", value)}
		e.artifact("manifests/shop", strings.TrimPrefix(tag, "v"), files)
		e.artifact("manifests/shop", "latest", files)
		e.publish("web", strings.TrimPrefix(tag, "v"), webChartFiles(tag))
	}
	return e
}

// foreignScene is a scene that fetches from a server.
func foreignScene(t *testing.T, e *elsewhere, tree string) *scene {
	b := newScene(t, tree)
	dir := t.TempDir()
	b.with(func(cfg *resolve.Config) {
		cfg.Sources = fetch.NewOnce(dir, e.opener(filepath.Join(dir, "charts")), func(string) {})
		cfg.Ignore = sourceignore.Filter
	})
	return b
}

// TestFluxSources: what they lead to, rendered.
func TestFluxSources(t *testing.T) {
	t.Parallel()
	e := threeVersions(t)
	shop := kustomization("shop", "  path: ./deploy\n")
	gitRef := func(ref string) func(e *elsewhere) string {
		return func(e *elsewhere) string {
			return of("GitRepository", "shop", shop) + fluxSource("GitRepository", "shop", "  url: "+e.URL+"/git/shop.git\n"+ref)
		}
	}
	ociRef := func(ref string) func(e *elsewhere) string {
		return func(e *elsewhere) string {
			return of("OCIRepository", "shop", shop) + fluxSource("OCIRepository", "shop", "  insecure: true\n  url: oci://"+strings.TrimPrefix(e.URL, "http://")+"/manifests/shop\n"+ref)
		}
	}
	chart := func(spec, release string) func(e *elsewhere) string {
		return func(e *elsewhere) string {
			return helmRelease("web", "flux-system", "  chart: {spec: {chart: web, sourceRef: {kind: HelmRepository, name: charts}"+spec+"}}\n"+release) +
				fluxSource("HelmRepository", "charts", "  url: "+e.URL+"\n")
		}
	}
	for _, c := range []struct {
		name string
		tree func(e *elsewhere) string
		want []string
	}{
		{"a branch", gitRef("  ref: {branch: main}\n"), []string{shopConfig("three")}},
		{"a tag", gitRef("  ref: {tag: v1.0.0}\n"), []string{shopConfig("one")}},
		{"a range of tags", gitRef("  ref: {semver: 1.x}\n"), []string{shopConfig("two")}},
		{"a range that takes pre-releases", gitRef("  ref: {semver: '>=1.0.0-0'}\n"), []string{shopConfig("three")}},
		{"a whole ref", gitRef("  ref: {name: refs/tags/v1.1.0}\n"), []string{shopConfig("two")}},
		{"no ref is master", gitRef(""), []string{"ERR clusters/staging/shop.yaml: read repository ", "it has no branch master: create it, or choose one of main"}},
		{"a tag that is not there", gitRef("  ref: {tag: v9}\n"), []string{"it has no tag, branch or other ref refs/tags/v9: push it, or correct the name"}},
		{"a range that no tag is in", gitRef("  ref: {semver: 7.x}\n"), []string{"none of its tags is a version in the range 7.x"}},
		{"a path that is not there", func(e *elsewhere) string {
			return strings.ReplaceAll(gitRef("  ref: {branch: main}\n")(e), "./deploy", "./nope")
		}, []string{"ERR clusters/staging/shop.yaml: http://", "shop.git at main: nope"}},
		{"an artifact", ociRef(""), []string{shopConfig("three")}},
		{"an artifact by tag", ociRef("  ref: {tag: 1.0.0}\n"), []string{shopConfig("one")}},
		{"an artifact by range", ociRef("  ref: {semver: 1.x}\n"), []string{shopConfig("two")}},
		{"an artifact by digest that is not there", ociRef("  ref: {digest: '" + digest.FromString("x").String() + "'}\n"), []string{"the registry has no such artifact"}},
		{"a layer of a type that is not there", ociRef("  layerSelector: {mediaType: text/x}\n"), []string{"it has no layer of media type text/x"}},
		{"a chart, and its newest version that is no pre-release", chart("", ""), []string{webConfig("web", "1", "none", "v1.1.0"), `"drover.dev/prune":"disabled"},"name":"widgets.example.com"}`}},
		{"a chart by range, with values", chart(", version: '~1.0'", "  values: {replicas: 3}\n"), []string{webConfig("web", "3", "none", "v1.0.0")}},
		{"files of the chart instead of its values", chart(", valuesFiles: [values-prod.yaml, more.yaml]", ""), []string{webConfig("web", "5", "more", "v1.1.0")}},
		{"files beside the chart's values", chart(", valuesFiles: [values.yaml, values-prod.yaml]", ""), []string{webConfig("web", "5", "none", "v1.1.0")}},
		{"files that are not in the chart", chart(", valuesFiles: [nope.yaml]", ""), []string{"nope.yaml: the values cannot be read"}},
		{"files that need not be there", chart(", valuesFiles: [values.yaml, nope.yaml], ignoreMissingValuesFiles: true", ""), []string{webConfig("web", "1", "none", "v1.1.0")}},
		{"a version that there is not", chart(", version: 9.x", ""), []string{"no published version fits; the newest is 2.0.0-rc.1"}},
		{"a HelmChart", func(e *elsewhere) string {
			return helmRelease("web", "flux-system", "  chartRef: {kind: HelmChart, name: web}\n") + fluxSource("HelmRepository", "charts", "  url: "+e.URL+"\n") +
				fluxSource("HelmChart", "web", "  chart: web\n  version: 1.0.0\n  sourceRef: {kind: HelmRepository, name: charts}\n")
		}, []string{webConfig("web", "1", "none", "v1.0.0")}},
		{"a chart in a Git repository", func(e *elsewhere) string {
			files := webChartFiles("git")
			files["Chart.yaml"] = "apiVersion: v2\nname: web\nversion: 0.1.0\n"
			in := map[string]string{}
			for name, text := range files {
				in["charts/web/"+name] = text
			}
			e.push("charts.git", "", in)
			return helmRelease("web", "flux-system", "  chart: {spec: {chart: charts/web, valuesFiles: [charts/web/values.yaml, charts/web/values-prod.yaml], sourceRef: {kind: GitRepository, name: charts}}}\n") +
				fluxSource("GitRepository", "charts", "  url: "+e.URL+"/git/charts.git\n  ref: {branch: main}\n")
		}, []string{webConfig("web", "5", "none", "git")}},
		{"apps that another repository declares", func(e *elsewhere) string {
			e.push("tenant.git", "", files(strings.ReplaceAll(of("GitRepository", "shop", shop), "clusters/staging/", "")+strings.ReplaceAll(fluxSource("GitRepository", "shop", "  url: "+e.URL+"/git/shop.git\n  ref: {tag: v1.0.0}\n"), "clusters/staging/", "")))
			return of("GitRepository", "tenant", kustomization("tenant", "  path: .\n")) + fluxSource("GitRepository", "tenant", "  url: "+e.URL+"/git/tenant.git\n  ref: {branch: main}\n")
		}, []string{"app shop of tenant", shopConfig("one")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := foreignScene(t, e, c.tree(e))
			got := b.summary(b.resolve("staging"))
			for _, want := range c.want {
				if !strings.Contains(got, want) || strings.Contains(got, "problem") || strings.Contains(want, `"v1"`) && strings.Contains(got, "ERR") {
					t.Errorf("got:\n%s\nwant in it:\n%s", got, want)
				}
			}
		})
	}
}

// TestSourcesAreSeenAsSourceControllerPacksThem: .sourceignore, spec.ignore, and its own rules where there are neither.
func TestSourcesAreSeenAsSourceControllerPacksThem(t *testing.T) {
	t.Parallel()
	e := newElsewhere(t)
	tree := map[string]string{"a.yaml": configMap("a", ""), "ci/ci.yaml": configMap("ci", ""), "docs/d.yaml": configMap("d", "")}
	for i, c := range []struct {
		name   string
		more   map[string]string
		ignore string
		want   string
	}{
		{"its own rules", nil, "", "a ci d"},
		{"a file with rules", map[string]string{".sourceignore": "# no comment\n/ci\n"}, "", "a d"},
		{"a file with rules for its folder", map[string]string{"docs/.sourceignore": "*.yaml\n"}, "", "a ci"},
		{"rules of the source after those of files", map[string]string{".sourceignore": "/*\n"}, "!/docs", "d"},
		{"all but some", nil, "/*\n!/ci/\n", "ci"},
	} {
		t.Run(c.name, func(t *testing.T) {
			name := fmt.Sprintf("x%d.git", i)
			e.push(name, "", tree)
			e.push(name, "", c.more)
			spec := "  url: " + e.URL + "/git/" + name + "\n  ref: {branch: main}\n"
			if c.ignore != "" {
				spec += "  ignore: |\n    " + strings.ReplaceAll(c.ignore, "\n", "\n    ") + "\n"
			}
			b := foreignScene(t, e, of("GitRepository", "x", kustomization("x", "  path: .\n"))+fluxSource("GitRepository", "x", spec))
			var names []string
			for line := range strings.Lines(b.summary(b.resolve("staging"))) {
				if _, name, ok := strings.Cut(line, `"metadata":{"name":"`); ok {
					name, _, _ = strings.Cut(name, `"`)
					names = append(names, name)
				} else if strings.Contains(line, "ERR") {
					t.Error(line)
				}
			}
			if got := strings.Join(names, " "); got != c.want {
				t.Errorf("seen: %s, want %s", got, c.want)
			}
		})
	}
}

// TestNativeSources: an App of Drover's own.
func TestNativeSources(t *testing.T) {
	t.Parallel()
	e := threeVersions(t)
	for _, c := range []struct{ name, spec, want string }{
		{"a Git repository", "  path: ./deploy\n  source: {git: {url: URL/git/shop.git}}\n", shopConfig("three")},
		{"its tag", "  path: deploy\n  source: {git: {url: URL/git/shop.git, tag: v1.0.0}}\n", shopConfig("one")},
		{"its versions", "  path: deploy\n  source: {git: {url: URL/git/shop.git, semver: 1.x}}\n", shopConfig("two")},
		{"all of an artifact", "  source: {oci: {url: oci://HOST/manifests/shop, semver: 1.x, insecure: true}}\n", shopConfig("two")},
		{"a published chart", "  helm: {repo: URL, chart: web, version: 1.0.0, values: {region: eu}, valuesFiles: [values/web.yaml]}\n", webConfig("web", "7", "eu", "v1.0.0")},
		{"two sources", "  source: {git: {url: URL/git/shop.git}, oci: {url: oci://HOST/x}}\n", "ERR clusters/staging/web.yaml:6: spec.source is to have either git or oci: name one"},
		{"two refs", "  source: {git: {url: URL/git/shop.git, tag: v1, branch: main}}\n", "spec.source.git says more than once what is wanted"},
		{"a local path", "  source: {git: {url: /etc}}\n", "spec.source.git.url: it is not to be fetched over a network"},
		{"a path that leads out", "  path: ../../../etc\n  source: {git: {url: URL/git/shop.git}}\n", "shop.git: etc"},
	} {
		t.Run(c.name, func(t *testing.T) {
			spec := strings.ReplaceAll(strings.ReplaceAll(c.spec, "URL", e.URL), "HOST", strings.TrimPrefix(e.URL, "http://"))
			b := foreignScene(t, e, chartApp("web", spec)+"-- values/web.yaml --\nreplicas: 7\n")
			if got := b.summary(b.resolve("staging")); !strings.Contains(got, c.want) {
				t.Errorf("got:\n%s\nwant in it:\n%s", got, c.want)
			}
		})
	}
}
