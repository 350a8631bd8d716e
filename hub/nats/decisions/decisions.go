// Package decisions keeps a copy of the hub's journal of decisions on NATS JetStream.
//
// It may import protocol.
package decisions

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/drover-dev/drover/protocol"
)

// timeout is how long the bus may take to answer one question, and to read it all.
const timeout, readTimeout = 10 * time.Second, 2 * time.Minute

// Stream is an audit.Mirror. The hub makes the stream with its others.
type Stream struct{ JetStream jetstream.JetStream }

// Put implements audit.Mirror. It returns when the server has acknowledged the message.
func (s Stream) Put(ctx context.Context, sealed []byte) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if _, err := s.JetStream.Publish(ctx, protocol.StreamDecisions, sealed); err != nil {
		return fmt.Errorf("the stream %s on NATS: %w", protocol.StreamDecisions, err)
	}
	return nil
}

// Newest implements audit.Mirror.
func (s Stream) Newest(ctx context.Context) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	stream, err := s.JetStream.Stream(ctx, protocol.StreamDecisions)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("the stream %s on NATS: %w", protocol.StreamDecisions, err)
	}
	m, err := stream.GetLastMsgForSubject(ctx, protocol.StreamDecisions)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("the stream %s on NATS: %w", protocol.StreamDecisions, err)
	}
	return m.Data, nil
}

// All implements audit.Mirror.
func (s Stream) All(ctx context.Context) (out [][]byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	stream, err := s.JetStream.Stream(ctx, protocol.StreamDecisions)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("the stream %s on NATS: %w", protocol.StreamDecisions, err)
	}
	state := stream.CachedInfo().State
	for seq := state.FirstSeq; seq <= state.LastSeq && state.Msgs > 0; seq++ {
		m, err := stream.GetMsg(ctx, seq)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue // it was dropped to make place
		}
		if err != nil {
			return nil, fmt.Errorf("message %d of the stream %s on NATS: %w", seq, protocol.StreamDecisions, err)
		}
		out = append(out, m.Data)
	}
	return out, nil
}
