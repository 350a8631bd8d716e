package layout

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/hub/manifest"
)

// ReadCluster reads cluster.yaml, an object of kind Cluster or its fields alone, of the cluster of a name. What is wrong
// with its content is said by wrong, and the cluster is known as far as it could be read; err says that it could not be
// read.
func ReadCluster(tree hub.Tree, file, name string) (c fleet.Cluster, wrong, err error) {
	c = fleet.Cluster{Name: name}
	data, err := tree.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil, nil
	}
	if err != nil {
		if info, statErr := tree.Stat(file); statErr == nil && info.IsDir() {
			return c, fmt.Errorf("%s is a folder: it is to be a file that describes the cluster; rename it", file), nil
		}
		return c, nil, fmt.Errorf("%s cannot be read: %w", file, err)
	}
	docs, err := parse(file, data)
	switch {
	case err != nil:
		return c, err, nil
	case len(docs) > 1:
		return c, docs[1].errorf(docs[1].node, "%s holds %d documents: keep one, of kind %s", ClusterFile, len(docs), fleet.KindCluster), nil
	case len(docs) == 1:
		c.Described = len(docs[0].node.Content) > 0
		wrong = oneLine(takeCluster(docs[0], &c))
	}
	return c, wrong, nil
}

// takeCluster reads the document of a cluster's file.
func takeCluster(d document, c *fleet.Cluster) error {
	apiVersion, kind := field(d.node, "apiVersion"), field(d.node, "kind")
	if apiVersion == nil && kind == nil {
		return errors.Join(d.checkKeys(d.node, ClusterFile, append([]string{"labels", "annotations"}, namesOf(clusterShapes)...)...), d.pairs(d.node, "labels", &c.Labels),
			d.pairs(d.node, "annotations", &c.Annotations),
			readClusterSpec(d, d.node, c))
	}
	if !d.isOurs() || scalar(kind) != fleet.KindCluster {
		return d.errorf(d.node, "%s holds %s %s: it is for %s %s alone; rename the file", ClusterFile,
			scalar(apiVersion), scalar(kind), fleet.APIVersion, fleet.KindCluster)
	}
	if scalar(apiVersion) != fleet.APIVersion {
		return d.errorf(apiVersion, "a Cluster of %s: this release of Drover knows %s", scalar(apiVersion), fleet.APIVersion)
	}
	meta, spec := field(d.node, "metadata"), field(d.node, "spec")
	err := d.checkKeys(spec, "spec of a Cluster", namesOf(clusterShapes)...)
	if labels := field(spec, "labels"); labels != nil {
		err = d.errorf(labels, "the labels of a Cluster stand under metadata, not under spec: move them there")
	}
	return errors.Join(d.checkKeys(d.node, "a Cluster", objectFields...), d.checkKeys(meta, "metadata", namesOf(metaShapes)...), err,
		checkClusterName(d, c.Name), d.pairs(meta, "labels", &c.Labels), d.pairs(meta, "annotations", &c.Annotations), readClusterSpec(d, spec, c))
}

// readClusterSpec takes the fields that stand under spec, or at the top where there is no spec.
func readClusterSpec(d document, in *yaml.Node, c *fleet.Cluster) error {
	return errors.Join(d.pairs(in, "vars", &c.Vars), d.bool(in, "suspend", &c.Suspend), readOnRemove(d, in, &c.PruneOnRemove),
		readAgent(d, in, c), readArgoNames(d, in, &c.Argo))
}

// readArgoNames takes what Argo CD calls the cluster.
func readArgoNames(d document, in *yaml.Node, to *fleet.ArgoCluster) error {
	n := field(in, "argocd")
	return errors.Join(d.checkKeys(n, "argocd", namesOf(argoClusterShapes)...), d.text(n, "name", &to.Name), d.text(n, "server", &to.Server))
}

// What may become of a cluster's workloads when its folder goes.
const (
	onRemoveKeep  = "keep"
	onRemovePrune = "prune"
)

func readOnRemove(d document, in *yaml.Node, prune *bool) error {
	n := field(in, "onRemove")
	if n == nil {
		return nil
	}
	switch scalar(n) {
	case onRemoveKeep:
	case onRemovePrune:
		*prune = true
	default:
		return d.errorf(n, "onRemove is %q: write %s (what runs there is left running when the folder goes) or %s (it is deleted)",
			n.Value, onRemoveKeep, onRemovePrune)
	}
	return nil
}

// imageRef is what an image reference may hold.
var imageRef = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/@-]*$`)

func readAgent(d document, in *yaml.Node, c *fleet.Cluster) error {
	agent := field(in, "agent")
	if err := d.checkKeys(agent, "agent", "image"); err != nil {
		return err
	}
	n := field(agent, "image")
	if n == nil {
		return nil
	}
	if !imageRef.MatchString(scalar(n)) {
		return d.errorf(n, "agent.image is %q: write an image reference, as "+
			"registry.example.com/drover-agent@sha256:…", n.Value)
	}
	if c.AgentImage = scalar(n); !manifest.ByDigest(c.AgentImage) {
		c.Notes = append(c.Notes, fleet.Note{File: d.file, Line: n.Line, Object: "Cluster " + c.Name,
			Field: fleet.FieldAgentImage,
			Text: fmt.Sprintf("%s is named by a tag, which who can write to the registry may move to another "+
				"image, and the agent may do anything in its "+
				"cluster: name it by digest, as NAME@sha256:…", c.AgentImage)})
	}
	return nil
}

func checkClusterName(d document, name string) error {
	if n := field(field(d.node, "metadata"), "name"); n != nil && n.Value != name {
		return d.errorf(n, "metadata.name is %q but the folder is %q: the folder names the cluster; make them equal", n.Value, name)
	}
	return nil
}
