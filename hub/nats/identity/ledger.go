package identity

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/drover-dev/drover/hub/nats/files"
)

// ledger is the clusters' identities, one file each. It is safe for concurrent use: what concerns one cluster waits for
// the disk in order, and nothing waits for another cluster's.
type ledger struct {
	dir     string
	stirred chan struct{} // there is something in changed

	mu      sync.Mutex             // guards what follows
	known   map[string]identity    // by cluster; what they hold is replaced, never altered
	byUser  map[string]string      // user key → cluster, of revoked ones too
	editing map[string]*sync.Mutex // by cluster
	changed map[string]struct{}    // clusters whose identity has changed since TakeChanged
}

// openLedger reads the identities in a directory.
func openLedger(dir string) (*ledger, error) {
	l := &ledger{dir: dir, known: map[string]identity{}, byUser: map[string]string{}, editing: map[string]*sync.Mutex{},
		changed: map[string]struct{}{}, stirred: make(chan struct{}, 1)}
	return l, files.ReadAll(dir, "the clusters' identities", func(file, name string, data []byte) error {
		var id identity
		if err := json.Unmarshal(data, &id); err != nil || id.Cluster != name {
			return fmt.Errorf("%s does not hold the identity of cluster %s: bring it back from a backup, or remove it: then "+
				"that cluster's agent is known again when it next connects", file, name)
		}
		l.put(id)
		return nil
	})
}

// isKnown says whether a cluster has an identity.
func (l *ledger) isKnown(cluster string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, known := l.known[cluster]
	return known
}

// size is how many clusters have an identity.
func (l *ledger) size() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.known)
}

// users are the user keys of revoked credentials, and of the live ones of clusters that are cut off now.
func (l *ledger) users(now time.Time, cutOff func(cluster string) bool) (out []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for name, id := range l.known {
		out = slices.AppendSeq(out, maps.Keys(id.Revoked))
		if cutOff(name) {
			for _, c := range id.live(now) {
				out = append(out, c.User)
			}
		}
	}
	return out
}

// those are the clusters of which something is so now, sorted.
func (l *ledger) those(is func(id identity, now time.Time) bool) []string {
	var out []string
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	for name, id := range l.known {
		if is(id, now) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

func (l *ledger) get(cluster string) identity {
	l.mu.Lock()
	defer l.mu.Unlock()
	id := l.known[cluster]
	id.Cluster = cluster
	return id
}

// put makes an identity known. l.mu is held, or nobody else has the ledger yet.
func (l *ledger) put(id identity) {
	old := l.known[id.Cluster]
	for _, c := range old.Credentials {
		delete(l.byUser, c.User)
	}
	for user := range old.Revoked {
		delete(l.byUser, user)
	}
	for _, c := range id.Credentials {
		l.byUser[c.User] = id.Cluster
	}
	for user := range id.Revoked {
		l.byUser[user] = id.Cluster
	}
	l.known[id.Cluster] = id
}

// edit changes a cluster's identity, on disk first, and says whether it did. What change gives as an error leaves it as
// it was.
func (l *ledger) edit(cluster string, change func(id *identity, now time.Time) error) (bool, error) {
	lock := l.turn(cluster)
	lock.Lock()
	defer lock.Unlock()
	old := l.get(cluster)
	id, now := old.clone(), time.Now().UTC().Round(0)
	if err := change(&id, now); err != nil || reflect.DeepEqual(id, old) {
		return false, err
	}
	id.forget(now)
	if err := files.SaveJSON(filepath.Join(l.dir, cluster+".json"), id); err != nil {
		return false, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.put(id)
	l.changed[cluster] = struct{}{}
	select {
	case l.stirred <- struct{}{}:
	default:
	}
	return true, nil
}

// turn is the lock under which a cluster's identity is edited.
func (l *ledger) turn(cluster string) *sync.Mutex {
	l.mu.Lock()
	defer l.mu.Unlock()
	lock := l.editing[cluster]
	if lock == nil {
		lock = &sync.Mutex{}
		l.editing[cluster] = lock
	}
	return lock
}

// TakeChanged gives the clusters whose identity has changed since it was asked last.
func (l *ledger) TakeChanged() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := slices.Collect(maps.Keys(l.changed))
	clear(l.changed)
	return out
}

// Stirred has something in it when there is something for TakeChanged to give.
func (l *ledger) Stirred() <-chan struct{} { return l.stirred }

// OpenKey implements hub.Identities.
func (l *ledger) OpenKey(cluster string) ([]byte, bool) {
	c, ok := l.get(cluster).current()
	return c.OpenKey, ok
}

// Clusters implements hub.Identities.
func (l *ledger) Clusters() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []string
	for name, id := range l.known {
		if _, ok := id.current(); ok || !id.Removed.IsZero() {
			out = append(out, name)
		}
	}
	return out
}

// live are the credentials of a cluster that are good now, newest first.
func (l *ledger) live(cluster string, now time.Time) []credential {
	return l.get(cluster).live(now)
}

// Place implements hub.Identities.
func (l *ledger) Place(cluster string) string { return l.get(cluster).ClusterUID }

// Settle implements hub.Identities.
func (l *ledger) Settle(cluster, uid string) error {
	_, err := l.edit(cluster, func(id *identity, _ time.Time) error {
		if len(id.Credentials) > 0 { // or else the next one that joins says where it is
			id.ClusterUID = uid
		}
		return nil
	})
	return err
}

// voices are the keys of credentials that have not ended, and were good at a time.
func (l *ledger) voices(cluster string, at time.Time) []ed25519.PublicKey {
	var out []ed25519.PublicKey
	for _, c := range l.live(cluster, at) {
		if key, err := publicKey(c.User); err == nil {
			out = append(out, key)
		}
	}
	return out
}

// Witnesses are the keys that vouch for what the bus took in from cluster at a time: those that were good then, though
// they may have ended since.
func (l *ledger) Witnesses(cluster string, at time.Time) []ed25519.PublicKey {
	out := l.voices(cluster, at)
	for _, f := range l.get(cluster).Former {
		if key, err := publicKey(f.User); err == nil && at.Before(f.End) {
			out = append(out, key)
		}
	}
	return out
}

// ClusterOf is whose the user key is, or was until it was revoked.
func (l *ledger) ClusterOf(user string) (string, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	name, ok := l.byUser[user]
	return name, ok
}
