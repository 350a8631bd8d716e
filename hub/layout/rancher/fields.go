package rancher

import (
	"slices"

	"github.com/drover-dev/drover/hub/layout/planning"
)

// What becomes of a field.
const (
	done     = planning.Done
	needless = planning.Needless
	noted    = planning.Noted
	refused  = planning.Refused
)

// row lists a field in the tables.
var row = planning.Row

// kindFleetYAML is what the table calls a fleet.yaml.
const kindFleetYAML = "fleet.yaml"

// Fields lists every field that Drover knows of a GitRepo and of a fleet.yaml. It is what `drover lint` goes by, and
// the table of docs/from-fleet.md. What stands in targetCustomizations[] is as in the file itself. The reference is
// the API of Fleet v0.12.
func Fields() []planning.Field { return slices.Concat(repoFields, fileFields, optionFields) }

// judged is the table by which files are read: with what only stands in customizations.
var judged = planning.NewTable(slices.Concat(Fields(), customFields))

const (
	credentials = "the hub has its own credentials: `drover hub --help`"
	polling     = "the hub follows the branch, and looks as often as its own configuration says"
)

var repoFields = []planning.Field{
	row(kindGitRepo, "spec.repo", done, "this repository, in any spelling of its address, or another"),
	row(kindGitRepo, "spec.branch", done, "of another repository: without it master, as in Fleet"),
	row(kindGitRepo, "spec.revision", done, "a commit id, or a tag"),
	row(kindGitRepo, "spec.paths", done,
		"patterns in this repository alone. In another repository each path is one bundle, and a fleet.yaml "+
			"in it is an error"),
	row(kindGitRepo, "spec.targets[].name", needless, "for people"),
	row(kindGitRepo, "spec.targets[].clusterName", done, "the name of a cluster's folder"),
	row(kindGitRepo, "spec.targets[].clusterSelector", done, "of the labels in cluster.yaml"),
	row(kindGitRepo, "spec.targets[].clusterGroup", done,
		"a ClusterGroup that is declared below fleet/ or in the cluster's folder; default is every cluster"),
	row(kindGitRepo, "spec.targets[].clusterGroupSelector", done, "of the labels of ClusterGroups"),
	row(kindGitRepo, "spec.targetNamespace", done, "as namespace in a fleet.yaml"),
	row(kindGitRepo, "spec.serviceAccount", done, "of the namespace cattle-fleet-system"),
	row(kindGitRepo, "spec.paused", done, "its apps are suspended"),
	row(kindGitRepo, "spec.keepResources", done, "the objects stay when the bundle goes"),
	row(kindGitRepo, "spec.correctDrift.enabled", done, "without it drift is told and left"),
	row(kindGitRepo, "spec.correctDrift.force", noted,
		"not done: drift is corrected by server-side apply, and nothing is recreated",
		"false"),
	row(kindGitRepo, "spec.correctDrift.keepFailHistory", needless, "there is no history of releases"),
	row(kindGitRepo, "spec.deleteNamespace", noted, "not done: a namespace that was created is never deleted",
		"false"),
	row(kindGitRepo, "spec.clientSecretName", needless, credentials),
	row(kindGitRepo, "spec.helmSecretName", needless, credentials),
	row(kindGitRepo, "spec.helmSecretNameForPaths", needless, credentials),
	row(kindGitRepo, "spec.helmRepoURLRegex", needless, credentials),
	row(kindGitRepo, "spec.caBundle", needless, credentials),
	row(kindGitRepo, "spec.insecureSkipTLSVerify", noted, "not done: certificates are always verified",
		"false"),
	row(kindGitRepo, "spec.pollingInterval", needless, polling),
	row(kindGitRepo, "spec.disablePolling", needless, polling),
	row(kindGitRepo, "spec.forceSyncGeneration", needless, "what differs is applied without it"),
	row(kindGitRepo, "spec.imageScanInterval", noted, "not done: no image is looked for"),
	row(kindGitRepo, "spec.imageScanCommit", noted, "not done: no image is looked for"),
	row(kindGitRepo, "spec.ociRegistry", needless, "bundles are not stored in a registry"),
	row(kindClusterGroup, "spec.selector", done, ""),
}

var fileFields = []planning.Field{
	row(kindFleetYAML, "name", done, "of the bundle"),
	row(kindFleetYAML, "labels", done, "for dependsOn"),
	row(kindFleetYAML, "paused", done, "the app is suspended"),
	row(kindFleetYAML, "dependsOn[].name", done, "a bundle of the same namespace that the cluster has as well"),
	row(kindFleetYAML, "dependsOn[].selector", done, "of the labels of bundles"),
	row(kindFleetYAML, "dependsOn[].acceptedStates", noted, "not done: the other bundle must be healthy"),
	row(kindFleetYAML, "overrideTargets", done, ""),
	row(kindFleetYAML, "targetCustomizations", done,
		"the first that is for the cluster counts; its options are laid over those of the file, and "+
			"doNotDeploy leaves the "+
			"bundle out"),
	row(kindFleetYAML, "targets", done, "as targetCustomizations"),
	row(kindFleetYAML, "imageScans", noted, "not done: no image is looked for"),
	row(kindFleetYAML, "rolloutStrategy", noted,
		"not done: all clusters are delivered to at once; waves of a RolloutPolicy release to them in steps "+
			"(docs/rollouts.md)"),
}

var optionFields = []planning.Field{
	row(kindFleetYAML, "namespace", done, "of every namespaced object, whatever it names itself"),
	row(kindFleetYAML, "defaultNamespace", done, "of namespaced objects that name none"),
	row(kindFleetYAML, "namespaceLabels", done, "when the namespace is created"),
	row(kindFleetYAML, "namespaceAnnotations", done, "when the namespace is created"),
	row(kindFleetYAML, "serviceAccount", done, "of the namespace cattle-fleet-system"),
	row(kindFleetYAML, "keepResources", done, "the objects stay when the bundle goes"),
	row(kindFleetYAML, "correctDrift.enabled", done, "without it drift is told and left"),
	row(kindFleetYAML, "correctDrift.force", noted,
		"not done: drift is corrected by server-side apply, and nothing is recreated",
		"false"),
	row(kindFleetYAML, "correctDrift.keepFailHistory", needless, "there is no history of releases"),
	row(kindFleetYAML, "helm.chart", done,
		"a folder, a chart of helm.repo, or oci://…; other addresses stop the app"),
	row(kindFleetYAML, "helm.repo", done, ""),
	row(kindFleetYAML, "helm.version", done, "a version, or a range of them"),
	row(kindFleetYAML, "helm.releaseName", done, "without it the name of the bundle"),
	row(kindFleetYAML, "helm.values", done, "with the templates in ${ } executed"),
	row(kindFleetYAML, "helm.valuesFiles", done, "they take precedence over helm.values, as in Fleet"),
	row(kindFleetYAML, "helm.valuesFrom", done, "without a namespace: that of the bundle"),
	row(kindFleetYAML, "helm.templateValues", refused, "not supported: write them into helm.values"),
	row(kindFleetYAML, "helm.disablePreProcess", done, ""),
	row(kindFleetYAML, "helm.force", done,
		"an object with an immutable field that changed is deleted and created again"),
	row(kindFleetYAML, "helm.takeOwnership", needless, "objects that exist are taken over"),
	row(kindFleetYAML, "helm.timeoutSeconds", done, "for becoming healthy"),
	row(kindFleetYAML, "helm.skipSchemaValidation", done, ""),
	row(kindFleetYAML, "helm.atomic", noted, "not done: an update that fails is retried, and not taken back",
		"false"),
	row(kindFleetYAML, "helm.maxHistory", needless, "the history is in Git"),
	row(kindFleetYAML, "helm.waitForJobs", needless, "an app is healthy when its Jobs are complete"),
	row(kindFleetYAML, "helm.disableDNS", needless, "charts never look anything up while they are rendered"),
	row(kindFleetYAML, "helm.disableDependencyUpdate", needless, "dependencies are read as the chart has them"),
	row(kindFleetYAML, "kustomize.dir", done, ""),
	row(kindFleetYAML, "yaml.overlays", done, ""),
	row(kindFleetYAML, "diff.comparePatches[].apiVersion", done, ""),
	row(kindFleetYAML, "diff.comparePatches[].kind", done, ""),
	row(kindFleetYAML, "diff.comparePatches[].namespace", done, ""),
	row(kindFleetYAML, "diff.comparePatches[].name", done, ""),
	row(kindFleetYAML, "diff.comparePatches[].jsonPointers", done,
		"these fields are left to others once the object exists"),
	row(kindFleetYAML, "diff.comparePatches[].operations", done, "remove alone, as jsonPointers"),
	row(kindFleetYAML, "forceSyncGeneration", needless, "what differs is applied without it"),
	row(kindFleetYAML, "ignore.conditions", noted,
		"not done: conditions count for the health of the app; say health rules in an App"),
	row(kindFleetYAML, "deleteCRDResources", noted,
		"not done: definitions are pruned with the app, within the deletion budget",
		"false"),
	row(kindFleetYAML, "downstreamResources", noted,
		"not done: nothing is copied from another cluster; deliver the objects"),
}

var customFields = []planning.Field{
	row(kindFleetYAML, "clusterName", done, ""),
	row(kindFleetYAML, "clusterGroup", done, ""),
	row(kindFleetYAML, "clusterSelector", done, ""),
	row(kindFleetYAML, "clusterGroupSelector", done, ""),
	row(kindFleetYAML, "doNotDeploy", done, ""),
}
