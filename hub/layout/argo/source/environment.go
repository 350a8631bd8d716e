package source

import (
	"os"
	"path"
	"strings"

	"github.com/drover-dev/drover/hub/layout/argo/fields"
	"github.com/drover-dev/drover/hub/layout/planning"
)

// environment are the variables of Argo CD's build environment, which some fields may name.
type environment struct {
	values map[string]string
	asked  string // a variable that cannot be known, if one was named
}

func newEnvironment(o *planning.Object, a Application, s sourceSpec) *environment {
	return &environment{values: map[string]string{
		"ARGOCD_APP_NAME": instance(o), "ARGOCD_APP_NAMESPACE": a.Namespace, "ARGOCD_APP_PROJECT_NAME": a.Project,
		"ARGOCD_APP_SOURCE_REPO_URL": s.RepoURL, "ARGOCD_APP_SOURCE_PATH": s.Path,
		"ARGOCD_APP_SOURCE_TARGET_REVISION": s.TargetRevision,
	}}
}

// instance is the name of an Application where those of all namespaces are told apart (argo-cd, InstanceName).
func instance(o *planning.Object) string {
	if o.Namespace == fields.Home {
		return o.Name
	}
	return o.Namespace + "_" + o.Name
}

// expand replaces $NAME and ${NAME}; $$ is a dollar. What there is nothing for is empty, as in Argo CD.
func (e *environment) expand(s string) string {
	return os.Expand(s, func(name string) string {
		if name == "$" {
			return "$"
		}
		if strings.HasPrefix(name, "ARGOCD_APP_REVISION") {
			e.asked = name
		}
		return e.values[name]
	})
}

func (e *environment) expandAll(m map[string]string) map[string]string {
	out := make(map[string]string, len(m))
	for k, v := range m {
		out[k] = e.expand(v)
	}
	return out
}

// inTree is a path of a source, seen from its root; false if it leads out of it.
func inTree(name string) (string, bool) {
	if path.IsAbs(name) {
		return name, false
	}
	name = path.Clean(name)
	return name, name != ".." && !strings.HasPrefix(name, "../")
}
