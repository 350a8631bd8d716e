package argo

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

// rows puts tables together.
func rows(tables ...[]row) []planning.Field {
	var out []planning.Field
	for _, r := range slices.Concat(tables...) {
		out = append(out, planning.Field(r))
	}
	return out
}

// Fields lists every field that Drover knows of Argo CD's kinds. It is what `drover lint` goes by, and the table of
// docs/from-argocd.md. Of an Application's spec.sources the same is true as of its spec.source. The reference is the
// API of Argo CD v3.6.
func Fields() []planning.Field {
	return rows(applicationFields, sourceFields("spec.source"), syncOptionFields, setFields, projectFields)
}

var applicationFields = []row{
	{kindApplication, "spec.destination.server", done,
		"https://kubernetes.default.svc is the cluster in whose folder the Application stands; another must be what " +
			"cluster.yaml says under spec.argocd. A slash at the end, the case of the host and the default port make no " +
			"difference", nil},
	{kindApplication, "spec.destination.name", done,
		"in-cluster, the name of a cluster's folder, or what its cluster.yaml says under spec.argocd", nil},
	{kindApplication, "spec.destination.namespace", done, "of namespaced objects that name none", nil},
	{kindApplication, "spec.project", done,
		"what the AppProject does not permit stops the Application; without an AppProject of that name in what is read, nothing bounds it", nil},
	{kindApplication, "spec.syncPolicy.automated", done,
		"without it, what is delivered waits for `drover approve`, nothing is pruned, and what was approved is kept as it is", nil},
	{kindApplication, "spec.syncPolicy.automated.enabled", done, "", nil},
	{kindApplication, "spec.syncPolicy.automated.prune", done, "", nil},
	{kindApplication, "spec.syncPolicy.automated.selfHeal", done, "without it drift is told and left", nil},
	{kindApplication, "spec.syncPolicy.automated.allowEmpty", done,
		"without it an Application that renders to nothing, and did not before, is an error and keeps its objects", nil},
	{kindApplication, "spec.syncPolicy.syncOptions", done, "each by itself, see below", nil},
	{kindApplication, "spec.syncPolicy.managedNamespaceMetadata", done, "when the namespace is created", nil},
	{kindApplication, "spec.syncPolicy.retry", needless, "what fails is tried again with a growing pause", nil},
	{kindApplication, "spec.ignoreDifferences", done,
		"these fields are left to others once the object exists, as with RespectIgnoreDifferences=true", nil},
	{kindApplication, "spec.revisionHistoryLimit", needless, "the history is in Git", nil},
	{kindApplication, "spec.info", needless, "for people", nil},
	{kindApplication, "spec.sourceHydrator", refused, "not supported: name the branch that it writes to as the source",
		nil},
}

// sourceFields are those of a source, at spec.source or spec.sources[].
func sourceFields(at string) []row {
	out := slices.Clone([]row{
		{kindApplication, ".repoURL", done,
			"this repository, in any spelling of its address, or another: Git, a Helm repository, an OCI registry", nil},
		{kindApplication, ".path", done, "", nil},
		{kindApplication, ".targetRevision", done,
			"HEAD is the branch that the hub follows. A range of versions, a commit id and a whole ref " +
				"are told by their form; anything else is a tag of that name, or else a branch", nil},
		{kindApplication, ".tagPrefix", refused, "not supported: write the tag", nil},
		{kindApplication, ".chart", done, "", nil},
		{kindApplication, ".ref", done, "for value files of other sources, as $ref/path", nil},
		{kindApplication, ".name", needless, "for people", nil},
		{kindApplication, ".directory.recurse", done, "", nil},
		{kindApplication, ".directory.include", done, "", nil},
		{kindApplication, ".directory.exclude", done, "", nil},
		{kindApplication, ".directory.jsonnet.tlas", done, "", nil},
		{kindApplication, ".directory.jsonnet.extVars", done, "", nil},
		{kindApplication, ".directory.jsonnet.libs", done, "folders seen from the repository's root", nil},
		{kindApplication, ".directory.disableExtensionFilter", refused,
			"not supported: name the files .yaml, .yml or .json", []string{"false"}},
		{kindApplication, ".helm.releaseName", done, "without it the Application's name", nil},
		{kindApplication, ".helm.valueFiles", done, "not from an address; patterns in this repository alone", nil},
		{kindApplication, ".helm.ignoreMissingValueFiles", done, "", nil},
		{kindApplication, ".helm.values", done, "", nil},
		{kindApplication, ".helm.valuesObject", done, "", nil},
		{kindApplication, ".helm.parameters", done, "", nil},
		{kindApplication, ".helm.fileParameters", done, "", nil},
		{kindApplication, ".helm.skipCrds", done, "", nil},
		{kindApplication, ".helm.skipSchemaValidation", done, "", nil},
		{kindApplication, ".helm.skipTests", needless, "hooks for tests are left out", nil},
		{kindApplication, ".helm.namespace", done, "", nil},
		{kindApplication, ".helm.kubeVersion", done, "", nil},
		{kindApplication, ".helm.apiVersions", done, "", nil},
		{kindApplication, ".helm.version", needless, "charts are rendered by Helm 4, which renders those for Helm 3 alike",
			[]string{"v3"}},
		{kindApplication, ".helm.passCredentials", needless, "the hub has its own credentials: `drover hub --help`", nil},
		{kindApplication, ".kustomize.namePrefix", done, "", nil},
		{kindApplication, ".kustomize.nameSuffix", done, "", nil},
		{kindApplication, ".kustomize.namespace", done, "", nil},
		{kindApplication, ".kustomize.images", done, "", nil},
		{kindApplication, ".kustomize.replicas", done, "", nil},
		{kindApplication, ".kustomize.commonLabels", done, "", nil},
		{kindApplication, ".kustomize.forceCommonLabels", done, "", nil},
		{kindApplication, ".kustomize.labelWithoutSelector", done, "", nil},
		{kindApplication, ".kustomize.labelIncludeTemplates", done, "", nil},
		{kindApplication, ".kustomize.commonAnnotations", done, "", nil},
		{kindApplication, ".kustomize.forceCommonAnnotations", done, "", nil},
		{kindApplication, ".kustomize.commonAnnotationsEnvsubst", done, "", nil},
		{kindApplication, ".kustomize.patches", done, "", nil},
		{kindApplication, ".kustomize.components", done, "", nil},
		{kindApplication, ".kustomize.ignoreMissingComponents", done,
			"every component that exists is added; Argo CD v3.6 stops after the first", nil},
		{kindApplication, ".kustomize.version", noted, "not done: there is one kustomize, v5", nil},
		{kindApplication, ".kustomize.kubeVersion", done, "for the charts that a kustomization names", nil},
		{kindApplication, ".kustomize.apiVersions", done, "for the charts that a kustomization names", nil},
		{kindApplication, ".plugin", refused, "plugins are not supported: put what the plugin gives into Git, " +
			"or write the source as a chart, a kustomization or Jsonnet", nil},
	})
	for i := range out {
		out[i].Path = at + out[i].Path
	}
	return out
}

const syncOptionsAt = "spec.syncPolicy.syncOptions"

// syncOptionFields are the options, by name and value.
var syncOptionFields = func() []row {
	out := []row{
		{kindApplication, "CreateNamespace=true", done, "it is never deleted", nil},
		{kindApplication, "CreateNamespace=false", needless, "", nil},
		{kindApplication, "Prune=false", done, "", nil},
		{kindApplication, "Prune=true", needless, "", nil},
		{kindApplication, "Prune=confirm", noted,
			"not done: nobody is asked before an object is pruned, but the deletion budget applies", nil},
		{kindApplication, "Delete=false", done, "the objects stay when the Application goes", nil},
		{kindApplication, "Delete=true", needless, "", nil},
		{kindApplication, "Delete=confirm", noted,
			"not done: nobody is asked before the objects of an Application that went are deleted", nil},
		{kindApplication, "PruneLast=true", needless, "objects are always deleted after all others are applied", nil},
		{kindApplication, "PruneLast=false", needless, "objects are always deleted after all others are applied", nil},
		{kindApplication, "PrunePropagationPolicy=foreground", noted,
			"not done: objects are deleted with the policy of the API server's default", nil},
		{kindApplication, "PrunePropagationPolicy=background", needless, "it is the default", nil},
		{kindApplication, "PrunePropagationPolicy=orphan", refused,
			"not supported: what a deleted object owns would be deleted too; take out prune", nil},
		{kindApplication, "ApplyOutOfSyncOnly=true", needless, "only what changed is ever sent", nil},
		{kindApplication, "ApplyOutOfSyncOnly=false", needless, "only what changed is ever sent", nil},
		{kindApplication, "ServerSideApply=true", needless, "always", nil},
		{kindApplication, "ServerSideApply=false", needless, "always server-side", nil},
		{kindApplication, "ClientSideApplyMigration=true", needless, "fields of other managers are taken over", nil},
		{kindApplication, "ClientSideApplyMigration=false", needless, "fields of other managers are taken over", nil},
		{kindApplication, "Replace=true", noted,
			"not done: objects are applied server-side; what others added to them stays", nil},
		{kindApplication, "Replace=false", needless, "", nil},
		{kindApplication, "Force=true", noted, "not done for a whole app, as in Argo CD, which knows it on objects alone",
			nil},
		{kindApplication, "Force=false", needless, "", nil},
		{kindApplication, "Validate=false", noted,
			"not done: the API server says what is wrong with an object, and that object alone fails", nil},
		{kindApplication, "Validate=true", needless, "", nil},
		{kindApplication, "RespectIgnoreDifferences=true", done, "always", nil},
		{kindApplication, "RespectIgnoreDifferences=false", noted,
			"not done: fields under ignoreDifferences are left to others once the object exists", nil},
		{kindApplication, "SkipDryRunOnMissingResource=true", needless,
			"an object waits for its definition by itself, and nothing else waits for it", nil},
		{kindApplication, "SkipDryRunOnMissingResource=false", needless, "", nil},
		{kindApplication, "FailOnSharedResource=true", noted,
			"not done where two apps declare an object with the same text, which they share; otherwise the " +
				"newcomer goes on without the object", nil},
		{kindApplication, "FailOnSharedResource=false", noted,
			"done only where two apps declare an object with the same text; otherwise the newcomer goes on " +
				"without the object", nil},
	}
	for i := range out {
		out[i].Path = syncOptionsAt + "[" + out[i].Path + "]"
	}
	return out
}()

var projectFields = []row{
	{kindAppProject, "spec.description", needless, "for people", nil},
	{kindAppProject, "spec.sourceRepos", done, "addresses of one repository are equal in every spelling", nil},
	{kindAppProject, "spec.destinations", done, "", nil},
	{kindAppProject, "spec.destinations[].name", done, "as an Application's", nil},
	{kindAppProject, "spec.destinations[].server", done, "as an Application's", nil},
	{kindAppProject, "spec.destinations[].namespace", done, "of the Application, and of every object that it renders to", nil},
	{kindAppProject, "spec.clusterResourceWhitelist", done, "", nil},
	{kindAppProject, "spec.clusterResourceBlacklist", done, "", nil},
	{kindAppProject, "spec.namespaceResourceWhitelist", done, "", nil},
	{kindAppProject, "spec.namespaceResourceBlacklist", done, "", nil},
	{kindAppProject, "spec.sourceNamespaces", done, "", nil},
	{kindAppProject, "spec.destinationServiceAccounts", done,
		"Applications are applied with the rights of the account, also where Argo CD was not told to impersonate", nil},
	{kindAppProject, "spec.signatureKeys", done, "nothing new of the project's Applications is delivered: signatures are not verified", nil},
	{kindAppProject, "spec.permitOnlyProjectScopedClusters", done, "nothing new of the project's Applications is delivered", nil},
	{kindAppProject, "spec.roles", noted, "not done: who may change what is decided in Git", nil},
	{kindAppProject, "spec.syncWindows", noted, "not done: a commit is delivered when it comes", nil},
	{kindAppProject, "spec.orphanedResources", noted, "not done: objects that no app has are not looked for", nil},
}

var setFields = []row{
	{kindApplicationSet, "spec.goTemplate", done,
		"with sprig's functions, but for those that look at the machine or give something else each time", nil},
	{kindApplicationSet, "spec.goTemplateOptions", done, "", nil},
	{kindApplicationSet, "spec.template", done, "", nil},
	{kindApplicationSet, "spec.templatePatch", done, "as a merge patch; $patch and the like are refused", nil},
	{kindApplicationSet, "spec.generators[].list", done, "", nil},
	{kindApplicationSet, "spec.generators[].clusters", done,
		"the clusters of the fleet, by what their cluster.yaml says", nil},
	{kindApplicationSet, "spec.generators[].git", done, "of this repository and others, at any revision; followed like sources", nil},
	{kindApplicationSet, "spec.generators[].git.requeueAfterSeconds", needless, "a commit is followed when it comes", nil},
	{kindApplicationSet, "spec.generators[].matrix", done, "", nil},
	{kindApplicationSet, "spec.generators[].merge", done, "", nil},
	{kindApplicationSet, "spec.generators[].selector", done, "", nil},
	{kindApplicationSet, "spec.generators[].scmProvider", refused,
		"this generator is not supported: list the repositories", nil},
	{kindApplicationSet, "spec.generators[].pullRequest", refused, "this generator is not supported", nil},
	{kindApplicationSet, "spec.generators[].plugin", refused,
		"this generator is not supported: write its parameters into a list", nil},
	{kindApplicationSet, "spec.generators[].clusterDecisionResource", refused,
		"this generator is not supported: select clusters by labels", nil},
	{kindApplicationSet, "spec.generators[].oci", refused,
		"this generator is not supported: put the files into this repository", nil},
	{kindApplicationSet, "spec.syncPolicy.preserveResourcesOnDeletion", done, "", nil},
	{kindApplicationSet, "spec.syncPolicy.applicationsSync", done,
		"create-update and create-only: what an Application delivered stays when it goes. That create-only leaves " +
			"Applications as they first were is not done", []string{"sync"}},
	{kindApplicationSet, "spec.strategy", noted,
		"not done: all Applications are delivered at once; roll out by branches or labels", []string{"map[type:AllAtOnce]"}},
	{kindApplicationSet, "spec.preservedFields", needless, "there are no Application objects that others could change",
		nil},
	{kindApplicationSet, "spec.ignoreApplicationDifferences", needless,
		"there are no Application objects that others could change", nil},
	{kindApplicationSet, "spec.applyNestedSelectors", needless,
		"selectors of nested generators always apply, as in Argo CD since v3.0", nil},
}
