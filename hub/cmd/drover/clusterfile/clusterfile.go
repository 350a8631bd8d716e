// Package clusterfile edits the cluster.yaml of a cluster. Comments and the order of fields stay.
package clusterfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/drover-dev/drover/hub/model"
)

// File is a cluster.yaml that is being edited.
type File struct {
	file string // for messages
	text string
	doc  *kyaml.Node // nil where the text holds nothing but comments
}

// Read reads a cluster.yaml; where there is none it is empty. file is how messages name it. An error says why it
// cannot be
// edited.
func Read(path, file string) (*File, error) {
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	c := &File{file: file, text: string(data)}
	dec := kyaml.NewDecoder(bytes.NewReader(data))
	for {
		var n kyaml.Node
		err := dec.Decode(&n)
		switch {
		case errors.Is(err, io.EOF):
			return c, nil
		case err != nil:
			return nil, fmt.Errorf("%s cannot be edited: %w: fix it first", file, err)
		case len(n.Content) != 1 || n.Content[0].Tag == "!!null":
			continue
		case c.doc != nil:
			return nil, fmt.Errorf("%s cannot be edited, because it holds several documents: keep one", file)
		case n.Content[0].Kind != kyaml.MappingNode:
			return nil, fmt.Errorf("%s cannot be edited, because it is no mapping: fix it first", file)
		}
		if kind := fieldOf(n.Content[0], "kind"); kind != nil && kind.Value != model.KindCluster {
			return nil, fmt.Errorf("%s cannot be edited, because it holds a %s and does not describe the cluster: rename it "+
				"first",
				file, kind.Value)
		}
		c.doc = &n
	}
}

// Begin gives a file that is empty, or not there, its first text, which has to be a comment.
func (c *File) Begin(comment string) {
	if c.text == "" {
		c.text = comment
	}
}

// IsObject says whether the fields stand under metadata and spec.
func (c *File) IsObject() bool {
	return c.doc != nil && (fieldOf(c.doc.Content[0], "kind") != nil || fieldOf(c.doc.Content[0], "apiVersion") != nil)
}

// Get gives a field's text, or an empty one. in is where it stands in an object: metadata or spec.
func (c *File) Get(in string, path ...string) string {
	if c.doc == nil {
		return ""
	}
	if c.IsObject() {
		path = append([]string{in}, path...)
	}
	n := c.doc.Content[0]
	for _, key := range path {
		n = fieldOf(n, key)
	}
	if n == nil || n.Kind != kyaml.ScalarNode {
		return ""
	}
	return n.Value
}

// Set sets a field to a text; in is as for Get. An error says what stands there instead.
func (c *File) Set(value, in string, path ...string) error {
	if c.doc == nil {
		c.doc = &kyaml.Node{Kind: kyaml.DocumentNode, Content: []*kyaml.Node{{Kind: kyaml.MappingNode,
			Tag: kyaml.NodeTagMap}}}
	}
	if c.IsObject() {
		path = append([]string{in}, path...)
	}
	n := c.doc.Content[0]
	for i, key := range path {
		next := fieldOf(n, key)
		if next == nil {
			next = &kyaml.Node{Kind: kyaml.ScalarNode, Tag: kyaml.NodeTagNull}
			n.Content = append(n.Content, &kyaml.Node{Kind: kyaml.ScalarNode, Tag: kyaml.NodeTagString, Value: key}, next)
		}
		if n = next; i == len(path)-1 {
			break
		}
		if n.Tag == kyaml.NodeTagNull {
			n.Kind, n.Tag, n.Value = kyaml.MappingNode, kyaml.NodeTagMap, ""
		}
		if n.Kind != kyaml.MappingNode {
			return fmt.Errorf("%s cannot be edited, because %s is no mapping: fix it first", c.file, strings.Join(path[:i+1],
				"."))
		}
	}
	if n.Kind != kyaml.ScalarNode {
		return fmt.Errorf("%s cannot be edited, because %s is no text: fix it first", c.file, strings.Join(path, "."))
	}
	n.Tag, n.Value = kyaml.NodeTagString, value
	return nil
}

// fieldOf is the value of a mapping's key, or nil.
func fieldOf(n *kyaml.Node, key string) *kyaml.Node {
	if n == nil || n.Kind != kyaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// Write writes the file.
func (c *File) Write(path string) error {
	if c.doc == nil {
		return os.WriteFile(path, []byte(c.text), 0o644)
	}
	text, err := kyaml.MarshalWithOptions(c.doc, &kyaml.EncoderOptions{
		SeqIndent: kyaml.SequenceIndentStyle(kyaml.DeriveSeqIndentStyle(c.text))})
	if err != nil {
		return fmt.Errorf("%s cannot be edited: %w", c.file, err)
	}
	if c.comments() {
		text = append([]byte(strings.TrimRight(c.text, "\n")+"\n"), text...)
	}
	return os.WriteFile(path, text, 0o644)
}

// comments says whether the text held nothing but comments, which no node carries.
func (c *File) comments() bool {
	for line := range strings.Lines(c.text) {
		if line = strings.TrimSpace(line); line != "" && line != "---" && !strings.HasPrefix(line, "#") {
			return false
		}
	}
	return c.text != ""
}
