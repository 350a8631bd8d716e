package system

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestReasonsAreShown: what a script needs to know of an app stands in every form of drover status, from the hub and from the agent.
func TestReasonsAreShown(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.poll("the first revision", func() (bool, string) { return s.settled(0) })
	app := func(name, object string) {
		s.repo.Write("clusters/edge/"+name+".yaml", appFile(name))
		s.repo.Write("apps/"+name+"/object.yaml", object)
	}
	app("asks", "apiVersion: batch/v1\nkind: Job\nmetadata: {name: asks, namespace: edge}\nspec: {suspend: true, template: {spec: "+
		"{restartPolicy: Never, containers: [{name: a, image: busybox}]}}}\n")
	app("refused", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: refused, namespace: edge}\nspec: {replcas: 1, selector: {matchLabels: {a: b}}, "+
		"template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: busybox}]}}}\n")
	app("broken", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: [}\n")
	s.repo.Write("clusters/edge/away.yaml", "apiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {name: away}\nspec: {path: ., source: {git: "+
		"{url: https://nowhere.invalid/x.git, branch: main}}}\n")
	if _, err := s.repo.Commit("reasons"); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"one": "", "asks": "Paused", "refused": "ApplyRefused", "broken": "RenderFailed", "away": "FetchFailed"}
	s.poll("the reasons", func() (bool, string) {
		out := s.drover("status", "edge", "-o", "json")
		var d struct {
			AppRows []struct{ Name, Phase, Health, Reason string }
		}
		if err := json.Unmarshal([]byte(out), &d); err != nil {
			t.Fatal(err)
		}
		for _, a := range d.AppRows {
			if reason, ok := want[a.Name]; ok && reason != a.Reason || a.Reason == "Paused" && (a.Phase != "waiting" || a.Health != "paused") {
				return false, out
			}
		}
		return len(d.AppRows) == 7, out
	})
	table := s.drover("status", "edge")
	for _, line := range []string{`APP +PHASE +REASON +HEALTH`, `one +healthy +- +current`, `asks +waiting +Paused +paused`, `refused +failed +ApplyRefused +degraded`,
		`broken +failed +RenderFailed`, `away +failed +FetchFailed`} {
		if !regexp.MustCompile(`(?m)^` + line).MatchString(table) {
			t.Errorf("%q is not in\n%s", line, table)
		}
	}
	if out := s.drover("status", "-o", "yaml"); !strings.Contains(out, "\n  reason: ") {
		t.Errorf("the cluster has no reason in\n%s", out)
	}
	_, wide, _ := strings.Cut(s.drover("status", "-o", "wide"), "\nCLUSTER ")
	header, row, _ := strings.Cut(wide, "\n")
	if !slices.Contains(strings.Fields(header), "REASON") || !regexp.MustCompile(` (ApplyRefused|RenderFailed|FetchFailed) +\d+/\d+ `).MatchString(row) {
		t.Errorf("the cluster's reason is not in\n%s\n%s", header, row)
	}
}
