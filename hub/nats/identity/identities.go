package identity

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/hub/nats/files"
	"github.com/drover-dev/drover/hub/nats/keyring"
	"github.com/drover-dev/drover/protocol"
)

// DefaultTTL is how long a credential is good for, where nobody says otherwise.
const DefaultTTL = 30 * 24 * time.Hour

// credential is what the hub keeps of one credential of a cluster: public parts alone.
type credential struct {
	User    string    `json:"user"`    // public NATS user key
	OpenKey []byte    `json:"openKey"` // X25519 public key
	Issued  time.Time `json:"issued"`
	Expires time.Time `json:"expires,omitzero"`  // of its JWT; never, if zero
	Greeted bool      `json:"greeted,omitempty"` // its agent has said Hello with it
	// Signer is the key that has signed its JWT; empty for the identity key of the account.
	Signer string `json:"signer,omitempty"`
}

func (c credential) live(now time.Time) bool { return c.Expires.IsZero() || now.Before(c.Expires) }

// identity is who a cluster is. One JSON file each.
type identity struct {
	Cluster     string       `json:"cluster"`
	Credentials []credential `json:"credentials,omitempty"` // none of them revoked; newest first
	Current     string       `json:"current,omitempty"`     // user key of the one that said Hello last
	// Hello is the time of the last Hello that changed something, by the agent's clock.
	Hello time.Time `json:"hello,omitzero"`
	// Revoked are the user keys of credentials that were revoked, and when their JWTs expire: until then they are
	// remembered. So are all that were issued before Since: also those that a hub which was restored has forgotten.
	Revoked map[string]time.Time `json:"revoked,omitempty"`
	Since   time.Time            `json:"since,omitzero"`
	// ClusterUID is the uid of kube-system of the cluster that joined, if it is known.
	ClusterUID string `json:"clusterUID,omitempty"`
	// Former are the keys of credentials that ended, newest first.
	Former []former `json:"former,omitempty"`
	// ThrownOut is when a person revoked the cluster, if it has not joined since.
	ThrownOut time.Time `json:"thrownOut,omitzero"`
	// Rotate is when a person asked for a rotation that is not done yet.
	Rotate time.Time `json:"rotate,omitzero"`
}

// current is the credential that the agent uses, as far as is known: the one it said Hello with, or else the newest.
func (id identity) current() (credential, bool) {
	if c, ok := id.credential(id.Current); ok {
		return c, true
	}
	if len(id.Credentials) == 0 {
		return credential{}, false
	}
	return id.Credentials[0], true
}

func (id identity) credential(user string) (credential, bool) {
	i := slices.IndexFunc(id.Credentials, func(c credential) bool { return c.User == user })
	if i < 0 {
		return credential{}, false
	}
	return id.Credentials[i], true
}

// live are the credentials that are good now, newest first.
func (id identity) live(now time.Time) []credential {
	return slices.DeleteFunc(slices.Clone(id.Credentials), func(c credential) bool { return !c.live(now) })
}

// add takes in a credential.
func (id *identity) add(c credential) {
	id.Credentials = append(id.Credentials, c)
	slices.SortStableFunc(id.Credentials, func(a, b credential) int { return b.Issued.Compare(a.Issued) })
	id.ThrownOut = time.Time{}
}

// revoke ends all credentials but one, and those issued before since that are not known; keep may be empty.
func (id *identity) revoke(keep string, since, now time.Time) {
	id.Since = since
	id.Credentials = slices.DeleteFunc(id.Credentials, func(c credential) bool {
		if c.User == keep {
			return false
		}
		id.ban(c)
		id.retire(c, now)
		return true
	})
	if id.Current != keep {
		id.Current = ""
	}
}

// ban notes that a credential is revoked.
func (id *identity) ban(c credential) {
	if id.Revoked == nil {
		id.Revoked = map[string]time.Time{}
	}
	id.Revoked[c.User] = c.Expires
}

// forget drops what can do nothing any more: revoked JWTs that have expired, and expired credentials but for the
// current one, which tells since when its agent is locked out.
func (id *identity) forget(now time.Time) {
	maps.DeleteFunc(id.Revoked, func(_ string, expires time.Time) bool { return !credential{Expires: expires}.live(now) })
	current, _ := id.current()
	id.Credentials = slices.DeleteFunc(id.Credentials, func(c credential) bool {
		if c.live(now) || c.User == current.User {
			return false
		}
		id.retire(c, c.Expires)
		return true
	})
	id.forgetFormer(now)
}

func (id identity) clone() identity {
	id.Credentials, id.Former = slices.Clone(id.Credentials), slices.Clone(id.Former)
	id.Revoked = maps.Clone(id.Revoked)
	return id
}

// Identities are the clusters' identities and join tokens, in a directory. It is safe for concurrent use: what concerns
// one cluster waits for the disk in order, and nothing waits for another cluster's.
type Identities struct {
	// To be set before use.
	TTL time.Duration // of credentials
	Log *slog.Logger

	clusterDir, tokenDir string
	keys                 *keyring.Keys
	cutting              sync.Mutex    // one cut at a time, so that an older list never comes after a newer one
	stirred              chan struct{} // there is something in changed

	epoch       atomic.Uint64              // see hub.Peers.Serve
	mu          sync.Mutex                 // guards what follows
	told        protocol.Trust             // to agents: whom to trust, and where to connect
	cutOff      func(users []string) error // takes effect on what is revoked; nil if nothing can
	bounded     boundary
	ending      *time.Timer            // when the next token ends
	known       map[string]identity    // by cluster; what they hold is replaced, never altered
	byUser      map[string]string      // user key → cluster, of revoked ones too
	tokens      map[string]token       // by user key
	editing     map[string]*sync.Mutex // by cluster
	changed     map[string]struct{}    // clusters whose identity has changed since TakeChanged
	ask         func(cluster string, a protocol.Ask) error
	joins       hub.Joins
	distrusting map[string]struct{} // addresses of agents that do not trust the hub's certificate
	// reminders are those of clusters whose rotation waits.
	reminders map[string]*reminder
	dropped   map[string]dropped   // by cluster
	suspended map[string]time.Time // clusters that said too much: until when they are cut off
}

var _ hub.Identities = (*Identities)(nil)

// Open reads the identities and the join tokens in the hub's data directory.
func Open(dataDir string, keys *keyring.Keys) (*Identities, error) {
	ids := &Identities{
		TTL: DefaultTTL, Log: slog.Default(),
		clusterDir: filepath.Join(dataDir, "clusters"), tokenDir: filepath.Join(dataDir, "tokens"), keys: keys,
		known: map[string]identity{}, byUser: map[string]string{}, editing: map[string]*sync.Mutex{},
		reminders: map[string]*reminder{}, distrusting: map[string]struct{}{}, changed: map[string]struct{}{},
		dropped: map[string]dropped{}, stirred: make(chan struct{}, 1),
	}
	err := files.ReadAll(ids.clusterDir, "the clusters' identities", func(file, name string, data []byte) error {
		var id identity
		if err := json.Unmarshal(data, &id); err != nil || id.Cluster != name {
			return fmt.Errorf("%s does not hold the identity of cluster %s: bring it back from a backup, or remove it: then "+
				"that cluster's agent is known again when it next connects", file, name)
		}
		ids.put(id)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if ids.tokens, err = readTokens(ids.tokenDir, time.Now()); err != nil {
		return nil, err
	}
	ids.bounded, err = openBoundary(keys.Dir(), len(ids.known)+len(ids.tokens) > 0, time.Now())
	return ids, err
}

// Advertise says whom agents are to trust and where they are to connect, and how credentials that were revoked are cut
// off from there.
func (ids *Identities) Advertise(trust protocol.Trust, cutOff func(users []string) error) {
	ids.mu.Lock()
	ids.told, ids.cutOff = trust, cutOff
	ids.mu.Unlock()
	ids.awaitEnd()
}

// Reach says how agents are asked for something.
func (ids *Identities) Reach(ask func(cluster string, a protocol.Ask) error) {
	ids.mu.Lock()
	defer ids.mu.Unlock()
	ids.ask = ask
}

func (ids *Identities) trust() (protocol.Trust, error) {
	ids.mu.Lock()
	defer ids.mu.Unlock()
	if len(ids.told.Servers) == 0 {
		return protocol.Trust{}, errors.New("the hub does not know yet where agents are to connect: try again in a moment")
	}
	return ids.told, nil
}

func (ids *Identities) get(cluster string) identity {
	ids.mu.Lock()
	defer ids.mu.Unlock()
	id := ids.known[cluster]
	id.Cluster = cluster
	return id
}

// put makes an identity known. ids.mu is held, or nobody else has ids yet.
func (ids *Identities) put(id identity) {
	old := ids.known[id.Cluster]
	for _, c := range old.Credentials {
		delete(ids.byUser, c.User)
	}
	for user := range old.Revoked {
		delete(ids.byUser, user)
	}
	for _, c := range id.Credentials {
		ids.byUser[c.User] = id.Cluster
	}
	for user := range id.Revoked {
		ids.byUser[user] = id.Cluster
	}
	ids.known[id.Cluster] = id
}

// edit changes a cluster's identity, on disk first, and says whether it did. What change gives as an error leaves it as
// it was.
func (ids *Identities) edit(cluster string, change func(id *identity, now time.Time) error) (bool, error) {
	lock := ids.turn(cluster)
	lock.Lock()
	defer lock.Unlock()
	old := ids.get(cluster)
	id, now := old.clone(), time.Now().UTC().Round(0)
	if err := change(&id, now); err != nil || reflect.DeepEqual(id, old) {
		return false, err
	}
	id.forget(now)
	if err := files.SaveJSON(filepath.Join(ids.clusterDir, cluster+".json"), id); err != nil {
		return false, err
	}
	ids.mu.Lock()
	defer ids.mu.Unlock()
	ids.put(id)
	ids.changed[cluster] = struct{}{}
	select {
	case ids.stirred <- struct{}{}:
	default:
	}
	return true, nil
}

// turn is the lock under which a cluster's identity is edited.
func (ids *Identities) turn(cluster string) *sync.Mutex {
	ids.mu.Lock()
	defer ids.mu.Unlock()
	lock := ids.editing[cluster]
	if lock == nil {
		lock = &sync.Mutex{}
		ids.editing[cluster] = lock
	}
	return lock
}

// TakeChanged gives the clusters whose identity has changed since it was asked last.
func (ids *Identities) TakeChanged() []string {
	ids.mu.Lock()
	defer ids.mu.Unlock()
	out := slices.Collect(maps.Keys(ids.changed))
	clear(ids.changed)
	return out
}

// OpenKey implements hub.Identities.
func (ids *Identities) OpenKey(cluster string) ([]byte, bool) {
	c, ok := ids.get(cluster).current()
	return c.OpenKey, ok
}

// Clusters implements hub.Identities.
func (ids *Identities) Clusters() []string {
	ids.mu.Lock()
	defer ids.mu.Unlock()
	var out []string
	for name, id := range ids.known {
		if _, ok := id.current(); ok || !id.ThrownOut.IsZero() {
			out = append(out, name)
		}
	}
	return out
}

// live are the credentials of a cluster that are good now, newest first.
func (ids *Identities) live(cluster string, now time.Time) []credential {
	return ids.get(cluster).live(now)
}

// Identity implements hub.Identities.
func (ids *Identities) Identity(cluster string) hub.Identity {
	now, id := time.Now(), ids.get(cluster)
	current, _ := id.current()
	out := hub.Identity{Issued: current.Issued, Expires: current.Expires, Valid: len(id.live(now)), Rotating: id.Rotate,
		Revoked:    id.ThrownOut,
		ClusterUID: id.ClusterUID}
	ids.mu.Lock()
	defer ids.mu.Unlock()
	if d := ids.dropped[cluster]; d.count > 0 {
		out.Dropped, out.DroppedLast, out.DroppedWhy = d.count, d.last, fmt.Sprintf(d.why, cluster)
	}
	if until := ids.suspended[cluster]; until.After(now) {
		out.Suspended = until
	}
	for _, t := range ids.tokens {
		if t.Cluster == cluster && t.open(now) && t.Expires.After(out.Token) {
			out.Token = t.Expires
		}
	}
	return out
}

// Place implements hub.Identities.
func (ids *Identities) Place(cluster string) string { return ids.get(cluster).ClusterUID }

// Settle implements hub.Identities.
func (ids *Identities) Settle(cluster, uid string) error {
	_, err := ids.edit(cluster, func(id *identity, _ time.Time) error {
		if len(id.Credentials) > 0 { // or else the next one that joins says where it is
			id.ClusterUID = uid
		}
		return nil
	})
	return err
}

// voices are the keys of credentials that have not ended, and were good at a time.
func (ids *Identities) voices(cluster string, at time.Time) []ed25519.PublicKey {
	var out []ed25519.PublicKey
	for _, c := range ids.live(cluster, at) {
		if key, err := publicKey(c.User); err == nil {
			out = append(out, key)
		}
	}
	return out
}

// ClusterOf is whose the user key is, or was until it was revoked.
func (ids *Identities) ClusterOf(user string) (string, bool) {
	ids.mu.Lock()
	defer ids.mu.Unlock()
	name, ok := ids.byUser[user]
	return name, ok
}

// Epoch is the number that everything is signed with that the hub tells agents.
func (ids *Identities) Epoch() uint64 { return ids.epoch.Load() }

// SetEpoch sets it; see hub.Peers.Serve.
func (ids *Identities) SetEpoch(epoch uint64) { ids.epoch.Store(epoch) }

// Stirred has something in it when there is something for TakeChanged to give.
func (ids *Identities) Stirred() <-chan struct{} { return ids.stirred }
