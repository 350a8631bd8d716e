package streams

import (
	"errors"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/drover-dev/drover/hub/nats/limits"
	"github.com/drover-dev/drover/protocol"
)

const (
	// MaxEvents is how many events of one cluster are kept.
	MaxEvents = 1000
	// MaxEvent is the most that an event may have, in bytes.
	MaxEvent = 64 << 10
	// MaxDecisions is how many entries of the journal of decisions are kept.
	MaxDecisions = 40_000
	// MaxDecision is the most that a sealed entry of the journal of decisions may have, in bytes.
	MaxDecision = 512 << 10
)

// Configs are the streams that the hub keeps. Those of what agents say acknowledge nothing and take no roll-up: an
// acknowledgement goes where the sender says, and a header may drop what others said. Each has a share of the storage
// that servers set aside for it (see Shares). No message is deleted by its number.
func Configs(replicas int) []jetstream.StreamConfig {
	bucket := func(name string) jetstream.StreamConfig {
		return jetstream.StreamConfig{Name: "KV_" + name, Subjects: []string{"$KV." + name + ".>"}, MaxMsgsPerSubject: 1,
			Discard: jetstream.DiscardNew, AllowDirect: true, AllowRollup: true}
	}
	report := bucket(protocol.BucketReport)
	report.AllowRollup, report.NoAck, report.MaxMsgSize = false, true, limits.MaxSaid
	report.Discard = jetstream.DiscardOld
	out := []jetstream.StreamConfig{bucket(protocol.BucketDesired), bucket(protocol.BucketBlobs), report,
		{Name: protocol.StreamJournal, Subjects: []string{protocol.JournalSubject("*")}, MaxAge: limits.JournalAge,
			NoAck: true, DenyPurge: true,
			MaxMsgsPerSubject: MaxEvents, MaxMsgSize: MaxEvent},
		{Name: protocol.StreamHello, Subjects: []string{protocol.HelloSubject("*")}, MaxMsgsPerSubject: 1,
			MaxMsgSize: limits.MaxRequest,
			DenyPurge:  true},
		{Name: protocol.StreamDecisions, Subjects: []string{protocol.StreamDecisions}, MaxMsgsPerSubject: MaxDecisions,
			MaxMsgSize: MaxDecision, DenyPurge: true}}
	for i := range out {
		out[i].Storage, out[i].Replicas, out[i].DenyDelete = jetstream.FileStorage, replicas, true
	}
	return out
}

// IsFull says whether servers cannot set as much storage aside as is asked for.
func IsFull(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && (api.ErrorCode == codeStorageFull || api.ErrorCode == codeServerFull ||
		api.ErrorCode == codeNoPeers && strings.Contains(api.Description, "storage"))
}
