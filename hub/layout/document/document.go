package document

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/model"
)

// Document is one YAML document of a file, with the lines its nodes stand on.
type Document struct {
	File     string
	Rendered bool // it came out of a kustomization: its lines mean nothing to a person
	Node     *yaml.Node
}

// lineOf finds the line in what the YAML parser says.
var lineOf = regexp.MustCompile(`^yaml: line (\d+): (.*)$`)

// Parse reads all documents of a file. On an error those before it are returned too.
func Parse(file string, data []byte) ([]Document, error) {
	var docs []Document
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var n yaml.Node
		err := dec.Decode(&n)
		if errors.Is(err, io.EOF) {
			return docs, nil
		}
		if err != nil {
			if m := lineOf.FindStringSubmatch(err.Error()); m != nil {
				return docs, fmt.Errorf("%s:%s: invalid YAML: %s", file, m[1], fleet.YAMLRule(err))
			}
			return docs, fmt.Errorf("%s: invalid YAML: %s", file, fleet.YAMLRule(err))
		}
		if len(n.Content) == 1 && n.Content[0].Tag != "!!null" { // between two separators may be nothing
			docs = append(docs, Document{File: file, Node: n.Content[0]})
		}
	}
}

// IsOurs says whether the document is of Drover's API group, of whatever kind and version.
func (d Document) IsOurs() bool {
	return fleet.GroupOf(Scalar(Field(d.Node, "apiVersion"))) == fleet.GroupOf(model.APIVersion)
}

// Name is metadata.name.
func (d Document) Name() string { return Scalar(Field(Field(d.Node, "metadata"), "name")) }

// Errorf places a message at a node.
func (d Document) Errorf(n *yaml.Node, format string, args ...any) error {
	return fmt.Errorf("%s: %s", d.Place(n), fmt.Sprintf(format, args...))
}

// Place is where a node stands, as file:line where the line is known.
func (d Document) Place(n *yaml.Node) string {
	if n == nil || d.Rendered {
		return d.File
	}
	return fmt.Sprintf("%s:%d", d.File, n.Line)
}

// Field is the value of a mapping's key, or nil.
func Field(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// Scalar is the value of a text, a number or a boolean, as it is written; "" for all else.
func Scalar(n *yaml.Node) string {
	if n == nil || n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		return ""
	}
	return n.Value
}

// CheckKeys finds the first key of a mapping that is not allowed, or that stands there twice.
func (d Document) CheckKeys(n *yaml.Node, in string, allowed ...string) error {
	if n == nil || n.Tag == "!!null" {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		return d.Errorf(n, "%s is no mapping", in)
	}
	var seen []string
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if slices.Contains(seen, key.Value) {
			return d.Errorf(key, "%s has the field %q twice: keep one", in, key.Value)
		}
		seen = append(seen, key.Value)
		if !slices.Contains(allowed, key.Value) {
			return d.Errorf(key, "%s has no field %q%s", in, key.Value, suggest(key.Value, allowed))
		}
	}
	return nil
}

// suggest says which of the allowed words was likely meant.
func suggest(word string, allowed []string) string {
	for _, a := range allowed {
		if strings.EqualFold(a, word) || distance(a, word) <= 2 {
			return fmt.Sprintf(" (did you mean %q?)", a)
		}
	}
	return ": it knows " + strings.Join(allowed, ", ")
}

// distance is the Levenshtein distance of two short words.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// Nearly says whether a word is at most a slip of the pen away from another: in the case of letters, in one letter, in
// two of a long word.
func Nearly(word, of string) bool {
	if len(word) > 2*len(of) {
		return false
	}
	limit := 2
	if len(of) <= 6 {
		limit = 1
	}
	return distance(strings.ToLower(word), strings.ToLower(of)) <= limit
}

// Items are the documents in a list, or the document itself: a list may hold Apps as well.
func (d Document) Items() []Document {
	list := Field(d.Node, "items")
	if !strings.HasSuffix(Scalar(Field(d.Node, "kind")), "List") || list == nil || list.Kind != yaml.SequenceNode {
		return []Document{d}
	}
	var out []Document
	for _, n := range list.Content {
		out = append(out, Document{File: d.File, Rendered: d.Rendered, Node: n}.Items()...)
	}
	return out
}

// Rendering is a document as a build would give it.
func (d Document) Rendering() (model.Rendered, error) {
	var object map[string]any
	if err := d.Node.Decode(&object); err != nil {
		return model.Rendered{}, d.Errorf(d.Node, "an object that cannot be read: %s", fleet.YAMLRule(err))
	}
	data, err := json.Marshal(object)
	return model.Rendered{JSON: data, File: d.File}, err
}

// OneLine joins several errors in one line, each once.
func OneLine(err error) error {
	if err == nil {
		return nil
	}
	var once []string
	for line := range strings.SplitSeq(err.Error(), "\n") {
		if !slices.Contains(once, line) {
			once = append(once, line)
		}
	}
	return errors.New(strings.Join(once, "; "))
}

// IsKustomization says whether kustomize takes a file of this name for a kustomization.
func IsKustomization(name string) bool {
	return name == "kustomization.yaml" || name == "kustomization.yml" || name == "Kustomization"
}

// IsYAML says whether a file is read, by its name.
func IsYAML(name string) bool {
	return strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml")
}
