package kustomize

import (
	"fmt"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/drover-dev/drover/fleet"
)

const noObjectHint = "if it is no manifest, move it elsewhere or list the manifests in a kustomization.yaml"

// brokenObject finds a file of objects that holds something that is none.
func brokenObject(m *mount, cause string) *BuildError {
	for _, f := range m.read {
		if !m.declares[f.path] || isKustomization(f.path) {
			continue
		}
		if e := duplicateKey(f); e != nil && strings.Contains(cause, "already defined at line") {
			return e
		}
		for i, doc := range documents(f.data) {
			if e := missing(f.path, i, doc); e != nil {
				return e
			}
		}
	}
	return nil
}

// missing says what a document lacks to be an object; nil if it is one, or empty.
func missing(name string, index int, doc document) *BuildError {
	e := &BuildError{File: name, Line: firstLine(doc)}
	var value any
	if yaml.Unmarshal([]byte(doc.text), &value) != nil || value == nil {
		return nil
	}
	var head objectHead
	object, ok := value.(map[string]any)
	if ok && len(object) == 0 {
		return nil
	}
	if !ok || yaml.Unmarshal([]byte(doc.text), &head) != nil {
		e.Reason, e.Hint = fmt.Sprintf("document %d is no Kubernetes object", index+1), noObjectHint
		return e
	}
	e.Reason, e.Hint = head.lacks(fmt.Sprintf("document %d", index+1))
	if e.Reason == "" {
		for i, item := range head.Items {
			if e.Reason, e.Hint = item.lacks(fmt.Sprintf("item %d of the list in document %d", i+1, index+1)); e.Reason != "" {
				break
			}
		}
	}
	if e.Reason == "" {
		return nil
	}
	return e
}

// lacks says what an object misses of its kind and name.
func (h objectHead) lacks(which string) (reason, hint string) {
	switch {
	case h.Kind == "":
		return which + " has no kind", noObjectHint
	case h.APIVersion == "":
		return fmt.Sprintf("%s, a %s, has no apiVersion", which, h.Kind), "add the apiVersion of the kind"
	case strings.HasSuffix(h.Kind, "List") || h.Metadata.Name != "":
		return "", ""
	case h.Metadata.GenerateName != "":
		return fmt.Sprintf("%s, a %s, has generateName %q and no name", which, h.Kind, h.Metadata.GenerateName),
			"give it metadata.name: an object whose name changes with every apply can be neither compared nor pruned"
	}
	return fmt.Sprintf("%s, a %s, has no metadata.name", which, h.Kind), "add metadata.name"
}

// firstLine gives the line of a document's first content.
func firstLine(doc document) int {
	line := doc.line
	for text := range strings.Lines(doc.text) {
		if t := strings.TrimSpace(text); t != "" && t[0] != '#' && !strings.HasPrefix(t, "---") {
			return line
		}
		line++
	}
	return doc.line
}

// noAPIVersion and unencodable are what kustomize lets pass and no API server can take.
func noAPIVersion(file, object string) *BuildError {
	return &BuildError{File: file, Reason: object + " has no apiVersion", Hint: "add the apiVersion of the kind"}
}

func unencodable(m *mount, file, object string, cause error) *BuildError {
	if e := brokenObject(m, cause.Error()); e != nil {
		return e
	}
	for _, x := range explanations {
		if strings.Contains(cause.Error(), x.mark) {
			return &BuildError{File: file, Reason: object + ": " + x.reason, Hint: x.hint}
		}
	}
	reason := innermost(cause.Error())
	if strings.HasPrefix(cause.Error(), "yaml: ") {
		reason = fleet.YAMLRule(cause)
	}
	return &BuildError{File: file, Reason: object + " cannot be written as JSON: " + reason, Hint: "see its values"}
}

// duplicateKey finds a map that has a key twice.
func duplicateKey(f file) *BuildError {
	for _, doc := range documents(f.data) {
		var root yaml.Node
		if yaml.Unmarshal([]byte(doc.text), &root) != nil {
			continue
		}
		if key, first := twice(&root); key != nil {
			what := fmt.Sprintf("key %q", key.Value)
			if fleet.HoldsSecret([]byte(doc.text)) {
				what = "a key"
			}
			return &BuildError{File: f.path, Line: doc.line + key.Line - 1, Reason: fmt.Sprintf("%s stands here a second time, first on line %d", what, doc.line+first-1), Hint: "keep one of the two"}
		}
	}
	return nil
}

// twice gives the second of two equal keys in a map below node, and the line of the first.
func twice(node *yaml.Node) (second *yaml.Node, first int) {
	if node.Kind == yaml.MappingNode {
		seen := map[string]int{}
		for i := 0; i+1 < len(node.Content); i += 2 {
			key := node.Content[i]
			if at, ok := seen[key.Value]; ok && key.Kind == yaml.ScalarNode {
				return key, at
			}
			seen[key.Value] = key.Line
		}
	}
	for _, c := range node.Content {
		if key, at := twice(c); key != nil {
			return key, at
		}
	}
	return nil, 0
}
