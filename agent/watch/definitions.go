package watch

import (
	"context"
	"sync"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/fleet"
)

type groupKind struct{ group, kind string }

// Definitions are the kinds that the cluster is only going to serve.
type Definitions struct {
	session *Session
	changed func(name string)

	mu   sync.Mutex                     // guards what follows
	all  map[groupKind][]agent.Resource // by definitions that apps have, established or not
	stop context.CancelFunc             // ends the watch of definitions; nil while no object waits for its kind
}

// NewDefinitions makes those of a session, of which there are none yet. changed is told of definitions that come or
// change while they are followed.
func NewDefinitions(s *Session, changed func(name string)) *Definitions {
	return &Definitions{session: s, changed: changed, all: map[groupKind][]agent.Resource{}}
}

// Define remembers the kind that a definition will add, by its versions.
func (d *Definitions) Define(list []agent.Resource) {
	if len(list) == 0 {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.all[groupKind{list[0].Group, list[0].Kind}] = list
}

// Resolve finds a kind, also one that is only going to be served.
func (d *Definitions) Resolve(ctx context.Context, apiVersion, kind string) (agent.Resource, error) {
	d.mu.Lock()
	list := d.all[groupKind{fleet.GroupOf(apiVersion), kind}]
	d.mu.Unlock()
	for _, r := range list {
		if r.APIVersion() == apiVersion {
			return r, nil
		}
	}
	return d.session.Cluster.Resolve(ctx, apiVersion, kind)
}

// Follow watches the cluster's definitions while objects wait for their kind, so that it need not be asked again and
// again whether it is served.
func (d *Definitions) Follow(waiting func() bool) {
	if len(d.session.Scope) > 0 {
		return // definitions cannot be seen from within a scope: the kind is asked for again
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	switch wait := waiting(); {
	case !wait && d.stop != nil:
		d.stop()
		d.stop = nil
	case wait && d.stop == nil:
		following, stop := context.WithCancel(d.session.Life)
		if d.session.Start(func() { d.session.Cluster.Definitions(following, d.changed) }) {
			d.stop = stop
		} else {
			stop()
		}
	}
}
