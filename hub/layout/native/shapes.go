package native

import (
	"slices"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/layout/planning"
)

// metaShapes are the fields of metadata.
var metaShapes = []shape{
	{name: "name", says: "A DNS label.", kind: aText, example: "payment"},
	{name: "namespace", says: "Ignored by Drover.", kind: aText, example: "default"},
	{name: "labels", kind: somePairs, says: "Of a Cluster: for selectors, as `drover status -l`.",
		example: map[string]any{"env": "production"}},
	{name: "annotations", kind: somePairs,
		says: "Of a Cluster: for ApplicationSets of Argo CD. Of an App: drover.dev/prune: disabled keeps what it " +
			"delivers when the App is removed, drover.dev/allow-empty: \"true\" is " +
			"allowEmpty, drover.dev/deletions: allowed is deletions, drover.dev/rollback: never keeps it from being taken back " +
			"by a rollout.",
		example: map[string]any{"team": "a"}},
}

// appShapes are the fields of an App's spec.
var appShapes = slices.Concat([]shape{
	{name: "path", kind: aText, says: "The folder to render, seen from the root of the repository, or of the source.",
		example: "./apps/payment"},
	{name: "source", fields: sourceShapes, says: "Where the folder or the chart is, if it is not in this repository.",
		example: map[string]any{"git": map[string]any{"url": "https://git.example.com/platform/apps.git"}}},
	{name: "helm", fields: helmShapes,
		says:    "The Helm chart to render, instead of path. ${name} is replaced in its values, not in what it renders to.",
		example: map[string]any{"path": "./apps/payment"}},
	{name: "namespace", kind: aText, says: "For namespaced objects that name none.", example: "payment",
		preset: "default"},
	{name: "project", kind: aText,
		says:    "The Project whose boundaries the app keeps; that of the app that declares it, or default, if it is not set.",
		example: "team-a", preset: "default"},
	{name: "serviceAccount", kind: aText,
		says: "The service account, as namespace/name, with whose rights the app is applied; those of the agent, if " +
			"empty. Apps that the app declares have it too.",
		example: "payment/deployer"},
	{name: "decryption", fields: decryptionShapes,
		says: "Objects that are encrypted in Git are decrypted in the cluster.", example: map[string]any{"provider": "sops"}},
	{name: "dependsOn", says: "Apps of this cluster that must be healthy first: names, or {name: …, ready: …}.",
		example: []any{"database"},
		kind:    map[string]any{"type": "array", "items": map[string]any{"anyOf": []any{aText, mapping(dependencyShapes)}}}},
	{name: "health", list: true, fields: healthShapes,
		says: "When objects of a kind are healthy, in CEL; takes precedence over what Drover knows of the kind.",
		example: []any{map[string]any{"apiVersion": "example.com/v1", "kind": "Widget",
			"current": "status.phase == 'Ready'"}}},
	{name: "prune", kind: aSwitch, says: "Delete objects that were removed from the app.", example: false, preset: true},
	{name: "suspend", kind: aSwitch, says: "Do not apply, heal or prune the app and the apps that it declares.",
		example: true, preset: false},
	{name: "allowEmpty", kind: aSwitch, says: "Rendering to no objects is no error, also where there were some.",
		example: true, preset: false},
	{name: "deletions", kind: map[string]any{"enum": []string{deletionsGuarded, fleet.DeletionsAllowed}},
		says: "Whether deletions of the app wait for a person where they are too many, or are meant, however many they " +
			"are.",
		example: fleet.DeletionsAllowed, preset: deletionsGuarded},
	{name: "timeout", kind: aDuration, says: "To become healthy, before the app counts as degraded.", example: "10m",
		preset: "5m"},
	{name: "vars", kind: somePairs,
		says: "Replace ${name} in the rendered objects; they take precedence over the cluster's " +
			"vars.", example: map[string]any{"replicas": "3"}},
	{name: "substitute", kind: aSwitch,
		says: "Replace ${name} by the cluster's vars even without vars of its own; implied by " +
			"vars.", example: true, preset: false},
	{name: "targetNamespace", kind: aText,
		says: "Replaces the namespace of every namespaced object, as kustomize's namespace does.", example: "payment"},
	{name: "namePrefix", kind: aText, says: "Before the name of every object.", example: "eu-"},
	{name: "nameSuffix", kind: aText, says: "After the name of every object.", example: "-blue"},
	{name: "patches", list: true, fields: patchShapes, says: "Strategic merge or JSON 6902 patches, written inline.",
		example: []any{map[string]any{"patch": "- {op: remove, path: /spec/replicas}",
			"target": map[string]any{"kind": "Deployment"}}}},
	{name: "images", list: true, fields: imageShapes, says: "Change names, tags or digests of container images.",
		example: []any{map[string]any{"name": "nginx", "newTag": "1.27"}}},
	{name: "components", kind: texts, says: "Paths of kustomize components, seen from the folder that is rendered.",
		example: []any{"../components/tls"}},
	{name: "clusterSelector", fields: selectorShapes,
		says:    "The clusters that the App is for, all if it is empty. Only for Apps below fleet/.",
		example: map[string]any{"matchLabels": map[string]any{"env": "production"}}},
	{name: "commonMetadata", fields: []shape{
		{name: "labels", kind: somePairs, says: "Replace labels of equal keys.", example: map[string]any{"team": "a"}},
		{name: "annotations", kind: somePairs, says: "Replace annotations of equal keys.",
			example: map[string]any{"owner": "a"}},
	}, says: "Labels and annotations for every object, after all " +
		"else.", example: map[string]any{"labels": map[string]any{"team": "a"}}},
}, handlingShapes)

var decryptionShapes = []shape{
	{name: "provider", must: true, kind: map[string]any{"enum": []string{planning.ProviderSOPS}},
		says: "With what they are encrypted.", example: planning.ProviderSOPS},
	{name: "secret", kind: aText,
		says: "The Secret of the cluster, as namespace/name, with the age identities, in values whose keys end in " +
			".agekey; drover-sops in the agent's namespace, if empty.",
		example: "payment/sops-age"},
}

var patchShapes = []shape{
	{name: "patch", must: true, kind: aText, says: "The patch, as text.",
		example: "{kind: Service, apiVersion: v1, metadata: {name: web}}"},
	{name: "target", says: "The objects it is for; without it the patch names its object itself.",
		example: map[string]any{"kind": "Deployment"}, fields: []shape{
			{name: "group", kind: aText, example: "apps"}, {name: "version", kind: aText, example: "v1"},
			{name: "kind", kind: aText, says: "A regular expression.", example: "Deployment"},
			{name: "namespace", kind: aText, says: "A regular expression.", example: "shop"},
			{name: "name", kind: aText, says: "A regular expression.", example: "web.*"},
			{name: "labelSelector", kind: aText, example: "tier=web"}, {name: "annotationSelector", kind: aText, example: "a=b"},
		}},
}

var imageShapes = []shape{
	{name: "name", must: true, kind: aText, says: "The image as the manifests name it, without a tag.", example: "nginx"},
	{name: "newName", kind: aText, example: "registry.example.com/nginx"},
	{name: "newTag", kind: aText, example: "1.27"},
	{name: "digest", kind: aText, says: "Takes precedence over newTag.",
		example: "sha256:0000000000000000000000000000000000000000000000000000000000000000"},
}

// clusterShapes are the fields of a Cluster's spec.
var clusterShapes = []shape{
	{name: "name", kind: aText, example: "production-eu",
		says: "The cluster's name, a DNS label, which stays when the folder is renamed; it follows from the folder, if empty."},
	{name: "vars", kind: somePairs, says: "Replace ${name} in Apps that ask for substitution.",
		example: map[string]any{"region": "eu"}},
	{name: "suspend", kind: aSwitch, says: "Do not apply, heal or prune anything in the cluster.", example: true,
		preset: false},
	{name: "onRemove", kind: map[string]any{"enum": []string{onRemoveKeep, onRemovePrune}}, example: onRemovePrune,
		preset: onRemoveKeep,
		says:   "Whether to keep or delete what Drover delivered, when the cluster's folder is removed."},
	{name: "decryption", fields: decryptionShapes,
		says:    "How the objects of the cluster's folder that belong to no App are decrypted, as an App's decryption.",
		example: map[string]any{"provider": planning.ProviderSOPS}},
	{name: "argocd", fields: argoClusterShapes,
		says:    "What Argo CD calls the cluster, in the files that were written for it.",
		example: map[string]any{"server": "https://production.example.com:6443"}},
	{name: "flux", fields: fluxClusterShapes,
		says:    "What Flux in another cluster calls the cluster, and how what is written for Flux is locked down.",
		example: map[string]any{"kubeConfig": "production/cluster-kubeconfig"}},
	{name: "agent", says: "The cluster's agent.", example: map[string]any{"image": "drover-agent:v1"}, fields: []shape{
		{name: "image", kind: aText, says: "The image it is to run; the one that was installed, if empty.",
			example: "registry.example.com/drover-agent:v1"},
	}},
}

var argoClusterShapes = []shape{
	{name: "name", kind: aText, says: "As destination.name has it, beside the name of the folder.", example: "prod-eu"},
	{name: "server", kind: aText, says: "As destination.server has it.", example: "https://production.example.com:6443"},
}

var fluxClusterShapes = []shape{
	{name: "kubeConfig", kind: aText, says: "The Secret in spec.kubeConfig of Kustomizations and HelmReleases, as NAMESPACE/NAME or NAME.",
		example: "production/cluster-kubeconfig"},
	{name: "defaultServiceAccount", kind: aText, example: "default",
		says: "The service account, in the namespace of each, of Kustomizations and HelmReleases that name none, as Flux' --default-service-account."},
	{name: "noCrossNamespaceRefs", kind: aSwitch, preset: false, example: true,
		says: "Nothing may name a source of another namespace, as Flux' --no-cross-namespace-refs."},
}

// What may become of a cluster's workloads when its folder goes.
const (
	onRemoveKeep  = "keep"
	onRemovePrune = "prune"
)

// objectFields are those of every object of ours.
var objectFields = []string{"apiVersion", "kind", "metadata", "spec"}
