package nats

import (
	"slices"
	"strconv"

	natsgo "github.com/nats-io/nats.go"

	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/protocol"
)

// headers are those of a bundle's message.
func (b *Bus) headers(d hub.Delivery) natsgo.Header {
	h := protocol.BundleHeaders{Cluster: d.Cluster, Epoch: d.Epoch, Generation: d.Generation, Revision: d.Revision,
		Key: d.Key}
	return natsgo.Header{
		protocol.HeaderGeneration: {strconv.FormatUint(d.Generation, 10)}, protocol.HeaderKey: {d.Key},
		protocol.HeaderEpoch: {strconv.FormatUint(d.Epoch, 10)}, protocol.HeaderRevision: {d.Revision},
		protocol.HeaderAuth: {h.Auth(b.headerKeys[0])}}
}

// holding takes in the headers of a cluster's message. Of headers that no hub of the fleet is seen to have made, the
// generation and the key alone are told: an older hub may have made these.
func (b *Bus) holding(into hub.Holdings, cluster string, h natsgo.Header) {
	generation, err := strconv.ParseUint(h.Get(protocol.HeaderGeneration), 10, 64)
	if err != nil {
		return
	}
	epoch, _ := strconv.ParseUint(h.Get(protocol.HeaderEpoch), 10, 64) // of a hub that is older than epochs it is 0
	said := protocol.BundleHeaders{Cluster: cluster, Epoch: epoch, Generation: generation,
		Revision: h.Get(protocol.HeaderRevision), Key: h.Get(protocol.HeaderKey)}
	into.Generations[cluster], into.Keys[cluster] = generation, said.Key
	auth := h.Get(protocol.HeaderAuth)
	if slices.ContainsFunc(b.headerKeys, func(key []byte) bool { return said.Authentic(key, auth) }) {
		into.Proven[cluster], into.Epochs[cluster], into.Revisions[cluster] = true, epoch, said.Revision
	}
}
