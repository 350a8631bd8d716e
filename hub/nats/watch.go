package nats

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/hub/nats/limits"
	"github.com/drover-dev/drover/hub/nats/streams"
	"github.com/drover-dev/drover/protocol"
)

// watch looks at the streams until ctx is done. What was damaged is told, and brought back as after a reconnect.
func (b *Bus) watch(ctx context.Context, to hub.Listener, call func(func())) {
	tick := time.NewTicker(limits.LookPause)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if !b.serving.Load() || b.Reach() != nil {
			continue
		}
		b.measure(ctx)
		if what := b.inspect(ctx); what != "" {
			b.log.Error("the streams on NATS were changed by another client than this hub; restoring them", "what", what)
			call(func() { to.Damaged(what, time.Now()) })
			b.wake()
		}
	}
}

// inspect says what is wrong with the streams; "" if nothing is.
func (b *Bus) inspect(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, prepareTimeout)
	defer cancel()
	var out []string
	for _, want := range streams.Configs(b.replicas) {
		want.MaxBytes = b.guard.Share(want.Name)
		at, drops := b.guard.Writes(), b.guard.DropCount()
		made, known := b.guard.Since(want.Name)
		s, err := b.js.Stream(ctx, want.Name)
		if errors.Is(err, jetstream.ErrStreamNotFound) && known {
			b.guard.Reset(want.Name, time.Time{})
			out = append(out, fmt.Sprintf("the stream %s was deleted", want.Name))
			continue
		}
		if err != nil {
			continue // the servers are away, or elect who leads: reach, or the next look, tells
		}
		info := s.CachedInfo()
		switch {
		case !known:
			b.guard.Reset(want.Name, info.Created)
		case !made.Equal(info.Created):
			b.guard.Reset(want.Name, info.Created)
			if !made.IsZero() {
				out = append(out, fmt.Sprintf("the stream %s was deleted, and made again", want.Name))
			}
		case !streams.Same(want, info.Config) || b.guard.WasAltered(want.Name):
			out = append(out, fmt.Sprintf("the settings of the stream %s were changed", want.Name))
		case want.Name == "KV_"+protocol.BucketDesired || want.Name == "KV_"+protocol.BucketBlobs:
			if foreign := b.foreign(ctx, s, at); foreign > 0 {
				out = append(out, fmt.Sprintf("%d messages were written to the stream %s", foreign, want.Name))
			}
		}
		if b.guard.Shrunk(want.Name, info.State.Msgs, drops) {
			out = append(out, fmt.Sprintf("messages of the stream %s were deleted", want.Name))
		}
	}
	return strings.Join(out, "; ")
}

// discard drops the messages of a stream on some subjects.
func (b *Bus) discard(ctx context.Context, stream, subjects string) error {
	b.guard.Dropping()
	n, err := b.purge(ctx, stream, subjects)
	b.guard.DropDone(stream, n, err)
	return err
}

// purge gives how many messages were dropped.
func (b *Bus) purge(ctx context.Context, stream, subjects string) (int64, error) {
	ask, err := json.Marshal(map[string]string{"filter": subjects})
	if err != nil {
		return 0, err
	}
	m, err := b.conn.RequestWithContext(ctx, "$JS.API.STREAM.PURGE."+stream, ask)
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
// the hub writes; at is guard.writes before the stream was looked at.
func (b *Bus) foreign(ctx context.Context, s jetstream.Stream, at uint64) (count int) {
	info := s.CachedInfo()
	found, quiet := b.guard.Compare(info.Config.Name, info.State.LastSeq, at)
	if !quiet {
		return 0
	}
	for i, sequence := range found {
		if i == maxForeign {
			break
		}
		if m, err := s.GetMsg(ctx, sequence); err == nil { // or else it was replaced meanwhile
			b.guard.Mark(m.Subject)
		}
	}
	return len(found)
}
