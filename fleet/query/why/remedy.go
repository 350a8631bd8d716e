package why

import (
	"cmp"
	"regexp"
	"strconv"
	"strings"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/protocol"
)

// meaning says of an app what its reason says, for where the message is told of an object.
var meaning = map[string]string{
	string(protocol.ReasonHookFailed):     "a hook failed",
	string(protocol.ReasonHookRunning):    "a hook has not ended",
	string(protocol.ReasonWaveWaiting):    "a wave is not healthy yet, so the next one has not begun",
	string(protocol.ReasonTimeout):        "it was not healthy in time",
	string(protocol.ReasonUnhealthy):      "an object in it is not healthy",
	string(protocol.ReasonProgressing):    "everything is applied, and not healthy yet",
	string(protocol.ReasonPaused):         "an object waits for a person or a time",
	string(protocol.ReasonApplyRefused):   "the API server refused an object",
	string(protocol.ReasonApplyFailed):    "an object could not be applied",
	string(protocol.ReasonPruneFailed):    "an object could not be deleted",
	string(protocol.ReasonWebhookDenied):  "an admission webhook refused an object",
	string(protocol.ReasonQuotaExceeded):  "a ResourceQuota is used up",
	string(protocol.ReasonForbidden):      "the agent may not do it",
	string(protocol.ReasonConflict):       "others manage fields of an object",
	string(protocol.ReasonKindNotServed):  "the cluster does not serve the kind of an object",
	string(protocol.ReasonImmutableField): "a field changed that cannot be changed",
}

// todo says for every reason what is to be done, where the message does not. docs/reasons.md has the same.
var todo = map[string]string{
	string(protocol.ReasonRenderFailed):         "correct the file that the message names",
	string(protocol.ReasonFetchFailed):          "check the address and the credentials of the source; it is retried",
	string(protocol.ReasonFetching):             "wait; if it goes on, check that the agent is connected",
	string(protocol.ReasonContentUnusable):      "see the message",
	string(protocol.ReasonAgentTooOld):          "upgrade the agent",
	string(protocol.ReasonInputMissing):         "create the ConfigMap or Secret, or remove it from the app",
	string(protocol.ReasonDependencyNotReady):   "see the app that it waits for",
	string(protocol.ReasonDependencyInvalid):    "correct dependsOn, or the annotation, in Git",
	string(protocol.ReasonWaitingForWindow):     "wait: the message says until when",
	string(protocol.ReasonInitializing):         "wait: the agent has said nothing of it yet",
	string(protocol.ReasonRendering):            "wait: it is being rendered",
	string(protocol.ReasonProjectForbids):       "change the app, or what its project permits",
	string(protocol.ReasonReleaseHeld):          "approve it: `drover status` shows the id",
	string(protocol.ReasonCiphertext):           "encrypt the object as a whole, and say decryption",
	string(protocol.ReasonApplyRefused):         "correct the field that the message names",
	string(protocol.ReasonApplyFailed):          "see the message; it is retried",
	string(protocol.ReasonPruneFailed):          "see the message; it is retried",
	string(protocol.ReasonConflict):             "decide who manages the field",
	string(protocol.ReasonSharedObject):         "remove the object from one of the apps",
	string(protocol.ReasonImmutableField):       "revert the field, or annotate drover.dev/recreate: enabled",
	string(protocol.ReasonQuotaExceeded):        "raise the quota, or request less",
	string(protocol.ReasonWebhookDenied):        "change the object, or the policy",
	string(protocol.ReasonWebhookUnavailable):   "check that the webhook's service runs; it is retried",
	string(protocol.ReasonForbidden):            "grant the right that the message names",
	string(protocol.ReasonOutOfScope):           "remove the object from Git, or install the agent with a wider --scope",
	string(protocol.ReasonKindNotServed):        "install its CustomResourceDefinition",
	string(protocol.ReasonNamespaceNotFound):    "add the Namespace to Git, or create it",
	string(protocol.ReasonNamespaceTerminating): "wait; if it goes on, see the finalizers in the namespace",
	string(protocol.ReasonObjectTerminating):    "wait; if it goes on, see the finalizers of the object",
	string(protocol.ReasonAPIServerUnreachable): "check the API server; it is retried",
	string(protocol.ReasonInvalidObject):        "correct the object in Git",
	string(protocol.ReasonStateNotStored):       "see the message; it is retried",
	string(protocol.ReasonApplying):             "wait: it is being applied",
	string(protocol.ReasonWaveWaiting):          "wait, up to the app's timeout",
	string(protocol.ReasonHookRunning):          "wait, up to the app's timeout",
	string(protocol.ReasonHookFailed):           "correct the hook in Git",
	string(protocol.ReasonProgressing):          "wait, up to the app's timeout",
	string(protocol.ReasonPaused):               "see the message for whom, or until when, it waits",
	string(protocol.ReasonUnhealthy):            "correct the object in Git",
	string(protocol.ReasonTimeout):              "correct the object in Git, or raise the app's timeout",
	string(protocol.ReasonSuspended):            "remove suspend in Git",
	string(protocol.ReasonPruning):              "wait; if it goes on, see the finalizers of the objects",
	string(protocol.ReasonPruneHeld):            "approve the deletions, or bring the objects back in Git",
	string(protocol.ReasonPruneWaits):           "see the message",

	string(query.ReasonDeciding):      "wait: the hub finds out which other hubs there are",
	string(query.ReasonTakingOver):    "wait: the hub takes the fleet over unless another one answers",
	string(query.ReasonOtherHub):      "ask the other hub",
	string(query.ReasonNewerEpoch):    "ask the hub that has taken the fleet over, and stop this one",
	string(query.ReasonStaleMirror):   "make the repository reachable for the hub",
	string(query.ReasonUnknown):       "push the commit that the agent has, or let the hub fetch it",
	string(query.ReasonAgentEpoch):    "ask the hub whose bundle the agent has",
	string(query.ReasonFlood):         "push a commit, or see what makes the bundle change without one",
	string(query.ReasonRemoved):       "bring the folder back, or remove the agent",
	string(query.ReasonRemovalHeld):   "approve the removal, or bring the folder back",
	string(query.ReasonCopied):        "accept the other cluster, or remove the agent there",
	string(query.ReasonFolderInvalid): "correct the file that the message names",
	string(query.ReasonRevoked):       "let the agent join again",
	string(query.ReasonExpired):       "let the agent join again",
	string(query.ReasonAwaitingAgent): "install an agent",
	string(query.ReasonDistrusted):    "give the hub the keys of the one that the agents joined",
	string(query.ReasonNoReport):      "see the agent's log",
	string(query.ReasonBundleRefused): "see the message",
	string(query.ReasonNotTaken):      "upgrade the agent or the hub; check who has its credential",
	string(query.ReasonNotAccepted):   "wait; if it goes on, see the agent's log",
	string(query.ReasonAgentTrouble):  "see the message",
	string(query.ReasonOffline): "check the cluster and its way to the hub; it takes the newest bundle when it is " +
		"back",
}

var (
	fileLine = regexp.MustCompile(`((?:[\w@.+-]+/)*[\w@.+-]+\.(?:ya?ml|json|tpl|txt|jsonnet|libsonnet|env|toml)):(\d+)`)
	quoted   = regexp.MustCompile("`((?:drover|kubectl) [^`]+)`")
	bare     = regexp.MustCompile(`\b(?:run:?|with:?|to do:|then:) ((?:drover|kubectl) [^();,]*[^();,\s-](?: -)?)`)
)

// remedy is what to do about a reason: what the message says, or what is always to be done. folder is where Git has the
// app; hint is what the message says is to be done.
func remedy(reason, message, folder, hint string) Action {
	do := Action{Text: cmp.Or(hint, todo[reason], "see the message")}
	if at := fileLine.FindStringSubmatch(message); at != nil {
		do.File = at[1]
		do.Line, _ = strconv.Atoi(at[2])
	} else if inGit(do.Text) {
		do.File = folder
	}
	for _, pattern := range []*regexp.Regexp{quoted, bare} {
		if found := pattern.FindStringSubmatch(message); found != nil && do.Command == "" {
			do.Command = strings.TrimSpace(found[1])
		}
	}
	return do
}

// inGit says whether what is to be done is a change of files.
func inGit(text string) bool {
	return strings.Contains(text, "in Git") || strings.Contains(text, "to Git") || strings.Contains(text, "correct") ||
		strings.Contains(text, "change the")
}
