package streams

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/drover-dev/drover/protocol"
)

// Guard notices when a stream was lost, changed, or written to by another client.
type Guard struct {
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

// NewGuard returns a Guard that knows of no stream.
func NewGuard() *Guard {
	return &Guard{shares: map[string]int64{}, counts: map[string]int64{}, altered: map[string]bool{}, made: map[string]time.Time{},
		base: map[string]uint64{}, wrote: map[string]map[uint64]bool{}, bundles: map[string]uint64{},
		foreign: map[string]bool{}}
}

// Allot notes what a stream may store.
func (g *Guard) Allot(stream string, bytes int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shares[stream] = bytes
}

// Share is what a stream may store; 0 if that is not known.
func (g *Guard) Share(stream string) int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.shares[stream]
}

// Begin notes that the hub writes; what it gives is called when that is done.
func (g *Guard) Begin() (done func()) {
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

// Note notes what the hub wrote.
func (g *Guard) Note(subject string, ack *jetstream.PubAck) {
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

// Own says whether what a stream has at a subject is the hub's own, as far as is known.
func (g *Guard) Own(subject string, sequence uint64) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.foreign[subject] {
		return false
	}
	cluster, is := strings.CutPrefix(subject, protocol.DesiredSubject(""))
	known, has := g.bundles[cluster]
	return !is || !has || known == sequence
}

// Unsure forgets what was written: it is not known what of it was stored, or other hubs have written since. What was
// seen of streams before says nothing any more.
func (g *Guard) Unsure() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.at++
	clear(g.base)
	clear(g.wrote)
	clear(g.bundles)
}

// Recount forgets how many messages there were: another hub may have dropped some since.
func (g *Guard) Recount() {
	g.mu.Lock()
	defer g.mu.Unlock()
	clear(g.counts)
}

// Alter notes that the settings of a stream are not the hub's.
func (g *Guard) Alter(stream string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, known := g.made[stream]; known { // or else an older release made it
		g.altered[stream] = true
	}
}

// WasAltered says whether that was noted since it was asked for last.
func (g *Guard) WasAltered(stream string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	was := g.altered[stream]
	delete(g.altered, stream)
	return was
}

// Forget notes that the hub drops a cluster's bundle.
func (g *Guard) Forget(cluster string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.bundles, cluster)
}

// First notes when a stream was made, if that is not known yet.
func (g *Guard) First(stream string, made time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, known := g.made[stream]; !known {
		g.made[stream] = made
	}
}

// Touched says whether another client wrote to a chunk of a blob.
func (g *Guard) Touched(blob string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for subject := range g.foreign {
		if strings.HasPrefix(subject, "$KV."+protocol.BucketBlobs+"."+blob+".") {
			return true
		}
	}
	return false
}

// Reset forgets what was written to a stream that is gone.
func (g *Guard) Reset(stream string, made time.Time) {
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

// Dropping notes that the hub begins to drop messages; DropDone says when that is done.
func (g *Guard) Dropping() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.drops++
	g.dropped++
}

// DropDone notes how many messages of a stream the hub has dropped; after an error that is not known.
func (g *Guard) DropDone(stream string, n int64, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.drops--
	if err != nil {
		delete(g.counts, stream)
	} else if was, known := g.counts[stream]; known {
		g.counts[stream] = was - n
	}
}

// DropCount is a number that rises whenever the hub begins to drop messages.
func (g *Guard) DropCount() uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.dropped
}

// Shrunk says whether a stream that only the hub deletes from has fewer messages than before, but for what the hub has
// dropped. drops is DropCount, and at Writes, before the messages were counted. While the hub drops some it is not
// told, and bundles that it has written since are not expected among them.
func (g *Guard) Shrunk(stream string, messages, drops, at uint64) bool {
	if stream != "KV_"+protocol.BucketDesired && stream != "KV_"+protocol.BucketBlobs {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.drops > 0 || g.dropped != drops {
		return false
	}
	was := g.counts[stream]
	if stream == "KV_"+protocol.BucketDesired && g.busy == 0 && g.at == at {
		was = max(was, int64(len(g.bundles)))
	}
	g.counts[stream] = int64(messages)
	return was > int64(messages)
}

// Compare gives the sequences that are not the hub's own, up to the last one of a stream, and continues after it. It
// is not quiet while the hub writes.
func (g *Guard) Compare(stream string, last, at uint64) (found []uint64, quiet bool) {
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

// Mark notes that another client wrote to a subject.
func (g *Guard) Mark(subject string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.foreign[subject] = true
}

// Writes is a number that rises whenever the hub begins to write.
func (g *Guard) Writes() uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.at
}

// Since is when a stream was made, if that is known.
func (g *Guard) Since(stream string) (time.Time, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	made, known := g.made[stream]
	return made, known
}

// Same says whether a stream is set up as the hub does, as far as that keeps it safe.
func Same(want, is jetstream.StreamConfig) bool {
	return slices.Equal(want.Subjects, is.Subjects) && want.NoAck == is.NoAck && want.DenyDelete == is.DenyDelete &&
		want.DenyPurge == is.DenyPurge && want.AllowRollup == is.AllowRollup && want.MaxMsgsPerSubject == is.MaxMsgsPerSubject &&
		is.MaxAge == want.MaxAge && (want.MaxBytes == 0 || want.MaxBytes == is.MaxBytes) &&
		is.Mirror == nil && len(is.Sources) == 0 && is.RePublish == nil && !is.Sealed
}
