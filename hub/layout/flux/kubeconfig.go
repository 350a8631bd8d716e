package flux

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
)

// kubeConfig says in which cluster Flux is to apply what an object declares, where that is not the one it stands in.
type kubeConfig struct {
	SecretRef    struct{ Name, Key string }
	ConfigMapRef struct{ Name string }
}

// plainSecrets are names of Secrets with a kubeconfig that say nothing of the cluster: their namespace does then, as in
// Flux' own example of a hub and its spokes.
var plainSecrets = []string{"cluster-kubeconfig", "kubeconfig"}

// isOf says whether a Secret holds the kubeconfig of a cluster: by what its cluster.yaml says
// (spec.flux.kubeConfig), or
// else by its name, which is that of the cluster, or that with -kubeconfig, as Cluster API writes it, or by its
// namespace.
func isOf(c model.Cluster, namespace, secret string) bool {
	if said := c.Flux.KubeConfig; said != "" {
		return said == secret || said == namespace+"/"+secret
	}
	return secret == c.Name || secret == c.Name+"-kubeconfig" || namespace == c.Name && slices.Contains(plainSecrets, secret)
}

// remote says whether an object is for another cluster than the one that is planned, where it is left out and named. An
// error says that nobody can tell which one is meant.
func remote(p *planning.Plan, o *planning.Object) (elsewhere bool, _ error) {
	var spec struct{ KubeConfig *kubeConfig }
	if o.Decode(&spec) != nil || spec.KubeConfig == nil {
		return false, nil // who reads it says what is wrong
	}
	secret := spec.KubeConfig.SecretRef.Name
	switch {
	case secret == "":
		return false, p.Errorf(o, "spec.kubeConfig", "it names no Secret (secretRef), so that nobody can tell which cluster is meant: "+
			"name one, or declare it in the folder of that cluster without kubeConfig")
	case isOf(p.Cluster, o.Namespace, secret):
		return false, nil
	}
	all, err := p.Fleet()
	if err != nil {
		return false, p.Errorf(o, "spec.kubeConfig", "nobody can tell which cluster is meant: %v", err)
	}
	var names []string
	for _, c := range all {
		if c.Name != p.Cluster.Name && isOf(c, o.Namespace, secret) {
			names = append(names, c.Name)
		}
	}
	if len(names) != 1 {
		said := "no cluster of the fleet is known by it"
		if len(names) > 1 {
			said = "several clusters are known by it, " + strings.Join(names, " and ")
		}
		return false, p.Errorf(o, "spec.kubeConfig", "it is for the cluster whose kubeconfig is in the Secret %s/%s, and %s: "+
			"say in the cluster.yaml of that cluster flux: {kubeConfig: %s/%s}", o.Namespace, secret, said, o.Namespace, secret)
	}
	folder := path.Join(path.Dir(p.Folder), names[0])
	p.NoteOnce(p.Note(o, "spec.kubeConfig", fmt.Sprintf("left out: it is for the cluster %s, and this is the folder of %s. Let %s name "+
		"this file too (in the resources of a kustomization.yaml): there it is delivered", names[0], p.Cluster.Name, folder)))
	return true, nil
}
