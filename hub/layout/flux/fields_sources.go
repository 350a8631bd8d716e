package flux

import (
	"slices"

	"github.com/drover-dev/drover/hub/layout/planning"
)

// How the fields of sources are answered alike.
const (
	ownCredentials = "the credential of that name that `drover hub --credentials-dir` has, if it is for the address; " +
		"else the one that is for the address"
	noIdentity     = "not supported: the hub does not log in as its machine; give it a credential with --credentials-dir"
	noVerification = "not supported: signatures are not verified, so nothing is delivered that has to be; take the " +
		"field out if that is what you want"
	everyInterval = "how often the hub looks for something newer, at most every ten seconds"
)

// fluxSources are those of the sources of Flux. They stand for source.toolkit.fluxcd.io/v1 and
// source.extensions.fluxcd.io/v1beta1.
var fluxSources = slices.Concat(gitFields, ociFields, helmFields, artifactFields)

var gitFields = []planning.Field{
	row(kindGitRepository, "spec.url", done,
		"compared with the repository that the hub follows, whatever the spelling (ssh, https, .git); any other is "+
			"fetched beside it"),
	row(kindGitRepository, "spec.ref.branch", done,
		"without any ref it is master, as in Flux; of the repository that the hub follows, the branch that it follows"),
	row(kindGitRepository, "spec.ref.name", done, ""),
	row(kindGitRepository, "spec.ref.tag", done, ""),
	row(kindGitRepository, "spec.ref.semver", done, "the highest tag in the range"),
	row(kindGitRepository, "spec.ref.commit", done, ""),
	row(kindGitRepository, "spec.include", done, "not seen in the cluster's own folder, and said so"),
	row(kindGitRepository, "spec.include[].repository", done, ""),
	row(kindGitRepository, "spec.include[].fromPath", done, ""),
	row(kindGitRepository, "spec.include[].toPath", done, ""),
	row(kindGitRepository, "spec.ignore", done,
		"with .sourceignore as in Flux; not for the cluster's own folder, and said so; of the repository that the hub "+
			"follows symbolic links are seen as well"),
	row(kindGitRepository, "spec.verify", refused, noVerification),
	row(kindGitRepository, "spec.suspend", noted, "not done: suspend the apps, or the cluster in its cluster.yaml",
		"false"),
	row(kindGitRepository, "spec.recurseSubmodules", done, "without it submodules are empty folders, as in Flux"),
	row(kindGitRepository, "spec.sparseCheckout", needless, "nothing is checked out"),
	row(kindGitRepository, "spec.interval", done, everyInterval+"; the repository that it follows it watches"),
	row(kindGitRepository, "spec.timeout", needless, "the hub's own"),
	row(kindGitRepository, "spec.secretRef", done,
		ownCredentials+"; for the repository that the hub follows, what --git-… say"),
	row(kindGitRepository, "spec.provider", needless, "credentials say how the hub logs in, as a GitHub App too"),
	row(kindGitRepository, "spec.serviceAccountName", needless, "the hub has its own credentials: `drover hub --help`"),
	row(kindGitRepository, "spec.proxySecretRef", needless, "the hub has its own way to the network"),
}

var ociFields = []planning.Field{
	row(kindOCIRepository, "spec.url", done, ""),
	row(kindOCIRepository, "spec.ref.tag", done, "latest without any ref; the tag is followed when it moves"),
	row(kindOCIRepository, "spec.ref.semver", done, ""),
	row(kindOCIRepository, "spec.ref.digest", done, ""),
	row(kindOCIRepository, "spec.ref.semverFilter", refused,
		"not supported: write a range that only the wanted tags are in"),
	row(kindOCIRepository, "spec.layerSelector", done, ""),
	row(kindOCIRepository, "spec.ignore", done, "with .sourceignore as in Flux"),
	row(kindOCIRepository, "spec.verify", refused, noVerification),
	row(kindOCIRepository, "spec.insecure", done, "a credential is sent over http only if it is for an http:// address"),
	row(kindOCIRepository, "spec.suspend", noted, "not done: suspend the apps, or the cluster in its cluster.yaml",
		"false"),
	row(kindOCIRepository, "spec.interval", done, everyInterval),
	row(kindOCIRepository, "spec.timeout", needless, "the hub's own"),
	row(kindOCIRepository, "spec.secretRef", done, ownCredentials),
	row(kindOCIRepository, "spec.certSecretRef", needless, "certificates are part of the hub's credential for the address"),
	row(kindOCIRepository, "spec.serviceAccountName", needless, "the hub has its own credentials: `drover hub --help`"),
	row(kindOCIRepository, "spec.provider", noted, noIdentity, "generic"),
	row(kindOCIRepository, "spec.proxySecretRef", needless, "the hub has its own way to the network"),
}

var helmFields = []planning.Field{
	row(kindHelmRepository, "spec.url", done, "https:// or oci://"),
	row(kindHelmRepository, "spec.type", needless, "the address says it"),
	row(kindHelmRepository, "spec.interval", done, everyInterval),
	row(kindHelmRepository, "spec.timeout", needless, "the hub's own"),
	row(kindHelmRepository, "spec.secretRef", done, ownCredentials),
	row(kindHelmRepository, "spec.certSecretRef", needless, "certificates are part of the hub's credential for the address"),
	row(kindHelmRepository, "spec.passCredentials", noted,
		"not done: a credential is sent to the addresses that it is for, and nowhere else", "false"),
	row(kindHelmRepository, "spec.insecure", done, "a credential is sent over http only if it is for an http:// address"),
	row(kindHelmRepository, "spec.suspend", noted, "not done: suspend the apps, or the cluster in its cluster.yaml",
		"false"),
	row(kindHelmRepository, "spec.accessFrom", noted,
		"not done: what may be used is up to who may write into the cluster's folder"),
	row(kindHelmRepository, "spec.provider", noted, noIdentity, "generic"),
	row(kindHelmChart, "spec.chart", done, ""),
	row(kindHelmChart, "spec.version", done, ""),
	row(kindHelmChart, "spec.sourceRef", done, "a HelmRepository, a GitRepository or an OCIRepository"),
	row(kindHelmChart, "spec.interval", done, everyInterval),
	row(kindHelmChart, "spec.reconcileStrategy", needless,
		"whatever changes in the chart is delivered, whether its version changes or not"),
	row(kindHelmChart, "spec.valuesFiles", done, ""),
	row(kindHelmChart, "spec.ignoreMissingValuesFiles", done, ""),
	row(kindHelmChart, "spec.suspend", noted, "not done: suspend the apps, or the cluster in its cluster.yaml",
		"false"),
	row(kindHelmChart, "spec.verify", refused, noVerification),
}

var artifactFields = []planning.Field{
	row(kindArtifactGenerator, "spec.sources", done,
		"a GitRepository, an OCIRepository, or an ExternalArtifact that another generator makes; a Bucket or a HelmChart "+
			"stops the apps"),
	row(kindArtifactGenerator, "spec.sources[].alias", done, ""),
	row(kindArtifactGenerator, "spec.sources[].kind", done, ""),
	row(kindArtifactGenerator, "spec.sources[].name", done, ""),
	row(kindArtifactGenerator, "spec.sources[].namespace", done, ""),
	row(kindArtifactGenerator, "spec.artifacts", done,
		"resolved by the hub where an app names one: no ExternalArtifact comes into the cluster"),
	row(kindArtifactGenerator, "spec.artifacts[].name", done, ""),
	row(kindArtifactGenerator, "spec.artifacts[].namespace", done, ""),
	row(kindArtifactGenerator, "spec.artifacts[].copy", done,
		"from, to, exclude, strategy (Overwrite, Merge, Extract) and optional, by the rules of source-watcher"),
	row(kindArtifactGenerator, "spec.artifacts[].revision", needless,
		"an app says of what revision of the repository it is"),
	row(kindArtifactGenerator, "spec.artifacts[].originRevision", needless,
		"an app says of what revision of the repository it is"),
	row(kindArtifactGenerator, "spec.artifacts[].inputsFrom", noted,
		"not done: there is no ExternalArtifact whose status could hold them"),
	row(kindArtifactGenerator, "spec.pathPattern", done, "an artifact for each folder that matches, by the rules of "+
		"source-watcher"),
	row(kindArtifactGenerator, "spec.managedNamespaces", noted, "not done: write the namespaces as manifests"),
	row(kindArtifactGenerator, "spec.serviceAccountName", needless, "nothing is made in the cluster"),
	row(kindArtifactGenerator, "spec.commonMetadata", needless, "nothing is made in the cluster"),
}
