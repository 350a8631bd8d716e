package diagnose

import (
	"bytes"
	"path"
	"regexp"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// document is one of the documents in a file.
type document struct {
	Text string
	Line int // 1-based line of the file on which text begins
}

var separator = regexp.MustCompile(`\n---.*\n`)

// Documents splits a file as kustomize does (kyaml/kio.splitDocuments).
func Documents(data []byte) []document {
	text := string(bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n")))
	var docs []document
	from, line := 0, 1
	for _, at := range separator.FindAllStringIndex(text, -1) {
		docs = append(docs, document{text[from : at[0]+1], line})
		line += strings.Count(text[from:at[1]], "\n")
		from = at[1]
	}
	return append(docs, document{text[from:], line})
}

// LineOf gives the line on which a field such as patches[0].path stands; 0 if it is not there.
func LineOf(data []byte, field string) int {
	var root yaml.Node
	if yaml.Unmarshal(data, &root) != nil || len(root.Content) == 0 {
		return 0
	}
	node := root.Content[0]
	line := 0
	for _, step := range strings.FieldsFunc(field, func(r rune) bool { return r == '.' || r == '[' || r == ']' }) {
		if node.Kind == yaml.AliasNode {
			node = node.Alias
		}
		next, at := child(node, step)
		if next == nil {
			break
		}
		node, line = next, at
	}
	return line
}

// child gives the value at a key or an index of a node, and the line on which it begins.
func child(node *yaml.Node, step string) (*yaml.Node, int) {
	switch node.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			if strings.EqualFold(node.Content[i].Value, step) {
				return node.Content[i+1], node.Content[i].Line
			}
		}
	case yaml.SequenceNode:
		index := 0
		for _, c := range step {
			if c < '0' || c > '9' || index > len(node.Content) {
				return nil, 0
			}
			index = index*10 + int(c-'0')
		}
		if index < len(node.Content) {
			return node.Content[index], node.Content[index].Line
		}
	}
	return nil, 0
}

// IsManifest says whether a file of this name is taken for manifests.
func IsManifest(name string) bool {
	ext := path.Ext(name)
	return ext == ".yaml" || ext == ".yml"
}
