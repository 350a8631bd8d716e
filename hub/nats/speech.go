package nats

import (
	"errors"
	"time"

	"github.com/drover-dev/drover/protocol"
)

// hear gives what cluster's agent said, or nothing if it cannot be told that it said it. A key speaks for its cluster
// until it expires or is revoked. at is when the bus took in what was said, and not what the message says of itself: so
// what was said with keys that have ended since is still known when the hub is restarted, and those keys can say
// nothing more.
func (b *Bus) hear(kind protocol.SpeechKind, cluster string, sealed []byte, at time.Time) ([]byte, bool) {
	speech, err := protocol.OpenSpeech(kind, cluster, b.open[0], sealed)
	for _, former := range b.open[1:] { // while the fleet's key is rotated
		if err == nil {
			break
		}
		speech, err = protocol.OpenSpeech(kind, cluster, former, sealed)
	}
	var payload []byte
	if err == nil {
		payload, err = speech.Verify(b.ids.Witnesses(cluster, at))
	}
	if err == nil {
		return payload, true
	}
	b.drop(string(kind), cluster, err)
	return nil, false
}

// drop counts what was said in the name of a cluster and cannot be taken for its agent's word.
func (b *Bus) drop(kind, cluster string, err error) {
	b.ids.Unheard(cluster, err)
	reason := protocol.ErrMalformed
	for _, known := range []error{protocol.ErrUnheard, protocol.ErrNotSealed, protocol.ErrUnsigned, protocol.ErrForeign} {
		if errors.Is(err, known) {
			reason = known
		}
	}
	if b.told.First(kind + " " + cluster + " " + reason.Error()) {
		b.log.Warn("what was said in the name of a cluster is not taken; more of this kind is counted and not logged",
			"cluster", cluster, "kind", kind, "err", err)
	}
}
