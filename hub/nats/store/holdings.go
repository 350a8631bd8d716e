package store

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/protocol"
)

// Holdings implements hub.Bus. It makes the buckets and the stream first, where they are missing; a hub that does not
// act for the fleet makes none, and finds nothing then.
func (s *Store) Holdings(ctx context.Context) (hub.Holdings, error) {
	out := hub.Holdings{Generations: map[string]uint64{}, Epochs: map[string]uint64{}, Revisions: map[string]string{},
		Proven: map[string]bool{}, Keys: map[string]string{}, Blobs: map[string]bool{}}
	if err := s.Prepare(ctx); err != nil {
		return out, err
	}
	blobs, err := s.js.Stream(ctx, "KV_"+protocol.BucketBlobs)
	if err == nil {
		_, err = s.js.Stream(ctx, "KV_"+protocol.BucketDesired)
	}
	if errors.Is(err, jetstream.ErrStreamNotFound) && !s.o.Serving() {
		return out, nil
	}
	if err != nil {
		return out, err
	}
	info, err := blobs.Info(ctx, jetstream.WithSubjectFilter(protocol.BlobSubject("*", 0)))
	if err != nil {
		return out, err
	}
	for subject := range info.State.Subjects {
		parts := strings.Split(subject, ".")
		out.Blobs[parts[len(parts)-2]] = !s.guard.Touched(parts[len(parts)-2])
	}
	return out, s.bundles(ctx, out)
}

// bundles reads the generation and the key of every bundle from its headers.
func (s *Store) bundles(ctx context.Context, into hub.Holdings) error {
	c, err := s.js.OrderedConsumer(ctx, "KV_"+protocol.BucketDesired, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverLastPerSubjectPolicy, HeadersOnly: true})
	if err != nil {
		return err
	}
	info, err := c.Info(ctx)
	if err != nil {
		return err
	}
	for left := info.NumPending; left > 0; {
		batch, err := c.FetchNoWait(1000)
		if err != nil {
			return err
		}
		got := uint64(0)
		for m := range batch.Messages() {
			got++
			if s.guard.Own(m.Subject(), sequence(m)) {
				s.holding(into, strings.TrimPrefix(m.Subject(), protocol.DesiredSubject("")), m.Headers())
			}
		}
		if err := errors.Join(batch.Error(), ctx.Err()); err != nil {
			return err
		}
		left -= min(got, left)
	}
	return nil
}

// headers are those of a bundle's message.
func (s *Store) headers(d hub.Delivery) natsgo.Header {
	h := protocol.BundleHeaders{Cluster: d.Cluster, Epoch: d.Epoch, Generation: d.Generation, Revision: d.Revision,
		Key: d.Key}
	return natsgo.Header{
		protocol.HeaderGeneration: {strconv.FormatUint(d.Generation, 10)}, protocol.HeaderKey: {d.Key},
		protocol.HeaderEpoch: {strconv.FormatUint(d.Epoch, 10)}, protocol.HeaderRevision: {d.Revision},
		protocol.HeaderAuth: {h.Auth(s.o.HeaderKeys[0])}}
}

// holding takes in the headers of a cluster's message. Of headers that no hub of the fleet is seen to have made, the
// generation and the key alone are told: an older hub may have made these.
func (s *Store) holding(into hub.Holdings, cluster string, h natsgo.Header) {
	generation, err := strconv.ParseUint(h.Get(protocol.HeaderGeneration), 10, 64)
	if err != nil {
		return
	}
	epoch, _ := strconv.ParseUint(h.Get(protocol.HeaderEpoch), 10, 64) // of a hub that is older than epochs it is 0
	said := protocol.BundleHeaders{Cluster: cluster, Epoch: epoch, Generation: generation,
		Revision: h.Get(protocol.HeaderRevision), Key: h.Get(protocol.HeaderKey)}
	into.Generations[cluster], into.Keys[cluster] = generation, said.Key
	auth := h.Get(protocol.HeaderAuth)
	if slices.ContainsFunc(s.o.HeaderKeys, func(key []byte) bool { return said.Authentic(key, auth) }) {
		into.Proven[cluster], into.Epochs[cluster], into.Revisions[cluster] = true, epoch, said.Revision
	}
}

// sequence is the number of a message in its stream.
func sequence(m jetstream.Msg) uint64 {
	if meta, err := m.Metadata(); err == nil {
		return meta.Sequence.Stream
	}
	return 0
}
