package hub_test

import (
	"strings"
	"testing"
)

// Hooks whose names the API server makes up, as in Argo CD's own examples of waves and hooks: several alike in
// an app, and in two apps.
func TestHooksMayHaveGeneratedNames(t *testing.T) {
	t.Parallel()
	hook := func(image string) string {
		return "apiVersion: batch/v1\nkind: Job\nmetadata: {generateName: schema-, annotations: {argocd.argoproj.io/hook: PreSync}}\nspec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: " + image + "}]}}}\n"
	}
	jobs := "-- jobs/a.yaml --\n" + hook("one") + "---\n" + hook("two") + "-- more/a.yaml --\n" + hook("three")
	b := newArgoScene(t, application("jobs", argoSource("jobs", ""))+application("more", argoSource("more", ""))+jobs)
	got := b.summary(b.resolve("staging"))
	for _, want := range []string{`"image":"one"`, `"image":"two"`, `"image":"three"`} {
		if !strings.Contains(got, want) || strings.Contains(got, "ERR") {
			t.Errorf("got:\n%s\nwant in it %s, and no error", got, want)
		}
	}
	b = newArgoScene(t, application("jobs", argoSource("jobs", ""))+strings.ReplaceAll(jobs, "argocd.argoproj.io/hook: PreSync", "a: b"))
	if got := b.summary(b.resolve("staging")); !strings.Contains(got, "ERR jobs/a.yaml: an object without kind or metadata.name: give it both (generateName is for hooks alone)") {
		t.Errorf("an object that is no hook and has no name: got\n%s", got)
	}
}
