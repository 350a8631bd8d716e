package layout

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Support says what becomes of a field of a Flux object.
type Support string

// What becomes of a field.
const (
	Done     Support = "yes"      // it does what it does in Flux
	Needless Support = "needless" // what it is for, Drover does by itself
	Noted    Support = "no"       // it is not done; the app is delivered all the same, and a note says so
	Refused  Support = "refused"  // it is not done, and without it the app would not be what it is meant to be: the app stops
)

// Field is one field of a kind, with what becomes of it. What lies below it shares its fate, unless listed itself.
type Field struct {
	Kind    string
	Path    string // as spec.dependsOn[].name
	Support Support
	Says    string // what happens, or what to do instead
	// Idle are values that ask for nothing, beside absence.
	Idle []string
}

// Fields lists every field that Drover knows of Flux' kinds. It is what `drover lint` goes by, and the table of
// docs/from-flux.md. The reference is the API of kustomize-controller v1.10, source-controller v1.10 and
// helm-controller v1.6.
func Fields() []Field { return slices.Concat(fluxFields, releaseFields, fluxSources) }

// judgedFlux is the table by which objects are read.
var judgedFlux = Fields()

const (
	kindKustomization = "Kustomization"
	kindGitRepository = "GitRepository"
)

var fluxFields = []Field{
	{kindKustomization, "spec.path", Done, "cleaned as Flux does: seen from the repository's root, and never above it", nil},
	{kindKustomization, "spec.sourceRef", Done, "a GitRepository, an OCIRepository, or an ExternalArtifact that an ArtifactGenerator in what the folder renders to makes; a Bucket stops the app", nil},
	{kindKustomization, "spec.dependsOn", Done, "waits until all objects of that app are healthy", nil},
	{kindKustomization, "spec.dependsOn[].name", Done, "", nil},
	{kindKustomization, "spec.dependsOn[].namespace", Done, "", nil},
	{kindKustomization, "spec.dependsOn[].readyExpr", Done, "instead of the other's health, as in Flux; of self and dep there are metadata and spec as Git has them, and in status the conditions Ready and Healthy, observedGeneration, lastAppliedRevision and lastAttemptedRevision", nil},
	{kindKustomization, "spec.prune", Done, "an object that left the app is deleted", nil},
	{kindKustomization, "spec.deletionPolicy", Done, "Orphan keeps the objects when the Kustomization goes; Delete and WaitForTermination delete nothing where prune is false", nil},
	{kindKustomization, "spec.suspend", Done, "the app, and every app that it declares, is left as it is", nil},
	{kindKustomization, "spec.targetNamespace", Done, "", nil},
	{kindKustomization, "spec.namePrefix", Done, "", nil},
	{kindKustomization, "spec.nameSuffix", Done, "", nil},
	{kindKustomization, "spec.patches", Done, "", nil},
	{kindKustomization, "spec.images", Done, "", nil},
	{kindKustomization, "spec.components", Done, "", nil},
	{kindKustomization, "spec.ignoreMissingComponents", Done, "", nil},
	{kindKustomization, "spec.buildMetadata", Done, "", nil},
	{kindKustomization, "spec.commonMetadata", Done, "", nil},
	{kindKustomization, "spec.postBuild.substitute", Done, "by Flux's own library; a variable without a value is empty, as in Flux without strict substitution", nil},
	{kindKustomization, "spec.postBuild.substituteFrom", Done, "a ConfigMap or Secret that this cluster's folder renders to, or that only the cluster has: then the agent replaces, the app waits for the object, and another value is applied at once; what declares apps may not use such variables", nil},
	{kindKustomization, "spec.postBuild.substituteStrategy", Done, "", nil},
	{kindKustomization, "spec.timeout", Done, "for becoming healthy; without it the agent's own", nil},
	{kindKustomization, "spec.interval", Needless, "a commit is followed when it comes, and drift is corrected when it happens", nil},
	{kindKustomization, "spec.retryInterval", Needless, "what fails is tried again with a growing pause", nil},
	{kindKustomization, "spec.wait", Done, "the health of all objects is always watched; with it, apps that depend on this one wait for the apps that it declares, too", nil},
	{kindKustomization, "spec.healthChecks", Done, "objects that are not the app's own must be healthy for it to be; HelmReleases and Kustomizations are waited for by apps that depend on this one", nil},
	{kindKustomization, "spec.healthCheckExprs", Done, "for the app's own objects; the conditions of what is not healthy say why", nil},
	{kindKustomization, "spec.healthCheckExprs[].apiVersion", Done, "", nil},
	{kindKustomization, "spec.healthCheckExprs[].kind", Done, "", nil},
	{kindKustomization, "spec.healthCheckExprs[].inProgress", Done, "", nil},
	{kindKustomization, "spec.healthCheckExprs[].failed", Done, "", nil},
	{kindKustomization, "spec.healthCheckExprs[].current", Done, "", nil},
	{kindKustomization, "spec.force", Done, "an object with an immutable field that changed is deleted and recreated", nil},
	{kindKustomization, "spec.ignore", Done, "fields that Git has are left to others once the object exists", nil},
	{kindKustomization, "spec.decryption", Done, "the agent decrypts, in the cluster, with age keys; see docs/secrets.md", nil},
	{kindKustomization, "spec.decryption.provider", Done, "sops, as in Flux", nil},
	{kindKustomization, "spec.decryption.secretRef", Done, "a Secret of the cluster; its values whose keys end in .agekey are age identities, others are not used. Without it: the Secret drover-sops in the agent's namespace", nil},
	{kindKustomization, "spec.decryption.serviceAccountName", Noted, "not used: it is for the key management services of clouds, and Drover decrypts with age alone", nil},
	{kindKustomization, "spec.serviceAccountName", Done, "the agent impersonates it; apps that the app declares have it too, and may name no other. Flux' own controllers' accounts stand for the agent's own rights", nil},
	{kindKustomization, "spec.kubeConfig", Refused, "not supported: an app is applied in the cluster whose folder declares it; move it to the folder of the cluster that is meant", nil},
}

// asked is a field of an object that is set to something.
type asked struct {
	Field
	path string // with indexes, as spec.dependsOn[0].readyExpr
}

// judge goes through the spec of an object and gives every field that is not simply Done or Needless. What no release
// of Flux knows counts as Noted.
func judge(table []Field, kind string, spec any) []asked {
	known := map[string]Field{}
	for _, f := range table {
		if f.Kind == kind {
			known[f.Path] = f
		}
	}
	var out []asked
	judgeAt(known, spec, "spec", "spec", &out)
	return out
}

// empty says whether a value asks for nothing, whatever its field is.
func empty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case map[string]any:
		return len(v) == 0
	case []any:
		return len(v) == 0
	}
	return false
}

func judgeAt(known map[string]Field, v any, pattern, path string, out *[]asked) {
	if empty(v) {
		return
	}
	f, listed := known[pattern]
	if listed && f.Support != Done && f.Support != Needless && !slices.Contains(f.Idle, fmt.Sprint(v)) {
		*out = append(*out, asked{f, path})
		return
	}
	below := func(field string) bool {
		return strings.HasPrefix(field, pattern) && len(field) > len(pattern) && strings.ContainsAny(field[len(pattern):len(pattern)+1], ".[")
	}
	if !slices.ContainsFunc(slices.Collect(maps.Keys(known)), below) {
		if !listed {
			*out = append(*out, asked{Field{Path: pattern, Support: Noted, Says: "no field that Drover knows of this kind: nothing is done with it"}, path})
		}
		return
	}
	switch v := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			judgeAt(known, v[key], pattern+"."+key, path+"."+key, out)
		}
	case []any:
		for i, item := range v {
			if m, ok := item.(map[string]any); ok {
				for _, key := range slices.Sorted(maps.Keys(m)) {
					judgeAt(known, m[key], pattern+"[]."+key, fmt.Sprintf("%s[%d].%s", path, i, key), out)
				}
			}
		}
	}
}
