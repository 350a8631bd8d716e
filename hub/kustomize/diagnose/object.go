package diagnose

import (
	"fmt"
	"path"
	"strings"

	"github.com/drover-dev/drover/fleet"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

const noObjectHint = "if it is no manifest, move it elsewhere or list the manifests in a kustomization.yaml"

// brokenObject finds a file of objects that holds something that is none.
func brokenObject(b *Build) *BuildError {
	for _, f := range b.files {
		if !b.Declares[f.Path] || IsKustomization(f.Path) {
			continue
		}
		if e := duplicateKey(f); e != nil {
			return e
		}
		if e := notInJSON(f); e != nil {
			return e
		}
		for i, doc := range Documents(f.Data) {
			if e := missing(f.Path, i, doc); e != nil {
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
	if yaml.Unmarshal([]byte(doc.Text), &value) != nil || value == nil {
		return nil
	}
	var head objectHead
	object, ok := value.(map[string]any)
	if ok && len(object) == 0 {
		return nil
	}
	if !ok || yaml.Unmarshal([]byte(doc.Text), &head) != nil {
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
	if base := path.Base(e.File); e.Hint == noObjectHint && (base == "fleet.yaml" || base == "fleet.yml") {
		e.Hint = "it is for Rancher Fleet: have a GitRepo deliver this folder, or list the manifests in a kustomization.yaml"
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
	line := doc.Line
	for text := range strings.Lines(doc.Text) {
		if t := strings.TrimSpace(text); t != "" && t[0] != '#' && !strings.HasPrefix(t, "---") {
			return line
		}
		line++
	}
	return doc.Line
}

// NoAPIVersion and unencodable are what kustomize lets pass and no API server can take.
func NoAPIVersion(file, object string) *BuildError {
	return &BuildError{File: file, Reason: object + " has no apiVersion", Hint: "add the apiVersion of the kind"}
}

// Unencodable explains an object that cannot be written as JSON.
func Unencodable(b *Build, file, object string, cause error) *BuildError {
	if e := brokenObject(b); e != nil {
		return e
	}
	return &BuildError{File: file, Reason: object + " cannot be written as JSON: " + innermost(cause),
		Hint: "see its values"}
}

// notInJSON finds a value that YAML can hold and JSON cannot.
func notInJSON(f File) *BuildError {
	for _, doc := range Documents(f.Data) {
		var root yaml.Node
		if yaml.Unmarshal([]byte(doc.Text), &root) != nil {
			continue
		}
		at, reason, hint := unwritable(&root)
		if at == nil {
			continue
		}
		var head objectHead
		if yaml.Unmarshal([]byte(doc.Text), &head) == nil && head.Metadata.Name != "" {
			reason = fmt.Sprintf("%s %q: %s", head.Kind, head.Metadata.Name, reason)
		}
		e := &BuildError{File: f.Path, Line: doc.Line + at.Line - 1, Reason: reason, Hint: hint}
		e.template(strings.Split(doc.Text, "\n"), at.Line-1)
		return e
	}
	return nil
}

// unwritable gives the first node that JSON cannot hold; nil if there is none.
func unwritable(node *yaml.Node) (at *yaml.Node, reason, hint string) {
	if node.Kind == yaml.ScalarNode && node.Tag == yaml.NodeTagFloat {
		switch value := strings.ToLower(strings.TrimLeft(node.Value, "+-")); value {
		case ".nan":
			return node, "a value is .nan, which Kubernetes cannot hold", "quote it if it is text"
		case ".inf":
			return node, "a value is infinite, which Kubernetes cannot hold", "quote it if it is text"
		}
	}
	for i, c := range node.Content {
		if key := node.Kind == yaml.MappingNode && i%2 == 0; key && (c.Kind != yaml.ScalarNode ||
			c.Tag != yaml.NodeTagString && c.Tag != "!!merge") {
			return c, "a map has a key that is no text", "quote the keys that are numbers, true, false or null"
		}
		if at, reason, hint = unwritable(c); at != nil {
			return at, reason, hint
		}
	}
	return nil, "", ""
}

// duplicateKey finds a map that has a key twice.
func duplicateKey(f File) *BuildError {
	for _, doc := range Documents(f.Data) {
		var root yaml.Node
		if yaml.Unmarshal([]byte(doc.Text), &root) != nil {
			continue
		}
		if key, first := twice(&root); key != nil {
			what := fmt.Sprintf("key %q", key.Value)
			if fleet.HoldsSecret([]byte(doc.Text)) {
				what = "a key"
			}
			return &BuildError{File: f.Path, Line: doc.Line + key.Line - 1,
				Reason: fmt.Sprintf("%s stands here a second time, first on line %d", what, doc.Line+first-1),
				Hint:   "keep one of the two"}
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
