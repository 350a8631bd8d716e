package protocol

// Reason says in one word why an app is in its phase, for alerts and scripts, which need no text then. An app that is
// healthy has none, unless there is something to know of it all the same; agents before this field gave none.
//
// The list is append-only: a reason never changes its meaning. Readers meet reasons that they do not know, and show
// them as they are. docs/reasons.md says what each means and what to do; a test holds the page to this list.
type Reason string

// Reasons for which an app cannot get what it is to be. It keeps what was applied last.
const (
	ReasonRenderFailed       Reason = "RenderFailed"       // its files cannot be rendered
	ReasonFetchFailed        Reason = "FetchFailed"        // a source that its files come from cannot be fetched
	ReasonFetching           Reason = "Fetching"           // the agent has not received its objects from the hub yet
	ReasonContentUnusable    Reason = "ContentUnusable"    // its objects were received and cannot be used
	ReasonAgentTooOld        Reason = "AgentTooOld"        // it needs a newer agent
	ReasonInputMissing       Reason = "InputMissing"       // a ConfigMap or Secret that it takes values from is not found
	ReasonDependencyNotReady Reason = "DependencyNotReady" // an app that it depends on is not ready
	ReasonDependencyInvalid  Reason = "DependencyInvalid"  // what it depends on, or is applied after, can never be ready
	ReasonWaitingForWindow   Reason = "WaitingForWindow"   // a time window is closed
	ReasonInitializing       Reason = "Initializing"       // nothing is known of it yet
	ReasonRendering          Reason = "Rendering"          // its files are still being rendered
	ReasonProjectForbids     Reason = "ProjectForbids"     // its project does not permit what it is or delivers
	ReasonReleaseHeld        Reason = "ReleaseHeld"        // it is not delivered before a person approves it
	ReasonCiphertext         Reason = "Ciphertext"         // what is encrypted would be used, or delivered, as it is
)

// Reasons for which objects cannot be applied or deleted.
const (
	ReasonApplyRefused         Reason = "ApplyRefused"         // the API server calls an object invalid
	ReasonApplyFailed          Reason = "ApplyFailed"          // an object could not be applied, for a reason not listed here
	ReasonPruneFailed          Reason = "PruneFailed"          // an object could not be deleted, for a reason not listed here
	ReasonConflict             Reason = "Conflict"             // others changed an object, or manage fields of it
	ReasonSharedObject         Reason = "SharedObject"         // an object is in two apps
	ReasonImmutableField       Reason = "ImmutableField"       // a field changed that cannot be changed
	ReasonQuotaExceeded        Reason = "QuotaExceeded"        // a ResourceQuota is used up
	ReasonWebhookDenied        Reason = "WebhookDenied"        // an admission webhook or policy refused an object
	ReasonWebhookUnavailable   Reason = "WebhookUnavailable"   // a webhook that must be called did not answer
	ReasonForbidden            Reason = "Forbidden"            // the agent, or the app's service account, may not do it
	ReasonOutOfScope           Reason = "OutOfScope"           // an object is outside the agent's namespaces
	ReasonKindNotServed        Reason = "KindNotServed"        // the cluster does not serve an object's kind
	ReasonNamespaceNotFound    Reason = "NamespaceNotFound"    // an object's namespace is not found
	ReasonNamespaceTerminating Reason = "NamespaceTerminating" // an object's namespace is being deleted
	ReasonObjectTerminating    Reason = "ObjectTerminating"    // an object is being deleted before it is created again
	ReasonAPIServerUnreachable Reason = "APIServerUnreachable" // the API server did not answer
	ReasonInvalidObject        Reason = "InvalidObject"        // a rendered object cannot be an object of any cluster
	ReasonStateNotStored       Reason = "StateNotStored"       // the agent cannot store what it does in the cluster
)

// Reasons on the way to being healthy, and for not being so.
const (
	ReasonApplying    Reason = "Applying"    // its objects are being applied
	ReasonWaveWaiting Reason = "WaveWaiting" // a wave is not healthy yet, so the next one has not begun
	ReasonHookRunning Reason = "HookRunning" // a hook has not ended
	ReasonHookFailed  Reason = "HookFailed"  // a hook failed
	ReasonProgressing Reason = "Progressing" // everything is applied, and not healthy yet
	ReasonPaused      Reason = "Paused"      // an object waits for a person or a time
	ReasonUnhealthy   Reason = "Unhealthy"   // an object is degraded, or was healthy and is not any more
	ReasonTimeout     Reason = "Timeout"     // it was not healthy in time
	ReasonSuspended   Reason = "Suspended"   // Git says that nothing is to be done
	ReasonPruning     Reason = "Pruning"     // objects that Git no longer has are being deleted
	ReasonPruneHeld   Reason = "PruneHeld"   // they are not deleted before a person approves it
	ReasonPruneWaits  Reason = "PruneWaits"  // they are not deleted before something else is known or done
)

// Reasons returns all reasons of this release, in the order in which they were added.
func Reasons() []Reason {
	return []Reason{
		ReasonRenderFailed, ReasonFetchFailed, ReasonFetching, ReasonContentUnusable, ReasonAgentTooOld,
		ReasonInputMissing, ReasonDependencyNotReady, ReasonDependencyInvalid, ReasonWaitingForWindow, ReasonInitializing,
		ReasonRendering,
		ReasonApplyRefused, ReasonApplyFailed, ReasonPruneFailed, ReasonConflict, ReasonSharedObject, ReasonImmutableField,
		ReasonQuotaExceeded, ReasonWebhookDenied, ReasonWebhookUnavailable, ReasonForbidden, ReasonOutOfScope,
		ReasonKindNotServed, ReasonNamespaceNotFound, ReasonNamespaceTerminating, ReasonObjectTerminating,
		ReasonAPIServerUnreachable, ReasonInvalidObject, ReasonStateNotStored,
		ReasonApplying, ReasonWaveWaiting, ReasonHookRunning, ReasonHookFailed, ReasonProgressing, ReasonPaused,
		ReasonUnhealthy, ReasonTimeout, ReasonSuspended, ReasonPruning, ReasonPruneHeld, ReasonPruneWaits,
		ReasonProjectForbids,
		ReasonReleaseHeld,
		ReasonCiphertext,
	}
}
