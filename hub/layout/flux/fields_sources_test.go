package flux

// What sources are refused and noted for.
const (
	unverified = `not supported: signatures are not verified, so nothing is delivered that has to be; take the ` +
		`field out if that is what you want`
	unsuspended = `not done: suspend the apps, or the cluster in its cluster.yaml`
	noLogin     = `not supported: the hub does not log in as its machine; give it a credential with --credentials-dir`
)

var gitRows = []fieldRow{
	{path: "spec.url", spec: "url: https://me:secret@git.example.com/a",
		wrong: `it contains a user: give credentials by reference, ` + "`drover hub --help`" +
			` says how (--credentials-dir)`},
	{path: "spec.ref.branch", spec: "ref: {branch: next}", want: []string{`"branch":"next"`}},
	{path: "spec.ref.name", spec: "ref: {name: refs/pull/7/head, semver: '1.x', tag: a, branch: b}",
		want: []string{`"ref":"refs/pull/7/head","sourceIgnore"`}},
	{path: "spec.ref.tag", spec: "ref: {tag: v1, branch: b}", want: []string{`"ref":"refs/tags/v1","sourceIgnore"`}},
	{path: "spec.ref.semver", spec: "ref: {semver: 1.x, tag: a, branch: b}",
		want: []string{`"semver":"1.x","sourceIgnore"`}},
	{path: "spec.ref.commit", spec: "ref: {commit: 0a1b, name: refs/heads/n, branch: b}",
		want: []string{`"branch":"b","revision":"0a1b"`}},
	{path: "spec.include", spec: "include: [{repository: {name: own}}]",
		want: []string{`"Source":{"kind":"composed","url":"GitRepository flux-system/x"`, `"strategy":"Include"`,
			`"to":"own"`}},
	{path: "spec.include[].repository", spec: "include: [{repository: {name: none}}]",
		wrong: `there is no GitRepository flux-system/none in what the cluster's folder renders to`},
	{path: "spec.include[].fromPath", spec: "include: [{repository: {name: own}, fromPath: ../deploy/}]",
		want: []string{`"path":"deploy","to":"own"`}},
	{path: "spec.include[].toPath", spec: "include: [{repository: {name: own}, toPath: ./}]",
		wrong: `it is the root, which is there already: name a folder`},
	{path: "spec.ignore", spec: "ignore: '*.md'", want: []string{`"ignore":"*.md"`}},
	{path: "spec.verify", spec: "verify: {mode: HEAD}", wrong: unverified},
	{path: "spec.suspend", spec: "suspend: true", note: unsuspended},
	{path: "spec.recurseSubmodules", spec: "recurseSubmodules: true", want: []string{`"submodules":true`}},
	{path: "spec.sparseCheckout", spec: "sparseCheckout: [a]"},
	{path: "spec.interval", spec: "interval: 90s", want: []string{`"interval":90000000000`}},
	{path: "spec.timeout", spec: "timeout: 1m"},
	{path: "spec.secretRef", spec: "secretRef: {name: login}", want: []string{`"credentials":"login"`}},
	{path: "spec.provider", spec: "provider: github"},
	{path: "spec.serviceAccountName", spec: "serviceAccountName: a"},
	{path: "spec.proxySecretRef", spec: "proxySecretRef: {name: a}"},
}

var ociRows = []fieldRow{
	{path: "spec.url", spec: "url: registry.example.com/a",
		wrong: `it is not to be fetched over a network: write an address as https://…, ssh://… or oci://…`},
	{path: "spec.ref.tag", spec: "ref: {tag: v1}", want: []string{`"ref":"v1"`}},
	{path: "spec.ref.semver", spec: "ref: {semver: 1.x, tag: v1}", want: []string{`any","semver":"1.x"`}},
	{path: "spec.ref.digest", spec: "ref: {digest: 'sha256:00', semver: 1.x, tag: v1}",
		want: []string{`any","revision":"sha256:00"`}},
	{path: "spec.ref.semverFilter", spec: "ref: {semver: 1.x, semverFilter: .*-rc}",
		wrong: `not supported: write a range that only the wanted tags are in`},
	{path: "spec.layerSelector", spec: "layerSelector: {mediaType: application/x-yaml, operation: copy}",
		want: []string{`"ref":"latest","mediaType":"application/x-yaml"`}}, // copied, it has no .sourceignore
	{path: "spec.ignore", spec: "ignore: '*.md'", want: []string{`"sourceIgnore":true,"ignore":"*.md"`}},
	{path: "spec.verify", spec: "verify: {provider: cosign}", wrong: unverified},
	{path: "spec.insecure", spec: "insecure: true", want: []string{`"plainHTTP":true`}},
	{path: "spec.suspend", spec: "suspend: true", note: unsuspended},
	{path: "spec.interval", spec: "interval: '1'", wrong: `"1" is no duration`},
	{path: "spec.timeout", spec: "timeout: 1m"},
	{path: "spec.secretRef", spec: "secretRef: {name: login}", want: []string{`"credentials":"login"`}},
	{path: "spec.certSecretRef", spec: "certSecretRef: {name: a}"},
	{path: "spec.serviceAccountName", spec: "serviceAccountName: a"},
	{path: "spec.provider", spec: "provider: aws", note: noLogin},
	{path: "spec.proxySecretRef", spec: "proxySecretRef: {name: a}"},
}

var helmRows = []fieldRow{
	{path: "spec.url", spec: "url: oci://registry.example.com/charts",
		want: []string{`"url":"oci://registry.example.com/charts"`}},
	{path: "spec.type", spec: "type: oci"},
	{path: "spec.interval", spec: "interval: -1m", wrong: `"-1m" is no duration: write one such as 90s or 5m`},
	{path: "spec.timeout", spec: "timeout: 1m"},
	{path: "spec.secretRef", spec: "secretRef: {name: login}", want: []string{`"credentials":"login"`}},
	{path: "spec.certSecretRef", spec: "certSecretRef: {name: a}"},
	{path: "spec.passCredentials", spec: "passCredentials: true",
		note: `not done: a credential is sent to the addresses that it is for, and nowhere else`},
	{path: "spec.insecure", spec: "insecure: true", want: []string{`"plainHTTP":true`}},
	{path: "spec.suspend", spec: "suspend: true", note: unsuspended},
	{path: "spec.accessFrom", spec: "accessFrom: {namespaceSelectors: []}",
		note: `not done: what may be used is up to who may write into the cluster's folder`},
	{path: "spec.provider", spec: "provider: gcp", note: noLogin},
}

var chartRows = []fieldRow{
	{path: "spec.chart", spec: "chart: redis", want: []string{`"chart":"redis"`}},
	{path: "spec.version", spec: "version: 7.0.0", want: []string{`"semver":"7.0.0"`}},
	{path: "spec.sourceRef", spec: "sourceRef: {kind: GitRepository, name: own}\nchart: charts/web",
		want: []string{`"Path":"charts/web"`, `"Hide":{}`}},
	{path: "spec.interval", spec: "interval: 7m", want: []string{`"interval":420000000000`}},
	{path: "spec.reconcileStrategy", spec: "reconcileStrategy: Revision"},
	{path: "spec.valuesFiles", spec: "valuesFiles: [a.yaml]", want: []string{`"values":[{"path":"a.yaml","source":`}},
	{path: "spec.ignoreMissingValuesFiles", spec: "valuesFiles: [a.yaml]\nignoreMissingValuesFiles: true",
		want: []string{`"optional":true`}},
	{path: "spec.suspend", spec: "suspend: true", note: unsuspended},
	{path: "spec.verify", spec: "verify: {provider: cosign}", wrong: unverified},
}

var artifactRows = []fieldRow{
	{path: "spec.sources", spec: "sources: [{alias: b, kind: GitRepository, name: own}]",
		wrong: `there is no source with the alias "a": add it`},
	{path: "spec.sources[].alias", spec: "sources: [{alias: b, kind: GitRepository, name: own}]\n" +
		"artifacts: [{name: x, copy: [{from: '@b/c', to: '@artifact/d'}]}]", want: []string{`"path":"c","to":"d"`}},
	{path: "spec.sources[].kind", spec: "sources: [{alias: a, kind: HelmChart, name: own}]",
		wrong: `a source of kind "HelmChart" is not supported: use a GitRepository, an OCIRepository or an ExternalArtifact`},
	{path: "spec.sources[].name", spec: "sources: [{alias: a, kind: GitRepository, name: none}]",
		wrong: `there is no GitRepository flux-system/none in what the cluster's folder renders to`},
	{path: "spec.sources[].namespace", spec: "sources: [{alias: a, kind: GitRepository, name: own, namespace: shop}]",
		wrong: `there is no GitRepository shop/own in what the cluster's folder renders to`},
	{path: "spec.artifacts", spec: "artifacts: [{name: y, copy: [{from: '@a/b', to: '@artifact/'}]}]",
		wrong: `no ArtifactGenerator in what the cluster's folder renders to makes the ExternalArtifact flux-system/x`},
	{path: "spec.artifacts[].name", spec: "artifacts: [{name: x}, {name: x}]",
		wrong: `ExternalArtifact flux-system/x is made by ArtifactGenerator flux-system/x and by ArtifactGenerator ` +
			`flux-system/x: keep one`},
	{path: "spec.artifacts[].namespace", spec: "artifacts: [{name: x, namespace: shop}]",
		wrong: `and Drover sees no other: add the generator, or name a GitRepository or an OCIRepository`},
	{path: "spec.artifacts[].copy",
		spec: "artifacts: [{name: x, copy: [{from: '@a/b.tgz', to: '@artifact/c/', exclude: ['*.md'], " +
			"strategy: Extract, optional: true}]}]",
		want: []string{`"path":"b.tgz","to":"c/","exclude":["*.md"],"strategy":"Extract","optional":true}`}},
	{path: "spec.artifacts[].revision",
		spec: "artifacts: [{name: x, copy: [{from: '@a/**', to: '@artifact/'}], revision: '@a'}]"},
	{path: "spec.artifacts[].originRevision",
		spec: "artifacts: [{name: x, copy: [{from: '@a/**', to: '@artifact/'}], originRevision: '@a'}]"},
	{path: "spec.artifacts[].inputsFrom",
		spec: "artifacts: [{name: x, copy: [{from: '@a/**', to: '@artifact/'}], inputsFrom: [{kind: ConfigMap}]}]",
		note: `not done: there is no ExternalArtifact whose status could hold them`},
	{path: "spec.pathPattern", spec: "pathPattern: '*'", wrong: `"*" is no pattern: write @ALIAS/PATH`},
	{path: "spec.managedNamespaces", spec: "managedNamespaces: [a]", note: `not done: write the namespaces as manifests`},
	{path: "spec.serviceAccountName", spec: "serviceAccountName: a"},
	{path: "spec.commonMetadata", spec: "commonMetadata: {labels: {a: b}}"},
}
