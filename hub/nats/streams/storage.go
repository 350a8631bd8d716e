package streams

import "github.com/drover-dev/drover/protocol"

const (
	// What agents say has a part of the storage, and at most so much.
	maxReports, maxJournal, maxHellos = 1 << 30, 2 << 30, 256 << 20
	// The decisions of people have as much as the hub's own journal of them, with what a message costs.
	maxDecisions = 64 << 20
	// UnknownStorage is what servers that do not say it are first taken to have. They refuse what they do not have.
	UnknownStorage = 1 << 40
	// LeastStorage is where asking for less ends.
	LeastStorage = 1 << 20
)

// Shares divides the storage of a server among the streams, in bytes. Together they have less than all of it, so that
// what agents say never takes the place of what the hub publishes.
func Shares(total int64) map[string]int64 {
	reports, journal, hellos := min(total/8, maxReports), min(total/8, maxJournal), min(total/32, maxHellos)
	decisions := min(total/32, maxDecisions)
	rest := total - total/16 - reports - journal - hellos - decisions
	return map[string]int64{
		"KV_" + protocol.BucketReport: reports, protocol.StreamJournal: journal, protocol.StreamHello: hellos,
		protocol.StreamDecisions:       decisions,
		"KV_" + protocol.BucketDesired: rest / 4, "KV_" + protocol.BucketBlobs: rest - rest/4,
	}
}

// Steady is what a stream may store that is to store want bytes, and could store had: servers say another number
// whenever they
// start, because it follows from what is free on their disks, and streams are not to change with it.
func Steady(want, had int64) int64 {
	if had >= want/2 && had <= want+want/16 {
		return had
	}
	return want
}
