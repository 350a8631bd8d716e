package layout

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/drover-dev/drover/fleet"
)

// readCluster reads cluster.yaml: an object of kind Cluster, or its fields alone. What is wrong with it is a problem of
// the folder; an error says that it could not be read.
func (r *reader) readCluster() error {
	file := r.clusterFile()
	data, err := r.tree.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		if info, statErr := r.tree.Stat(file); statErr == nil && info.IsDir() {
			r.notKnown(fmt.Errorf("%s is a folder: it is to be a file that describes the cluster; rename it", file))
			return nil
		}
		return fmt.Errorf("%s cannot be read: %w", file, err)
	}
	docs, err := parse(file, data)
	switch {
	case err != nil:
		r.notKnown(err)
	case len(docs) > 1:
		r.notKnown(docs[1].errorf(docs[1].node, "%s holds %d documents: keep one, of kind %s", ClusterFile, len(docs), fleet.KindCluster))
	case len(docs) == 1:
		r.folder.Cluster.Described = len(docs[0].node.Content) > 0
		r.notKnown(oneLine(r.takeCluster(docs[0])))
	}
	return nil
}

// notKnown takes note of what is wrong with cluster.yaml.
func (r *reader) notKnown(err error) {
	if err != nil {
		r.unknown = err.Error()
		r.folder.Cluster.Unclear = true
		r.problem("%v", err)
	}
}

func (r *reader) takeCluster(d document) error {
	c := &r.folder.Cluster
	apiVersion, kind := field(d.node, "apiVersion"), field(d.node, "kind")
	if apiVersion == nil && kind == nil {
		return errors.Join(d.checkKeys(d.node, ClusterFile, append([]string{"labels", "annotations"}, namesOf(clusterShapes)...)...), d.pairs(d.node, "labels", &c.Labels),
			d.pairs(d.node, "annotations", &c.Annotations),
			d.takeSpec(d.node, c))
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
		d.sameName(c.Name), d.pairs(meta, "labels", &c.Labels), d.pairs(meta, "annotations", &c.Annotations), d.takeSpec(spec, c))
}

// takeSpec takes the fields that stand under spec, or at the top where there is no spec.
func (d document) takeSpec(in *yaml.Node, c *fleet.Cluster) error {
	return errors.Join(d.pairs(in, "vars", &c.Vars), d.yes(in, "suspend", &c.Suspend), d.onRemove(in, &c.PruneOnRemove),
		d.agent(in, &c.AgentImage), d.argo(in, &c.Argo))
}

// argo takes what Argo CD calls the cluster.
func (d document) argo(in *yaml.Node, to *fleet.ArgoCluster) error {
	n := field(in, "argocd")
	return errors.Join(d.checkKeys(n, "argocd", namesOf(argoClusterShapes)...), d.text(n, "name", &to.Name), d.text(n, "server", &to.Server))
}

// What may become of a cluster's workloads when its folder goes.
const (
	onRemoveKeep  = "keep"
	onRemovePrune = "prune"
)

func (d document) onRemove(in *yaml.Node, prune *bool) error {
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

func (d document) agent(in *yaml.Node, image *string) error {
	agent := field(in, "agent")
	if err := d.checkKeys(agent, "agent", "image"); err != nil {
		return err
	}
	n := field(agent, "image")
	if n == nil {
		return nil
	}
	if !imageRef.MatchString(scalar(n)) {
		return d.errorf(n, "agent.image is %q: write an image reference, as registry.example.com/drover-agent:v0.3.0", n.Value)
	}
	*image = scalar(n)
	return nil
}

func (d document) sameName(name string) error {
	if n := field(field(d.node, "metadata"), "name"); n != nil && n.Value != name {
		return d.errorf(n, "metadata.name is %q but the folder is %q: the folder names the cluster; make them equal", n.Value, name)
	}
	return nil
}
