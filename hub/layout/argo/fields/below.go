package fields

import (
	"maps"
	"slices"
	"strings"

	"github.com/drover-dev/drover/hub/layout/planning"
)

// read is List with what is true of several sources and of nested generators, and with the fields below those that it
// lists, which share the fate of theirs.
var read = func() []planning.Field {
	out := slices.Concat(List(), sourceFields("spec.sources[]"), applicationBelow, sourceBelow("spec.source"),
		sourceBelow("spec.sources[]"), generatorBelow("spec.generators[]", maxNested))
	for i, f := range out {
		if kind, is := strings.CutPrefix(f.Path, generators+"."); is && f.Kind == ApplicationSet &&
			refusedGenerators[kind] != "" {
			out[i].Support = done // the generation says it, as an error
		}
	}
	return out
}()

// Table is the one by which objects are read.
var Table = planning.NewTable(read)

// TableOfSet is the one by which an ApplicationSet is read. A generator that nobody knows is an error of the
// generation, and so neither a note as well, nor left out.
func TableOfSet(spec map[string]any) planning.Table {
	unknown := unknownGenerators(spec, "spec", maxNested)
	if len(unknown) == 0 {
		return Table
	}
	return planning.NewTable(slices.Concat(read, unknown))
}

func unknownGenerators(in map[string]any, at string, nested int) (out []planning.Field) {
	at += ".generators[]"
	list, _ := in["generators"].([]any)
	for _, item := range list {
		generator, _ := item.(map[string]any)
		for _, kind := range slices.Sorted(maps.Keys(generator)) {
			if !knownGenerators[kind] {
				out = append(out, planning.Within(ApplicationSet, at, kind)...)
			}
			if own, ok := generator[kind].(map[string]any); ok && nested > 0 && (kind == "matrix" || kind == "merge") {
				out = append(out, unknownGenerators(own, at+"."+kind, nested-1)...)
			}
		}
	}
	return out
}

// generators is where the generators of an ApplicationSet are.
const generators = "spec.generators[]"

// knownGenerators are what an item of generators may hold, and refusedGenerators why those of them stop the set that
// are not supported.
var knownGenerators, refusedGenerators = func() (map[string]bool, map[string]string) {
	known, says := map[string]bool{}, map[string]string{}
	for _, f := range setFields {
		path, is := strings.CutPrefix(f.Path, generators+".")
		kind, below, _ := strings.Cut(path, ".")
		if !is || below != "" {
			continue
		}
		if known[kind] = true; f.Support == refused {
			says[kind] = f.Says
		}
	}
	return known, says
}()

// RefusedGenerator says why a kind of generator is not supported; "" if it is, or nobody knows it.
func RefusedGenerator(kind string) string { return refusedGenerators[kind] }

// SyncOption finds an option of spec.syncPolicy.syncOptions, as CreateNamespace=true.
func SyncOption(option string) (planning.Field, bool) {
	at := slices.IndexFunc(syncOptionFields, func(f planning.Field) bool {
		return f.Path == syncOptionsAt+"["+option+"]"
	})
	if at < 0 {
		return planning.Field{}, false
	}
	return syncOptionFields[at], true
}

// maxNested is how deep generators are nested in matrices and merges: Argo CD allows two levels below the first.
const maxNested = 2

var applicationBelow = slices.Concat(
	planning.Within(AppProject, "spec.clusterResourceWhitelist[]", "group", "kind", "name"),
	planning.Within(AppProject, "spec.clusterResourceBlacklist[]", "group", "kind", "name"),
	planning.Within(AppProject, "spec.namespaceResourceWhitelist[]", "group", "kind", "name"),
	planning.Within(AppProject, "spec.namespaceResourceBlacklist[]", "group", "kind", "name"),
	planning.Within(AppProject, "spec.destinationServiceAccounts[]", "server", "namespace", "defaultServiceAccount"),
	planning.Within(Application, "spec.syncPolicy.managedNamespaceMetadata", "labels", "annotations"),
	planning.Within(Application, "spec.ignoreDifferences[]", "group", "kind", "name", "namespace", "jsonPointers",
		"jqPathExpressions", "managedFieldsManagers"),
)

func sourceBelow(at string) []planning.Field {
	return slices.Concat(
		planning.Within(Application, at+".directory.jsonnet.tlas[]", "name", "value", "code"),
		planning.Within(Application, at+".directory.jsonnet.extVars[]", "name", "value", "code"),
		planning.Within(Application, at+".plugin.env[]", "name", "value"),
		planning.Within(Application, at+".plugin.parameters[]", "name", "string", "map", "array"),
		planning.Within(Application, at+".helm.parameters[]", "name", "value", "forceString"),
		planning.Within(Application, at+".helm.fileParameters[]", "name", "path"),
		planning.Within(Application, at+".kustomize.replicas[]", "name", "count"),
		planning.Within(Application, at+".kustomize.patches[]", "path", "patch", "options"),
		planning.Within(Application, at+".kustomize.patches[].target", "group", "version", "kind", "name", "namespace",
			"labelSelector", "annotationSelector"),
	)
}

// generatorBelow are the fields of generators, at spec.generators[] or in a matrix or a merge.
func generatorBelow(at string, nested int) []planning.Field {
	of := func(at string, names ...string) []planning.Field {
		return planning.Within(ApplicationSet, at, names...)
	}
	out := slices.Concat(
		of(at+".list", "elements", "elementsYaml", "template"),
		of(at+".clusters", "values", "template", "flatList"),
		of(at+".clusters.selector", "matchLabels"),
		of(at+".clusters.selector.matchExpressions[]", "key", "operator", "values"),
		of(at+".git", "repoURL", "revision", "pathParamPrefix", "values", "template", "requeueAfterSeconds"),
		of(at+".git.directories[]", "path", "exclude"),
		of(at+".git.files[]", "path", "exclude"),
		of(at+".selector", "matchLabels"),
		of(at+".selector.matchExpressions[]", "key", "operator", "values"),
		of(at+".matrix", "template"), of(at+".merge", "template", "mergeKeys"),
	)
	out = append(out, of(at, slices.Sorted(maps.Keys(refusedGenerators))...)...)
	if nested > 0 {
		for _, kind := range []string{".matrix", ".merge"} {
			out = append(out, generatorBelow(at+kind+".generators[]", nested-1)...)
		}
	}
	return out
}
