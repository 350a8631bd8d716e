package kustomize

import (
	"cmp"
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"

	"sigs.k8s.io/kustomize/api/types"
)

// brokenPairs finds a literal or a line of an env file that is no NAME=value. Its text is not
// repeated: it may be a secret.
func brokenPairs(m *mount, cause string) *BuildError {
	for _, k := range m.kusts {
		for i, g := range k.ConfigMapGenerator {
			if e := k.literals(fmt.Sprintf("configMapGenerator[%d]", i), g.KvPairSources); e != nil {
				return e
			}
		}
		for i, g := range k.SecretGenerator {
			if e := k.literals(fmt.Sprintf("secretGenerator[%d]", i), g.KvPairSources); e != nil {
				return e
			}
		}
	}
	if strings.Contains(cause, "env source files") {
		return m.brokenEnv()
	}
	return nil
}

func (k kustomization) literals(field string, s types.KvPairSources) *BuildError {
	for i, l := range s.LiteralSources {
		if at := strings.Index(l, "="); at < 1 {
			field = fmt.Sprintf("%s.literals[%d]", field, i)
			return &BuildError{File: k.path, Line: lineOf(k.data, field), Reason: field + " is not of the form NAME=value", Hint: "write NAME=value"}
		}
	}
	return nil
}

func (m *mount) brokenEnv() *BuildError {
	for _, k := range m.kusts {
		for _, r := range k.refs {
			if !strings.Contains(r.field, ".env") {
				continue
			}
			target, _ := r.target(k.dir())
			data, _ := m.content(target)
			for i, line := range strings.Split(string(data), "\n") {
				if strings.HasPrefix(strings.TrimSpace(line), "=") || !utf8.ValidString(line) {
					return &BuildError{File: target, Line: i + 1, Reason: "the line is not of the form NAME=value", Hint: "write NAME=value, as UTF-8"}
				}
			}
		}
	}
	return nil
}

// explanation is a failure that kustomize's text tells and the files do not. Without a reason of our
// own, kustomize's is given.
type explanation struct{ mark, reason, hint string }

var explanations = []explanation{
	{errNetwork.Error(), "something in this build leads to an address on the network, and a build reads nothing outside the repository", inHint},
	{errOutside.Error(), "something in this build leads outside the repository", inHint},
	{errReadOnly.Error(), "something in this build would write a file", "a build only reads"},
	{"external plugins disabled", "it uses a generator or transformer that is no builtin of kustomize, and a build runs no programs", "commit what the plugin produces"},
	{"does not exist; cannot merge or replace", "a generator with behavior merge or replace finds nothing of its kind and name", "check the name, or use behavior: create"},
	{"expected kind != 'Component'", "a folder in it is a component, which only a kustomization can use", "list it under components of a kustomization, or move it elsewhere"},
	{"produces ID conflict", "two objects of one kind and name come into the same namespace", "give them different names"},
	{"unable to load builtin", "a generator or transformer names a builtin that kustomize does not have", "check its kind"},
	{"not a generator", "something under generators is no generator", "check its kind"},
	{"not a transformer", "something under transformers or validators is no transformer", "check its kind"},
	{errTooLarge.Error(), "the objects come to more than 64 MiB", splitHint},
	{"is the most one build may give", fmt.Sprintf("the folder gives more than %d objects", maxObjects), "split the folder into several apps"},
	{"unsupported value: NaN", "a value is .nan, which Kubernetes cannot hold", "quote it if it is text"},
	{"unsupported value: ", "a value is infinite, which Kubernetes cannot hold", "quote it if it is text"},
	{"unsupported type: map[interface", "a map has a key that is no text", "quote the keys that are numbers, true, false or null"},
	{"invalid schema file", "the schema that openapi.path names is no OpenAPI schema", "check the file"},
	{"illegally repeats the key", "a generator has the same key twice", "keep one of the two"},
	{"must have a name", "a generator has no name", "add name: to it"},
	{"nothing selected by", "", "check the source of the replacement against the objects in this kustomization"},
	{"in replacement target", "", "check fieldPaths, or set options.create to add the field"},
	{"does not match a config with the following GVK", "", "replicas: names something that cannot be scaled, or is not there; check the name"},
	{"sortOptions", "", "write order: fifo or order: legacy"},
	{"OpenAPI version is not built in", "", "remove openapi.version"},
	{"wrong node kind", "", "a patch has a list where the object has a map, or the other way round"},
	{"already defined at line", "a map has the same key twice", "keep one of the two"},
}

// known explains a failure by kustomize's text.
func known(m *mount, cause string) *BuildError {
	if _, after, ok := strings.Cut(cause, "already registered id: "); ok {
		return duplicate(m, after)
	}
	for _, x := range explanations {
		if strings.Contains(cause, x.mark) {
			return &BuildError{File: m.outermost(), Reason: cmp.Or(x.reason, innermost(cause)), Hint: x.hint}
		}
	}
	return nil
}

// duplicate names the files that declare one object twice.
func duplicate(m *mount, text string) *BuildError {
	id, ok := identityIn(text)
	if !ok {
		return nil
	}
	var files []string
	for _, d := range newOrigins(m).declared[id.kind] {
		if d.name == id.name || strings.Contains(id.name, d.name) {
			files = append(files, d.file)
		}
	}
	e := &BuildError{File: m.outermost(), Reason: id.String() + " is there twice", Hint: "remove one, or give the two different names or namespaces"}
	switch {
	case len(files) > 1:
		e.File, e.Reason = files[len(files)-1], id.String()+" is declared a second time, first in "+files[0]
	case len(files) == 1:
		e.File, e.Reason, e.Hint = files[0], id.String()+" comes into the build twice", "do two entries of the kustomizations include the same file or folder? Keep one, or set it apart with namePrefix or namespace"
	}
	return e
}

// kustomizationFields are the fields that a kustomization may have.
var kustomizationFields = fieldsOf(reflect.TypeFor[types.Kustomization]())

func fieldsOf(t reflect.Type) []string {
	var names []string
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if name == "" {
			names = append(names, fieldsOf(t.Field(i).Type)...)
			continue
		}
		names = append(names, name)
	}
	return names
}
