package hub

import (
	"crypto/ed25519"
	"log/slog"
	"maps"

	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/protocol"
)

// outgoing is what the bus has, as far as the hub knows, and what it has yet to take. The loop alone touches it.
type outgoing struct {
	identities Credentials
	signers    []ed25519.PrivateKey
	blob       func(protocol.Blob) ([]byte, error) // gives a sealed blob
	ledger     *ledger                             // only asked
	log        *slog.Logger

	blobs       map[string]bool   // ids of those that the bus has
	keys        map[string]string // OpenKeyID that each cluster's bundle on the bus is sealed to
	generations map[string]uint64 // of each cluster's bundle there
	unsent      map[string]bool   // clusters whose record the bus has yet to take
}

func newOutgoing(s Settings, l *ledger) *outgoing {
	return &outgoing{identities: s.Identities, signers: s.Signers, blob: s.Resolver.Blob, ledger: l, log: s.Log,
		blobs: map[string]bool{}, keys: map[string]string{}, generations: map[string]uint64{}, unsent: map[string]bool{}}
}

// resend has a cluster's bundle published, again if it was before.
func (o *outgoing) resend(cluster string) { o.unsent[cluster] = true }

// waits says whether anything has yet to be sent.
func (o *outgoing) waits() bool { return len(o.unsent) > 0 }

// compare takes in what the bus has: what it lacks is to be sent.
func (o *outgoing) compare(has Holdings) {
	o.blobs, o.keys, o.generations = has.Blobs, has.Keys, maps.Clone(has.Generations)
	if o.generations == nil {
		o.generations = map[string]uint64{}
	}
	for name, r := range o.ledger.all() {
		if has.Generations[name] < r.Bundle.Generation || has.Epochs[name] < r.Bundle.Epoch || o.outdated(name) {
			o.unsent[name] = true
			continue
		}
		for _, a := range r.Bundle.Apps {
			if a.Blob != nil && !o.blobs[a.Blob.ID()] {
				o.unsent[name] = true
			}
		}
	}
}

// outdated says whether the bus has a cluster's bundle sealed to another key than that of its agent.
func (o *outgoing) outdated(name string) bool {
	key, joined := o.identities.OpenKey(name)
	return joined && o.ledger.has(name) && o.keys[name] != OpenKeyID(key)
}

// pending makes what the bus has yet to take, but for clusters that get nothing now.
func (o *outgoing) pending(barred func(cluster string) bool) (blobs []model.Packed, bundles []Delivery) {
	ids := map[string]bool{}
	for name := range o.unsent {
		key, joined := o.identities.OpenKey(name)
		if !joined || !o.ledger.has(name) || barred(name) {
			continue // it will be sent when its agent has a credential, and nothing is in the way
		}
		r := o.ledger.of(name)
		missing, err := o.missing(r.Bundle, ids)
		if err != nil {
			o.log.Error("the bundle is not published", "cluster", name, "err", err)
			continue
		}
		d, err := o.seal(r, key)
		if err != nil {
			o.log.Error("the bundle is not published", "cluster", name, "err", err)
			continue
		}
		blobs, bundles = append(blobs, missing...), append(bundles, d)
	}
	return blobs, bundles
}

// seal signs and seals a record for its cluster.
func (o *outgoing) seal(r Record, openKey []byte) (Delivery, error) {
	envelope, err := protocol.SignBundle(r.Bundle, o.signers...)
	if err != nil {
		return Delivery{}, err
	}
	sealed, err := protocol.Seal(openKey, r.Bundle.Cluster, envelope)
	b := r.Bundle
	return Delivery{b.Cluster, b.Generation, OpenKeyID(openKey), sealed, b.Epoch, b.Revision.Hash}, err
}

// missing gives the blobs of a bundle that neither the bus nor ids has, and adds them to ids.
func (o *outgoing) missing(b protocol.Bundle, ids map[string]bool) ([]model.Packed, error) {
	var out []model.Packed
	for _, a := range b.Apps {
		if a.Blob == nil {
			continue
		}
		id := a.Blob.ID()
		if o.blobs[id] || ids[id] {
			continue
		}
		sealed, err := o.blob(*a.Blob)
		if err != nil {
			return nil, err
		}
		ids[id] = true
		out = append(out, model.Packed{Ref: *a.Blob, Sealed: sealed})
	}
	return out, nil
}

// put is told what the bus has taken.
func (o *outgoing) put(blobs []model.Packed, bundles []Delivery) {
	for _, p := range blobs {
		o.blobs[p.Ref.ID()] = true
	}
	for _, d := range bundles {
		o.generations[d.Cluster], o.keys[d.Cluster] = d.Generation, d.Key
		delete(o.unsent, d.Cluster)
	}
}

// lost is told of blobs that the bus has no longer. What needs one publishes it again.
func (o *outgoing) lost(ids []string) {
	for _, id := range ids {
		delete(o.blobs, id)
	}
}

// named are the blobs that bundles on the bus need, and all that records name.
func (o *outgoing) named() (needed, named map[string]bool) {
	needed, named = map[string]bool{}, map[string]bool{}
	for name, r := range o.ledger.all() {
		model.BlobsIn(r.Bundle, needed)
		model.BlobsIn(r, named)
		for _, old := range r.Retired {
			named[old.Blob] = true
			if o.unsent[name] && old.Generation >= o.generations[name] { // the bundle on the bus names it
				needed[old.Blob] = true
			}
		}
	}
	return needed, named
}

// forget is for a cluster that is no longer there.
func (o *outgoing) forget(cluster string) { delete(o.unsent, cluster) }
