package identity

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/protocol"
)

// Revoked are the credentials that were revoked and have not expired since, and the join tokens that have ended.
func (ids *Identities) Revoked() []string {
	now := time.Now()
	ids.mu.Lock()
	defer ids.mu.Unlock()
	var out []string
	for _, id := range ids.known {
		out = slices.AppendSeq(out, maps.Keys(id.Revoked))
	}
	for name, until := range ids.suspended {
		if until.After(now) {
			for _, c := range ids.known[name].live(now) {
				out = append(out, c.User)
			}
		}
	}
	for _, t := range ids.tokens {
		if end := t.end(); !now.Before(end) && now.Before(t.connects()) {
			out = append(out, t.User)
		}
	}
	return out
}

// Revoke implements hub.Identities. Join tokens of the cluster that were not used yet end, too.
func (ids *Identities) Revoke(cluster string) error {
	_, err := ids.edit(cluster, func(id *identity, now time.Time) error {
		if err := ids.revokeTokens(cluster, now); err != nil {
			return err
		}
		if len(id.Credentials) > 0 {
			id.ThrownOut, id.Rotate = now, time.Time{}
		}
		id.revoke("", now, now)
		return nil
	})
	if err != nil {
		return err
	}
	if err := ids.cut(); err != nil {
		return fmt.Errorf("the credentials of cluster %s are revoked, but the NATS servers do not know it yet: %w",
			cluster, err)
	}
	return nil
}

// Forget implements hub.Identities. Which keys were revoked is remembered all the same.
func (ids *Identities) Forget(cluster string) error {
	if err := ids.Revoke(cluster); err != nil {
		return err
	}
	_, err := ids.edit(cluster, func(id *identity, _ time.Time) error {
		id.ThrownOut = time.Time{}
		return nil
	})
	return err
}

// Rotate implements hub.Identities.
func (ids *Identities) Rotate(cluster string) error {
	_, err := ids.edit(cluster, func(id *identity, now time.Time) error {
		if len(id.live(now)) == 0 {
			return fmt.Errorf("cluster %s: %w: let it join with `drover agent manifest --cluster %s | kubectl apply -f "+
				"-`", cluster, hub.ErrNoCredential, cluster)
		}
		id.Rotate = now
		return nil
	})
	if err != nil {
		return err
	}
	ids.AskRenew(cluster)
	return nil
}

// AskRenew asks a cluster's agent to renew. It may not hear it: it is asked again whenever it says Hello, and after a
// while.
func (ids *Identities) AskRenew(cluster string) {
	ids.mu.Lock()
	ask, wanted := ids.ask, ids.toRenew(cluster)
	ids.mu.Unlock()
	defer ids.remind(cluster)
	if ask == nil || !wanted {
		return
	}
	if err := ask(cluster, protocol.Ask{Version: protocol.Version, Cluster: cluster,
		Kind: protocol.AskRenew}); err != nil {
		ids.Log.Info("an agent cannot be asked to renew its credential now; it is asked when it says hello",
			"cluster", cluster, "err", err)
	}
}

// toRenew says whether a cluster's agent is to renew its credential. ids.mu is held.
func (ids *Identities) toRenew(cluster string) bool {
	id := ids.known[cluster]
	return !id.Rotate.IsZero() || ids.isFormer(id, time.Now()) || id.moving(ids.keys.AccountKey(), time.Now())
}

// Rotating are the clusters whose agents are to renew their credentials.
func (ids *Identities) Rotating() []string {
	ids.mu.Lock()
	defer ids.mu.Unlock()
	var out []string
	for name := range ids.known {
		if ids.toRenew(name) {
			out = append(out, name)
		}
	}
	return out
}

// cut has the servers cut off what was revoked.
func (ids *Identities) cut() error {
	ids.cutting.Lock()
	defer ids.cutting.Unlock()
	ids.mu.Lock()
	cutOff := ids.cutOff
	ids.mu.Unlock()
	if cutOff == nil {
		return nil
	}
	return cutOff(ids.Revoked())
}

// CutOrLog is cut where nobody waits to hear that it failed.
func (ids *Identities) CutOrLog() {
	if err := ids.cut(); err != nil {
		ids.Log.Error("the NATS servers do not know yet that credentials were revoked", "err", err)
	}
}

// Count counts what came of a request to join or renew.
func (ids *Identities) Count(err error) {
	ids.mu.Lock()
	defer ids.mu.Unlock()
	if err == nil {
		ids.joins.Granted++
		return
	}
	ids.joins.Refused++
	ids.joins.Last, ids.joins.Time = err.Error(), time.Now().UTC()
}

// Unheard counts what was said in the name of a cluster and could not be verified.
func (ids *Identities) Unheard(cluster string, err error) {
	ids.mu.Lock()
	defer ids.mu.Unlock()
	ids.dropped[cluster] = dropped{ids.dropped[cluster].count + 1, time.Now().UTC(), whyDropped(err)}
}

// Joins implements hub.Identities.
func (ids *Identities) Joins() hub.Joins {
	ids.mu.Lock()
	defer ids.mu.Unlock()
	out := ids.joins
	out.Former, out.AccountKey = ids.those(ids.isFormer), ids.keys.AccountKey()
	out.Moving = ids.those(func(id identity, now time.Time) bool { return id.moving(out.AccountKey, now) })
	return out
}

// RevokeToken ends the join token of a user key, and says whose it is and whether it did: not where no token has that
// key, or it was revoked before. An error says that this is not on disk.
func (ids *Identities) RevokeToken(user string) (cluster string, revoked bool, err error) {
	t, known := ids.token(user)
	if !known || !t.Revoked.IsZero() {
		return "", false, nil
	}
	t.Revoked = time.Now().UTC()
	return t.Cluster, true, ids.saveToken(t)
}
