package hub_test

import (
	"encoding/json"
	"strings"
	"testing"
)

// handled tells how the agent is to handle an app, as JSON, and why not.
func (b *scene) handled(app string) string {
	b.t.Helper()
	for _, a := range b.resolve("staging").Apps {
		if a.App.Name == app {
			if a.Err != "" {
				return "ERR " + a.Err
			}
			return string(must(json.Marshal(a.App.Handling)))
		}
	}
	return "none"
}

// What only the cluster knows is replaced there, and so is all else in the app: a later object goes before an
// earlier one.
func TestVariablesAreLeftToTheAgentWhereOnlyTheClusterKnowsThem(t *testing.T) {
	t.Parallel()
	const refs = `"from":[{"kind":"ConfigMap","namespace":"flux-system","name":"vars"},{"kind":"Secret","namespace":"flux-system","name":"s"`
	vars := manifest("clusters/staging/vars.yaml", "vars, namespace: flux-system", "{region: eu}")
	app := func(from string) string {
		return kustomization("app", "  path: app\n  commonMetadata: {annotations: {note: '${region}'}}\n  postBuild:\n    substitute: {own: one}\n    substituteFrom: [{kind: ConfigMap, name: vars}, "+from+"]\n") +
			manifest("app/cm.yaml", "app", `{a: "${region} ${own} ${token}"}`)
	}
	left := `{"substitute":{"vars":{"own":"one"},` + refs
	for _, c := range []struct{ name, tree, want, objects string }{
		{"a Secret that Git does not have", app("{kind: Secret, name: s}"), left + `}]}}`, "${region} ${own} ${token}"},
		{"one that need not be there", app("{kind: Secret, name: s, optional: true}"), left + `,"optional":true}]}}`, "${region} ${own} ${token}"},
		{"all of them in Git", app("{kind: Secret, name: s}") + "-- clusters/staging/s.yaml --\napiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: flux-system}\nstringData: {token: plain}\n",
			"{}", "eu one plain"},
		{"one that is encrypted in Git", app("{kind: Secret, name: s}") + kustomization("secrets", "  path: secrets\n") +
			"-- secrets/s.yaml --\napiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: flux-system}\nstringData: {token: \"ENC[AES256_GCM,data:x]\"}\nsops: {mac: x}\n",
			left + `}]}}`, "${region} ${own} ${token}"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newScene(t, bootstrap+vars+c.tree)
			if got := b.handled("app"); got != c.want {
				t.Errorf("got:\n%s\nwant:\n%s", got, c.want)
			}
			got := b.summary(b.resolve("staging"))
			if !strings.Contains(got, c.objects) {
				t.Errorf("%q is not in\n%s", c.objects, got)
			}
			if note := `"note":"$${region}"`; c.want != "{}" && !strings.Contains(got, note) {
				t.Errorf("the metadata would be replaced in:\n%s", got)
			}
		})
	}
}

// Who declares an app says so before the cluster sees anything.
func TestWhatDeclaresAppsMayNotUseWhatOnlyTheClusterKnows(t *testing.T) {
	t.Parallel()
	tree := bootstrap + kustomization("app", "  path: app\n  postBuild:\n    substitute: {own: more}\n    substituteFrom: [{kind: Secret, name: s}]\n") +
		strings.Replace(kustomization("good", "  path: ${own}\n"), "clusters/staging", "app", 1) +
		strings.Replace(kustomization("bad", "  path: ${token:=more}\n"), "clusters/staging", "app", 1) +
		manifest("more/cm.yaml", "more", "{a: b}")
	b := newScene(t, tree)
	if got, want := b.handled("bad"), "ERR app/bad.yaml:10: Kustomization flux-system/bad: ${token} is used in it, which may come from the Secret flux-system/s in the cluster"; !strings.HasPrefix(got, want) {
		t.Errorf("bad says %q, want %q", got, want)
	}
	if got := b.handled("good"); got != "{}" {
		t.Errorf("good is %s", got)
	}
	if got := b.handled("app"); !strings.Contains(got, `"substitute"`) {
		t.Errorf("app is %s", got)
	}
}
