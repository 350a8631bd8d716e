package hub_test

import (
	"strings"
	"testing"
)

// clusterSecrets is the Secret from which the apps of many repositories take variables: encrypted, so that its keys
// are known here and its values in the cluster alone.
const clusterSecrets = `
-- vars/settings.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: cluster-settings, namespace: flux-system}
data: {TZ: UTC, REPLICAS: "3"}
-- vars/secrets.yaml --
apiVersion: v1
kind: Secret
metadata: {name: cluster-secrets, namespace: flux-system}
stringData: {DOMAIN: "ENC[AES256_GCM,data:x,iv:y,tag:z,type:str]", PORT: "ENC[AES256_GCM,data:x,iv:y,tag:z,type:str]"}
sops: {mac: "ENC[AES256_GCM,data:x,iv:y,tag:z,type:str]"}
-- clusters/staging/vars.yaml --
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: vars, namespace: flux-system}
spec:
  path: ./vars
  prune: true
  sourceRef: {kind: GitRepository, name: flux-system}
  decryption: {provider: sops}
-- clusters/staging/apps.yaml --
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: apps, namespace: flux-system}
spec:
  path: ./apps
  prune: true
  sourceRef: {kind: GitRepository, name: flux-system}
  postBuild:
    substituteFrom:
    - {kind: ConfigMap, name: cluster-settings}
    - {kind: Secret, name: cluster-secrets}
    - {kind: Secret, name: cluster-user-secrets, optional: true}
-- charts/web/Chart.yaml --
apiVersion: v2
name: web
version: 0.1.0
`

// webRelease is a HelmRelease of the chart with values, and the chart's one template.
func webRelease(values, template string) string {
	return fluxSync + clusterSecrets + `
-- apps/web.yaml --
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: web, namespace: web}
spec:
  interval: 1h
  chart: {spec: {chart: ./charts/web, sourceRef: {kind: GitRepository, name: flux-system, namespace: flux-system}}}
  values: ` + values + `
-- charts/web/templates/a.yaml --
` + template
}

// TestValuesThatOnlyTheClusterHasPassThroughCharts: a chart is rendered with a token in their place, and the agent is
// told what the token stands for. What a chart computes stops the app, with what it computes.
func TestValuesThatOnlyTheClusterHasPassThroughCharts(t *testing.T) {
	t.Parallel()
	const config = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata:\n"
	const computes = "the value of ${DOMAIN} is known in the cluster alone, and the chart computes with it: "
	for _, c := range []struct{ name, values, template, want string }{
		{"passed on", `{host: "app.${DOMAIN}", tz: "${TZ}", replicas: "${REPLICAS}"}`,
			config + "  host: {{ .Values.host }}\n  tz: {{ .Values.tz }}\n  replicas: {{ .Values.replicas | quote }}\n",
			`"replicas":"3","tz":"UTC"`},
		{"in a Secret", `{password: "${DOMAIN}"}`, "apiVersion: v1\nkind: Secret\nmetadata: {name: web}\ndata:\n  p: {{ " +
			".Values.password | b64enc }}\n",
			`"kind":"Secret"`},
		{"under a checksum", `{host: "${DOMAIN}"}`, "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web\n  " +
			"annotations:\n" +
			"    checksum/config: {{ .Values | toYaml | sha256sum }}\ndata:\n  host: {{ .Values.host }}\n",
			`"checksum/config":"`},
		{"through tpl", `{host: "{{ .Release.Name }}.${DOMAIN}"}`, config + "  host: {{ tpl .Values.host $ }}\n",
			`"host":"web.zq`},
		{"not used", `{other: "${DOMAIN}"}`, config + "  a: b\n", `"data":{"a":"b"}`},
		{"in lower case", `{host: "${DOMAIN}"}`, config + "  host: {{ lower .Values.host }}\n", computes +
			"it does not stand as it is in data.host"},
		{"in a condition", `{host: "${DOMAIN}"}`, config + "  a: {{ eq .Values.host \"example.net\" | quote }}\n  l: {{ " +
			"len .Values.host | quote }}\n",
			computes + "it does not stand as it is in data.l"},
		{"in a name", `{host: "${DOMAIN}"}`, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web-{{ .Values.host }}}\n",
			computes + "it is in metadata.name"},
		{"in how many there are", `{host: "${DOMAIN}"}`, "{{ range splitList \".\" .Values.host }}\n---\napiVersion: " +
			"v1\nkind: ConfigMap\nmetadata: {name: web-{{ . | lower | sha1sum }}}\n{{ end }}",
			computes + "which objects the chart gives depends on it"},
		{"a template", `{host: "${DOMAIN/./-}-tls"}`, config + "  host: {{ .Values.host }}\n", `-tls"`},
		{"a template in a template", `{host: "${DOMAIN:-${PORT}}"}`, config + "  host: {{ .Values.host }}\n",
			"apps/web.yaml:7: HelmRelease web/web: ${DOMAIN} is used in it"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newScene(t, webRelease(c.values, c.template))
			got := b.summary(b.resolve("staging"))
			if !strings.Contains(got, c.want) || strings.Contains(got, "problem") {
				t.Errorf("%q is not in\n%s", c.want, got)
			}
			handled, fails := b.handled("web-web"), strings.HasPrefix(c.want, computes) || strings.HasPrefix(c.want, "apps/")
			if told := strings.Contains(handled, `"opaque":[{"token":"`); told != (!fails && c.name != "not used") {
				t.Errorf("the agent is told %s", handled)
			}
			if strings.Contains(handled, `"digest":true`) != (c.name == "under a checksum") {
				t.Errorf("the agent is told %s", handled)
			}
			if strings.Contains(got, "${DOMAIN}\"") && !fails {
				t.Errorf("a variable is delivered as it is:\n%s", got)
			}
		})
	}
}
