package identity

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/hub/nats/keyring"
	"github.com/drover-dev/drover/protocol"
)

// Identities are the clusters' identities and join tokens, in a directory. They are safe for concurrent use. Each of
// the parts owns what it keeps; here are the rules that take several of them.
type Identities struct {
	*Settings
	*ledger
	*counts
	*renewals
	cuts   *cuts
	tokens *tokens
	keys   *keyring.Keys
	epoch  atomic.Uint64 // see hub.Peers.Serve

	mu      sync.Mutex     // guards what follows
	told    protocol.Trust // to agents: whom to trust, and where to connect
	bounded boundary
}

var _ hub.Identities = (*Identities)(nil)

// Open reads the identities and the join tokens in the hub's data directory.
func Open(dataDir string, keys *keyring.Keys) (*Identities, error) {
	known, err := openLedger(filepath.Join(dataDir, "clusters"))
	if err != nil {
		return nil, err
	}
	joining, err := openTokens(filepath.Join(dataDir, "tokens"), time.Now())
	if err != nil {
		return nil, err
	}
	ids := &Identities{Settings: &Settings{TTL: DefaultTTL, Log: slog.Default()}, ledger: known, counts: newCounts(),
		tokens: joining, keys: keys}
	ids.cuts = &cuts{Settings: ids.Settings, revoked: ids.Revoked, suspended: map[string]time.Time{},
		ends: joining.ends}
	ids.renewals = &renewals{Settings: ids.Settings, reminders: map[string]*reminder{},
		wanted: func(cluster string) bool { return ids.toRenew(known.get(cluster)) }}
	used := known.size() > 0 || len(joining.byUser) > 0
	ids.bounded, err = openBoundary(keys.Dir(), used, time.Now())
	return ids, err
}

// Advertise says whom agents are to trust and where they are to connect, and how credentials that were revoked are cut
// off from there.
func (ids *Identities) Advertise(trust protocol.Trust, cutOff func(users []string) error) {
	ids.mu.Lock()
	ids.told = trust
	ids.mu.Unlock()
	ids.cuts.use(cutOff)
}

func (ids *Identities) trust() (protocol.Trust, error) {
	ids.mu.Lock()
	defer ids.mu.Unlock()
	if len(ids.told.Servers) == 0 {
		return protocol.Trust{}, errors.New("the hub does not know yet where agents are to connect: try again in a moment")
	}
	return ids.told, nil
}

// Identity implements hub.Identities.
func (ids *Identities) Identity(cluster string) hub.Identity {
	now, id := time.Now(), ids.get(cluster)
	current, _ := id.current()
	out := hub.Identity{Issued: current.Issued, Expires: current.Expires, Valid: len(id.live(now)), Rotating: id.Rotate,
		Revoked: id.Removed, ClusterUID: id.ClusterUID}
	if d := ids.counts.of(cluster); d.count > 0 {
		out.Dropped, out.DroppedLast, out.DroppedWhy = d.count, d.last, fmt.Sprintf(d.why, cluster)
	}
	if until := ids.cuts.until(cluster); until.After(now) {
		out.Suspended = until
	}
	for _, t := range ids.tokens.those(func(t token) bool { return t.Cluster == cluster && t.open(now) }) {
		if t.Expires.After(out.Token) {
			out.Token = t.Expires
		}
	}
	return out
}

// Epoch is the number that everything is signed with that the hub tells agents.
func (ids *Identities) Epoch() uint64 { return ids.epoch.Load() }

// SetEpoch sets it; see hub.Peers.Serve.
func (ids *Identities) SetEpoch(epoch uint64) { ids.epoch.Store(epoch) }
