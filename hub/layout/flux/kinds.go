package flux

import (
	"strings"

	"github.com/drover-dev/drover/hub/layout/planning"
)

// home is where Flux and what it was bootstrapped with live.
const home = "flux-system"

// The kinds of Flux that are read.
const (
	kindKustomization = "Kustomization"
	kindGitRepository = "GitRepository"
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

const kindHelmRelease = "HelmRelease"

// The kinds of sources of Flux beside GitRepository.
const (
	kindOCIRepository  = "OCIRepository"
	kindHelmRepository = "HelmRepository"
	kindHelmChart      = "HelmChart"
)

// The kinds of composed sources of Flux.
const (
	kindExternalArtifact  = "ExternalArtifact"
	kindArtifactGenerator = "ArtifactGenerator"
)

// The API groups of Flux that are read.
const (
	kustomizeGroup  = "kustomize.toolkit.fluxcd.io"
	helmGroup       = "helm.toolkit.fluxcd.io"
	sourceGroup     = "source.toolkit.fluxcd.io"
	extensionsGroup = "source.extensions.fluxcd.io"
)

// operatorGroup is the API group of the Flux Operator (https://fluxcd.control-plane.io/operator/). What it has is for
// that controller alone, and is not delivered.
const operatorGroup = "fluxcd.controlplane.io"

// The kinds of the Flux Operator.
const (
	kindFluxInstance  = "FluxInstance"
	kindResourceSet   = "ResourceSet"
	kindInputProvider = "ResourceSetInputProvider"
)

// isOwn says whether objects of an API group are for Flux' own controllers.
func isOwn(group string) bool {
	return strings.HasSuffix(group, ".toolkit.fluxcd.io") || group == "source.extensions.fluxcd.io"
}
