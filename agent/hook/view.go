package hook

import (
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// Moment is the part of an app's way that Next is asked about.
type Moment int

// The moments.
const (
	Prepare      Moment = iota // PreSync hooks, before a plan is put into force
	Deliver                    // waves with their Sync hooks
	Complete                   // PostSync hooks, when everything is applied
	BeforeDelete               // PreDelete hooks of an app that was removed from Git
	AfterDelete                // its PostDelete hooks, when its objects are gone
	Erase                      // the objects of its hooks are deleted as well
	Tidy                       // objects of hooks whose phase is over are released
)

// View is what Next knows beside the progress: the plan, and what is known of the cluster at one time.
type View struct {
	Moment  Moment
	Now     time.Time
	Timeout time.Duration // how long a hook or a wave may take
	Plan    *plan.Plan    // that is delivered, or that was in force in an app that was removed from Git
	InForce bool          // another plan is in force; for Prepare
	Healthy bool          // everything is applied and current; for Complete
	Failing bool          // the app is degraded or failed; for Complete
	Moved   bool          // the app goes on under another name, see TakenOver; for BeforeDelete and AfterDelete
	Delete  bool          // the objects of hooks may be deleted; for Erase

	Unsaved    bool                        // what is stored of the app is out of date
	Unreadable string                      // why the lines of the plan cannot be read
	Hooks      map[protocol.ObjectRef]Seen // the objects of hooks
	Wave       *Wave                       // that was applied in this turn; nil before the first
	Tried      map[Key]bool                // hooks that were created or released in this turn
}

// Key identifies a hook in a run.
type Key struct {
	Mark string
	Ref  protocol.ObjectRef
}

// KeyOf is the key of a hook.
func KeyOf(h agent.HookState) Key { return Key{h.Mark, h.Ref} }

// Seen is what is known of the object of a hook.
type Seen struct {
	There    bool   // there is an object
	Gone     bool   // there was one
	Deleting bool   // it is being deleted
	Mark     string // the run it was created for
	Verdict  fleet.Verdict
	Trouble  *Trouble // why it could not be created or released
	Failed   string   // the mark of the hook that could not be created
}

// Trouble is why a request for the object of a hook failed, and when it is made again.
type Trouble struct {
	Text  string
	Next  time.Time
	Final bool // it would fail again
}

// resting says whether it is too early for another try to create the object.
func (t *Trouble) resting(now time.Time) bool { return t != nil && (t.Final || now.Before(t.Next)) }

// Wave is how the objects of a wave that was applied are.
type Wave struct {
	Number   int
	Worst    *protocol.Problem // of its objects that are not current; nil if all are
	Ill      bool              // one of them is degraded
	Clashing bool              // another app has objects of the app
}

// Decision is the answer of Next.
type Decision struct {
	Progress Progress
	Changed  bool             // the run differs from what it was, and has to be stored
	Events   []protocol.Event // for the journal; without the app
	Actions  []Action         // to be executed in this order before Next is called again
	Done     bool             // the moment is over, and the app can go on
	Until    time.Time        // when to call Next again if nothing happens before; zero for never
}

// Action is what is to be done next. If one cannot be executed, those after it are not.
type Action interface{ action() }

// Store is the action of storing the progress.
type Store struct {
	Step fleet.Fact // what the app waits for if that fails; unknown if that does not change
}

// Create is the action of creating the object of a hook, or finding the one that was created. See Obstacle for an
// object of the same name.
type Create struct {
	Hook  *plan.Hook
	State agent.HookState
}

// Explain is the action of finding out more about a hook that failed. The answer is recorded by Progress.Explained.
type Explain struct {
	State agent.HookState
	Text  string // why it failed
	Hung  bool   // it may still run
}

// Release is the action of deleting the object of a hook, or of removing the finalizer from it. See ReleaseOf.
type Release struct{ State agent.HookState }

// Apply is the action of applying what is due of the waves up to this one.
type Apply struct{ Wave int }

func (Store) action()   {}
func (Create) action()  {}
func (Explain) action() {}
func (Release) action() {}
func (Apply) action()   {}
