package hub_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
)

// TestNoErrorQuotesASecret, whichever parser or renderer finds what is wrong with it.
func TestNoErrorQuotesASecret(t *testing.T) {
	t.Parallel()
	const mark = "TOPSECRETMARK"
	secret := func(data string) string {
		return "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: flux-system}\n" + data
	}
	in := func(file, text string) string { return "-- " + file + " --\n" + text }
	shop := func(more string) string {
		return in("clusters/staging/shop.yaml", "apiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {name: shop}\nspec:\n  path: shop\n"+more)
	}
	flux := kustomization("shop", "  path: shop\n")
	directory := application("shop", argoSource("shop", ""))
	overlay := func(more string) string { return in("shop/kustomization.yaml", "resources: [s.yaml]\n"+more) }
	good := in("shop/s.yaml", secret("stringData: {a: "+mark+"}\n"))
	const chart = "-- charts/web/Chart.yaml --\napiVersion: v2\nname: web\nversion: 1.0.0\n"
	const aMap = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n"
	release := func(from string) string {
		return "-- clusters/staging/web.yaml --\napiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: web, namespace: flux-system}\nspec:\n  interval: 1m\n" +
			"  chart: {spec: {chart: ./charts/web, sourceRef: {kind: GitRepository, name: flux-system}}}\n" + from
	}
	const valuesFrom = "  valuesFrom: [{kind: Secret, name: s}]\n"
	type way struct{ name, tree string }
	var ways []way
	for name, data := range map[string]string{
		"an alias":              "stringData:\n  password: *" + mark + "\n",
		"a repeated key":        "stringData:\n  " + mark + ": a\n  " + mark + ": b\n",
		"a tag":                 "stringData:\n  password: !!int " + mark + "\n",
		"a tag of floats":       "data:\n  password: !!float " + mark + "\n",
		"a binary tag":          "data:\n  password: !!binary " + mark + "*\n",
		"a merge":               "stringData:\n  <<: " + mark + "\n  a: b\n",
		"an unclosed bracket":   "stringData:\n  password: [" + mark + "\n",
		"an unclosed quote":     "stringData:\n  password: '" + mark + "\n",
		"a colon":               "stringData:\n  password: a: " + mark + "\n",
		"an escape":             "stringData:\n  password: \"\\q" + mark + "\"\n",
		"a tab":                 "stringData:\n\tpassword: " + mark + "\n",
		"a directive":           "stringData:\n  password: %" + mark + "\n",
		"an at":                 "stringData:\n  password: @" + mark + "\n",
		"a key that is no text": "stringData:\n  ? [" + mark + "]\n  : a\n",
		"a map for a name":      "stringData: {a: b}\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: {" + mark + ": x}}\n",
		"no name":               "---\napiVersion: v1\nkind: Secret\nstringData: {" + mark + ": " + mark + "}\n",
	} {
		ways = append(ways, way{name + " in the folder", in("clusters/staging/s.yaml", secret(data))}, way{name + " in an app", flux + in("shop/s.yaml", secret(data))},
			way{name + " in an overlay", flux + overlay("namePrefix: a-\n") + in("shop/s.yaml", secret(data))},
			way{name + " in a folder of plain files", directory + in("shop/s.yaml", secret(data))}, way{name + " below fleet", in("fleet/s.yaml", secret(data))},
			way{name + " in a chart", release("") + chart + in("charts/web/templates/s.yaml", secret(data))},
			way{name + " as a patch", flux + good + overlay("patches: [{path: p.yaml}]\n") + in("shop/p.yaml", secret(data))},
			way{name + " as values", release(valuesFrom) + chart + in("charts/web/templates/a.yaml", aMap) + in("clusters/staging/s.yaml", secret("stringData:\n  values.yaml: |\n    "+strings.ReplaceAll(data, "\n", "\n    ")+"\n"))},
			way{name + " as a file of values", in("clusters/staging/web.yaml", "apiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {name: web}\nspec: {helm: {path: charts/web, valuesFiles: [values/v.yaml]}}\n") +
				chart + in("charts/web/templates/a.yaml", aMap) + in("values/v.yaml", data)})
	}
	for name, text := range map[string]string{"an unclosed variable": "${" + mark, "a variable": "${" + mark + "}", "an array": "${" + mark + "[@]}", "a nested one": "${a:-${" + mark + "}"} {
		object := secret("stringData: {password: \"" + text + "\"}\n")
		ways = append(ways, way{name, shop("  substitute: true\n") + in("shop/s.yaml", object)}, way{name + " for Flux", strings.Replace(flux, "path: shop\n", "path: shop\n  postBuild: {substitute: {a: b}}\n", 1) + in("shop/s.yaml", object)})
	}
	for name, patch := range map[string]string{
		"a JSON patch that tests":       "[{op: test, path: /stringData/a, value: " + mark + "x}]",
		"a JSON patch of nowhere":       "[{op: add, path: /x/y/z, value: " + mark + "}]",
		"a JSON patch that is none":     "[{op: replac, path: /stringData/a, value: " + mark + "}]",
		"a patch that is no object":     mark,
		"a patch of another type":       "{apiVersion: v1, kind: Secret, metadata: {name: s}, stringData: [" + mark + "]}",
		"a patch of another object":     "{apiVersion: v1, kind: Secret, metadata: {name: other}, stringData: {a: " + mark + "}}",
		"a patch with a directive":      "{apiVersion: v1, kind: Secret, metadata: {name: s}, stringData: {$patch: " + mark + "}}",
		"a patch that is no YAML":       "{apiVersion: v1, kind: Secret, metadata: {name: s}, stringData: {a: *" + mark + "}}",
		"a patch with an unclosed text": "{apiVersion: v1, kind: Secret, stringData: {a: '" + mark,
	} {
		quoted := "'" + strings.ReplaceAll(patch, "'", "''") + "'"
		ways = append(ways, way{name, flux + good + overlay("patches: [{patch: "+quoted+", target: {kind: Secret}}]\n")},
			way{name + " in an App", good + shop("  patches: [{patch: "+quoted+", target: {kind: Secret}}]\n")},
			way{name + " in a Kustomization", good + strings.Replace(flux, "path: shop\n", "path: shop\n  patches: [{patch: "+quoted+", target: {kind: Secret}}]\n", 1)},
			way{name + " in a file", flux + good + overlay("patches: [{path: p.yaml, target: {kind: Secret}}]\n") + in("shop/p.yaml", patch+"\n")},
			way{name + " after rendering", release("  postRenderers: [{kustomize: {patches: [{patch: "+quoted+", target: {kind: Secret}}]}}]\n") + chart + in("charts/web/templates/s.yaml", secret("stringData: {a: "+mark+"}\n"))})
	}
	generator := func(of string) string {
		return flux + in("shop/kustomization.yaml", "secretGenerator: [{name: s, "+of+"}]\n")
	}
	ways = append(ways,
		way{"a literal that is none", generator("literals: [" + mark + "]")},
		way{"a literal that is repeated", generator("literals: [" + mark + "=a, " + mark + "=b]")},
		way{"a line that is none", generator("envs: [e.env]") + in("shop/e.env", "a=b\n="+mark+"\n")},
		way{"a file that is not there", generator("files: [" + "none=none.txt]")},
		way{"JSON", directory + in("shop/s.json", `{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": `+mark+"}\n")},
		way{"variables of a Secret that is not base64", strings.Replace(flux, "path: shop\n", "path: shop\n  postBuild: {substituteFrom: [{kind: Secret, name: s}]}\n", 1) + in("shop/a.yaml", aMap) +
			in("clusters/staging/s.yaml", secret("data: {a: '"+mark+"*'}\n"))},
		way{"variables of a Secret that make no YAML", strings.Replace(flux, "path: shop\n", "path: shop\n  postBuild: {substituteFrom: [{kind: Secret, name: s}]}\n", 1) + in("shop/a.yaml", aMap+"data: {x: \"${v}\"}\n") +
			in("clusters/staging/s.yaml", secret("stringData: {v: '*"+mark+"'}\n"))},
		way{"a value that fails in a template", release(valuesFrom) + chart + in("charts/web/templates/a.yaml", "{{ fail .Values.password }}\n") + in("clusters/staging/s.yaml", secret("stringData: {values.yaml: 'password: "+mark+"'}\n"))},
		way{"a value that does not fit the schema", release(valuesFrom) + chart + in("charts/web/templates/a.yaml", aMap) + in("charts/web/values.schema.json", `{"properties": {"password": {"type": "string", "pattern": "^x$"}}}`+"\n") +
			in("clusters/staging/s.yaml", secret("stringData: {values.yaml: 'password: "+mark+"'}\n"))},
		way{"a value at a path", release("  valuesFrom: [{kind: Secret, name: s, valuesKey: p, targetPath: a.b}]\n") + chart + in("charts/web/templates/a.yaml", aMap) + in("clusters/staging/s.yaml", secret("stringData: {p: 'x,"+mark+"'}\n"))},
		way{"a value that makes no object", release(valuesFrom) + chart + in("charts/web/templates/a.yaml", "{{ .Values.password }}\n") + in("clusters/staging/s.yaml", secret("stringData: {values.yaml: 'password: "+mark+"'}\n"))},
		way{"a value in an object without a kind", release(valuesFrom) + chart + in("charts/web/templates/a.yaml", "data: {a: {{ .Values.password }}}\n") + in("clusters/staging/s.yaml", secret("stringData: {values.yaml: 'password: "+mark+"'}\n"))},
		way{"a value with a variable", release(valuesFrom) + chart + in("charts/web/templates/a.yaml", "a: {{ .Values.password.x }}\n") + in("clusters/staging/s.yaml", secret("stringData: {values.yaml: 'password: \"${"+mark+"\"'}\n"))},
	)
	encoded := base64.StdEncoding.EncodeToString([]byte(mark))
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			b := newArgoScene(t, bootstrap+w.tree)
			res := b.resolve("staging")
			said := doubts(res) + fmt.Sprint(res.Notes(), b.apps.Problems())
			for _, word := range []string{mark, mark[:len(mark)-3], encoded} {
				if strings.Contains(said, word) {
					t.Errorf("it says %s", said)
				}
			}
		})
	}
}
