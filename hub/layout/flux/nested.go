package flux

import (
	"slices"

	"github.com/drover-dev/drover/hub/layout/planning"
)

// The fields of what several fields of Flux' kinds hold.
var (
	targetFields = []string{"group", "version", "kind", "name", "namespace", "labelSelector", "annotationSelector"}
	imageFields  = []string{"name", "newName", "newTag", "digest"}
	sourceFields = []string{"apiVersion", "kind", "name", "namespace"}
	metaFields   = []string{"labels", "annotations"}
	named        = []string{"name"}
)

// nested lists the fields below those that Fields has a row for as a whole, so that one which no release of Flux knows
// is named there, too, and nothing is done with it.
func nested() []planning.Field {
	within := planning.Within
	patches := func(kind, at string) []planning.Field {
		return slices.Concat(within(kind, at+"[]", "patch"), within(kind, at+"[].target", targetFields...))
	}
	ignored := func(kind, at string) []planning.Field {
		return slices.Concat(within(kind, at+"[]", "paths"), within(kind, at+"[].target", targetFields...))
	}
	const k, h = kindKustomization, kindHelmRelease
	return slices.Concat(
		within(k, "spec.sourceRef", sourceFields...), patches(k, "spec.patches"), ignored(k, "spec.ignore"),
		within(k, "spec.images[]", imageFields...), within(k, "spec.commonMetadata", metaFields...),
		within(k, "spec.postBuild.substituteFrom[]", "kind", "name", "optional"),
		within(k, "spec.kubeConfig.secretRef", "name", "key"), within(h, "spec.kubeConfig.secretRef", "name", "key"),
		within(k, "spec.healthChecks[]", sourceFields...), within(k, "spec.decryption.secretRef", named...),

		within(h, "spec.chart.spec.sourceRef", sourceFields...), within(h, "spec.chart.metadata", metaFields...),
		within(h, "spec.chartRef", sourceFields...), within(h, "spec.commonMetadata", metaFields...),
		within(h, "spec.valuesFrom[]", "kind", "name", "valuesKey", "targetPath", "optional", "literal"),
		within(h, "spec.install.remediation", "retries", "ignoreTestFailures", "remediateLastFailure"),
		within(h, "spec.install.strategy", "name", "retryInterval"),
		within(h, "spec.upgrade.remediation", "retries", "ignoreTestFailures", "remediateLastFailure", "strategy"),
		within(h, "spec.upgrade.strategy", "name", "retryInterval"),
		within(h, "spec.rollback", "timeout", "disableWait", "disableWaitForJobs", "disableHooks", "recreate", "force",
			"cleanupOnFail", "serverSideApply"),
		within(h, "spec.test.filters[]", "name", "exclude"), within(h, "spec.waitStrategy", named...),
		ignored(h, "spec.driftDetection.ignore"), patches(h, "spec.postRenderers[].kustomize.patches"),
		within(h, "spec.postRenderers[].kustomize.images[]", imageFields...), formerPatches(),

		within(kindFluxInstance, "spec.sync", "kind", "url", "ref", "path"),
		within(kindGitRepository, "spec.include[].repository", named...), within(kindGitRepository, "spec.secretRef", named...),
		within(kindOCIRepository, "spec.layerSelector", "mediaType", "operation"),
		within(kindOCIRepository, "spec.secretRef", named...), within(kindHelmRepository, "spec.secretRef", named...),
		within(kindHelmChart, "spec.sourceRef", sourceFields...),
		within(kindArtifactGenerator, "spec.artifacts[].copy[]", "from", "to", "exclude", "strategy", "optional"),
	)
}

// formerPatches are fields of a HelmRelease that its v2 does not have any more.
func formerPatches() []planning.Field {
	out := planning.Within(kindHelmRelease, "spec.postRenderers[].kustomize", "patchesStrategicMerge", "patchesJson6902")
	for i := range out {
		out[i].Support, out[i].Says = noted, "no field of helm.toolkit.fluxcd.io/v2: nothing is done with it; write "+
			"spec.postRenderers[].kustomize.patches"
	}
	return out
}
