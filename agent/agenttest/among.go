package agenttest

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/kube"
)

// among is the client of an agent that shares a control plane with other tests: what these left behind is not its
// business.
type among struct {
	*kube.Client
	namespace string
	first     bool // no agent was in the namespace before
}

// place is where an agent has its state.
type place struct {
	url, namespace string
}

// taken are the places where an agent was.
var taken sync.Map

// isFirst says whether no agent was in a namespace before.
func isFirst(url, namespace string) bool {
	_, before := taken.LoadOrStore(place{url, namespace}, true)
	return !before
}

// Labelled leaves out what other tests made. Where no agent was before there can be nothing else, so that nothing is
// searched: it would be half of all requests of the tests. In a namespace of a name of its own a test has the control
// plane for itself.
func (a among) Labelled(ctx context.Context, namespaces []string) ([]agent.Found, []string, []string, error) {
	shared := strings.HasPrefix(a.namespace, "test-")
	if shared && a.first {
		return nil, nil, nil, nil
	}
	found, unread, others, err := a.Client.Labelled(ctx, namespaces)
	if !shared {
		return found, unread, others, err
	}
	found = slices.DeleteFunc(found, func(f agent.Found) bool {
		return !strings.Contains(f.Ref.Group+" "+f.Ref.Namespace+" "+f.Ref.Name, a.namespace)
	})
	return found, unread, nil, err
}
