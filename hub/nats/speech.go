package nats

import (
	"errors"
	"log/slog"
	"time"

	"github.com/drover-dev/drover/hub/nats/identity"
	"github.com/drover-dev/drover/hub/nats/limits"
	"github.com/drover-dev/drover/hub/nats/servers"
	"github.com/drover-dev/drover/protocol"
)

// ears take in what is said in the name of clusters: whose word it is, and whether it is too much. They are safe for
// concurrent use.
type ears struct {
	ids     *identity.Identities
	servers *servers.Servers
	open    [][]byte      // the hub's X25519 private keys, which agents seal to what they say; the newest first
	told    limits.Once   // what the log has
	said    limits.Speech // what clusters may still say
	meter   *limits.Meter
	pause   time.Duration // for which a cluster that says or reads too much is cut off
	serving func() bool   // see hub.Peers
	log     *slog.Logger
}

// hear gives what cluster's agent said, or nothing if it cannot be told that it said it. A key speaks for its cluster
// until it expires or is revoked. at is when the bus took in what was said, and not what the message says of itself: so
// what was said with keys that have ended since is still known when the hub is restarted, and those keys can say
// nothing more.
func (e *ears) hear(kind protocol.SpeechKind, cluster string, sealed []byte, at time.Time) ([]byte, bool) {
	speech, err := protocol.OpenSpeech(kind, cluster, e.open[0], sealed)
	for _, former := range e.open[1:] { // while the fleet's key is rotated
		if err == nil {
			break
		}
		speech, err = protocol.OpenSpeech(kind, cluster, former, sealed)
	}
	var payload []byte
	if err == nil {
		payload, err = speech.Verify(e.ids.Witnesses(cluster, at))
	}
	if err == nil {
		return payload, true
	}
	e.drop(string(kind), cluster, err)
	return nil, false
}

// drop counts what was said in the name of a cluster and cannot be taken for its agent's word.
func (e *ears) drop(kind, cluster string, err error) {
	e.ids.Unheard(cluster, err)
	reason := protocol.ErrMalformed
	for _, known := range []error{protocol.ErrUnheard, protocol.ErrNotSealed, protocol.ErrUnsigned, protocol.ErrForeign} {
		if errors.Is(err, known) {
			reason = known
		}
	}
	if e.told.First(kind + " " + cluster + " " + reason.Error()) {
		e.log.Warn("what was said in the name of a cluster is not taken; more of this kind is counted and not logged",
			"cluster", cluster, "kind", kind, "err", err)
	}
}
