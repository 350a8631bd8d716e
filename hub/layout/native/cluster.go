package native

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/layout/rights"
	"github.com/drover-dev/drover/hub/manifest"
	"github.com/drover-dev/drover/hub/model"
)

// ClusterFile is what the cluster.yaml of a cluster's folder says.
type ClusterFile struct {
	model.Cluster       // as far as it could be read
	Wrong         error // what is wrong with the content
	Ordinary      bool  // it holds objects like any other file of the folder, and does not describe the cluster
}

// ReadCluster reads the cluster.yaml of a cluster's folder, an object of kind Cluster or its fields alone. An error says
// that the file could not be read.
func ReadCluster(tree model.Tree, site model.Site) (ClusterFile, error) {
	c, file := ClusterFile{Cluster: model.Cluster{Name: site.Name, Folder: site.Folder}}, path.Join(site.Folder, planning.ClusterFile)
	data, err := tree.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		if info, statErr := tree.Stat(file); statErr == nil && info.IsDir() {
			c.Wrong = fmt.Errorf("%s is a folder: it is to be a file that describes the cluster; rename it", file)
			return c, nil
		}
		return c, fmt.Errorf("%s cannot be read: %w", file, err)
	}
	docs, err := document.Parse(file, data)
	described := slices.IndexFunc(docs, describes)
	switch {
	case err != nil:
		c.Wrong = err
	case len(docs) == 0:
	case described < 0:
		c.Ordinary = true
	case len(docs) > 1:
		c.Described = true
		d := docs[described]
		c.Wrong = d.Errorf(d.Node, "%s holds %d documents, and this one describes the cluster, or looks like it: "+
			"keep it alone in %s, "+
			"and move the others to another file; or, if it does not, give it apiVersion and kind", planning.ClusterFile,
			len(docs), planning.ClusterFile)
	default:
		c.Described = len(docs[0].Node.Content) > 0
		c.Wrong = document.OneLine(takeCluster(docs[0], &c.Cluster))
	}
	return c, nil
}

// describes says whether a document describes a cluster, or is probably meant to: it is a Cluster of Drover, something
// else of Drover that is no object of its own, or no Kubernetes object.
func describes(d document.Document) bool {
	apiVersion, kind := document.Scalar(document.Field(d.Node, "apiVersion")), document.Scalar(document.Field(d.Node, "kind"))
	group, own := fleet.GroupOf(apiVersion), fleet.GroupOf(model.APIVersion)
	switch {
	case apiVersion == "" || kind == "":
		return true
	case group == own:
		return kind != model.KindApp && kind != KindProject && kind != KindRolloutPolicy && !rights.IsKind(kind)
	}
	return document.Nearly(kind, model.KindCluster) && (group == "" || document.Nearly(group, own))
}

// takeCluster reads the document of a cluster's file.
func takeCluster(d document.Document, c *model.Cluster) error {
	apiVersion, kind := document.Field(d.Node, "apiVersion"), document.Field(d.Node, "kind")
	if apiVersion == nil && kind == nil {
		return errors.Join(d.CheckKeys(d.Node, planning.ClusterFile,
			append([]string{"labels", "annotations"}, namesOf(clusterShapes)...)...), d.Pairs(d.Node, "labels", &c.Labels),
			d.Pairs(d.Node, "annotations", &c.Annotations),
			readClusterSpec(d, d.Node, c))
	}
	if !d.IsOurs() || document.Scalar(kind) != model.KindCluster {
		return d.Errorf(d.Node, "%s holds %q of %q, which looks like %s of %s: correct apiVersion and kind, or "+
			"rename the file",
			planning.ClusterFile, document.Scalar(kind), document.Scalar(apiVersion), model.KindCluster, model.APIVersion)
	}
	if document.Scalar(apiVersion) != model.APIVersion {
		return d.Errorf(apiVersion, "a Cluster of %s: this release of Drover knows %s", document.Scalar(apiVersion),
			model.APIVersion)
	}
	meta, spec := document.Field(d.Node, "metadata"), document.Field(d.Node, "spec")
	err := d.CheckKeys(spec, "spec of a Cluster", namesOf(clusterShapes)...)
	if labels := document.Field(spec, "labels"); labels != nil {
		err = d.Errorf(labels, "the labels of a Cluster stand under metadata, not under spec: move them there")
	}
	return errors.Join(d.CheckKeys(d.Node, "a Cluster", objectFields...),
		d.CheckKeys(meta, "metadata", namesOf(metaShapes)...), err,
		checkClusterName(d, spec, c), d.Pairs(meta, "labels", &c.Labels), d.Pairs(meta, "annotations",
			&c.Annotations), readClusterSpec(d, spec, c))
}

// readClusterSpec takes the fields that stand under spec, or at the top where there is no spec.
func readClusterSpec(d document.Document, in *yaml.Node, c *model.Cluster) error {
	return errors.Join(d.Pairs(in, "vars", &c.Vars), d.Bool(in, "suspend", &c.Suspend),
		readOnRemove(d, in, &c.PruneOnRemove),
		readAgent(d, in, c), readArgoNames(d, in, &c.Argo), readFluxNames(d, in, &c.Flux),
		checkSpecName(d, document.Field(in, "name")), readRootDecryption(d, in, c))
}

// readArgoNames takes what Argo CD calls the cluster.
func readArgoNames(d document.Document, in *yaml.Node, to *model.ArgoCluster) error {
	n := document.Field(in, "argocd")
	return errors.Join(d.CheckKeys(n, "argocd", namesOf(argoClusterShapes)...), d.Text(n, "name", &to.Name),
		d.Text(n, "server", &to.Server))
}

// readFluxNames takes what Flux in another cluster calls the cluster, and how what is written for Flux is locked down.
func readFluxNames(d document.Document, in *yaml.Node, to *model.FluxCluster) error {
	n := document.Field(in, "flux")
	err := errors.Join(d.CheckKeys(n, "flux", namesOf(fluxClusterShapes)...), d.Text(n, "kubeConfig", &to.KubeConfig),
		d.Text(n, "defaultServiceAccount", &to.DefaultServiceAccount), d.Bool(n, "noCrossNamespaceRefs", &to.NoCrossNamespaceRefs))
	if account := to.DefaultServiceAccount; err == nil && account != "" && planning.CheckSubdomain(account) != nil {
		err = d.Errorf(document.Field(n, "defaultServiceAccount"), "flux.defaultServiceAccount %.80q is no name of a service account: "+
			"write the name alone, it is one in the namespace of each Kustomization and HelmRelease", account)
	}
	return err
}

func readOnRemove(d document.Document, in *yaml.Node, prune *bool) error {
	n := document.Field(in, "onRemove")
	if n == nil {
		return nil
	}
	switch document.Scalar(n) {
	case onRemoveKeep:
	case onRemovePrune:
		*prune = true
	default:
		return d.Errorf(n, "onRemove is %q: write %s (what runs there is left running when the folder goes) or %s (it is "+
			"deleted)",
			n.Value, onRemoveKeep, onRemovePrune)
	}
	return nil
}

// imageRef is what an image reference may hold.
var imageRef = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/@-]*$`)

func readAgent(d document.Document, in *yaml.Node, c *model.Cluster) error {
	agent := document.Field(in, "agent")
	if err := d.CheckKeys(agent, "agent", "image"); err != nil {
		return err
	}
	n := document.Field(agent, "image")
	if n == nil {
		return nil
	}
	if !imageRef.MatchString(document.Scalar(n)) {
		return d.Errorf(n, "agent.image is %q: write an image reference, as "+
			"registry.example.com/drover-agent@sha256:…", n.Value)
	}
	if c.AgentImage = document.Scalar(n); !manifest.ByDigest(c.AgentImage) {
		c.Notes = append(c.Notes, fleet.Note{File: d.File, Line: n.Line, Object: "Cluster " + c.Name,
			Field: model.FieldAgentImage,
			Text: fmt.Sprintf("%s is named by a tag, which who can write to the registry may move to another "+
				"image, and the agent may do anything in its "+
				"cluster: name it by digest, as NAME@sha256:…", c.AgentImage)})
	}
	return nil
}
