package watch

import (
	"context"
	"sync"

	"github.com/drover-dev/drover/protocol"
)

// Inputs are the ConfigMaps and Secrets of the cluster from which apps take variables or keys. Each is watched by its
// name, by metadata alone.
type Inputs struct {
	session *Session
	changed func(ref protocol.VarsRef, version uint64)

	mu  sync.Mutex // guards all
	all map[protocol.VarsRef]*input
}

// input is one of them.
type input struct {
	version uint64 // as the watch said last; 0 while the object is not there
	stop    context.CancelFunc
}

// NewInputs makes the watches of a session, of which there are none yet. changed is told of every change.
func NewInputs(s *Session, changed func(ref protocol.VarsRef, version uint64)) *Inputs {
	return &Inputs{session: s, changed: changed, all: map[protocol.VarsRef]*input{}}
}

// Watch watches an input, unless it is watched.
func (in *Inputs) Watch(ref protocol.VarsRef) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.all[ref] != nil {
		return
	}
	following, stop := context.WithCancel(in.session.Life)
	one := &input{stop: stop}
	if !in.session.Start(func() {
		in.session.Cluster.Versions(following, ref, func(version uint64) {
			if following.Err() == nil && in.set(one, version) {
				in.changed(ref, version)
			}
		})
	}) {
		stop()
		return
	}
	in.all[ref] = one
}

// set takes down the version of an input, and says whether it is another one.
func (in *Inputs) set(one *input, version uint64) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	before := one.version
	one.version = version
	return before != version
}

// Version is the version of an input as the watch said last, 0 while it does not exist, if it is watched.
func (in *Inputs) Version(ref protocol.VarsRef) (version uint64, watched bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if one := in.all[ref]; one != nil {
		return one.version, true
	}
	return 0, false
}

// StopUnused ends the watches of inputs that are not used any more.
func (in *Inputs) StopUnused(used func(protocol.VarsRef) bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for ref, one := range in.all {
		if !used(ref) {
			one.stop()
			delete(in.all, ref)
		}
	}
}
