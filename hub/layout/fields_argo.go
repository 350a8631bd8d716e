package layout

import "slices"

// ArgoFields lists every field that Drover knows of Argo CD's kinds. It is what `drover lint` goes by, and the table of
// docs/from-argocd.md. Of an Application's spec.sources the same is true as of its spec.source. The reference is the
// API of Argo CD v3.6.
func ArgoFields() []Field {
	return slices.Concat(applicationFields, sourceFields("spec.source"), syncOptionFields, setFields)
}

// judged is the table by which objects are read: with what is true of several sources.
var judged = slices.Concat(ArgoFields(), sourceFields("spec.sources[]"))

var applicationFields = []Field{
	{kindApplication, "spec.destination.server", Done, "https://kubernetes.default.svc is the cluster in whose folder the Application stands; another must be what cluster.yaml says under spec.argocd", nil},
	{kindApplication, "spec.destination.name", Done, "in-cluster, the name of a cluster's folder, or what its cluster.yaml says under spec.argocd", nil},
	{kindApplication, "spec.destination.namespace", Done, "of namespaced objects that name none", nil},
	{kindApplication, "spec.project", Noted, "not checked: what the AppProject forbids is not forbidden here", []string{"default"}},
	{kindApplication, "spec.syncPolicy.automated", Done, "without it every commit is delivered all the same, but nothing is pruned and drift is left", nil},
	{kindApplication, "spec.syncPolicy.automated.enabled", Done, "", nil},
	{kindApplication, "spec.syncPolicy.automated.prune", Done, "", nil},
	{kindApplication, "spec.syncPolicy.automated.selfHeal", Done, "without it drift is told and left", nil},
	{kindApplication, "spec.syncPolicy.automated.allowEmpty", Done, "without it an Application that renders to nothing, and did not before, is an error and keeps its objects", nil},
	{kindApplication, "spec.syncPolicy.syncOptions", Done, "each by itself, see below", nil},
	{kindApplication, "spec.syncPolicy.managedNamespaceMetadata", Done, "when the namespace is created", nil},
	{kindApplication, "spec.syncPolicy.retry", Needless, "what fails is tried again with a growing pause", nil},
	{kindApplication, "spec.ignoreDifferences", Done, "these fields are left to others once the object exists, as with RespectIgnoreDifferences=true", nil},
	{kindApplication, "spec.revisionHistoryLimit", Needless, "the history is in Git", nil},
	{kindApplication, "spec.info", Needless, "for people", nil},
	{kindApplication, "spec.sourceHydrator", Refused, "not supported: name the branch that it writes to as the source", nil},
}

// sourceFields are those of a source, at spec.source or spec.sources[].
func sourceFields(at string) []Field {
	out := slices.Clone([]Field{
		{kindApplication, ".repoURL", Done, "this repository, in any spelling of its address, or another: Git, a Helm repository, an OCI registry", nil},
		{kindApplication, ".path", Done, "", nil},
		{kindApplication, ".targetRevision", Done, "HEAD is the branch that the hub follows. A range of versions, a commit id, a whole ref and a version (a tag) are told by their form; anything else is a branch", nil},
		{kindApplication, ".tagPrefix", Refused, "not supported: write the tag", nil},
		{kindApplication, ".chart", Done, "", nil},
		{kindApplication, ".ref", Done, "for value files of other sources, as $ref/path", nil},
		{kindApplication, ".name", Needless, "for people", nil},
		{kindApplication, ".directory.recurse", Done, "", nil},
		{kindApplication, ".directory.include", Done, "", nil},
		{kindApplication, ".directory.exclude", Done, "", nil},
		{kindApplication, ".directory.jsonnet", Refused, "not supported: put what it gives into Git as YAML", []string{"map[]"}},
		{kindApplication, ".directory.disableExtensionFilter", Refused, "not supported: name the files .yaml, .yml or .json", []string{"false"}},
		{kindApplication, ".helm.releaseName", Done, "without it the Application's name", nil},
		{kindApplication, ".helm.valueFiles", Done, "not from an address; patterns in this repository alone", nil},
		{kindApplication, ".helm.ignoreMissingValueFiles", Done, "", nil},
		{kindApplication, ".helm.values", Done, "", nil},
		{kindApplication, ".helm.valuesObject", Done, "", nil},
		{kindApplication, ".helm.parameters", Done, "", nil},
		{kindApplication, ".helm.fileParameters", Done, "", nil},
		{kindApplication, ".helm.skipCrds", Done, "", nil},
		{kindApplication, ".helm.skipSchemaValidation", Done, "", nil},
		{kindApplication, ".helm.skipTests", Needless, "hooks for tests are left out", nil},
		{kindApplication, ".helm.namespace", Done, "", nil},
		{kindApplication, ".helm.kubeVersion", Done, "", nil},
		{kindApplication, ".helm.apiVersions", Done, "", nil},
		{kindApplication, ".helm.version", Needless, "charts are rendered by Helm 4, which renders those for Helm 3 alike", []string{"v3"}},
		{kindApplication, ".helm.passCredentials", Needless, "the hub has its own credentials: `drover hub --help`", nil},
		{kindApplication, ".kustomize.namePrefix", Done, "", nil},
		{kindApplication, ".kustomize.nameSuffix", Done, "", nil},
		{kindApplication, ".kustomize.namespace", Done, "", nil},
		{kindApplication, ".kustomize.images", Done, "", nil},
		{kindApplication, ".kustomize.replicas", Done, "", nil},
		{kindApplication, ".kustomize.commonLabels", Done, "", nil},
		{kindApplication, ".kustomize.forceCommonLabels", Done, "", nil},
		{kindApplication, ".kustomize.labelWithoutSelector", Done, "", nil},
		{kindApplication, ".kustomize.labelIncludeTemplates", Done, "", nil},
		{kindApplication, ".kustomize.commonAnnotations", Done, "", nil},
		{kindApplication, ".kustomize.forceCommonAnnotations", Done, "", nil},
		{kindApplication, ".kustomize.commonAnnotationsEnvsubst", Done, "", nil},
		{kindApplication, ".kustomize.patches", Done, "", nil},
		{kindApplication, ".kustomize.components", Done, "", nil},
		{kindApplication, ".kustomize.ignoreMissingComponents", Done, "every component that exists is added; Argo CD v3.6 stops after the first", nil},
		{kindApplication, ".kustomize.version", Noted, "not done: there is one kustomize, v5", nil},
		{kindApplication, ".kustomize.kubeVersion", Needless, "it is for charts in a kustomization, which are not rendered", nil},
		{kindApplication, ".kustomize.apiVersions", Needless, "it is for charts in a kustomization, which are not rendered", nil},
		{kindApplication, ".plugin", Refused, "plugins are not supported: put what the plugin gives into Git", nil},
	})
	for i := range out {
		out[i].Path = at + out[i].Path
	}
	return out
}

const syncOptionsAt = "spec.syncPolicy.syncOptions"

// syncOptionFields are the options, by name and value.
var syncOptionFields = func() []Field {
	out := []Field{
		{kindApplication, "CreateNamespace=true", Done, "it is never deleted", nil},
		{kindApplication, "CreateNamespace=false", Needless, "", nil},
		{kindApplication, "Prune=false", Done, "", nil},
		{kindApplication, "Prune=true", Needless, "", nil},
		{kindApplication, "Prune=confirm", Noted, "not done: nobody is asked before an object is pruned, but the deletion budget applies", nil},
		{kindApplication, "Delete=false", Done, "the objects stay when the Application goes", nil},
		{kindApplication, "Delete=true", Needless, "", nil},
		{kindApplication, "Delete=confirm", Noted, "not done: nobody is asked before the objects of an Application that went are deleted", nil},
		{kindApplication, "PruneLast=true", Needless, "objects are always deleted after all others are applied", nil},
		{kindApplication, "PruneLast=false", Needless, "objects are always deleted after all others are applied", nil},
		{kindApplication, "PrunePropagationPolicy=foreground", Noted, "not done: objects are deleted with the policy of the API server's default", nil},
		{kindApplication, "PrunePropagationPolicy=background", Needless, "it is the default", nil},
		{kindApplication, "PrunePropagationPolicy=orphan", Refused, "not supported: what a deleted object owns would be deleted too; take out prune", nil},
		{kindApplication, "ApplyOutOfSyncOnly=true", Needless, "only what changed is ever sent", nil},
		{kindApplication, "ApplyOutOfSyncOnly=false", Needless, "only what changed is ever sent", nil},
		{kindApplication, "ServerSideApply=true", Needless, "always", nil},
		{kindApplication, "ServerSideApply=false", Needless, "always server-side", nil},
		{kindApplication, "ClientSideApplyMigration=true", Needless, "fields of other managers are taken over", nil},
		{kindApplication, "ClientSideApplyMigration=false", Needless, "fields of other managers are taken over", nil},
		{kindApplication, "Replace=true", Noted, "not done: objects are applied server-side; what others added to them stays", nil},
		{kindApplication, "Replace=false", Needless, "", nil},
		{kindApplication, "Force=true", Noted, "not done for a whole app, as in Argo CD, which knows it on objects alone", nil},
		{kindApplication, "Force=false", Needless, "", nil},
		{kindApplication, "Validate=false", Noted, "not done: the API server says what is wrong with an object, and that object alone fails", nil},
		{kindApplication, "Validate=true", Needless, "", nil},
		{kindApplication, "RespectIgnoreDifferences=true", Done, "always", nil},
		{kindApplication, "RespectIgnoreDifferences=false", Noted, "not done: fields under ignoreDifferences are left to others once the object exists", nil},
		{kindApplication, "SkipDryRunOnMissingResource=true", Needless, "an object waits for its definition by itself, and nothing else waits for it", nil},
		{kindApplication, "SkipDryRunOnMissingResource=false", Needless, "", nil},
		{kindApplication, "FailOnSharedResource=true", Needless, "of two apps that have the same object, the newcomer stops", nil},
		{kindApplication, "FailOnSharedResource=false", Noted, "not done: of two apps that have the same object, the newcomer stops", nil},
	}
	for i := range out {
		out[i].Path = syncOptionsAt + "[" + out[i].Path + "]"
	}
	return out
}()

var setFields = []Field{
	{kindApplicationSet, "spec.goTemplate", Done, "with sprig's functions, but for those that look at the machine or give something else each time", nil},
	{kindApplicationSet, "spec.goTemplateOptions", Done, "", nil},
	{kindApplicationSet, "spec.template", Done, "", nil},
	{kindApplicationSet, "spec.templatePatch", Done, "as a merge patch; $patch and the like are refused", nil},
	{kindApplicationSet, "spec.generators[].list", Done, "", nil},
	{kindApplicationSet, "spec.generators[].clusters", Done, "the clusters of the fleet, by what their cluster.yaml says", nil},
	{kindApplicationSet, "spec.generators[].git", Done, "of this repository, at the branch that is followed", nil},
	{kindApplicationSet, "spec.generators[].git.requeueAfterSeconds", Needless, "a commit is followed when it comes", nil},
	{kindApplicationSet, "spec.generators[].matrix", Done, "", nil},
	{kindApplicationSet, "spec.generators[].merge", Done, "", nil},
	{kindApplicationSet, "spec.generators[].selector", Done, "", nil},
	{kindApplicationSet, "spec.generators[].scmProvider", Noted, "not supported: the Applications that it gave are kept; list the repositories", nil},
	{kindApplicationSet, "spec.generators[].pullRequest", Noted, "not supported: the Applications that it gave are kept", nil},
	{kindApplicationSet, "spec.generators[].plugin", Noted, "not supported: the Applications that it gave are kept; write its parameters into a list", nil},
	{kindApplicationSet, "spec.generators[].clusterDecisionResource", Noted, "not supported: the Applications that it gave are kept; select clusters by labels", nil},
	{kindApplicationSet, "spec.generators[].oci", Noted, "not supported: the Applications that it gave are kept; put the files into this repository", nil},
	{kindApplicationSet, "spec.syncPolicy.preserveResourcesOnDeletion", Done, "", nil},
	{kindApplicationSet, "spec.syncPolicy.applicationsSync", Done, "create-update and create-only: what an Application delivered stays when it goes. That create-only leaves Applications as they first were is not done", []string{"sync"}},
	{kindApplicationSet, "spec.strategy", Noted, "not done: all Applications are delivered at once; roll out by branches or labels", []string{"map[type:AllAtOnce]"}},
	{kindApplicationSet, "spec.preservedFields", Needless, "there are no Application objects that others could change", nil},
	{kindApplicationSet, "spec.ignoreApplicationDifferences", Needless, "there are no Application objects that others could change", nil},
	{kindApplicationSet, "spec.applyNestedSelectors", Needless, "selectors of nested generators always apply, as in Argo CD since v3.0", nil},
}
