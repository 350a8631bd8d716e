package hub_test

import (
	"strings"
	"testing"
)

// TestMessagesNameWhereItIsWritten: the file, the object, the field and the variable, as far as each is at fault.
func TestMessagesNameWhereItIsWritten(t *testing.T) {
	t.Parallel()
	vars := manifest("clusters/staging/env.yaml", "env", `{region: eu, quoted: '"x" and "y"'}`)
	app := func(data string) string {
		return kustomization("web", "  path: web\n  postBuild: {substituteFrom: [{kind: ConfigMap, name: env}]}\n") +
			manifest("web/config.yaml", "web", data)
	}
	vars = strings.Replace(vars, "{name: env}", "{name: env, namespace: flux-system}", 1)
	for _, c := range []struct{ name, tree, want string }{
		{"a variable that is not understood", vars + app(`{a: "${arr[@]}"}`),
			"ERR web/config.yaml: ConfigMap/web: ${arr[@]} is not understood"},
		{"a value that breaks the object", vars + app(`{a: "${region}", b: "${quoted}"}`),
			"ERR web/config.yaml: ConfigMap/web: data.b: with ${quoted} replaced it is no YAML any more"},
		{"a name that can be none", strings.Replace(vars, "region", "a-region", 1) + app(`{a: "${quoted}"}`),
			`ERR clusters/staging/web.yaml: substituteFrom names the ConfigMap flux-system/env: the variable ` +
				`"a-region" has no name that can be one`},
	} {
		b := newScene(t, fluxSync+c.tree)
		if got := b.summary(b.resolve("staging")); !strings.Contains(got, c.want) {
			t.Errorf("%s: %q is not in\n%s", c.name, c.want, got)
		}
	}
}

// TestAnObjectOfSeveralSourcesIsNoted with the app and its file.
func TestAnObjectOfSeveralSourcesIsNoted(t *testing.T) {
	t.Parallel()
	b := newArgoScene(t, manifest("one/c.yaml", "same", "{from: one}")+manifest("two/c.yaml", "same", "{from: two}")+
		application("a", "  sources:\n  - {repoURL: "+argoRepository+", path: one}\n  - {repoURL: "+
			""+argoRepository+", path: two}\n"))
	const want = "note clusters/staging/a.yaml: ConfigMap/same: it is in several sources of the app a: that of " +
		"the last one counts\n"
	if got := b.summary(b.resolve("staging")); !strings.Contains(got, want) || strings.Contains(got,
		`"from":"one"`) || !strings.Contains(got, `"from":"two"`) {
		t.Errorf("%q is not in\n%s", want, got)
	}
}
