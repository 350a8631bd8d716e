package hub_test

import (
	"strings"
	"testing"
)

// TestCiphertextAndVariablesAreNoValues: where the hub takes a value out of an object that is encrypted, or in which the agent replaces
// variables later, the app stops and names the object, or leaves the value to the agent.
func TestCiphertextAndVariablesAreNoValues(t *testing.T) {
	t.Parallel()
	const enc = "ENC[AES256_GCM,data:x,iv:y,tag:z,type:str]"
	const chart = "-- charts/web/Chart.yaml --\napiVersion: v2\nname: web\nversion: 1.0.0\n-- charts/web/templates/cm.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\n" +
		"data: {password: \"{{ .Values.password }}\"}\n"
	secret := func(file, data string) string {
		return "-- " + file + " --\napiVersion: v1\nkind: Secret\nmetadata: {name: login, namespace: flux-system}\nstringData: {" + data + "}\nsops: {mac: \"" + enc + "\"}\n"
	}
	release := func(file, more string) string {
		return "-- " + file + " --\napiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: web, namespace: flux-system}\nspec:\n  interval: 1m\n" +
			"  chart: {spec: {chart: ./charts/web, sourceRef: {kind: GitRepository, name: flux-system}}}\n" + more
	}
	const from, target = "  valuesFrom: [{kind: Secret, name: login}]\n", "  valuesFrom: [{kind: Secret, name: login, valuesKey: password, targetPath: password, literal: true}]\n"
	decrypted := kustomization("shop", "  path: shop\n  decryption: {provider: sops}\n")
	good := manifest("shop/cm.yaml", "good", "{a: b}")
	overlay := kustomization("shop", "  path: shop/over\n  decryption: {provider: sops}\n") + "-- shop/base/kustomization.yaml --\nresources: [s.yaml]\n-- shop/base/s.yaml --\n" +
		"apiVersion: v1\nkind: Secret\nmetadata: {name: login, namespace: flux-system}\nstringData: {password: \"\", extra: plain}\n"
	patch := "apiVersion: v1\nkind: Secret\nmetadata: {name: login, namespace: flux-system}\nstringData: {password: \"" + enc + "\"}\nsops: {mac: x}\n"
	left := kustomization("left", "  path: left\n  postBuild: {substitute: {sure: known}, substituteFrom: [{kind: Secret, name: only-there, optional: true}]}\n")
	holder := func(value string) string {
		return "-- left/cm.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: values, namespace: flux-system}\ndata: {values.yaml: \"password: " + value + "\", V: \"" + value + "\"}\n"
	}
	const fromMap = "  valuesFrom: [{kind: ConfigMap, name: values}]\n"
	const named = "valuesFrom names the Secret flux-system/login, whose content only the cluster knows (it is encrypted with SOPS)"
	const encryptedPatch = "the patch is encrypted with SOPS, and it is no merge patch of one object"
	const unsealed = "the patch is encrypted with SOPS, and it has no metadata of SOPS to decrypt it by"
	for _, c := range []struct{ name, tree, app, want string }{
		{"a value of an encrypted Secret", decrypted + release("shop/web.yaml", from) + secret("shop/s.yaml", "values.yaml: \""+enc+"\"") + chart, "web", named},
		{"a value at a path", decrypted + release("shop/web.yaml", target) + secret("shop/s.yaml",
			"password: \""+enc+"\"") + chart, "web", ""},
		{"an optional one", decrypted + release("shop/web.yaml", strings.Replace(from, "name: login", "name: login, optional: true", 1)) + secret("shop/s.yaml", "values.yaml: \""+enc+"\"") + chart, "web", named},
		{"a generator around an encrypted file", decrypted + release("shop/web.yaml", from) + "-- shop/kustomization.yaml --\nresources: [web.yaml]\ngeneratorOptions: {disableNameSuffixHash: true}\n" +
			"secretGenerator: [{name: login, namespace: flux-system, files: [values.yaml]}]\n-- shop/values.yaml --\npassword: " + enc + "\nsops: {mac: x}\n" + chart, "web", named},
		{"an encrypted release", decrypted + release("shop/web.yaml", "  values: {password: \""+enc+"\"}\nsops: {mac: \""+enc+"\"}\n") + chart, "web", "HelmRelease flux-system/web: it is encrypted with SOPS, and apps are declared before"},
		{"an encrypted value in a release", release("shop/web.yaml", "  values: {password: \""+enc+"\"}\n") + decrypted + chart, "web", "the values are encrypted with SOPS"},
		{"an encrypted file of values", "-- clusters/staging/web.yaml --\napiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {name: web}\nspec: {helm: {path: charts/web, valuesFiles: [v.yaml]}}\n-- v.yaml --\npassword: " +
			enc + "\nsops: {mac: x}\n" + chart, "web", "v.yaml: the values are encrypted with SOPS"},
		{"an encrypted patch", overlay + "-- shop/over/kustomization.yaml --\nresources: [../base]\npatches: [{path: p.yaml}]\n-- shop/over/p.yaml --\n" + patch, "shop", ""},
		{"an encrypted patch of the old kind", overlay + "-- shop/over/kustomization.yaml --\nresources: [../base]\npatchesStrategicMerge: [p.yaml]\n-- shop/over/p.yaml --\n" + patch, "shop", ""},
		{"an encrypted JSON patch", overlay + "-- shop/over/kustomization.yaml --\nresources: [../base]\npatches: [{path: p.yaml, target: {kind: Secret}}]\n-- shop/over/p.yaml --\n" +
			"- {op: add, path: /stringData/x, value: \"" + enc + "\"}\n", "shop", "shop/over/p.yaml:1: " + encryptedPatch},
		{"an encrypted patch in a Kustomization", strings.Replace(overlay, "path: shop/over\n", "path: shop/base\n  patches: [{patch: '{apiVersion: v1, kind: Secret, metadata: {name: login, namespace: flux-system}, stringData: {a: \""+enc+"\"}}'}]\n", 1), "shop", unsealed},
		{"an encrypted object that is patched", strings.Replace(overlay, "extra: plain}", "extra: \""+enc+"\"}\nsops: {mac: x}", 1) + "-- shop/over/kustomization.yaml --\nresources: [../base]\npatches: [{patch: '{apiVersion: v1, kind: Secret, metadata: {name: login, namespace: flux-system, labels: {a: b}}}'}]\n", "shop", ""},
		{"a value that the agent replaces", left + holder("${only}") + release("clusters/staging/web.yaml", fromMap) +
			chart, "web", ""},
		{"a value that the agent computes", left + holder("${only:-${other}}") + release("clusters/staging/web.yaml",
			fromMap) + chart, "web", "valuesFrom names the ConfigMap flux-system/values, whose content only the cluster " +
			"knows (${only} in it may come from the Secret flux-system/only-there in the cluster)"},
		{"a value that is certain although the agent replaces it", left + holder("${sure}") + release("clusters/staging/web.yaml", fromMap) + chart, "web", ""},
		{"a value with an optional Secret that is not there", strings.Replace(left, "substituteFrom: [", "substituteFrom: [{kind: ConfigMap, name: vars}, ", 1) +
			strings.Replace(manifest("clusters/staging/vars.yaml", "vars", "{only: known}"), "metadata: {", "metadata: {namespace: flux-system, ", 1) + holder("${only}") + release("clusters/staging/web.yaml", fromMap) + chart, "web", ""},
		{"a value that stands for itself", left + holder("$${only}") + release("clusters/staging/web.yaml", fromMap) + chart, "web", ""},
		{"a variable that the agent replaces", left + holder("${only}") + kustomization("shop", "  path: shop\n  postBuild: {substituteFrom: [{kind: ConfigMap, name: values}]}\n"), "shop", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newScene(t, bootstrap+good+c.tree)
			res := b.resolve("staging")
			for _, a := range res.Apps {
				switch {
				case a.App.Name == c.app && (c.want == "") != (a.Err == "") || a.App.Name == c.app && !strings.Contains(a.Err, c.want):
					t.Errorf("the app says %q, want %q", a.Err, c.want)
				case a.App.Name != c.app && a.Err != "":
					t.Errorf("%s: %s", a.App.Name, a.Err)
				}
			}
			got := b.summary(res)
			if len(res.Cluster.Problems) > 0 || c.want != "" && strings.Contains(got, `"data":{"password":"`+enc) || strings.Contains(got, `"password":"${`) && c.name != "a value that stands for itself" {
				t.Errorf("got:\n%s", got)
			}
			if (strings.HasPrefix(c.name, "a value that is certain") || strings.HasPrefix(c.name, "a value with an optional")) && !strings.Contains(got, `"password":"known"`) {
				t.Errorf("got:\n%s", got)
			}
			if told := strings.Contains(b.handled("web"), `"opaque":[{`); told != (c.name == "a value at a path" ||
				c.name == "a value that the agent replaces") {
				t.Errorf("the agent is told %s", b.handled("web"))
			}
			if c.name == "a variable that the agent replaces" && !strings.Contains(b.handled("shop"), `"from":[{"kind":"ConfigMap"`) {
				t.Errorf("the agent is told %s", b.handled("shop"))
			}
		})
	}
}
