package upgrade

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/drover-dev/drover/agent"
)

// An upgrade is made by the agent itself: the leader puts another image into the DaemonSet that it is a pod of. A new pod
// starts beside the old one, which stays until the new one is ready, and that it is only when it has proven itself: it
// takes the lead for a trial, reports to the hub, and goes on for a while. If it does not, the agent of the former version
// takes the lead back, puts the former image back, and says why. All that must be known for it stands in the DaemonSet, so
// whichever agent leads goes on with it.

const (
	// upgradeLimit is how long a new version may take to prove itself, the pulling of its image included.
	upgradeLimit = 3 * time.Minute
	// trialSettle is how long a new version has to go on when it has reported.
	trialSettle = 10 * time.Second
	// upgradeLook is the time between two looks at an upgrade that is under way.
	upgradeLook = 2 * time.Second
	// hubPatience is how long a leader that has just taken the lead back may take to reach the hub, before it is said that the
	// hub, and not the new version, is to blame.
	hubPatience = 20 * time.Second
)

// Rollout is the DaemonSet that this program is a pod of.
type Rollout interface {
	// Look reads how it is, its pods aside.
	Look(ctx context.Context) (RolloutState, error)
	// Members reads those of its pods that are not being deleted.
	Members(ctx context.Context) ([]RolloutPod, error)
	// Set writes the image and the note, if the DaemonSet is as it was seen, or else fails with ErrLost.
	Set(ctx context.Context, seen RolloutState, image string, note *Note) error
}

// RolloutState is how a DaemonSet is.
type RolloutState struct {
	Version string       // of the object
	Image   string       // that its pods are to run
	Note    *Note        // of the last upgrade, if there was one
	Abrupt  bool         // an old pod ends before its new one begins, so that nobody could take a failure back
	Pods    []RolloutPod // that are not being deleted, if an upgrade is under way or wanted
}

// RolloutPod is a pod of a DaemonSet.
type RolloutPod struct {
	Identity string // its name and UID, as NAME/UID
	Revision string // of the DaemonSet's template that it was made of
	Waiting  string // why its container does not run, such as "ImagePullBackOff: …"; "" if it does
	Stuck    bool   // and waiting is of no use
	Ended    string // how its container ended last, such as "exit 1: …"; "" if it never did
}

// Note is what is noted of an upgrade.
type Note struct {
	From   string    `json:"from"` // image
	To     string    `json:"to"`   // image
	Since  time.Time `json:"since"`
	Former string    `json:"former"` // revision of the pods that run From
	// Trial is the identity of the pod that took the lead to prove itself, and Revision its revision.
	Trial    string `json:"trial,omitempty"`
	Revision string `json:"revision,omitempty"`
	Done     bool   `json:"done,omitempty"`
	Failed   string `json:"failed,omitempty"` // why it was taken back
	// Away says that the hub could not be reached by the former version either: it is tried again.
	Away bool `json:"away,omitempty"`
}

// under says whether an upgrade is under way.
func (st RolloutState) under() bool {
	return st.Note != nil && !st.Note.Done && st.Note.Failed == "" && st.Image == st.Note.To
}

// trouble says why the upgrade under way cannot succeed any more, or "" if it can. A version that ends once has failed: it
// has nothing to do that would be a reason to end.
func (st RolloutState) trouble() string {
	for _, p := range st.Pods {
		switch {
		case p.Revision == st.Note.Former:
		case p.Ended != "":
			return "crash, " + p.Ended
		case p.Stuck:
			return p.Waiting
		}
	}
	return ""
}

// progress says how far the new version has got that has not proven itself.
func (st RolloutState) progress() string {
	for _, p := range st.Pods {
		if p.Revision != st.Note.Former {
			return cmp.Or(p.Waiting, "it did not report")
		}
	}
	return "no pod of it was started"
}

// late says that the new version has not proven itself in time.
func (st RolloutState) late(limit time.Duration) string {
	return st.progress() + " within " + strings.TrimSuffix(limit.String(), "0s")
}

// upgradeTurn is what is to be done about an upgrade.
type upgradeTurn struct {
	write   bool // image and note
	image   string
	note    *Note
	message string // for the report
	again   bool   // look again soon
}

// upgradeFacts are what decides about an upgrade.
type upgradeFacts struct {
	wanted   string // image that the bundle asks for; "" if it does not care
	online   bool   // the hub can be reached
	young    bool   // it is too early to say that it cannot
	revision string // of the leader
	now      time.Time
	limit    time.Duration
}

// turn decides what a leader that is not on trial does.
func (st RolloutState) turn(f upgradeFacts) upgradeTurn {
	n := st.Note
	if st.under() && f.revision == n.Former {
		return st.watchOver(f)
	}
	failed := n != nil && n.Failed != ""
	switch {
	case f.wanted == "" || st.under():
		return upgradeTurn{again: st.under()}
	case f.wanted == st.Image && failed: // it is no longer asked for, and may be tried again when it is
		return upgradeTurn{write: true, image: st.Image}
	case f.wanted == st.Image:
		return upgradeTurn{}
	case failed && n.To == f.wanted && !n.Away:
		return upgradeTurn{message: failedText(*n)}
	case st.Abrupt:
		return upgradeTurn{message: fmt.Sprintf("the agent cannot be upgraded to %s: its DaemonSet ends old pods before new ones begin; "+
			"apply what `drover agent manifest` prints, which has it surge", f.wanted)}
	case !f.online:
		return upgradeTurn{}
	}
	for _, p := range st.Pods {
		if p.Revision != f.revision { // an earlier change is still on its way
			return upgradeTurn{again: true}
		}
	}
	return upgradeTurn{write: true, image: f.wanted, again: true,
		note: &Note{From: st.Image, To: f.wanted, Since: f.now, Former: f.revision}, message: "upgrading the agent to " + f.wanted}
}

// watchOver is for an upgrade that is under way, decided by the former version.
func (st RolloutState) watchOver(f upgradeFacts) upgradeTurn {
	n := *st.Note
	switch {
	case f.wanted == n.From:
		return upgradeTurn{write: true, image: n.From}
	case f.wanted != "" && f.wanted != n.To:
		return upgradeTurn{write: true, image: f.wanted, again: true,
			note: &Note{From: n.From, To: f.wanted, Since: f.now, Former: n.Former}, message: "upgrading the agent to " + f.wanted}
	}
	n.Failed = st.trouble()
	if n.Failed == "" && !f.now.Before(n.Since.Add(f.limit)) && (f.online || !f.young) {
		n.Failed, n.Away = st.late(f.limit), !f.online
	}
	if n.Failed == "" {
		return upgradeTurn{again: true, message: "upgrading the agent to " + n.To}
	}
	return upgradeTurn{write: true, image: n.From, note: &n, message: failedText(n)}
}

func failedText(n Note) string {
	next := "choose another image"
	if n.Away {
		next = "the hub cannot be reached by either; it is tried again when it can"
	}
	return fmt.Sprintf("the agent's upgrade to %s failed: %s; the agent stays at %s: %s", n.To, n.Failed, n.From, next)
}

// Upgrade is how a leader keeps to the version that its bundles ask for.
type Upgrade struct {
	Rollout  Rollout       // nil if this program is no pod of a DaemonSet
	Identity string        // NAME/UID of this pod
	Revision string        // of this pod
	Image    string        // it runs
	Limit    time.Duration // upgradeLimit, if 0
	Settle   time.Duration // trialSettle, if 0
}

func (u Upgrade) limit() time.Duration  { return cmp.Or(u.Limit, upgradeLimit) }
func (u Upgrade) settle() time.Duration { return cmp.Or(u.Settle, trialSettle) }

// margin is how much sooner than by others a trial that fails is ended by itself: 10 seconds of the 3 minutes.
func (u Upgrade) margin() time.Duration { return u.limit() / 18 }

// look reads the DaemonSet, and its pods if they matter.
func (u Upgrade) look(ctx context.Context, wanted string) (RolloutState, error) {
	st, err := u.Rollout.Look(ctx)
	if err == nil && (st.under() || wanted != "" && wanted != st.Image) {
		st.Pods, err = u.Rollout.Members(ctx)
	}
	return st, err
}

// Keeper runs the image that bundles ask for. At rest it waits for a bundle or the hub.
type Keeper struct {
	Upgrade
	log   *slog.Logger
	moved chan struct{} // what is wanted, or whether the hub can be reached, may have changed
	since time.Time     // when the term began

	// settled says that the image is the one that was wanted last, so that nothing need be asked while that is wanted.
	settled bool
	wanted  string
}

// NewKeeper is for one term of a leader, which begins now.
func NewKeeper(u Upgrade, log *slog.Logger, now time.Time) *Keeper {
	return &Keeper{Upgrade: u, log: log, moved: make(chan struct{}, 1), since: now}
}

// Reconsider has the version checked again, because what is wanted or the connection may have changed.
func (k *Keeper) Reconsider() {
	select {
	case k.moved <- struct{}{}:
	default:
	}
}

// Run keeps the version until ctx is done. facts tells which image is wanted, "" if none is, and whether the hub can be
// reached. say is told what the report shall say of the version, and whether that is that an upgrade has just failed.
func (k *Keeper) Run(ctx context.Context, facts func() (wanted string, online bool), say func(message string, failed bool)) {
	var again <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-k.moved:
		case <-again:
		}
		again = nil
		f := upgradeFacts{young: time.Since(k.since) < hubPatience, revision: k.Revision, now: time.Now(), limit: k.limit()}
		f.wanted, f.online = facts()
		if k.turn(ctx, f, say) {
			again = time.After(upgradeLook)
		}
	}
}

// turn does what is to be done now, and says whether to check again soon.
func (k *Keeper) turn(ctx context.Context, f upgradeFacts, say func(message string, failed bool)) (again bool) {
	switch {
	case k.Rollout == nil:
		say(noRollout(f.wanted, k.Image), false)
		return false
	case k.settled && k.wanted == f.wanted:
		return false
	}
	st, err := k.look(ctx, f.wanted)
	var turn upgradeTurn
	if err == nil {
		if turn = st.turn(f); turn.write {
			err = k.Rollout.Set(ctx, st, turn.image, turn.note)
		}
	}
	switch {
	case ctx.Err() != nil:
		return false
	case errors.Is(err, agent.ErrLost): // another agent was quicker
		return true
	case err != nil && f.wanted == "" && (agent.ReasonOf(err) == agent.ReasonForbidden || agent.ReasonOf(err) == agent.ReasonMissing):
		say("", false) // no image is asked for
		return false
	case err != nil:
		k.log.Warn("agent upgrade check failed; retrying", "wanted", f.wanted, "err", err)
		say(fmt.Sprintf("the agent cannot be upgraded to %s: %v", f.wanted, err), false)
		return agent.ReasonOf(err) != agent.ReasonForbidden
	}
	if turn.write {
		k.log.Info("the agent's DaemonSet was given an image", "image", turn.image, "message", turn.message)
	}
	k.settled = !turn.write && !turn.again && (f.wanted == "" || f.wanted == st.Image)
	k.wanted = f.wanted
	say(turn.message, turn.write && turn.note != nil && turn.note.Failed != "")
	return turn.again
}

// noRollout is for an agent that cannot upgrade itself.
func noRollout(wanted, image string) string {
	if wanted == "" || wanted == image {
		return ""
	}
	return fmt.Sprintf("Git asks for the agent's image %s, and this agent is no pod of a DaemonSet: upgrade it by hand", wanted)
}
