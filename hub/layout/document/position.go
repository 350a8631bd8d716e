package document

import (
	"strconv"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// LineAt is the line of a field such as spec.dependsOn[0].readyExpr, or of the deepest part of it that is there.
func LineAt(n *yaml.Node, at string) int {
	_, line := follow(n, at)
	return line
}

// NodeAt is the value of a field such as spec.dependsOn[0].readyExpr; nil if it is not there.
func NodeAt(n *yaml.Node, at string) *yaml.Node {
	n, _ = follow(n, at)
	return n
}

// follow goes along a path. The node is nil if it ends on the way, and the line that of the deepest part.
func follow(n *yaml.Node, at string) (*yaml.Node, int) {
	line := n.Line
	for _, step := range strings.FieldsFunc(at, func(r rune) bool { return r == '.' || r == '[' || r == ']' }) {
		next, nextLine := below(n, step)
		if next == nil {
			return nil, line
		}
		n, line = next, nextLine
	}
	return n, line
}

// below is the value at a key or an index of a node, and the line on which it begins.
func below(n *yaml.Node, step string) (*yaml.Node, int) {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == step {
				return n.Content[i+1], n.Content[i].Line
			}
		}
	case yaml.SequenceNode:
		if i, err := strconv.Atoi(step); err == nil && i >= 0 && i < len(n.Content) {
			return n.Content[i], n.Content[i].Line
		}
	}
	return nil, 0
}

// Repeated are the keys that mappings in a node have once more, at any depth, in the order in which they stand.
func Repeated(n *yaml.Node) (out []*yaml.Node) {
	if n == nil {
		return nil
	}
	seen := map[string]bool{}
	for i, child := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 {
			if seen[child.Value] {
				out = append(out, child)
			}
			seen[child.Value] = true
			continue
		}
		out = append(out, Repeated(child)...)
	}
	return out
}
