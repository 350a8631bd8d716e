package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/drover-dev/drover/hub/layout"
)

// clusterFile is a cluster.yaml that is being edited. Comments and the order of fields stay.
type clusterFile struct {
	file string // for messages
	text string
	root *kyaml.RNode // nil where the text holds nothing but comments
}

// readClusterFile reads a cluster.yaml; where there is none it is empty.
func readClusterFile(path, file string) (*clusterFile, error) {
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	c := &clusterFile{file: file, text: string(data)}
	dec := kyaml.NewDecoder(bytes.NewReader(data))
	for {
		var n kyaml.Node
		err := dec.Decode(&n)
		switch {
		case errors.Is(err, io.EOF):
			return c, nil
		case err != nil:
			return nil, fmt.Errorf("%s cannot be edited: %w: mend it first", file, err)
		case len(n.Content) != 1 || n.Content[0].Tag == "!!null":
			continue
		case c.root != nil:
			return nil, fmt.Errorf("%s cannot be edited, because it holds several documents: keep one", file)
		case n.Content[0].Kind != kyaml.MappingNode:
			return nil, fmt.Errorf("%s cannot be edited, because it is no mapping: mend it first", file)
		}
		c.root = kyaml.NewRNode(&n)
	}
}

// isObject says whether the fields stand under metadata and spec.
func (c *clusterFile) isObject() bool {
	return c.root != nil && (c.root.Field("kind") != nil || c.root.Field("apiVersion") != nil)
}

// get gives a field's text, or an empty one. in is where fields stand in an object: metadata or spec.
func (c *clusterFile) get(in string, path ...string) string {
	if c.root == nil {
		return ""
	}
	if c.isObject() {
		path = append([]string{in}, path...)
	}
	n, err := c.root.Pipe(kyaml.Lookup(path...))
	if err != nil || n == nil {
		return ""
	}
	return n.YNode().Value
}

// set sets a field to a text.
func (c *clusterFile) set(value, in string, path ...string) error {
	if c.root == nil {
		var node kyaml.Node
		node.Kind, node.Content = kyaml.DocumentNode, []*kyaml.Node{{Kind: kyaml.MappingNode, Tag: kyaml.NodeTagMap}}
		c.root = kyaml.NewRNode(&node)
	}
	if c.isObject() {
		path = append([]string{in}, path...)
	}
	last := len(path) - 1
	var parent *kyaml.RNode
	var err error
	if parent = c.root; last > 0 {
		parent, err = c.root.Pipe(kyaml.LookupCreate(kyaml.MappingNode, path[:last]...))
	}
	if err == nil {
		err = parent.PipeE(kyaml.SetField(path[last], kyaml.NewStringRNode(value)))
	}
	if err != nil {
		return fmt.Errorf("%s cannot be edited: %s: %w", c.file, strings.Join(path, "."), err)
	}
	return nil
}

// write gives the file as it is to be written.
func (c *clusterFile) write(path string) error {
	if c.root == nil {
		return os.WriteFile(path, []byte(c.text), 0o644)
	}
	text, err := kyaml.MarshalWithOptions(c.root.Document(), &kyaml.EncoderOptions{
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
func (c *clusterFile) comments() bool {
	for line := range strings.Lines(c.text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			return false
		}
	}
	return c.text != ""
}

// clusterFileOf reads the cluster.yaml of a cluster in a work tree.
func (w *workTree) clusterFileOf(cluster string) (*clusterFile, error) {
	file := w.folder(cluster) + "/" + layout.ClusterFile
	return readClusterFile(w.file(file), file)
}
