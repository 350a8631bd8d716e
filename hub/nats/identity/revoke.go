package identity

import (
	"fmt"
	"time"

	"github.com/drover-dev/drover/hub"
)

// Revoked are the credentials that were revoked and have not expired since, and the join tokens that have ended.
func (ids *Identities) Revoked() []string {
	now := time.Now()
	out := ids.users(now, func(cluster string) bool { return ids.cuts.until(cluster).After(now) })
	ended := func(t token) bool { return !now.Before(t.end()) && now.Before(t.connects()) }
	for _, t := range ids.tokens.those(ended) {
		out = append(out, t.User)
	}
	return out
}

// CutOrLog has the servers cut off what was revoked, where nobody waits to hear that it failed.
func (ids *Identities) CutOrLog() { ids.cuts.cutOrLog() }

// Suspend cuts a cluster's credentials off for a while from now on, and says whether it did: not where it is cut off.
func (ids *Identities) Suspend(cluster string, now time.Time, pause time.Duration) bool {
	return ids.isKnown(cluster) && ids.cuts.suspend(cluster, now, pause)
}

// Revoke implements hub.Identities. Join tokens of the cluster that were not used yet end, too.
func (ids *Identities) Revoke(cluster string) error {
	_, err := ids.edit(cluster, func(id *identity, now time.Time) error {
		if err := ids.revokeTokens(cluster, now); err != nil {
			return err
		}
		if len(id.Credentials) > 0 {
			id.Removed, id.Rotate = now, time.Time{}
		}
		id.revoke("", now, now)
		return nil
	})
	if err != nil {
		return err
	}
	if err := ids.cuts.cut(); err != nil {
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
		id.Removed = time.Time{}
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

// toRenew says whether a cluster's agent is to renew its credential.
func (ids *Identities) toRenew(id identity) bool {
	now := time.Now()
	return !id.Rotate.IsZero() || ids.isFormer(id, now) || id.moving(ids.keys.AccountKey(), now)
}

// Rotating are the clusters whose agents are to renew their credentials.
func (ids *Identities) Rotating() []string {
	return ids.those(func(id identity, _ time.Time) bool { return ids.toRenew(id) })
}

// Joins implements hub.Identities.
func (ids *Identities) Joins() hub.Joins {
	out := ids.counts.now()
	out.Former, out.AccountKey = ids.those(ids.isFormer), ids.keys.AccountKey()
	out.Moving = ids.those(func(id identity, now time.Time) bool { return id.moving(out.AccountKey, now) })
	return out
}
