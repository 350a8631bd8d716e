package flux

import (
	"slices"

	"github.com/drover-dev/drover/hub/layout/planning"
)

// Fields lists every field that Drover knows of Flux' kinds. It is what `drover lint` goes by, and the table of
// docs/from-flux.md. The reference is the API of kustomize-controller v1.10, source-controller v1.10 and
// helm-controller v1.6.
func Fields() []planning.Field { return slices.Concat(fluxFields, releaseFields, fluxSources) }

// judged is the table by which objects are read: with what is below fields that are done as a whole. A target or an
// item of valuesFrom with a field that is not known would select something else.
var judged = planning.NewTable(slices.Concat(Fields(), nested()), ".target", ".valuesFrom[]")

var fluxFields = []planning.Field{
	row(kindKustomization, "spec.path", done, "cleaned as Flux does: seen from the repository's root, and never above it"),
	row(kindKustomization, "spec.sourceRef", done,
		"a GitRepository, an OCIRepository, or an ExternalArtifact that an ArtifactGenerator in what the folder renders "+
			"to makes; a Bucket stops the app"),
	row(kindKustomization, "spec.dependsOn", done, "waits until all objects of that app are healthy"),
	row(kindKustomization, "spec.dependsOn[].name", done, ""),
	row(kindKustomization, "spec.dependsOn[].namespace", done, ""),
	row(kindKustomization, "spec.dependsOn[].readyExpr", done,
		"instead of the other's health, as in Flux; of self and dep there are metadata and spec as Git has them, and in "+
			"status the conditions Ready and Healthy, observedGeneration, lastAppliedRevision and lastAttemptedRevision"),
	row(kindKustomization, "spec.prune", done, "an object that left the app is deleted"),
	row(kindKustomization, "spec.deletionPolicy", done,
		"Orphan keeps the objects when the Kustomization goes; Delete and WaitForTermination delete nothing where prune "+
			"is false"),
	row(kindKustomization, "spec.suspend", done, "the app, and every app that it declares, is left as it is"),
	row(kindKustomization, "spec.targetNamespace", done, ""),
	row(kindKustomization, "spec.namePrefix", done, ""),
	row(kindKustomization, "spec.nameSuffix", done, ""),
	row(kindKustomization, "spec.patches", done, ""),
	row(kindKustomization, "spec.images", done, ""),
	row(kindKustomization, "spec.components", done, ""),
	row(kindKustomization, "spec.ignoreMissingComponents", done, ""),
	row(kindKustomization, "spec.buildMetadata", done, ""),
	row(kindKustomization, "spec.commonMetadata", done, ""),
	row(kindKustomization, "spec.postBuild.substitute", done,
		"by Flux's own library; a variable without a value is empty, as in Flux without strict substitution"),
	row(kindKustomization, "spec.postBuild.substituteFrom", done,
		"a ConfigMap or Secret that this cluster's folder renders to, or that only the cluster has: then the agent "+
			"replaces, the app waits for the object, and another value is applied at once; of what declares apps, "+
			"the values of HelmReleases alone may use such variables"),
	row(kindKustomization, "spec.postBuild.substituteStrategy", done, ""),
	row(kindKustomization, "spec.timeout", done, "for becoming healthy; without it the agent's own"),
	row(kindKustomization, "spec.interval", needless,
		"a commit is followed when it comes, and drift is corrected when it happens"),
	row(kindKustomization, "spec.retryInterval", needless, "what fails is tried again with a growing pause"),
	row(kindKustomization, "spec.wait", done,
		"the health of all objects is always watched; with it, apps that depend on this one wait for the apps that it "+
			"declares, too"),
	row(kindKustomization, "spec.healthChecks", done,
		"objects that are not the app's own must be healthy for it to be; HelmReleases and Kustomizations are waited for "+
			"by apps that depend on this one"),
	row(kindKustomization, "spec.healthCheckExprs", done,
		"for the app's own objects; the conditions of what is not healthy say why"),
	row(kindKustomization, "spec.healthCheckExprs[].apiVersion", done, ""),
	row(kindKustomization, "spec.healthCheckExprs[].kind", done, ""),
	row(kindKustomization, "spec.healthCheckExprs[].inProgress", done, ""),
	row(kindKustomization, "spec.healthCheckExprs[].failed", done, ""),
	row(kindKustomization, "spec.healthCheckExprs[].current", done, ""),
	row(kindKustomization, "spec.force", done, "an object with an immutable field that changed is deleted and recreated"),
	row(kindKustomization, "spec.ignore", done, "fields that Git has are left to others once the object exists"),
	row(kindKustomization, "spec.decryption", done,
		"the agent decrypts, in the cluster, with age keys; see docs/secrets.md"),
	row(kindKustomization, "spec.decryption.provider", done, "sops, as in Flux"),
	row(kindKustomization, "spec.decryption.secretRef", done,
		"a Secret of the cluster; its values whose keys end in .agekey are age identities, others are not used. Without "+
			"it: the Secret drover-sops in the agent's namespace"),
	row(kindKustomization, "spec.decryption.serviceAccountName", noted,
		"not used: it is for the key management services of clouds, and Drover decrypts with age alone"),
	row(kindKustomization, "spec.serviceAccountName", done,
		"the agent impersonates it; apps that the app declares have it too, and may name no other. Flux' own "+
			"controllers' accounts stand for the agent's own rights"),
	row(kindKustomization, "spec.kubeConfig", done,
		"delivered in the folder of the cluster that is meant; left out, with a note, in those of others"),
	row(kindKustomization, "spec.kubeConfig.secretRef", done,
		"a name for the cluster, nothing is read from it: that in its cluster.yaml (flux.kubeConfig), its own name, with "+
			"-kubeconfig or without, or the namespace of a Secret cluster-kubeconfig"),
	row(kindKustomization, "spec.kubeConfig.configMapRef", refused, "it does not say which cluster is meant: name a Secret"),
}
