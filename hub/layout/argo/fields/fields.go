package fields

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

// List gives every field that Drover knows of Argo CD's kinds. It is what `drover lint` goes by, and the table of
// docs/from-argocd.md. Of an Application's spec.sources the same is true as of its spec.source. The reference is the
// API of Argo CD v3.6.
func List() []planning.Field {
	return slices.Concat(applicationFields, sourceFields("spec.source"), syncOptionFields, setFields, projectFields)
}

var applicationFields = []planning.Field{
	row(Application, "spec.destination.server", done,
		"https://kubernetes.default.svc is the cluster in whose folder the Application stands; another must be what "+
			"cluster.yaml says under spec.argocd. A slash at the end, the case of the host and the default port make no "+
			"difference"),
	row(Application, "spec.destination.name", done,
		"in-cluster, the name of a cluster's folder, or what its cluster.yaml says under spec.argocd"),
	row(Application, "spec.destination.namespace", done, "of namespaced objects that name none"),
	row(Application, "spec.project", done,
		"what the AppProject does not permit stops the Application; without an AppProject of that name in what is read, "+
			"nothing bounds it"),
	row(Application, "spec.syncPolicy.automated", done,
		"without it, what is delivered waits for `drover approve`, nothing is pruned, and what was approved is kept as "+
			"it is"),
	row(Application, "spec.syncPolicy.automated.enabled", done, ""),
	row(Application, "spec.syncPolicy.automated.prune", done, ""),
	row(Application, "spec.syncPolicy.automated.selfHeal", done, "without it drift is told and left"),
	row(Application, "spec.syncPolicy.automated.allowEmpty", done,
		"without it an Application that renders to nothing, and did not before, is an error and keeps its objects"),
	row(Application, "spec.syncPolicy.syncOptions", done, "each by itself, see below"),
	row(Application, "spec.syncPolicy.managedNamespaceMetadata", done, "when the namespace is created"),
	row(Application, "spec.syncPolicy.retry", needless, "what fails is tried again with a growing pause"),
	row(Application, "spec.ignoreDifferences", done,
		"these fields are left to others once the object exists, as with RespectIgnoreDifferences=true"),
	row(Application, "spec.revisionHistoryLimit", needless, "the history is in Git"),
	row(Application, "spec.info", needless, "for people"),
	row(Application, "spec.sourceHydrator", refused, "not supported: name the branch that it writes to as the source"),
}

// sourceFields are those of a source, at spec.source or spec.sources[].
func sourceFields(at string) []planning.Field {
	out := slices.Clone([]planning.Field{
		row(Application, ".repoURL", done,
			"this repository, in any spelling of its address, or another: Git, a Helm repository, an OCI registry"),
		row(Application, ".path", done, ""),
		row(Application, ".targetRevision", done,
			"HEAD is the branch that the hub follows. A range of versions, a commit id and a whole ref "+
				"are told by their form; anything else is a tag of that name, or else a branch"),
		row(Application, ".tagPrefix", refused, "not supported: write the tag"),
		row(Application, ".chart", done, ""),
		row(Application, ".ref", done, "for value files of other sources, as $ref/path"),
		row(Application, ".name", needless, "for people"),
		row(Application, ".directory.recurse", done, ""),
		row(Application, ".directory.include", done, ""),
		row(Application, ".directory.exclude", done, ""),
		row(Application, ".directory.jsonnet.tlas", done, ""),
		row(Application, ".directory.jsonnet.extVars", done, ""),
		row(Application, ".directory.jsonnet.libs", done, "folders seen from the repository's root"),
		row(Application, ".directory.disableExtensionFilter", refused,
			"not supported: name the files .yaml, .yml or .json", "false"),
		row(Application, ".helm.releaseName", done, "without it the Application's name"),
		row(Application, ".helm.valueFiles", done, "not from an address; patterns in this repository alone"),
		row(Application, ".helm.ignoreMissingValueFiles", done, ""),
		row(Application, ".helm.values", done, ""),
		row(Application, ".helm.valuesObject", done, ""),
		row(Application, ".helm.parameters", done, ""),
		row(Application, ".helm.fileParameters", done, ""),
		row(Application, ".helm.skipCrds", done, ""),
		row(Application, ".helm.skipSchemaValidation", done, ""),
		row(Application, ".helm.skipTests", needless, "hooks for tests are left out"),
		row(Application, ".helm.namespace", done, ""),
		row(Application, ".helm.kubeVersion", done, ""),
		row(Application, ".helm.apiVersions", done, ""),
		row(Application, ".helm.version", needless, "charts are rendered by Helm 4, which renders those for Helm 3 alike",
			"v3"),
		row(Application, ".helm.passCredentials", needless, "the hub has its own credentials: `drover hub --help`"),
		row(Application, ".kustomize.namePrefix", done, ""),
		row(Application, ".kustomize.nameSuffix", done, ""),
		row(Application, ".kustomize.namespace", done, ""),
		row(Application, ".kustomize.images", done, ""),
		row(Application, ".kustomize.replicas", done, ""),
		row(Application, ".kustomize.commonLabels", done, ""),
		row(Application, ".kustomize.forceCommonLabels", done, ""),
		row(Application, ".kustomize.labelWithoutSelector", done, ""),
		row(Application, ".kustomize.labelIncludeTemplates", done, ""),
		row(Application, ".kustomize.commonAnnotations", done, ""),
		row(Application, ".kustomize.forceCommonAnnotations", done, ""),
		row(Application, ".kustomize.commonAnnotationsEnvsubst", done, ""),
		row(Application, ".kustomize.patches", done, ""),
		row(Application, ".kustomize.components", done, ""),
		row(Application, ".kustomize.ignoreMissingComponents", done,
			"every component that exists is added; Argo CD v3.6 stops after the first"),
		row(Application, ".kustomize.version", noted, "not done: there is one kustomize, v5"),
		row(Application, ".kustomize.kubeVersion", done, "for the charts that a kustomization names"),
		row(Application, ".kustomize.apiVersions", done, "for the charts that a kustomization names"),
		row(Application, ".plugin.name", done, "a plugin that the operator configured with --renderer-plugins; "+
			"without a name the one that spec.discover finds"),
		row(Application, ".plugin.env", done, "all that Argo CD documents but ARGOCD_APP_REVISION*, which are not set"),
		row(Application, ".plugin.parameters", done, ""),
	})
	for i := range out {
		out[i].Path = at + out[i].Path
	}
	return out
}

const syncOptionsAt = "spec.syncPolicy.syncOptions"

// syncOptionFields are the options, by name and value.
var syncOptionFields = func() []planning.Field {
	out := []planning.Field{
		row(Application, "CreateNamespace=true", done, "it is never deleted"),
		row(Application, "CreateNamespace=false", needless, ""),
		row(Application, "Prune=false", done, ""),
		row(Application, "Prune=true", needless, ""),
		row(Application, "Prune=confirm", noted,
			"not done: nobody is asked before an object is pruned, but the deletion budget applies"),
		row(Application, "Delete=false", done, "the objects stay when the Application goes"),
		row(Application, "Delete=true", needless, ""),
		row(Application, "Delete=confirm", noted,
			"not done: nobody is asked before the objects of an Application that went are deleted"),
		row(Application, "PruneLast=true", needless, "objects are always deleted after all others are applied"),
		row(Application, "PruneLast=false", needless, "objects are always deleted after all others are applied"),
		row(Application, "PrunePropagationPolicy=foreground", noted,
			"not done: objects are deleted with the policy of the API server's default"),
		row(Application, "PrunePropagationPolicy=background", needless, "it is the default"),
		row(Application, "PrunePropagationPolicy=orphan", refused,
			"not supported: what a deleted object owns would be deleted too; take out prune"),
		row(Application, "ApplyOutOfSyncOnly=true", needless, "only what changed is ever sent"),
		row(Application, "ApplyOutOfSyncOnly=false", needless, "only what changed is ever sent"),
		row(Application, "ServerSideApply=true", needless, "always"),
		row(Application, "ServerSideApply=false", needless, "always server-side"),
		row(Application, "ClientSideApplyMigration=true", needless, "fields of other managers are taken over"),
		row(Application, "ClientSideApplyMigration=false", needless, "fields of other managers are taken over"),
		row(Application, "Replace=true", noted,
			"not done: objects are applied server-side; what others added to them stays"),
		row(Application, "Replace=false", needless, ""),
		row(Application, "Force=true", noted, "not done for a whole app, as in Argo CD, which knows it on objects alone"),
		row(Application, "Force=false", needless, ""),
		row(Application, "Validate=false", noted,
			"not done: the API server says what is wrong with an object, and that object alone fails"),
		row(Application, "Validate=true", needless, ""),
		row(Application, "RespectIgnoreDifferences=true", done, "always"),
		row(Application, "RespectIgnoreDifferences=false", noted,
			"not done: fields under ignoreDifferences are left to others once the object exists"),
		row(Application, "SkipDryRunOnMissingResource=true", needless,
			"an object waits for its definition by itself, and nothing else waits for it"),
		row(Application, "SkipDryRunOnMissingResource=false", needless, ""),
		row(Application, "FailOnSharedResource=true", noted,
			"not done where two apps declare an object with the same text, which they share; otherwise the newcomer goes on without the object"),
		row(Application, "FailOnSharedResource=false", noted,
			"done only where two apps declare an object with the same text; otherwise the newcomer goes on without the object"),
	}
	for i := range out {
		out[i].Path = syncOptionsAt + "[" + out[i].Path + "]"
	}
	return out
}()

var projectFields = []planning.Field{
	row(AppProject, "spec.description", needless, "for people"),
	row(AppProject, "spec.sourceRepos", done, "addresses of one repository are equal in every spelling"),
	row(AppProject, "spec.destinations", done, ""),
	row(AppProject, "spec.destinations[].name", done, "as an Application's"),
	row(AppProject, "spec.destinations[].server", done, "as an Application's"),
	row(AppProject, "spec.destinations[].namespace", done, "of the Application, and of every object that it renders to"),
	row(AppProject, "spec.clusterResourceWhitelist", done, ""),
	row(AppProject, "spec.clusterResourceBlacklist", done, ""),
	row(AppProject, "spec.namespaceResourceWhitelist", done, ""),
	row(AppProject, "spec.namespaceResourceBlacklist", done, ""),
	row(AppProject, "spec.sourceNamespaces", done, ""),
	row(AppProject, "spec.destinationServiceAccounts", done,
		"Applications are applied with the rights of the account, also where Argo CD was not told to impersonate"),
	row(AppProject, "spec.signatureKeys", done, "nothing new of the project's Applications is delivered: signatures "+
		"are not verified"),
	row(AppProject, "spec.permitOnlyProjectScopedClusters", done, "nothing new of the project's Applications is "+
		"delivered"),
	row(AppProject, "spec.roles", noted, "not done: who may change what is decided in Git"),
	row(AppProject, "spec.syncWindows", noted, "not done but for AppProjects below fleet/: a commit is delivered when "+
		"it comes; windows there, and those of a RolloutPolicy, hold it back (docs/rollouts.md)"),
	row(AppProject, "spec.orphanedResources", noted, "not done: objects that no app has are not looked for"),
}

var setFields = []planning.Field{
	row(ApplicationSet, "spec.goTemplate", done,
		"with sprig's functions, but for those that look at the machine or give something else each time"),
	row(ApplicationSet, "spec.goTemplateOptions", done, ""),
	row(ApplicationSet, "spec.template", done, ""),
	row(ApplicationSet, "spec.templatePatch", done,
		"as a merge patch, but finalizers are added; $patch and the like are refused"),
	row(ApplicationSet, "spec.generators[].list", done, ""),
	row(ApplicationSet, "spec.generators[].clusters", done,
		"the clusters of the fleet, by what their cluster.yaml says"),
	row(ApplicationSet, "spec.generators[].git", done, "of this repository and others, at any revision; followed like "+
		"sources"),
	row(ApplicationSet, "spec.generators[].git.requeueAfterSeconds", needless, "a commit is followed when it comes"),
	row(ApplicationSet, "spec.generators[].matrix", done, ""),
	row(ApplicationSet, "spec.generators[].merge", done, ""),
	row(ApplicationSet, "spec.generators[].selector", done, ""),
	row(ApplicationSet, "spec.generators[].scmProvider", refused,
		"this generator is not supported: list the repositories"),
	row(ApplicationSet, "spec.generators[].pullRequest", refused,
		"this generator is not supported: have CI commit a folder for each request, and use a git generator"),
	row(ApplicationSet, "spec.generators[].plugin", refused,
		"this generator is not supported: write its parameters into a list"),
	row(ApplicationSet, "spec.generators[].clusterDecisionResource", refused,
		"this generator is not supported: select clusters by labels"),
	row(ApplicationSet, "spec.generators[].oci", refused,
		"this generator is not supported: put the files into this repository"),
	row(ApplicationSet, "spec.syncPolicy.preserveResourcesOnDeletion", done, ""),
	row(ApplicationSet, "spec.syncPolicy.applicationsSync", done,
		"create-update and create-only: what an Application delivered stays when it goes. That create-only leaves "+
			"Applications as they first were is not done", "sync"),
	row(ApplicationSet, "spec.strategy", noted,
		"not done but for ApplicationSets below fleet/: all Applications are delivered at once; steps there, and waves of "+
			"a RolloutPolicy, release them one after the other (docs/rollouts.md)", "map[type:AllAtOnce]"),
	row(ApplicationSet, "spec.preservedFields", needless, "there are no Application objects that others could change"),
	row(ApplicationSet, "spec.ignoreApplicationDifferences", needless,
		"there are no Application objects that others could change"),
	row(ApplicationSet, "spec.applyNestedSelectors", needless,
		"selectors of nested generators always apply, as in Argo CD since v3.0"),
}
