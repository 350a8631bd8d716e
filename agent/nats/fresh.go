package nats

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/drover-dev/drover/protocol"
)

const (
	// askSlack is by how much asks may overtake each other, and how near to this clock a hub's may be whose clock was set back.
	askSlack = 2 * time.Minute
	// maxNonces is how many asks are known again. Older ones are known by their time.
	maxNonces = 1024
)

// askLog knows which asks were heard: somebody on the bus may say them again. It is safe for concurrent use.
type askLog struct {
	mu     sync.Mutex // guards what follows
	newest time.Time  // by the hub's clock
	nonces []string   // the oldest first
}

// take says why an ask is not followed; nil if it is, which makes it known. floor is the epoch that bundles were accepted of, since when the
// credential was issued by the hub's clock. An ask without a nonce is from a hub that is older than these, which none may be any more
// once one with a nonce was heard.
func (l *askLog) take(a protocol.Ask, floor uint64, since, now time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	newest := l.newest
	if newest.Before(since) {
		newest = since
	}
	switch {
	case a.Epoch < floor:
		return fmt.Errorf("%w: the ask has epoch %d, and a bundle of epoch %d was accepted", protocol.ErrSuperseded, a.Epoch, floor)
	case a.Nonce == "" && len(l.nonces) == 0:
		return nil
	case a.Nonce == "" || len(a.Nonce) > protocol.MaxNonce:
		return errors.New("the ask has no nonce of its own, and those before it had")
	case slices.Contains(l.nonces, a.Nonce):
		return errors.New("the ask was heard before")
	case a.Time.Before(newest.Add(-askSlack)) && now.Sub(a.Time).Abs() > askSlack:
		return fmt.Errorf("the ask is of %s, and newer ones were heard", a.Time.UTC().Format(time.RFC3339))
	}
	if a.Time.After(l.newest) {
		l.newest = a.Time
	}
	if l.nonces = append(l.nonces, a.Nonce); len(l.nonces) > maxNonces {
		l.nonces = slices.Delete(l.nonces, 0, len(l.nonces)-maxNonces)
	}
	return nil
}
