package layout

import "slices"

// How the fields of sources are answered alike.
const (
	ownCredentials = "the credential of that name that `drover hub --credentials-dir` has, if it is for the address; else the one that is for the address"
	noIdentity     = "not supported: the hub does not log in as its machine; give it a credential with --credentials-dir"
	noVerification = "not supported: signatures are not verified, so nothing is delivered that has to be; take the field out if that is what you want"
	everyInterval  = "how often the hub looks for something newer, at most every ten seconds"
)

// fluxSources are those of the sources of Flux. They stand for source.toolkit.fluxcd.io/v1 and
// source.extensions.fluxcd.io/v1beta1.
var fluxSources = slices.Concat(gitFields, ociFields, helmFields, artifactFields)

var gitFields = []Field{
	{kindGitRepository, "spec.url", Done, "compared with the repository that the hub follows, whatever the spelling (ssh, https, .git); any other is fetched beside it", nil},
	{kindGitRepository, "spec.ref.branch", Done, "without any ref it is master, as in Flux; of the repository that the hub follows, the branch that it follows", nil},
	{kindGitRepository, "spec.ref.name", Done, "", nil},
	{kindGitRepository, "spec.ref.tag", Done, "", nil},
	{kindGitRepository, "spec.ref.semver", Done, "the highest tag in the range", nil},
	{kindGitRepository, "spec.ref.commit", Done, "", nil},
	{kindGitRepository, "spec.include", Done, "not seen in the cluster's own folder, and said so", nil},
	{kindGitRepository, "spec.include[].repository", Done, "", nil},
	{kindGitRepository, "spec.include[].fromPath", Done, "", nil},
	{kindGitRepository, "spec.include[].toPath", Done, "", nil},
	{kindGitRepository, "spec.ignore", Done, "with .sourceignore as in Flux; not for the cluster's own folder, and said so; of the repository that the hub follows symbolic links are seen as well", nil},
	{kindGitRepository, "spec.verify", Refused, noVerification, nil},
	{kindGitRepository, "spec.suspend", Noted, "not done: suspend the apps, or the cluster in its cluster.yaml", []string{"false"}},
	{kindGitRepository, "spec.recurseSubmodules", Noted, "not done: submodules are not read", []string{"false"}},
	{kindGitRepository, "spec.sparseCheckout", Needless, "nothing is checked out", nil},
	{kindGitRepository, "spec.interval", Done, everyInterval + "; the repository that it follows it watches", nil},
	{kindGitRepository, "spec.timeout", Needless, "the hub's own", nil},
	{kindGitRepository, "spec.secretRef", Done, ownCredentials + "; for the repository that the hub follows, what --git-… say", nil},
	{kindGitRepository, "spec.provider", Needless, "credentials say how the hub logs in, as a GitHub App too", nil},
	{kindGitRepository, "spec.serviceAccountName", Needless, "the hub has its own credentials: `drover hub --help`", nil},
	{kindGitRepository, "spec.proxySecretRef", Needless, "the hub has its own way to the network", nil},
}

var ociFields = []Field{
	{kindOCIRepository, "spec.url", Done, "", nil},
	{kindOCIRepository, "spec.ref.tag", Done, "latest without any ref; the tag is followed when it moves", nil},
	{kindOCIRepository, "spec.ref.semver", Done, "", nil},
	{kindOCIRepository, "spec.ref.digest", Done, "", nil},
	{kindOCIRepository, "spec.ref.semverFilter", Refused, "not supported: write a range that only the wanted tags are in", nil},
	{kindOCIRepository, "spec.layerSelector", Done, "", nil},
	{kindOCIRepository, "spec.ignore", Done, "with .sourceignore as in Flux", nil},
	{kindOCIRepository, "spec.verify", Refused, noVerification, nil},
	{kindOCIRepository, "spec.insecure", Done, "a credential is sent over http only if it is for an http:// address", nil},
	{kindOCIRepository, "spec.suspend", Noted, "not done: suspend the apps, or the cluster in its cluster.yaml", []string{"false"}},
	{kindOCIRepository, "spec.interval", Done, everyInterval, nil},
	{kindOCIRepository, "spec.timeout", Needless, "the hub's own", nil},
	{kindOCIRepository, "spec.secretRef", Done, ownCredentials, nil},
	{kindOCIRepository, "spec.certSecretRef", Needless, "certificates are part of the hub's credential for the address", nil},
	{kindOCIRepository, "spec.serviceAccountName", Needless, "the hub has its own credentials: `drover hub --help`", nil},
	{kindOCIRepository, "spec.provider", Noted, noIdentity, []string{"generic"}},
	{kindOCIRepository, "spec.proxySecretRef", Needless, "the hub has its own way to the network", nil},
}

var helmFields = []Field{
	{kindHelmRepository, "spec.url", Done, "https:// or oci://", nil},
	{kindHelmRepository, "spec.type", Needless, "the address says it", nil},
	{kindHelmRepository, "spec.interval", Done, everyInterval, nil},
	{kindHelmRepository, "spec.timeout", Needless, "the hub's own", nil},
	{kindHelmRepository, "spec.secretRef", Done, ownCredentials, nil},
	{kindHelmRepository, "spec.certSecretRef", Needless, "certificates are part of the hub's credential for the address", nil},
	{kindHelmRepository, "spec.passCredentials", Noted, "not done: a credential is sent to the addresses that it is for, and nowhere else", []string{"false"}},
	{kindHelmRepository, "spec.insecure", Done, "a credential is sent over http only if it is for an http:// address", nil},
	{kindHelmRepository, "spec.suspend", Noted, "not done: suspend the apps, or the cluster in its cluster.yaml", []string{"false"}},
	{kindHelmRepository, "spec.accessFrom", Noted, "not done: what may be used is up to who may write into the cluster's folder", nil},
	{kindHelmRepository, "spec.provider", Noted, noIdentity, []string{"generic"}},
	{kindHelmChart, "spec.chart", Done, "", nil},
	{kindHelmChart, "spec.version", Done, "", nil},
	{kindHelmChart, "spec.sourceRef", Done, "a HelmRepository, a GitRepository or an OCIRepository", nil},
	{kindHelmChart, "spec.interval", Done, everyInterval, nil},
	{kindHelmChart, "spec.reconcileStrategy", Needless, "whatever changes in the chart is delivered, whether its version changes or not", nil},
	{kindHelmChart, "spec.valuesFiles", Done, "", nil},
	{kindHelmChart, "spec.ignoreMissingValuesFiles", Done, "", nil},
	{kindHelmChart, "spec.suspend", Noted, "not done: suspend the apps, or the cluster in its cluster.yaml", []string{"false"}},
	{kindHelmChart, "spec.verify", Refused, noVerification, nil},
}

var artifactFields = []Field{
	{kindArtifactGenerator, "spec.sources", Done, "a GitRepository, an OCIRepository, or an ExternalArtifact that another generator makes; a Bucket or a HelmChart stops the apps", nil},
	{kindArtifactGenerator, "spec.sources[].alias", Done, "", nil},
	{kindArtifactGenerator, "spec.sources[].kind", Done, "", nil},
	{kindArtifactGenerator, "spec.sources[].name", Done, "", nil},
	{kindArtifactGenerator, "spec.sources[].namespace", Done, "", nil},
	{kindArtifactGenerator, "spec.artifacts", Done, "resolved by the hub where an app names one: no ExternalArtifact comes into the cluster", nil},
	{kindArtifactGenerator, "spec.artifacts[].name", Done, "", nil},
	{kindArtifactGenerator, "spec.artifacts[].namespace", Done, "", nil},
	{kindArtifactGenerator, "spec.artifacts[].copy", Done, "from, to, exclude, strategy (Overwrite, Merge, Extract) and optional, by the rules of source-watcher", nil},
	{kindArtifactGenerator, "spec.artifacts[].revision", Needless, "an app says of what revision of the repository it is", nil},
	{kindArtifactGenerator, "spec.artifacts[].originRevision", Needless, "an app says of what revision of the repository it is", nil},
	{kindArtifactGenerator, "spec.artifacts[].inputsFrom", Noted, "not done: there is no ExternalArtifact whose status could hold them", nil},
	{kindArtifactGenerator, "spec.pathPattern", Refused, "not supported: write the artifacts out one by one", nil},
	{kindArtifactGenerator, "spec.managedNamespaces", Noted, "not done: write the namespaces as manifests", nil},
	{kindArtifactGenerator, "spec.serviceAccountName", Needless, "nothing is made in the cluster", nil},
	{kindArtifactGenerator, "spec.commonMetadata", Needless, "nothing is made in the cluster", nil},
}
