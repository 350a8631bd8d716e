package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/drover-dev/drover/hub/nats/streams"
	"github.com/drover-dev/drover/protocol"
)

// Inspect says what is wrong with the streams; "" if nothing is.
func (s *Store) Inspect(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, prepareTimeout)
	defer cancel()
	var out []string
	for _, want := range streams.Configs(s.o.Replicas) {
		want.MaxBytes = s.guard.Share(want.Name)
		at, drops := s.guard.Writes(), s.guard.DropCount()
		made, known := s.guard.Since(want.Name)
		stream, err := s.js.Stream(ctx, want.Name)
		if errors.Is(err, jetstream.ErrStreamNotFound) && known {
			s.guard.Reset(want.Name, time.Time{})
			out = append(out, fmt.Sprintf("the stream %s was deleted", want.Name))
			continue
		}
		if err != nil {
			continue // the servers are away, or elect who leads: reach, or the next look, tells
		}
		info := stream.CachedInfo()
		switch {
		case !known:
			s.guard.Reset(want.Name, info.Created)
		case !made.Equal(info.Created):
			s.guard.Reset(want.Name, info.Created)
			if !made.IsZero() {
				out = append(out, fmt.Sprintf("the stream %s was deleted, and made again", want.Name))
			}
		case !streams.Same(want, info.Config) || s.guard.WasAltered(want.Name):
			out = append(out, fmt.Sprintf("the settings of the stream %s were changed", want.Name))
		case want.Name == "KV_"+protocol.BucketDesired || want.Name == "KV_"+protocol.BucketBlobs:
			if foreign := s.foreign(ctx, stream, at); foreign > 0 {
				out = append(out, fmt.Sprintf("%d messages were written to the stream %s", foreign, want.Name))
			}
		}
		if s.guard.Shrunk(want.Name, info.State.Msgs, drops, at) {
			out = append(out, fmt.Sprintf("messages of the stream %s were deleted", want.Name))
		}
	}
	return strings.Join(out, "; ")
}

// discard drops the messages of a stream on some subjects.
func (s *Store) discard(ctx context.Context, stream, subjects string) error {
	s.guard.Dropping()
	n, err := s.purge(ctx, stream, subjects)
	s.guard.DropDone(stream, n, err)
	return err
}

// purge gives how many messages were dropped.
func (s *Store) purge(ctx context.Context, stream, subjects string) (int64, error) {
	ask, err := json.Marshal(map[string]string{"filter": subjects})
	if err != nil {
		return 0, err
	}
	m, err := s.o.Conn.RequestWithContext(ctx, "$JS.API.STREAM.PURGE."+stream, ask)
	if err != nil {
		return 0, err
	}
	var answer struct {
		Purged int64
		Error  *jetstream.APIError
	}
	if err := json.Unmarshal(m.Data, &answer); err != nil {
		return 0, err
	}
	if answer.Error != nil {
		return 0, answer.Error
	}
	return answer.Purged, nil
}

// maxForeign is how many foreign messages are looked at.
const maxForeign = 1000

// foreign marks what another client has written to a stream since the last look, and counts it. It does nothing while
// the hub writes; at is the number of writes before the stream was looked at.
func (s *Store) foreign(ctx context.Context, stream jetstream.Stream, at uint64) (count int) {
	info := stream.CachedInfo()
	found, quiet := s.guard.Compare(info.Config.Name, info.State.LastSeq, at)
	if !quiet {
		return 0
	}
	for i, sequence := range found {
		if i == maxForeign {
			break
		}
		if m, err := stream.GetMsg(ctx, sequence); err == nil { // or else it was replaced meanwhile
			s.guard.Mark(m.Subject)
		}
	}
	return len(found)
}
