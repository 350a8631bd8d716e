package agenttest

import (
	"context"
	"slices"
	"strings"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/kube"
)

// among is the client of an agent that shares a control plane with other tests: what these left behind is not its
// business.
type among struct {
	*kube.Client
	namespace string
}

// Labelled leaves out what other tests made. In a namespace of a name of its own a test has the control plane for
// itself.
func (a among) Labelled(ctx context.Context, namespaces []string) ([]agent.Found, []string, []string, error) {
	found, unread, others, err := a.Client.Labelled(ctx, namespaces)
	if !strings.HasPrefix(a.namespace, "test-") {
		return found, unread, others, err
	}
	found = slices.DeleteFunc(found, func(f agent.Found) bool {
		return !strings.Contains(f.Ref.Group+" "+f.Ref.Namespace+" "+f.Ref.Name, a.namespace)
	})
	return found, unread, nil, err
}
