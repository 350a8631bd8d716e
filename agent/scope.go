package agent

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/drover-dev/drover/protocol"
)

// Scope is the namespaces that an agent may touch. An empty one is the whole cluster.
type Scope []string

// Outside says whether an object, whose namespace is "" if its kind has none, is beyond the scope.
func (s Scope) Outside(ref protocol.ObjectRef) bool {
	return len(s) > 0 && (ref.Namespace == "" || !slices.Contains(s, ref.Namespace))
}

// Failure is why an object outside is left alone.
func (s Scope) Failure() *Failure {
	return &Failure{Reason: ReasonScope, Text: fmt.Sprintf("this agent may only touch the namespaces %s (it was installed with --scope): "+
		"take the object out of Git for this cluster, or install the agent with a wider scope", strings.Join(s, ", "))}
}

// Explain adds to a failure in one of the namespaces what is likely to be its reason: a role is in a namespace, and comes
// and goes with it.
func (s Scope) Explain(err error, namespace string) error {
	var f *Failure
	if len(s) == 0 || !errors.As(err, &f) || f.Reason != ReasonForbidden {
		return err
	}
	return &Failure{Reason: f.Reason, After: f.After, Text: fmt.Sprintf("the agent has no role in namespace %s, or not enough of one, "+
		"or the namespace is not there: create it, and apply the agent's manifest again (%s)", namespace, f.Text)}
}

// Watched is what one watch covers: a kind, and in a scope one namespace of it.
type Watched struct{ Group, Kind, Namespace string }

// Covering is the watch that an object is seen by.
func (s Scope) Covering(ref protocol.ObjectRef) Watched {
	w := Watched{Group: ref.Group, Kind: ref.Kind}
	if len(s) > 0 {
		w.Namespace = ref.Namespace
	}
	return w
}
