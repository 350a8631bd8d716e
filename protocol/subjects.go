package protocol

import "strconv"

// The buckets (JetStream key-value) and the stream that the hub keeps. A bucket NAME is the
// stream KV_NAME over the subjects $KV.NAME.> (NATS ADR-8).
const (
	BucketDesired = "desired" // key = cluster: its sealed bundle
	BucketBlobs   = "blobs"   // key = blob id and chunk: rendered objects
	BucketReport  = "report"  // key = cluster: its last report
	StreamJournal = "journal" // events, by age
	StreamHello   = "hello"   // the last Hello of each cluster, so that a hub that was away hears it
	// StreamDecisions has what was decided on releases, sealed for hubs alone. Its only subject has its name.
	StreamDecisions = "decisions"
)

// HeaderGeneration is a header on the messages of the desired bucket: the bundle's generation, for the hub's own eyes
// when its store was lost. Nobody has to believe it without HeaderAuth, and agents never look at it.
const HeaderGeneration = "Drover-Generation"

// HeaderKey is another: which of the cluster's keys the bundle is sealed to.
const HeaderKey = "Drover-Key"

// HeaderEpoch and HeaderRevision are two more: the bundle's epoch and the commit it was made from. They are
// believed with HeaderAuth only.
const (
	HeaderEpoch    = "Drover-Epoch"
	HeaderRevision = "Drover-Revision"
)

// MaxChunk is the most of a blob that one message carries, in bytes. It stays well under the
// 1 MiB payload limit that NATS servers have by default.
const MaxChunk = 768 << 10

// directGet asks the stream of a bucket for the last message of a subject without a consumer
// (NATS ADR-31). The reply has status 404 if there is none.
func directGet(bucket, subject string) string {
	return "$JS.API.DIRECT.GET.KV_" + bucket + "." + subject
}

// DesiredSubject is where cluster's bundle is published.
func DesiredSubject(cluster string) string { return "$KV." + BucketDesired + "." + cluster }

// DesiredGet is the request subject that answers with cluster's last bundle.
func DesiredGet(cluster string) string { return directGet(BucketDesired, DesiredSubject(cluster)) }

// BlobSubject is where chunk number chunk (from 0) of the blob id is stored.
func BlobSubject(id string, chunk int) string {
	return "$KV." + BucketBlobs + "." + id + "." + strconv.Itoa(chunk)
}

// BlobGet is the request subject that answers with that chunk.
func BlobGet(id string, chunk int) string { return directGet(BucketBlobs, BlobSubject(id, chunk)) }

// ReportSubject is where cluster's reports are published.
func ReportSubject(cluster string) string { return "$KV." + BucketReport + "." + cluster }

// JournalSubject is where cluster's events are published.
func JournalSubject(cluster string) string { return "journal." + cluster }

// AnswerSubject is where cluster's agent answers a question: nobody listens there but the hub that asked it, and only
// while it waits.
func AnswerSubject(cluster, id string) string { return "answer." + cluster + "." + id }

// InboxPrefix is the only inbox cluster may listen on, so that no agent hears another's answers.
func InboxPrefix(cluster string) string { return "_INBOX_" + cluster }

// AgentSubjects are exactly what cluster's credential allows: what it may publish to, and what it
// may subscribe to.
//
// Any blob can be asked for: Direct Get takes wildcards, so ids could not be kept secret anyway.
// Blobs are encrypted instead, see SealBlob.
func AgentSubjects(cluster string) (publish, subscribe []string) {
	publish = []string{
		DesiredGet(cluster),
		directGet(BucketBlobs, "$KV."+BucketBlobs+".*.*"),
		ReportSubject(cluster),
		JournalSubject(cluster),
		RenewSubject(cluster),
		HelloSubject(cluster),
		AnswerSubject(cluster, "*"),
	}
	subscribe = []string{DesiredSubject(cluster), AskSubject(cluster), InboxPrefix(cluster) + ".>"}
	return publish, subscribe
}
