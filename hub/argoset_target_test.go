package hub_test

import (
	"fmt"
	"strings"
	"testing"
)

// probeSet is an ApplicationSet for many clusters.
func probeSet(name, options, generators, destination string) string {
	return "-- fleet/" + name + ".yaml --\napiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\n" +
		"metadata: {name: " + name + ", namespace: argocd}\nspec:\n  goTemplate: true\n" + options +
		"  generators:\n" + generators + "  template:\n    metadata: {name: 'probe-{{ .name }}'}\n    spec:\n      project: default\n" +
		"      source: {repoURL: " + argoRepository + ", targetRevision: main, path: probe, " +
		"kustomize: {nameSuffix: '-{{ .name }}'}}\n" +
		"      destination: {" + destination + ", namespace: probes}\n      syncPolicy: {automated: {}}\n"
}

const probeClusters = `
-- clusters/eu-1/cluster.yaml --
labels: {role: workload, hub: hub-eu}
annotations: {spec: "{destination: {name: hub-eu}}"}
-- clusters/eu-2/cluster.yaml --
labels: {role: workload, hub: hub-eu}
-- clusters/hub-eu/cluster.yaml --
labels: {role: hub}
-- probe/kustomization.yaml --
resources: [probe.yaml]
-- probe/probe.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: probe}
`

// TestADestinationThatATemplateYields is found whichever cluster the parameters come from: only a set whose
// destination is the name or the
// server of that very cluster may be executed for the planned cluster alone.
func TestADestinationThatATemplateYields(t *testing.T) {
	t.Parallel()
	const workload = "  - clusters: {selector: {matchLabels: {role: workload}}}\n"
	const hub, own = "name: '{{ .metadata.labels.hub }}'", "name: '{{ .name }}'"
	toHub := "hub-eu: probe-eu-1 probe-eu-2"
	toOwn := "eu-1: probe-eu-1, eu-2: probe-eu-2"
	for _, c := range []struct{ name, options, generators, destination, want string }{
		{"a label", "", workload, hub, toHub},
		{"the name", "", workload, own, toOwn},
		{"the server", "", workload, "server: '{{.server}}'", toOwn},
		{"a function of the name", "", workload, `name: '{{ .name | replace "eu-1" "hub-eu" }}'`, "eu-2: probe-eu-2, hub-eu: probe-eu-1"},
		{"a value", "", "  - clusters: {selector: {matchLabels: {role: workload}}, values: {to: '{{ .metadata.labels.hub }}'}}\n",
			"name: '{{ .values.to }}'", toHub},
		{"a template of the generator", "", "  - clusters: {selector: {matchLabels: {role: workload}}, template: {metadata: {}, " +
			"spec: {destination: {" + hub + "}}}}\n", own, toHub},
		{"a patch", "  templatePatch: |\n    spec: {destination: {name: '{{ .metadata.labels.hub }}'}}\n", workload, own, toHub},
		{"a patch by way of a parameter", "  templatePatch: |\n    spec: {{ with .metadata.annotations }}{{ .spec }}{{ else }}{}{{ end }}\n", workload, own,
			"eu-2: probe-eu-2, hub-eu: probe-eu-1"},
		{"a patch of something else", "  templatePatch: |\n    spec:\n      syncPolicy:\n        automated:\n" +
			"          {{- if .metadata.labels.hub }}\n          prune: {{ eq .name \"eu-1\" }}\n          {{- end }}\n", workload, own, toOwn},
		{"a name of another generator in a matrix", "", "  - matrix:\n      generators:\n      - list: {elements: [{name: hub-eu}]}\n" +
			"      - clusters: {selector: {matchLabels: {role: workload}}}\n", own, "hub-eu: probe-hub-eu"},
		{"a matrix that begins with the clusters", "", "  - matrix:\n      generators:\n      - clusters: {selector: {matchLabels: {role: workload}}}\n" +
			"      - list: {elements: [{name: hub-eu}]}\n", own, toOwn},
		{"a merge over the name", "", "  - merge:\n      mergeKeys: [server]\n      generators:\n" +
			"      - clusters: {selector: {matchLabels: {role: workload}}}\n      - list: {elements: [{server: 'https://eu-1', name: hub-eu}]}\n", own,
			"eu-2: probe-eu-2, hub-eu: probe-hub-eu"},
		{"a merge by the name", "", "  - merge:\n      mergeKeys: [name]\n      generators:\n" +
			"      - clusters: {selector: {matchLabels: {role: workload}}}\n      - list: {elements: [{name: eu-1, metadata: {labels: {hub: x}}}]}\n", own, toOwn},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newArgoScene(t, probeClusters+probeSet("probes", c.options, c.generators, c.destination))
			var got []string
			for _, cluster := range []string{"eu-1", "eu-2", "hub-eu"} {
				var apps []string
				res := b.resolve(cluster)
				for _, a := range res.Apps {
					apps = append(apps, strings.TrimSpace(a.App.Name+" "+a.Err))
				}
				if apps = append(apps, res.Cluster.Problems...); len(apps) > 0 {
					got = append(got, fmt.Sprintf("%s: %s", cluster, strings.Join(apps, " ")))
				}
			}
			if text := strings.Join(got, ", "); text != c.want {
				t.Errorf("got  %s\nwant %s", text, c.want)
			}
		})
	}
}

// TestApplicationsOfOneNameForTwoClusters stop with an error in these clusters, and in no other: Argo CD
// refuses such a set.
func TestApplicationsOfOneNameForTwoClusters(t *testing.T) {
	t.Parallel()
	set := strings.Replace(probeSet("probes", "", "  - clusters: {}\n", `name: '{{ .metadata.labels.role | replace "workload" .name }}'`), "probe-{{ .name }}", "probe", 1)
	b := newArgoScene(t, probeClusters+set+"-- clusters/zz/cluster.yaml --\nlabels: {role: none}\n")
	for cluster, want := range map[string]bool{"eu-1": true, "eu-2": true, "zz": false} {
		got := b.summary(b.resolve(cluster))
		if failed := strings.Contains(got, "it is declared in fleet/probes.yaml as well"); failed != want {
			t.Errorf("%s:\n%s", cluster, got)
		}
	}
}
