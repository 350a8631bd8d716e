package hub

import (
	"context"
	"time"

	"github.com/drover-dev/drover/protocol"
)

// Bus carries bundles and blobs to the agents, and what they say back.
type Bus interface {
	// Put stores blobs, then bundles, and returns when the bus has them all. Blobs come first so that
	// no agent is ever told of one that is not there.
	Put(ctx context.Context, blobs []Packed, bundles []Delivery) error
	// Holdings says what the bus has now. After it lost something, the hub brings it back.
	Holdings(ctx context.Context) (Holdings, error)
	// Forget drops the bundle and the last report of a cluster.
	Forget(ctx context.Context, cluster string) error
	// Listen calls back for everything that agents say, and whenever the bus may have lost something.
	// It blocks until ctx is done.
	Listen(ctx context.Context, to Listener) error
}

// Delivery is one cluster's sealed bundle.
type Delivery struct {
	Cluster    string
	Generation uint64
	Sealed     []byte
}

// Holdings is what a bus has: the generation of each cluster's bundle, and the ids of complete blobs.
type Holdings struct {
	Generations map[string]uint64
	Blobs       map[string]bool
}

// Listener hears what agents say. Its methods are called from one goroutine, and do not block for long.
type Listener interface {
	// Report is the last report of a cluster; retained says that it was sent before Listen began. at is when
	// the bus received it.
	Report(cluster string, data []byte, at time.Time)
	// Event is one event of a cluster's journal.
	Event(cluster string, data []byte)
	// Link says that a cluster's agent is connected, or is not.
	Link(cluster string, connected bool, at time.Time)
	// Reset says that the bus was away, and may have lost something.
	Reset()
}

// Identities are who the clusters are.
type Identities interface {
	// OpenKey is the public key that cluster's bundles are sealed to; ok is false as long as no credential was
	// made for its agent.
	OpenKey(cluster string) (key []byte, ok bool)
	// Clusters are those whose OpenKey is known, in no order.
	Clusters() []string
	// Token makes a join token for cluster's agent. If the cluster has a live credential it is an error wrapping ErrIssued,
	// unless o.Replace is set: then all older credentials end when the token is used.
	Token(cluster string, o TokenOptions) (protocol.JoinToken, error)
	// Revoke ends every credential of a cluster, at once: live connections are cut. It is no error if there is none.
	Revoke(cluster string) error
}

// TokenOptions are what a join token may do.
type TokenOptions struct {
	Replace bool          // it takes the place of the credentials there are
	TTL     time.Duration // 0 means a day
}
