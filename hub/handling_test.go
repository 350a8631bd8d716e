package hub_test

import (
	"strings"
	"testing"
)

// TestWhatAnAppSaysAboutApplyingReachesTheAgent: per field, what the agent is told.
func TestWhatAnAppSaysAboutApplyingReachesTheAgent(t *testing.T) {
	t.Parallel()
	const objects = `
-- app/web.yaml --
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec: {replicas: 2, template: {spec: {containers: [{name: app, image: a}, {name: proxy, image: p}]}}}
-- app/db.yaml --
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: data}
spec: {replicas: 1}
`
	for _, c := range []struct{ name, spec, want string }{
		{"nothing", "", "app shop\n  {"},
		{"recreate and keepDrift", "  recreate: true\n  keepDrift: true\n", `handling {"recreate":true,"keepDrift":true}`},
		{"a namespace on request", "  createNamespace: {labels: {team: a}, annotations: {n: 1}}\n", `handling {"createNamespace":{"labels":{"team":"a"},"annotations":{"n":"1"}}}`},
		{"health of others' objects", "  healthChecks: [{apiVersion: apps/v1, kind: Deployment, name: web}, {apiVersion: apps/v1, kind: Deployment, name: other}]\n",
			`handling {"checks":[{"group":"apps","kind":"Deployment","namespace":"shop","name":"other"}]}`},
		{"rules of every kind", `  ignore:
  - {target: {kind: Deployment}, jq: ['.spec.template.spec.containers[] | select(.name == "proxy")']}
  - {when: object.spec.replicas < 2, paths: [/spec/replicas]}
  - {target: {namespace: shop}, managers: [scaler]}
`, `handling {"ignored":[{"object":{"group":"apps","kind":"Deployment","name":"web"},"paths":["/spec/template/spec/containers/1"],"managers":["scaler"]},` +
			`{"object":{"group":"apps","kind":"StatefulSet","namespace":"data","name":"db"},"paths":["/spec/replicas"]}]}`},
		{"a rule that ignores nothing", "  ignore: [{target: {kind: Deployment}}]\n", "ERR clusters/staging/shop.yaml:7: a rule of ignore that ignores nothing: give it paths, jq or managers"},
		{"a rule that cannot be used", "  ignore: [{jq: ['.a |']}]\n", "ERR clusters/staging/shop.yaml: ignore rule 1: jq"},
		{"an incomplete check", "  healthChecks: [{kind: Pod, name: x}]\n", "ERR clusters/staging/shop.yaml:7: healthChecks names objects by apiVersion, kind and name"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newScene(t, objects+"-- clusters/staging/shop.yaml --\napiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {name: shop}\nspec:\n  path: app\n"+
				strings.TrimSuffix("  namespace: shop\n"+c.spec, "\n")+"\n")
			got := b.summary(b.resolve("staging"))
			if !strings.Contains(got, c.want) {
				t.Errorf("got:\n%s\nwant in it:\n%s", got, c.want)
			}
		})
	}
}

// TestIgnoreRulesAreMadeOutAgainWhenObjectsChange, and are remembered while they do not.
func TestIgnoreRulesAreMadeOutAgainWhenObjectsChange(t *testing.T) {
	t.Parallel()
	web := func(fields string) string {
		return "-- app/web.yaml --\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {" + fields + "}\n"
	}
	b := newScene(t, web("paused: true")+"-- clusters/staging/shop.yaml --\napiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {name: shop}\nspec: {path: app, ignore: [{paths: [/spec/replicas]}]}\n")
	if got := b.summary(b.resolve("staging")); strings.Contains(got, "handling") {
		t.Errorf("a field that Git does not have is ignored:\n%s", got)
	}
	b.commit(web("replicas: 2"))
	if got := b.summary(b.resolve("staging")); !strings.Contains(got, `"paths":["/spec/replicas"]`) {
		t.Errorf("a field that Git has now is not ignored:\n%s", got)
	}
}
