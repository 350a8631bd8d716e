package helm_test

import (
	"strings"
	"testing"

	"github.com/drover-dev/drover/hub/helm"
	"github.com/drover-dev/drover/hub/model"
)

// TestMissingDependenciesAreNamed that charts/ lacks: in the version of Chart.lock, else in that of Chart.yaml.
func TestMissingDependenciesAreNamed(t *testing.T) {
	t.Parallel()
	const (
		chart    = "-- web/Chart.yaml --\napiVersion: v2\nname: web\nversion: 1.0.0\ndependencies:\n"
		redis    = "- {name: redis, version: 1.x, repository: 'https://charts.example.com'}\n"
		lock     = "-- web/Chart.lock --\ndependencies:\n"
		vendored = "-- web/charts/redis/Chart.yaml --\n{apiVersion: v2, name: redis, version: 1.0.0}\n"
		common   = "-- common/Chart.yaml --\napiVersion: v2\nname: common\nversion: 1.0.0\ndependencies:\n"
	)
	for _, c := range []struct{ name, tree, want string }{
		{"a range", chart + redis, "web/charts/redis redis 1.x https://charts.example.com"},
		{"locked", chart + redis + lock + "- {name: redis, version: 1.1.0, repository: 'https://charts.example.com/'}\n",
			"web/charts/redis redis 1.1.0 https://charts.example.com"},
		{"a lock that was not brought up to date", chart + redis + lock + "- {name: redis, version: 2.1.0, repository: 'https://charts.example.com'}\n",
			"web/charts/redis redis 1.x https://charts.example.com"},
		{"a lock of two versions", chart + strings.Replace(redis, "1.x", "2.x", 1) + redis + lock +
			"- {name: redis, version: 2.1.0, repository: 'https://charts.example.com'}\n- {name: redis, version: 1.3.0, repository: 'https://charts.example.com'}\n",
			"web/charts/redis redis 2.1.0 https://charts.example.com; web/charts/redis redis 1.3.0 https://charts.example.com"},
		{"an alias", chart + redis + strings.Replace(redis, "name: redis", "alias: second, name: redis", 1), "web/charts/redis redis 1.x https://charts.example.com"},
		{"a registry", chart + "- {name: redis, version: 1.2.3, repository: 'oci://registry.example.com/charts'}\n",
			"web/charts/redis redis 1.2.3 oci://registry.example.com/charts"},
		{"requirements of an older chart", "-- web/Chart.yaml --\nname: web\nversion: 1.0.0\n-- web/requirements.yaml --\ndependencies:\n" + redis +
			"-- web/requirements.lock --\ndependencies:\n- {name: redis, version: 1.4.0, repository: 'https://charts.example.com'}\n",
			"web/charts/redis redis 1.4.0 https://charts.example.com"},
		{"a folder in charts/", chart + redis + vendored, ""},
		{"an archive in charts/", chart + redis + "-- web/charts/redis-1.0.0.tgz --\nx", ""},
		{"what a local one lacks", chart + "- {name: common, version: 1.x, repository: 'file://../common'}\n" + common + redis,
			"common/charts/redis redis 1.x https://charts.example.com"},
		{"local ones in a circle", chart + "- {name: common, version: 1.x, repository: 'file://../common'}\n" + common +
			"- {name: web, version: 1.x, repository: 'file://../web'}\n", ""},
		{"the name of a repository", chart + "- {name: redis, version: 1.x, repository: '@stable'}\n",
			"chart web: web/Chart.yaml: dependency redis is not in charts/, and its repository @stable is a name that only one machine knows " +
				"(write the repository's address instead, or run helm dependency update and commit charts/)"},
		{"no repository", chart + "- {name: redis, version: 1.x}\n", `its repository "" is no https://, oci:// or file:// address`},
		{"a name that leads elsewhere", chart + "- {name: ../../redis, version: 1.x, repository: 'https://charts.example.com'}\n", "that is no name of a chart"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			missing, err := helm.Missing(helm.Chart{Tree: tree(c.tree), Path: "web"})
			if err != nil {
				if c.want == "" || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%v, want %q", err, c.want)
				}
				return
			}
			var got []string
			for _, n := range missing {
				if n.Source.Kind != model.SourceHelm || !n.Archive {
					t.Errorf("%+v", n)
				}
				got = append(got, strings.Join([]string{n.At, n.Source.Chart, n.Source.SemVer, n.Source.URL}, " "))
			}
			if got := strings.Join(got, "; "); got != c.want {
				t.Errorf("%s, want %q", got, c.want)
			}
		})
	}
}

// TestAnArchiveThatWasUnpackedIsRead: a folder in charts/ that is named like an archive, without what .helmignore says.
func TestAnArchiveThatWasUnpackedIsRead(t *testing.T) {
	t.Parallel()
	files := tree(`-- web/Chart.yaml --
apiVersion: v2
name: web
version: 1.0.0
dependencies:
- {name: redis, version: 1.x, repository: 'https://charts.example.com'}
- {name: redis, version: 1.x, repository: 'https://charts.example.com', alias: second, condition: second.enabled, tags: [more]}
-- web/values.yaml --
second: {enabled: false}
-- web/.helmignore --
*.tgz
config.yaml
-- web/charts/redis-1.2.0.tgz/Chart.yaml --
{apiVersion: v2, name: redis, version: 1.2.0}
-- web/charts/redis-1.2.0.tgz/templates/config.yaml --
{apiVersion: v1, kind: ConfigMap, metadata: {name: "{{ .Chart.Name }}-{{ .Chart.Version }}"}}
`)
	for values, want := range map[string]string{"": "redis-1.2.0", "second: {enabled: true}": "redis-1.2.0 second-1.2.0"} {
		got, err := renderer(t).Render(t.Context(), helm.Chart{Tree: files, Path: "web"}, helm.Options{Release: "rel", Values: []helm.Values{{Text: values}}})
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, o := range got.Objects {
			_, name, _ := strings.Cut(string(o.JSON), `"name":"`)
			names = append(names, strings.TrimSuffix(name, `"}}`))
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%q: %s, want %s", values, got, want)
		}
	}
}
