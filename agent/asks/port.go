package asks

import (
	"context"
	"encoding/json"
	"io"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/protocol"
)

// Reader reads the cluster, and changes nothing.
type Reader interface {
	agent.Resolver
	// Find finds the kind that people mean by a word: its name, plural or short name in any case, and its group.
	Find(ctx context.Context, word string) (agent.Resource, error)
	// Read reads a whole object.
	Read(ctx context.Context, res agent.Resource, ref protocol.ObjectRef) (json.RawMessage, error)
	// List reads objects of a kind in one namespace or, if that is "", in all. more says that there are more than limit.
	List(ctx context.Context, res agent.Resource, namespace string, limit int, each func(json.RawMessage)) (more bool,
		err error)
	// Would asks the API server what applying an object would make of it.
	Would(ctx context.Context, res agent.Resource, w agent.Wish) (json.RawMessage, error)
	// Logs opens the output of a container.
	Logs(ctx context.Context, namespace, pod string, o LogOptions) (io.ReadCloser, error)
}

// LogOptions say which output of a Pod is read.
type LogOptions struct {
	Container        string
	Tail             int // lines; 0 means all that are kept
	Follow, Previous bool
}

// Apps knows the apps of the cluster. It is safe for concurrent use.
type Apps interface {
	// Names are the apps, sorted.
	Names() []string
	// Wishes are the objects of an app. lines says whether Patch is needed; known, whether there is such an app.
	Wishes(app string, lines bool) (wishes []agent.Wish, known bool, err error)
	// Secretive says whether the objects of an app may hold values of Secrets, whatever their kind.
	Secretive(app string) bool
}

// answers are what questions are answered from.
type answers struct {
	cluster   string
	namespace string // the agent's own
	scope     agent.Scope
	reader    Reader
	apps      Apps
}
