package flux

import (
	"slices"
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

var gitFields = []row{
	{kindGitRepository, "spec.url", done,
		"compared with the repository that the hub follows, whatever the spelling (ssh, https, .git); any other is " +
			"fetched beside it", nil},
	{kindGitRepository, "spec.ref.branch", done,
		"without any ref it is master, as in Flux; of the repository that the hub follows, the branch that it follows", nil},
	{kindGitRepository, "spec.ref.name", done, "", nil},
	{kindGitRepository, "spec.ref.tag", done, "", nil},
	{kindGitRepository, "spec.ref.semver", done, "the highest tag in the range", nil},
	{kindGitRepository, "spec.ref.commit", done, "", nil},
	{kindGitRepository, "spec.include", done, "not seen in the cluster's own folder, and said so", nil},
	{kindGitRepository, "spec.include[].repository", done, "", nil},
	{kindGitRepository, "spec.include[].fromPath", done, "", nil},
	{kindGitRepository, "spec.include[].toPath", done, "", nil},
	{kindGitRepository, "spec.ignore", done,
		"with .sourceignore as in Flux; not for the cluster's own folder, and said so; of the repository that the hub " +
			"follows symbolic links are seen as well", nil},
	{kindGitRepository, "spec.verify", refused, noVerification, nil},
	{kindGitRepository, "spec.suspend", noted, "not done: suspend the apps, or the cluster in its cluster.yaml",
		[]string{"false"}},
	{kindGitRepository, "spec.recurseSubmodules", noted, "not done: submodules are not read", []string{"false"}},
	{kindGitRepository, "spec.sparseCheckout", needless, "nothing is checked out", nil},
	{kindGitRepository, "spec.interval", done, everyInterval + "; the repository that it follows it watches", nil},
	{kindGitRepository, "spec.timeout", needless, "the hub's own", nil},
	{kindGitRepository, "spec.secretRef", done,
		ownCredentials + "; for the repository that the hub follows, what --git-… say", nil},
	{kindGitRepository, "spec.provider", needless, "credentials say how the hub logs in, as a GitHub App too", nil},
	{kindGitRepository, "spec.serviceAccountName", needless, "the hub has its own credentials: `drover hub --help`", nil},
	{kindGitRepository, "spec.proxySecretRef", needless, "the hub has its own way to the network", nil},
}

var ociFields = []row{
	{kindOCIRepository, "spec.url", done, "", nil},
	{kindOCIRepository, "spec.ref.tag", done, "latest without any ref; the tag is followed when it moves", nil},
	{kindOCIRepository, "spec.ref.semver", done, "", nil},
	{kindOCIRepository, "spec.ref.digest", done, "", nil},
	{kindOCIRepository, "spec.ref.semverFilter", refused,
		"not supported: write a range that only the wanted tags are in", nil},
	{kindOCIRepository, "spec.layerSelector", done, "", nil},
	{kindOCIRepository, "spec.ignore", done, "with .sourceignore as in Flux", nil},
	{kindOCIRepository, "spec.verify", refused, noVerification, nil},
	{kindOCIRepository, "spec.insecure", done, "a credential is sent over http only if it is for an http:// address", nil},
	{kindOCIRepository, "spec.suspend", noted, "not done: suspend the apps, or the cluster in its cluster.yaml",
		[]string{"false"}},
	{kindOCIRepository, "spec.interval", done, everyInterval, nil},
	{kindOCIRepository, "spec.timeout", needless, "the hub's own", nil},
	{kindOCIRepository, "spec.secretRef", done, ownCredentials, nil},
	{kindOCIRepository, "spec.certSecretRef", needless, "certificates are part of the hub's credential for the address",
		nil},
	{kindOCIRepository, "spec.serviceAccountName", needless, "the hub has its own credentials: `drover hub --help`", nil},
	{kindOCIRepository, "spec.provider", noted, noIdentity, []string{"generic"}},
	{kindOCIRepository, "spec.proxySecretRef", needless, "the hub has its own way to the network", nil},
}

var helmFields = []row{
	{kindHelmRepository, "spec.url", done, "https:// or oci://", nil},
	{kindHelmRepository, "spec.type", needless, "the address says it", nil},
	{kindHelmRepository, "spec.interval", done, everyInterval, nil},
	{kindHelmRepository, "spec.timeout", needless, "the hub's own", nil},
	{kindHelmRepository, "spec.secretRef", done, ownCredentials, nil},
	{kindHelmRepository, "spec.certSecretRef", needless, "certificates are part of the hub's credential for the address",
		nil},
	{kindHelmRepository, "spec.passCredentials", noted,
		"not done: a credential is sent to the addresses that it is for, and nowhere else", []string{"false"}},
	{kindHelmRepository, "spec.insecure", done, "a credential is sent over http only if it is for an http:// address",
		nil},
	{kindHelmRepository, "spec.suspend", noted, "not done: suspend the apps, or the cluster in its cluster.yaml",
		[]string{"false"}},
	{kindHelmRepository, "spec.accessFrom", noted,
		"not done: what may be used is up to who may write into the cluster's folder", nil},
	{kindHelmRepository, "spec.provider", noted, noIdentity, []string{"generic"}},
	{kindHelmChart, "spec.chart", done, "", nil},
	{kindHelmChart, "spec.version", done, "", nil},
	{kindHelmChart, "spec.sourceRef", done, "a HelmRepository, a GitRepository or an OCIRepository", nil},
	{kindHelmChart, "spec.interval", done, everyInterval, nil},
	{kindHelmChart, "spec.reconcileStrategy", needless,
		"whatever changes in the chart is delivered, whether its version changes or not", nil},
	{kindHelmChart, "spec.valuesFiles", done, "", nil},
	{kindHelmChart, "spec.ignoreMissingValuesFiles", done, "", nil},
	{kindHelmChart, "spec.suspend", noted, "not done: suspend the apps, or the cluster in its cluster.yaml",
		[]string{"false"}},
	{kindHelmChart, "spec.verify", refused, noVerification, nil},
}

var artifactFields = []row{
	{kindArtifactGenerator, "spec.sources", done,
		"a GitRepository, an OCIRepository, or an ExternalArtifact that another generator makes; a Bucket or a HelmChart " +
			"stops the apps", nil},
	{kindArtifactGenerator, "spec.sources[].alias", done, "", nil},
	{kindArtifactGenerator, "spec.sources[].kind", done, "", nil},
	{kindArtifactGenerator, "spec.sources[].name", done, "", nil},
	{kindArtifactGenerator, "spec.sources[].namespace", done, "", nil},
	{kindArtifactGenerator, "spec.artifacts", done,
		"resolved by the hub where an app names one: no ExternalArtifact comes into the cluster", nil},
	{kindArtifactGenerator, "spec.artifacts[].name", done, "", nil},
	{kindArtifactGenerator, "spec.artifacts[].namespace", done, "", nil},
	{kindArtifactGenerator, "spec.artifacts[].copy", done,
		"from, to, exclude, strategy (Overwrite, Merge, Extract) and optional, by the rules of source-watcher", nil},
	{kindArtifactGenerator, "spec.artifacts[].revision", needless,
		"an app says of what revision of the repository it is", nil},
	{kindArtifactGenerator, "spec.artifacts[].originRevision", needless,
		"an app says of what revision of the repository it is", nil},
	{kindArtifactGenerator, "spec.artifacts[].inputsFrom", noted,
		"not done: there is no ExternalArtifact whose status could hold them", nil},
	{kindArtifactGenerator, "spec.pathPattern", refused, "not supported: write the artifacts out one by one", nil},
	{kindArtifactGenerator, "spec.managedNamespaces", noted, "not done: write the namespaces as manifests", nil},
	{kindArtifactGenerator, "spec.serviceAccountName", needless, "nothing is made in the cluster", nil},
	{kindArtifactGenerator, "spec.commonMetadata", needless, "nothing is made in the cluster", nil},
}
