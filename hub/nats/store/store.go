package store

import (
	"context"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/drover-dev/drover/hub/nats/streams"
)

// maxPending is how many messages may wait for the server's acknowledgement.
const maxPending = 4096

// Options are what a Store needs of the bus.
type Options struct {
	Conn       *natsgo.Conn // as the hub, in the account with JetStream
	HeaderKeys [][]byte     // of protocol.HeaderAuth: the current one; while the secret is rotated, the one before
	Replicas   int          // of the streams
	Alone      bool         // the server is part of this process, and no other hub's
	Serving    func() bool  // whether this hub acts for the fleet; see hub.Peers
	Unmet      func() bool  // whether other hubs are to be asked for before anything is published
	Reach      func() error // what is wrong if the server cannot be reached now
	Storage    func(context.Context) int64
}

// Store keeps bundles and blobs on JetStream. It is safe for concurrent use.
type Store struct {
	o     Options
	js    jetstream.JetStream
	guard *streams.Guard
}

// New returns the Store of a connection.
func New(o Options) (*Store, error) {
	js, err := jetstream.New(o.Conn, jetstream.WithPublishAsyncMaxPending(maxPending))
	if err != nil {
		return nil, err
	}
	return &Store{o: o, js: js, guard: streams.NewGuard()}, nil
}

// JetStream is what the streams are read with.
func (s *Store) JetStream() jetstream.JetStream { return s.js }

// Serves notes that this hub begins to act for the fleet: what another one wrote until now is none of its own, and
// nothing that is wrong.
func (s *Store) Serves() {
	s.guard.Unsure()
	s.guard.Recount()
}
