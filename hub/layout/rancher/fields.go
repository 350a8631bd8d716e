package rancher

import (
	"slices"

	"github.com/drover-dev/drover/hub/layout/planning"
)

// row is a planning.Field, as the tables write it.
type row struct {
	Kind, Path string
	Support    planning.Support
	Says       string
	Idle       []string
}

// What becomes of a field.
const (
	done     = planning.Done
	needless = planning.Needless
	noted    = planning.Noted
	refused  = planning.Refused
)

// kindFleetYAML is what the table calls a fleet.yaml.
const kindFleetYAML = "fleet.yaml"

// Fields lists every field that Drover knows of a GitRepo and of a fleet.yaml. It is what `drover lint` goes by, and
// the table of docs/from-fleet.md. What stands in targetCustomizations[] is as in the file itself. The reference is
// the API of Fleet v0.12.
func Fields() []planning.Field { return fields(repoFields, fileFields, optionFields) }

// judged is the table by which files are read: with what only stands in customizations.
var judged = planning.NewTable(fields(repoFields, fileFields, optionFields, customFields))

func fields(tables ...[]row) []planning.Field {
	var out []planning.Field
	for _, r := range slices.Concat(tables...) {
		out = append(out, planning.Field(r))
	}
	return out
}

const (
	credentials = "the hub has its own credentials: `drover hub --help`"
	polling     = "the hub follows the branch, and looks as often as its own configuration says"
)

var repoFields = []row{
	{kindGitRepo, "spec.repo", done, "this repository, in any spelling of its address, or another", nil},
	{kindGitRepo, "spec.branch", done, "of another repository: without it master, as in Fleet", nil},
	{kindGitRepo, "spec.revision", done, "a commit id, or a tag", nil},
	{kindGitRepo, "spec.paths", done,
		"patterns in this repository alone. In another repository each path is one bundle, and a fleet.yaml " +
			"in it is an error",
		nil},
	{kindGitRepo, "spec.targets[].name", needless, "for people", nil},
	{kindGitRepo, "spec.targets[].clusterName", done, "the name of a cluster's folder", nil},
	{kindGitRepo, "spec.targets[].clusterSelector", done, "of the labels in cluster.yaml", nil},
	{kindGitRepo, "spec.targets[].clusterGroup", done,
		"a ClusterGroup that is declared below fleet/ or in the cluster's folder; default is every cluster", nil},
	{kindGitRepo, "spec.targets[].clusterGroupSelector", done, "of the labels of ClusterGroups", nil},
	{kindGitRepo, "spec.targetNamespace", done, "as namespace in a fleet.yaml", nil},
	{kindGitRepo, "spec.serviceAccount", done, "of the namespace cattle-fleet-system", nil},
	{kindGitRepo, "spec.paused", done, "its apps are suspended", nil},
	{kindGitRepo, "spec.keepResources", done, "the objects stay when the bundle goes", nil},
	{kindGitRepo, "spec.correctDrift.enabled", done, "without it drift is told and left", nil},
	{kindGitRepo, "spec.correctDrift.force", noted,
		"not done: drift is corrected by server-side apply, and nothing is recreated",
		[]string{"false"}},
	{kindGitRepo, "spec.correctDrift.keepFailHistory", needless, "there is no history of releases", nil},
	{kindGitRepo, "spec.deleteNamespace", noted, "not done: a namespace that was created is never deleted",
		[]string{"false"}},
	{kindGitRepo, "spec.clientSecretName", needless, credentials, nil},
	{kindGitRepo, "spec.helmSecretName", needless, credentials, nil},
	{kindGitRepo, "spec.helmSecretNameForPaths", needless, credentials, nil},
	{kindGitRepo, "spec.helmRepoURLRegex", needless, credentials, nil},
	{kindGitRepo, "spec.caBundle", needless, credentials, nil},
	{kindGitRepo, "spec.insecureSkipTLSVerify", noted, "not done: certificates are always verified",
		[]string{"false"}},
	{kindGitRepo, "spec.pollingInterval", needless, polling, nil},
	{kindGitRepo, "spec.disablePolling", needless, polling, nil},
	{kindGitRepo, "spec.forceSyncGeneration", needless, "what differs is applied without it", nil},
	{kindGitRepo, "spec.imageScanInterval", noted, "not done: no image is looked for", nil},
	{kindGitRepo, "spec.imageScanCommit", noted, "not done: no image is looked for", nil},
	{kindGitRepo, "spec.ociRegistry", needless, "bundles are not stored in a registry", nil},
	{kindClusterGroup, "spec.selector", done, "", nil},
}

var fileFields = []row{
	{kindFleetYAML, "name", done, "of the bundle", nil},
	{kindFleetYAML, "labels", done, "for dependsOn", nil},
	{kindFleetYAML, "paused", done, "the app is suspended", nil},
	{kindFleetYAML, "dependsOn[].name", done, "a bundle of the same namespace that the cluster has as well", nil},
	{kindFleetYAML, "dependsOn[].selector", done, "of the labels of bundles", nil},
	{kindFleetYAML, "dependsOn[].acceptedStates", noted, "not done: the other bundle must be healthy", nil},
	{kindFleetYAML, "overrideTargets", done, "", nil},
	{kindFleetYAML, "targetCustomizations", done,
		"the first that is for the cluster counts; its options are laid over those of the file, and " +
			"doNotDeploy leaves the " +
			"bundle out", nil},
	{kindFleetYAML, "targets", done, "as targetCustomizations", nil},
	{kindFleetYAML, "imageScans", noted, "not done: no image is looked for", nil},
	{kindFleetYAML, "rolloutStrategy", noted,
		"not done: all clusters are delivered to at once; roll out by branches or labels",
		nil},
}

var optionFields = []row{
	{kindFleetYAML, "namespace", done, "of every namespaced object, whatever it names itself", nil},
	{kindFleetYAML, "defaultNamespace", done, "of namespaced objects that name none", nil},
	{kindFleetYAML, "namespaceLabels", done, "when the namespace is created", nil},
	{kindFleetYAML, "namespaceAnnotations", done, "when the namespace is created", nil},
	{kindFleetYAML, "serviceAccount", done, "of the namespace cattle-fleet-system", nil},
	{kindFleetYAML, "keepResources", done, "the objects stay when the bundle goes", nil},
	{kindFleetYAML, "correctDrift.enabled", done, "without it drift is told and left", nil},
	{kindFleetYAML, "correctDrift.force", noted,
		"not done: drift is corrected by server-side apply, and nothing is recreated",
		[]string{"false"}},
	{kindFleetYAML, "correctDrift.keepFailHistory", needless, "there is no history of releases", nil},
	{kindFleetYAML, "helm.chart", done,
		"a folder, a chart of helm.repo, or oci://…; other addresses stop the app", nil},
	{kindFleetYAML, "helm.repo", done, "", nil},
	{kindFleetYAML, "helm.version", done, "a version, or a range of them", nil},
	{kindFleetYAML, "helm.releaseName", done, "without it the name of the bundle", nil},
	{kindFleetYAML, "helm.values", done, "with the templates in ${ } executed", nil},
	{kindFleetYAML, "helm.valuesFiles", done, "they take precedence over helm.values, as in Fleet", nil},
	{kindFleetYAML, "helm.valuesFrom", done, "without a namespace: that of the bundle", nil},
	{kindFleetYAML, "helm.templateValues", refused, "not supported: write them into helm.values", nil},
	{kindFleetYAML, "helm.disablePreProcess", done, "", nil},
	{kindFleetYAML, "helm.force", done,
		"an object with an immutable field that changed is deleted and created again", nil},
	{kindFleetYAML, "helm.takeOwnership", needless, "objects that exist are taken over", nil},
	{kindFleetYAML, "helm.timeoutSeconds", done, "for becoming healthy", nil},
	{kindFleetYAML, "helm.skipSchemaValidation", done, "", nil},
	{kindFleetYAML, "helm.atomic", noted, "not done: an update that fails is retried, and not taken back",
		[]string{"false"}},
	{kindFleetYAML, "helm.maxHistory", needless, "the history is in Git", nil},
	{kindFleetYAML, "helm.waitForJobs", needless, "an app is healthy when its Jobs are complete", nil},
	{kindFleetYAML, "helm.disableDNS", needless, "charts never look anything up while they are rendered", nil},
	{kindFleetYAML, "helm.disableDependencyUpdate", needless, "dependencies are read as the chart has them", nil},
	{kindFleetYAML, "kustomize.dir", done, "", nil},
	{kindFleetYAML, "yaml.overlays", done, "", nil},
	{kindFleetYAML, "diff.comparePatches[].apiVersion", done, "", nil},
	{kindFleetYAML, "diff.comparePatches[].kind", done, "", nil},
	{kindFleetYAML, "diff.comparePatches[].namespace", done, "", nil},
	{kindFleetYAML, "diff.comparePatches[].name", done, "", nil},
	{kindFleetYAML, "diff.comparePatches[].jsonPointers", done,
		"these fields are left to others once the object exists", nil},
	{kindFleetYAML, "diff.comparePatches[].operations", done, "remove alone, as jsonPointers", nil},
	{kindFleetYAML, "forceSyncGeneration", needless, "what differs is applied without it", nil},
	{kindFleetYAML, "ignore.conditions", noted,
		"not done: conditions count for the health of the app; say health rules in an App",
		nil},
	{kindFleetYAML, "deleteCRDResources", noted,
		"not done: definitions are pruned with the app, within the deletion budget",
		[]string{"false"}},
	{kindFleetYAML, "downstreamResources", noted,
		"not done: nothing is copied from another cluster; deliver the objects", nil},
}

var customFields = []row{
	{kindFleetYAML, "clusterName", done, "", nil},
	{kindFleetYAML, "clusterGroup", done, "", nil},
	{kindFleetYAML, "clusterSelector", done, "", nil},
	{kindFleetYAML, "clusterGroupSelector", done, "", nil},
	{kindFleetYAML, "doNotDeploy", done, "", nil},
}
