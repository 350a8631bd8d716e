package query

// Reason is a code for what is to be known of a cluster, or for why the hub publishes nothing. Scripts may match it. The
// reason of a cluster may also be that of its worst app, see protocol.Reason. The list is append-only, and docs/reasons.md
// says what each means and what to do; a test holds the page to this list.
type Reason string

// The reasons why nothing is published.
const (
	ReasonDeciding    Reason = "Deciding"           // the hub has started and asks which other hubs there are
	ReasonTakingOver  Reason = "TakingOver"         // a new or restored hub waits whether another one answers
	ReasonOtherHub    Reason = "OtherHub"           // another hub publishes
	ReasonNewerEpoch  Reason = "NewerEpoch"         // another hub has taken the fleet over
	ReasonStaleMirror Reason = "StaleMirror"        // the repository was not reached, and its mirror is too old
	ReasonUnknown     Reason = "UnknownCommit"      // the agent has a commit that this hub does not know
	ReasonAgentEpoch  Reason = "NewerEpochReported" // the agent has accepted a bundle of a newer epoch
	ReasonFlood       Reason = "TooManyGenerations" // too many generations without a new commit
)

// The reasons of a cluster.
const (
	ReasonRemoved       Reason = "ClusterRemoved"    // its folder is gone from Git
	ReasonRemovalHeld   Reason = "RemovalHeld"       // its folder is gone from Git, and nothing follows before a person approves
	ReasonCopied        Reason = "ClusterCopied"     // another cluster uses its credential
	ReasonFolderInvalid Reason = "FolderInvalid"     // its folder cannot be read whole
	ReasonRevoked       Reason = "CredentialRevoked" // the credential of its agent was revoked
	ReasonExpired       Reason = "CredentialExpired" // the credential of its agent expired
	ReasonAwaitingAgent Reason = "AwaitingAgent"     // no agent has joined
	ReasonDistrusted    Reason = "HubDistrusted"     // agents refuse this hub
	ReasonNoReport      Reason = "NoReport"          // an agent has joined and never reported
	ReasonBundleRefused Reason = "BundleRefused"     // the agent refused a bundle
	ReasonNotAccepted   Reason = "BundleNotAccepted" // the agent has not accepted the newest bundle yet
	ReasonAgentTrouble  Reason = "AgentTrouble"      // the agent says what is wrong, of no app
	ReasonOffline       Reason = "Offline"           // the agent is not connected
)

// Reasons returns all reasons that are the hub's own.
func Reasons() []Reason {
	return []Reason{
		ReasonDeciding, ReasonTakingOver, ReasonOtherHub, ReasonNewerEpoch, ReasonStaleMirror, ReasonUnknown,
		ReasonAgentEpoch, ReasonFlood,
		ReasonRemoved, ReasonRemovalHeld, ReasonCopied, ReasonFolderInvalid, ReasonRevoked, ReasonExpired,
		ReasonAwaitingAgent, ReasonDistrusted, ReasonNoReport, ReasonBundleRefused, ReasonNotAccepted, ReasonAgentTrouble,
		ReasonOffline,
	}
}
