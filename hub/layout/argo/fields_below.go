package argo

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/drover-dev/drover/hub/layout/planning"
)

// judged is the table by which objects are read: that of Fields, with what is true of several sources and of nested
// generators, and with the fields below those that it lists, which share the fate of theirs.
var judged, judgedFields = planning.NewTable(listJudged()), listJudged()

func listJudged() []planning.Field {
	out := slices.Concat(Fields(), rows(sourceFields("spec.sources[]"), applicationBelow,
		sourceBelow("spec.source"), sourceBelow("spec.sources[]"), generatorBelow("spec.generators[]", maxNested)))
	for i, f := range out {
		if _, is := unsupportedGenerator(f.Path); is && f.Kind == kindApplicationSet {
			out[i].Support = done // generation.kind says it, as an error
		}
	}
	return out
}

// maxNested is how deep generators are nested in matrices and merges: Argo CD allows two levels below the first.
const maxNested = 2

// below lists fields below one, all of which are done.
func below(kind, at string, names ...string) []row {
	out := make([]row, len(names))
	for i, name := range names {
		out[i] = row{kind, at + "." + name, done, "", nil}
	}
	return out
}

var applicationBelow = slices.Concat(
	below(kindAppProject, "spec.clusterResourceWhitelist[]", "group", "kind", "name"),
	below(kindAppProject, "spec.clusterResourceBlacklist[]", "group", "kind", "name"),
	below(kindAppProject, "spec.namespaceResourceWhitelist[]", "group", "kind", "name"),
	below(kindAppProject, "spec.namespaceResourceBlacklist[]", "group", "kind", "name"),
	below(kindAppProject, "spec.destinationServiceAccounts[]", "server", "namespace", "defaultServiceAccount"),
	below(kindApplication, "spec.syncPolicy.managedNamespaceMetadata", "labels", "annotations"),
	below(kindApplication, "spec.ignoreDifferences[]", "group", "kind", "name", "namespace", "jsonPointers",
		"jqPathExpressions", "managedFieldsManagers"),
)

func sourceBelow(at string) []row {
	return slices.Concat(
		below(kindApplication, at+".helm.parameters[]", "name", "value", "forceString"),
		below(kindApplication, at+".helm.fileParameters[]", "name", "path"),
		below(kindApplication, at+".kustomize.replicas[]", "name", "count"),
		below(kindApplication, at+".kustomize.patches[]", "path", "patch", "options"),
		below(kindApplication, at+".kustomize.patches[].target", "group", "version", "kind", "name", "namespace",
			"labelSelector", "annotationSelector"),
	)
}

// generatorBelow are the fields of generators, at spec.generators[] or in a matrix or a merge.
func generatorBelow(at string, nested int) []row {
	of := func(at string, names ...string) []row { return below(kindApplicationSet, at, names...) }
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
	for _, f := range setFields {
		if name, is := unsupportedGenerator(f.Path); is {
			out = append(out, of(at, name)...)
		}
	}
	if nested > 0 {
		for _, kind := range []string{".matrix", ".merge"} {
			out = append(out, generatorBelow(at+kind+".generators[]", nested-1)...)
		}
	}
	return out
}

// unsupportedGenerator is the kind of generator that a row of the table refuses.
func unsupportedGenerator(path string) (string, bool) {
	kind, is := strings.CutPrefix(path, "spec.generators[].")
	return kind, is && slices.ContainsFunc(setFields, func(f row) bool { return f.Path == path && f.Support == refused })
}

// knownPaths are the fields of a kind, and those that others lie below.
type knownPaths struct{ fields, above map[string]bool }

var knownOf = map[string]knownPaths{kindApplication: pathsOf(kindApplication), kindApplicationSet: pathsOf(kindApplicationSet)}

func pathsOf(kind string) knownPaths {
	k := knownPaths{map[string]bool{}, map[string]bool{}}
	for _, f := range judgedFields {
		if f.Kind != kind {
			continue
		}
		k.fields[f.Path] = true
		for i, r := range f.Path {
			if r == '.' || r == '[' {
				k.above[f.Path[:i]] = true
			}
		}
	}
	return k
}

// only is a value without the fields that the table does not have. They are named when the object is weighed, and what
// is named is not used: a name in another letter case is another name, as it is to the API server.
func (k knownPaths) only(data json.RawMessage, at string) json.RawMessage {
	data = bytes.TrimSpace(data)
	if !k.above[at] || len(data) == 0 {
		return data
	}
	var out any
	switch data[0] {
	case '{':
		var object map[string]json.RawMessage
		if json.Unmarshal(data, &object) != nil {
			return data
		}
		for key, value := range object {
			switch field := at + "." + key; {
			case k.fields[field], k.above[field]:
				object[key] = k.only(value, field)
			case !strings.HasSuffix(at, "generators[]"): // a generator that nobody knows is an error
				delete(object, key)
			}
		}
		out = object
	case '[':
		var list []json.RawMessage
		if json.Unmarshal(data, &list) != nil {
			return data
		}
		for i, item := range list {
			list[i] = k.only(item, at+"[]")
		}
		out = list
	default:
		return data
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(out) != nil {
		return data
	}
	return b.Bytes()
}

// decode reads the spec of an object, without what is not known of its kind.
func decode(o *planning.Object, to any) error {
	var body struct {
		Spec json.RawMessage `json:"spec"`
	}
	if err := json.Unmarshal(o.JSON, &body); err != nil {
		return err
	}
	known := *o
	known.JSON = slices.Concat([]byte(`{"spec":`), knownOf[o.Kind].only(body.Spec, "spec"), []byte("}"))
	if len(body.Spec) == 0 {
		known.JSON = []byte("{}")
	}
	return known.Decode(to)
}
