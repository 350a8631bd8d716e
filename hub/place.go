package hub

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/protocol"
)

// A cluster's credential can come into another cluster, with a copy of etcd or a restored backup. The hub remembers the
// uid of kube-system that each cluster had when it joined, names it in the bundles, and believes no other, until a
// person decides.

// ErrNotCopied says that no other cluster with that uid uses a cluster's credential.
var ErrNotCopied = errors.New("no other cluster with this uid uses its credential")

// maxUID is how long the uid of an object may be.
const maxUID = 128

// misplaced says whether a report comes from another cluster than the credential belongs to. It is shown then, and not
// taken.
func (l listener) misplaced(cluster string, r protocol.Report, at time.Time) bool {
	uid, h := r.Agent.ClusterUID, l.h
	if uid == "" || len(uid) > maxUID {
		return false // its agent may not know
	}
	known := h.Identities.Place(cluster)
	holds := slices.ContainsFunc(r.Held, func(x protocol.Held) bool { return x.Kind == protocol.HoldIdentity })
	switch {
	case known == uid:
		return false
	case known == "" && !holds:
		h.do(func(context.Context) error { return settle(h.Identities, cluster, uid) })
		return false
	}
	news := false
	h.state.edit(func(x *query.Index, _ *SourceStatus) {
		c := x.Edit(cluster)
		news = c.Copy == nil || c.Copy.UID != uid
		c.Copy = &query.Copy{UID: uid, Known: known, Agent: r.Agent.Identity, Heard: at}
	})
	if news {
		h.Log.Warn("a cluster's credential is used in another cluster: its reports are not taken", "cluster", cluster,
			"uid", uid, "known", known,
			"agent", r.Agent.Identity, "accept", "drover cluster accept "+cluster)
		h.do(func(ctx context.Context) error { return h.name(ctx, cluster) })
	}
	return true
}

// name publishes a bundle that says which cluster it is for, if the last one does not: the other agent may not have
// noted it.
func (h *Hub) name(ctx context.Context, cluster string) error {
	uid, b := h.Identities.Place(cluster), h.ledger.of(cluster).Bundle
	if uid == "" || b.Generation == 0 || b.ClusterUID == uid {
		return nil
	}
	h.publisher.numbers.raise(cluster, b.Generation)
	_, err := h.publisher.publish(ctx, []string{cluster})
	return err
}

// Accept decides that a cluster's credential belongs to the cluster with a uid, which was seen to use it. An error that
// wraps ErrNotCopied says that it was not seen.
func (h *Hub) Accept(ctx context.Context, cluster, uid string) (query.Copy, error) {
	return ask(ctx, h, func(loop context.Context, reply func(query.Copy, error)) error {
		c, _ := h.state.Get(cluster)
		switch {
		case c.Copy == nil:
			reply(query.Copy{}, fmt.Errorf("cluster %.80q: %w: see `drover status`", cluster, ErrNotCopied))
			return nil
		case c.Copy.UID != uid:
			reply(query.Copy{}, fmt.Errorf("cluster %.80q: %w %.80q: it is %s; see `drover status`", cluster,
				ErrNotCopied, uid, c.Copy.UID))
			return nil
		}
		if err := h.Identities.Settle(cluster, uid); err != nil {
			return err
		}
		h.Log.Warn("a person decided to which cluster a credential belongs", "cluster", cluster, "uid", uid, "before",
			c.Copy.Known)
		h.state.edit(func(x *query.Index, _ *SourceStatus) { x.Edit(cluster).Copy = nil })
		err := h.name(loop, cluster)
		reply(*c.Copy, err)
		return err
	})
}

// forgetCopy takes back what is shown of another cluster when its credential is over: the one in use is newer.
func forgetCopy(c *query.Cluster, id Identity) {
	if c.Copy != nil && (id.Issued.After(c.Copy.Heard) || !id.Revoked.IsZero()) {
		c.Copy = nil
	}
}

// settle remembers which cluster a credential belongs to, if that is not known yet.
func settle(places Places, cluster, uid string) error {
	if places.Place(cluster) != "" {
		return nil
	}
	return places.Settle(cluster, uid)
}
