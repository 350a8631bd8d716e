package native

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/protocol"
)

// anyName matches what may be a name in a text that is no YAML.
var anyName = regexp.MustCompile(`(?:^|[\s{,"'])name["']?\s*:\s*["']?([^"'\s#,}]*)`)

// ReadName reads what the file of a cluster names it, as spec.name; "" if it names none, or is not there. derived is the
// name that it has then. An error says that the name cannot be known: where the file is broken, and a name in it may be
// the cluster's.
func ReadName(tree model.Tree, file, derived string) (string, error) {
	data, err := tree.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !bytes.Contains(data, []byte("name")) {
		return "", nil
	}
	if err != nil {
		if info, statErr := tree.Stat(file); statErr == nil && info.IsDir() {
			return "", nil
		}
		return "", fmt.Errorf("%s cannot be read: %w", file, err)
	}
	docs, err := document.Parse(file, data)
	if err != nil {
		other := func(m [][]byte) bool { return string(m[1]) != derived }
		if slices.ContainsFunc(anyName.FindAllSubmatch(data, -1), other) {
			return "", fmt.Errorf("%w; so it is not known which cluster %s is for, and nothing changes there", err, path.Dir(file))
		}
		return "", nil
	}
	at := slices.IndexFunc(docs, describes)
	if at < 0 {
		return "", nil
	}
	d := docs[at]
	in := d.Node
	if document.Field(in, "apiVersion") != nil || document.Field(in, "kind") != nil {
		in = document.Field(in, "spec")
	}
	n := document.Field(in, "name")
	if n == nil {
		return "", nil
	}
	return document.Scalar(n), checkSpecName(d, n)
}

// checkSpecName says what is wrong with spec.name of a Cluster; nil is none.
func checkSpecName(d document.Document, n *yaml.Node) error {
	if n == nil {
		return nil
	}
	if n.Kind != yaml.ScalarNode {
		return d.Errorf(n, "spec.name of a Cluster is to be a text: the cluster's name")
	}
	if err := protocol.CheckName(document.Scalar(n)); err != nil {
		return d.Errorf(n, "spec.name of a Cluster: %v", err)
	}
	return nil
}

// checkClusterName says whether metadata.name is the cluster's, or its folder's.
func checkClusterName(d document.Document, spec *yaml.Node, c *model.Cluster) error {
	n := document.Field(document.Field(d.Node, "metadata"), "name")
	if n == nil || n.Value == c.Name || n.Value == path.Base(c.Folder) {
		return nil
	}
	if document.Field(spec, "name") != nil {
		return d.Errorf(n, "metadata.name is %q and spec.name is %q: make them equal, or take metadata.name out", n.Value, c.Name)
	}
	return d.Errorf(n, "metadata.name is %q but the folder is %q: make them equal, or name the cluster with spec.name, which stays when "+
		"the folder is renamed", n.Value, path.Base(c.Folder))
}

// readRootDecryption takes how the objects of the cluster's folder are decrypted.
func readRootDecryption(d document.Document, in *yaml.Node, c *model.Cluster) error {
	var root model.App
	err := readDecryption(d, in, &root)
	c.Decrypt = root.Handling.Decrypt
	return err
}
