package diagnose

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/yaml"
	sigsyaml "sigs.k8s.io/yaml"
)

// brokenKustomization finds a kustomization that does not parse, or that kustomize does not take.
func brokenKustomization(b *Build) *BuildError {
	for _, k := range b.kusts {
		if k.Err != nil {
			return k.unparsed()
		}
		fixed := k.Kustomization
		fixed.FixKustomization()
		switch {
		case k.Kind != "" && k.Kind != types.KustomizationKind && k.Kind != types.ComponentKind:
			return &BuildError{File: k.Path, Line: LineOf(k.Data, "kind"), Reason: fmt.Sprintf("kind %q is no kustomization",
				k.Kind),
				Hint: "a file of this name must be one: write kind: Kustomization, or give the file another name"}
		case len(fixed.EnforceFields()) > 0:
			return &BuildError{File: k.Path, Line: LineOf(k.Data, "apiVersion"),
				Reason: fmt.Sprintf("apiVersion %q is not one that kustomize takes", k.APIVersion),
				Hint:   "write kustomize.config.k8s.io/v1beta1, or v1alpha1 for a Component"}
		case fixed.CheckEmpty() != nil:
			return &BuildError{File: k.Path, Reason: "the kustomization says nothing",
				Hint: "list something under resources, or remove the file to have the folder's manifests built as they are"}
		}
	}
	return nil
}

// unknownKey gives the first key of a map, wherever below a node, for which the type has no field; nil if there is
// none.
func unknownKey(node *yaml.Node, t reflect.Type) *yaml.Node {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	switch {
	case node.Kind == yaml.SequenceNode && t.Kind() == reflect.Slice:
		for _, c := range node.Content {
			if key := unknownKey(c, t.Elem()); key != nil {
				return key
			}
		}
	case node.Kind == yaml.MappingNode && t.Kind() == reflect.Struct:
		fields := typesOf(t)
		for i := 0; i+1 < len(node.Content); i += 2 {
			key := node.Content[i]
			field, ok := fields[strings.ToLower(key.Value)]
			if !ok {
				return key
			}
			if key := unknownKey(node.Content[i+1], field); key != nil {
				return key
			}
		}
	}
	return nil
}

// typesOf are the types of a struct's fields, by their names in lower case: encoding/json does not look at the case.
func typesOf(t reflect.Type) map[string]reflect.Type {
	all := map[string]reflect.Type{}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" && !f.Anonymous {
			name = f.Name
		}
		if name != "" && name != "-" {
			all[strings.ToLower(name)] = f.Type
		}
	}
	return all
}

// fieldsOf are the fields that a kustomization may have.
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

// kindOf puts JSON's word for a type into YAML's.
func kindOf(value string) string {
	switch value, _, _ = strings.Cut(value, " "); value {
	case "array":
		return "a list"
	case "object":
		return "a map"
	}
	return "a " + value
}

// wanted puts a Go type into words.
func wanted(t reflect.Type) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Slice:
		return "a list"
	case reflect.Map, reflect.Struct:
		return "a map"
	}
	return "a " + t.String()
}

// unparsed says why a kustomization does not parse.
func (k Kustomization) unparsed() *BuildError {
	if e := syntax(k.File); e != nil {
		return e
	}
	var root yaml.Node
	if yaml.Unmarshal(k.Data, &root) == nil && len(root.Content) > 0 {
		if key := unknownKey(root.Content[0], reflect.TypeFor[types.Kustomization]()); key != nil {
			return &BuildError{File: k.Path, Line: key.Line, Reason: fmt.Sprintf("unknown field %q", key.Value),
				Hint: suggest(key.Value, fieldsOf(reflect.TypeFor[types.Kustomization]()), "see the fields that kustomize knows")}
		}
	}
	var wrong *json.UnmarshalTypeError
	if data, err := sigsyaml.YAMLToJSON(k.Data); err == nil &&
		errors.As(json.NewDecoder(bytes.NewReader(data)).Decode(&types.Kustomization{}), &wrong) {
		return k.wrongType(wrong)
	}
	return &BuildError{File: k.Path, Reason: innermost(k.Err), Hint: "see the kustomization's syntax"}
}

// wrongType tells of a value that is, say, a bool where a list belongs.
func (k Kustomization) wrongType(wrong *json.UnmarshalTypeError) *BuildError {
	where := wrong.Field
	for _, embedded := range []string{"GeneratorArgs.", "KvPairSources."} {
		where = strings.ReplaceAll(where, embedded, "")
	}
	if where == "" {
		return &BuildError{File: k.Path, Line: 1, Reason: "the kustomization is " + kindOf(wrong.Value),
			Hint: "kustomize wants a map"}
	}
	line := LineOf(k.Data, where)
	if at := keyLine(k.Data, where[strings.LastIndex(where, ".")+1:]); at > 0 {
		line = at
	}
	return &BuildError{File: k.Path, Line: line, Reason: where + " is " + kindOf(wrong.Value), Hint: "kustomize wants " +
		wanted(wrong.Type)}
}
