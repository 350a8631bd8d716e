package nats

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/protocol"
)

// guardPause is how often the streams are looked at. Only the hub may change them, so it sends one request for each
// while nothing has changed.
const guardPause = 2 * time.Second

// guard notices when a stream was lost, changed, or written to by another client.
type guard struct {
	mu   sync.Mutex
	made map[string]time.Time // by stream: when it was made
	// base is the last sequence of a stream when it was looked at and this hub was not writing, and wrote what it has
	// written there since. Any other message was written by another client.
	base  map[string]uint64
	wrote map[string]map[uint64]bool
	// bundles is the sequence of each cluster's bundle. A bundle at another sequence was written by another client.
	bundles map[string]uint64
	foreign map[string]bool  // subjects that another client wrote to, until the hub has written there again
	altered map[string]bool  // streams whose settings were found changed, and have been restored
	shares  map[string]int64 // by stream: bytes that it may store
	counts  map[string]int64 // by stream: messages when they were counted last, but for what the hub has dropped since
	drops   int              // that are under way
	dropped uint64           // rises with each of them
	busy    int              // writes that are under way
	at      uint64           // rises with each of them
}

func newGuard() *guard {
	return &guard{shares: map[string]int64{}, counts: map[string]int64{}, altered: map[string]bool{}, made: map[string]time.Time{},
		base: map[string]uint64{}, wrote: map[string]map[uint64]bool{}, bundles: map[string]uint64{},
		foreign: map[string]bool{}}
}

// allot notes what a stream may store.
func (g *guard) allot(stream string, bytes int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shares[stream] = bytes
}

// share is what a stream may store; 0 if that is not known.
func (g *guard) share(stream string) int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.shares[stream]
}

// begin notes that the hub writes; what it gives is called when that is done.
func (g *guard) begin() (done func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.busy++
	g.at++
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.busy--
	}
}

// note notes what the hub wrote.
func (g *guard) note(subject string, ack *jetstream.PubAck) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.wrote[ack.Stream] == nil {
		g.wrote[ack.Stream] = map[uint64]bool{}
	}
	g.wrote[ack.Stream][ack.Sequence] = true
	delete(g.foreign, subject)
	if cluster, is := strings.CutPrefix(subject, protocol.DesiredSubject("")); is {
		g.bundles[cluster] = ack.Sequence
	}
}

// own says whether what a stream has at a subject is the hub's own, as far as is known.
func (g *guard) own(subject string, sequence uint64) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.foreign[subject] {
		return false
	}
	cluster, is := strings.CutPrefix(subject, protocol.DesiredSubject(""))
	known, has := g.bundles[cluster]
	return !is || !has || known == sequence
}

// unsure forgets what was written: it is not known what of it was stored, or other hubs have written since.
func (g *guard) unsure() {
	g.mu.Lock()
	defer g.mu.Unlock()
	clear(g.base)
	clear(g.wrote)
	clear(g.bundles)
}

// recount forgets how many messages there were: another hub may have dropped some since.
func (g *guard) recount() {
	g.mu.Lock()
	defer g.mu.Unlock()
	clear(g.counts)
}

// alter notes that the settings of a stream are not the hub's.
func (g *guard) alter(stream string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, known := g.made[stream]; known { // or else an older release made it
		g.altered[stream] = true
	}
}

// wasAltered says whether that was noted since it was asked for last.
func (g *guard) wasAltered(stream string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	was := g.altered[stream]
	delete(g.altered, stream)
	return was
}

// forget notes that the hub drops a cluster's bundle.
func (g *guard) forget(cluster string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.bundles, cluster)
}

// first notes when a stream was made, if that is not known yet.
func (g *guard) first(stream string, made time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, known := g.made[stream]; !known {
		g.made[stream] = made
	}
}

// touched says whether another client wrote to a chunk of a blob.
func (g *guard) touched(blob string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for subject := range g.foreign {
		if strings.HasPrefix(subject, "$KV."+protocol.BucketBlobs+"."+blob+".") {
			return true
		}
	}
	return false
}

// reset forgets what was written to a stream that is gone.
func (g *guard) reset(stream string, made time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.made[stream] = made
	delete(g.base, stream)
	delete(g.wrote, stream)
	delete(g.counts, stream)
	if stream == "KV_"+protocol.BucketDesired {
		clear(g.bundles)
	}
}

// watch looks at the streams until ctx is done. What was damaged is told, and brought back as after a reconnect.
func (b *Bus) watch(ctx context.Context, to hub.Listener, call func(func())) {
	tick := time.NewTicker(guardPause)
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
	for _, want := range streams(b.replicas) {
		want.MaxBytes = b.guard.share(want.Name)
		at, drops := b.guard.writes(), b.guard.dropCount()
		made, known := b.guard.since(want.Name)
		s, err := b.js.Stream(ctx, want.Name)
		if errors.Is(err, jetstream.ErrStreamNotFound) && known {
			b.guard.reset(want.Name, time.Time{})
			out = append(out, fmt.Sprintf("the stream %s was deleted", want.Name))
			continue
		}
		if err != nil {
			continue // the servers are away, or elect who leads: reach, or the next look, tells
		}
		info := s.CachedInfo()
		switch {
		case !known:
			b.guard.reset(want.Name, info.Created)
		case !made.Equal(info.Created):
			b.guard.reset(want.Name, info.Created)
			if !made.IsZero() {
				out = append(out, fmt.Sprintf("the stream %s was deleted, and made again", want.Name))
			}
		case !sameStream(want, info.Config) || b.guard.wasAltered(want.Name):
			out = append(out, fmt.Sprintf("the settings of the stream %s were changed", want.Name))
		case want.Name == "KV_"+protocol.BucketDesired || want.Name == "KV_"+protocol.BucketBlobs:
			if foreign := b.foreign(ctx, s, at); foreign > 0 {
				out = append(out, fmt.Sprintf("%d messages were written to the stream %s", foreign, want.Name))
			}
		}
		if b.guard.shrunk(want.Name, info.State.Msgs, drops) {
			out = append(out, fmt.Sprintf("messages of the stream %s were deleted", want.Name))
		}
	}
	return strings.Join(out, "; ")
}

// discard drops the messages of a stream on some subjects.
func (b *Bus) discard(ctx context.Context, stream, subjects string) error {
	b.guard.dropping()
	n, err := b.purge(ctx, stream, subjects)
	b.guard.dropDone(stream, n, err)
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

func (g *guard) dropping() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.drops++
	g.dropped++
}

// dropDone notes how many messages of a stream the hub has dropped; after an error that is not known.
func (g *guard) dropDone(stream string, n int64, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.drops--
	if err != nil {
		delete(g.counts, stream)
	} else if was, known := g.counts[stream]; known {
		g.counts[stream] = was - n
	}
}

// dropCount is a number that rises whenever the hub begins to drop messages.
func (g *guard) dropCount() uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.dropped
}

// shrunk says whether a stream that only the hub deletes from has fewer messages than before, but for what the hub has
// dropped. drops is dropCount before the messages were counted. While the hub drops some it is not told.
func (g *guard) shrunk(stream string, messages, drops uint64) bool {
	if stream != "KV_"+protocol.BucketDesired && stream != "KV_"+protocol.BucketBlobs {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.drops > 0 || g.dropped != drops {
		return false
	}
	was := g.counts[stream]
	if stream == "KV_"+protocol.BucketDesired {
		was = max(was, int64(len(g.bundles)))
	}
	g.counts[stream] = int64(messages)
	return was > int64(messages)
}

// maxForeign is how many foreign messages are looked at.
const maxForeign = 1000

// foreign marks what another client has written to a stream since the last look, and counts it. It does nothing while
// the hub writes; at is guard.writes before the stream was looked at.
func (b *Bus) foreign(ctx context.Context, s jetstream.Stream, at uint64) (count int) {
	info := s.CachedInfo()
	found, quiet := b.guard.compare(info.Config.Name, info.State.LastSeq, at)
	if !quiet {
		return 0
	}
	for i, sequence := range found {
		if i == maxForeign {
			break
		}
		if m, err := s.GetMsg(ctx, sequence); err == nil { // or else it was replaced meanwhile
			b.guard.mark(m.Subject)
		}
	}
	return len(found)
}

// compare gives the sequences that are not the hub's own, up to the last one of a stream, and continues after it. It
// is not quiet while the hub writes.
func (g *guard) compare(stream string, last, at uint64) (found []uint64, quiet bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.busy > 0 || g.at != at {
		return nil, false
	}
	if base, known := g.base[stream]; known {
		for sequence := base + 1; sequence <= last; sequence++ {
			if !g.wrote[stream][sequence] {
				found = append(found, sequence)
			}
		}
	}
	g.base[stream] = last
	delete(g.wrote, stream)
	return found, true
}

func (g *guard) mark(subject string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.foreign[subject] = true
}

// writes is a number that rises whenever the hub begins to write.
func (g *guard) writes() uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.at
}

// since is when a stream was made, if that is known.
func (g *guard) since(stream string) (time.Time, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	made, known := g.made[stream]
	return made, known
}

// sameStream says whether a stream is set up as the hub does, as far as that keeps it safe.
func sameStream(want, is jetstream.StreamConfig) bool {
	return slices.Equal(want.Subjects, is.Subjects) && want.NoAck == is.NoAck && want.DenyDelete == is.DenyDelete &&
		want.DenyPurge == is.DenyPurge && want.AllowRollup == is.AllowRollup && want.MaxMsgsPerSubject == is.MaxMsgsPerSubject &&
		is.MaxAge == want.MaxAge && (want.MaxBytes == 0 || want.MaxBytes == is.MaxBytes) &&
		is.Mirror == nil && len(is.Sources) == 0 && is.RePublish == nil && !is.Sealed
}
