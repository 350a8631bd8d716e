package protocol

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

// MaxReport is the most a report may have, in bytes of JSON: what one NATS message carries.
const MaxReport = 900 << 10

// MaxImages is how many images an agent tells of one app.
const MaxImages = 100

// MaxEvent is the most that one event may have, in bytes of JSON. The journal on the bus refuses messages of more than
// 64 KiB, without an answer.
const MaxEvent = 60 << 10

// Health is the health of an object, an app, a cluster or the fleet.
type Health string

// The healths. Their order, worst last, is fleet's to say.
const (
	HealthCurrent     Health = "current"     // as it should be
	HealthProgressing Health = "progressing" // on its way, nothing wrong yet
	HealthDegraded    Health = "degraded"    // will not become current by itself, or fell back
	HealthUnknown     Health = "unknown"     // nobody can say
	HealthPaused      Health = "paused"      // waits for a person or a time; time does not make it degraded
)

// Phase is where an app is.
type Phase string

// The phases of an app.
const (
	PhasePending   Phase = "pending"   // not begun: waits for an app it depends on
	PhaseApplying  Phase = "applying"  // being applied
	PhaseWaiting   Phase = "waiting"   // applied; waits for its objects to become healthy, or for what they wait for
	PhaseHealthy   Phase = "healthy"   // applied and healthy
	PhaseDegraded  Phase = "degraded"  // applied, and something in it is not healthy
	PhaseFailed    Phase = "failed"    // something could not be applied, pruned or rendered
	PhaseSuspended Phase = "suspended" // left as it is, because Git says so
)

// Report is the agent's account of its cluster to the hub: the whole of it, every time.
type Report struct {
	Version    int         `json:"version"`
	Cluster    string      `json:"cluster"`
	Seq        uint64      `json:"seq"`  // rises with every report of one agent process
	Time       time.Time   `json:"time"` // the agent's clock
	Agent      Agent       `json:"agent"`
	Generation uint64      `json:"generation"`       // of the last accepted bundle; 0 for none
	Epoch      uint64      `json:"epoch,omitempty"`  // of the last accepted bundle
	Digest     string      `json:"digest,omitempty"` // Bundle.Digest of it
	Revision   Revision    `json:"revision,omitzero"`
	Suspended  bool        `json:"suspended,omitempty"`
	Refused    *Refusal    `json:"refused,omitempty"` // the newest bundle, if it was refused
	Message    string      `json:"message,omitempty"` // what concerns the cluster and no app
	Apps       []AppReport `json:"apps"`
	Drift      Drift       `json:"drift,omitzero"`
	Held       []Held      `json:"held,omitempty"` // what waits for a person's approval
	// Searching, if not empty, says why it is not known yet whether the cluster has objects that Drover applied once and that nothing wants:
	// the agent's inventory was lost. The cluster is not synced before that is known.
	Searching string `json:"searching,omitempty"`
	// APIs are the groups with their versions that the API server serves, and their kinds, as "apps/v1" and "apps/v1/Deployment", sorted. They
	// are told when the hub asks; otherwise Agent.APIs identifies them.
	APIs []string `json:"apis,omitempty"`
}

// Agent describes the process that reports.
type Agent struct {
	Version    string    `json:"version"`
	Identity   string    `json:"identity"` // pod name, or host name outside of a pod
	Started    time.Time `json:"started"`
	Kubernetes string    `json:"kubernetes,omitempty"` // the API server's version
	Image      string    `json:"image,omitempty"`      // it runs, as its pod names it
	Trust      string    `json:"trust,omitempty"`      // Trust.ID of whom it believes
	Expires    time.Time `json:"expires,omitzero"`     // of its credential
	APIs       string    `json:"apis,omitempty"`       // APIsDigest of what the API server serves; "" if that is not known
	Term       uint64    `json:"term,omitempty"`       // rises whenever another process takes the lead; 0 of agents that do not count
	ClusterUID string    `json:"clusterUID,omitempty"` // uid of the namespace kube-system; "" if it is not known
	Renames    bool      `json:"renames,omitempty"`    // it moves what it has of an app that goes on under another name, see App.Formerly
	Answers    bool      `json:"answers,omitempty"`    // it knows questions, see Ask.Question
}

// APIsDigest identifies what an API server serves, as Report.APIs lists it.
func APIsDigest(apis []string) string {
	if len(apis) == 0 {
		return ""
	}
	h := sha256.New()
	for _, a := range apis {
		fmt.Fprintf(h, "%s\n", a)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// Refusal says which bundle was refused, and why.
type Refusal struct {
	Time       time.Time `json:"time"`
	Generation uint64    `json:"generation,omitempty"` // 0 where it could not be read
	Reason     string    `json:"reason"`
}

// Drift counts what was healed since the agent started.
type Drift struct {
	Corrected uint64 `json:"corrected,omitempty"`
	Last      *Event `json:"last,omitempty"`
}

// AppReport is the state of one app.
type AppReport struct {
	Name     string    `json:"name"`
	Declared string    `json:"declared,omitempty"` // see App, as far as the agent was told
	Phase    Phase     `json:"phase"`
	Health   Health    `json:"health"`
	Message  string    `json:"message,omitempty"`  // the cause, and the next step, in one line
	Revision string    `json:"revision,omitempty"` // commit id of what is applied
	Digest   string    `json:"digest,omitempty"`   // of the blob that is applied
	Objects  int       `json:"objects"`
	Current  int       `json:"current"`        // of them, how many are healthy
	Since    time.Time `json:"since,omitzero"` // in this phase since
	Problems []Problem `json:"problems,omitempty"`
	More     int       `json:"more,omitempty"` // problems that did not fit
	// Deleted counts the objects that left the inventory because Git no longer has them, since the agent first
	// learned of the app. An agent that learns of an app begins with the total that the bundle permits, so that it may
	// delete nothing. Where it finds objects of an agent that did not count, it reports 0 until it deletes something,
	// and begins then with what permits exactly that. See Deletions.
	Deleted uint64 `json:"deleted,omitempty"`
	Leaving bool   `json:"leaving,omitempty"` // the app is no longer in the bundle, and has objects left
	Reason  Reason `json:"reason,omitempty"`  // why it is in this phase, for programs
	// Images are those of the containers that are applied, where variables of the cluster make them others than those of
	// the blob: all of them, sorted, at most MaxImages. Otherwise, and of agents that do not tell, they are those of the
	// blob. They are not told of an app whose variables come from a Secret.
	Images []string `json:"images,omitempty"`
}

// Problem is one object that is not as it should be.
type Problem struct {
	Object  ObjectRef `json:"object"`
	Health  Health    `json:"health"`
	Message string    `json:"message"`
}

// EventKind says what an Event tells of.
type EventKind string

// The kinds of events. Readers meet kinds they do not know, and show them as they are.
const (
	EventAccepted   EventKind = "accepted"    // a bundle was verified and taken
	EventRefused    EventKind = "refused"     // a bundle was not
	EventApplied    EventKind = "applied"     // an app was applied
	EventFailed     EventKind = "failed"      // an app or object could not be
	EventHealthy    EventKind = "healthy"     // an app became healthy
	EventDegraded   EventKind = "degraded"    // an app stopped being healthy
	EventPruned     EventKind = "pruned"      // an object was deleted because Git no longer has it
	EventKept       EventKind = "kept"        // an object that Git no longer has was left in the cluster, and why
	EventDrift      EventKind = "drift"       // drift was corrected, or seen and left, as the message says
	EventLeft       EventKind = "left"        // more is left to others than an ignore rule says, and why
	EventRecreated  EventKind = "recreated"   // an object was deleted and recreated, and why
	EventHook       EventKind = "hook"        // a hook was begun, or succeeded
	EventHookFailed EventKind = "hook-failed" // a hook failed, and how
	EventStarted    EventKind = "started"     // an agent took charge
	EventMissing    EventKind = "missing"     // the events from Prev to this one are not known any more
	EventHeld       EventKind = "held"        // something waits for a person's approval, and what
)

// Event is one line of a cluster's journal.
type Event struct {
	Version    int        `json:"version"`
	Cluster    string     `json:"cluster"`
	Seq        uint64     `json:"seq"`
	Prev       uint64     `json:"prev,omitempty"` // Seq of the event before it, so that a gap is seen; 0 if nobody knows
	Time       time.Time  `json:"time"`
	Kind       EventKind  `json:"kind"`
	App        string     `json:"app,omitempty"`
	Declared   string     `json:"declared,omitempty"` // see App, as far as the agent was told
	Object     *ObjectRef `json:"object,omitempty"`
	Revision   string     `json:"revision,omitempty"`
	Generation uint64     `json:"generation,omitempty"`
	Fields     []string   `json:"fields,omitempty"` // of a drift: the paths that differed
	By         string     `json:"by,omitempty"`     // of a drift: the field manager that did it
	Message    string     `json:"message,omitempty"`
	Took       Millis     `json:"took,omitempty"` // of a drift: from the watch event to the correction
}

// Millis is a duration in milliseconds.
type Millis float64

// MillisOf converts a duration.
func MillisOf(d time.Duration) Millis { return Millis(float64(d.Microseconds()) / 1000) }

// A list element of three bytes takes two hundred in memory. These bounds are above what fits a report whose elements say something.
const (
	maxCommas   = 120_000 // in the JSON of a report or event
	maxElements = 20_000  // apps, problems, holds and objects of a report
	maxHash     = 128     // bytes of a commit id
)

// fits says whether a report or event is no larger than one may be.
func fits(what string, data []byte) error {
	if len(data) > MaxReport {
		return fmt.Errorf("%w: the %s has %d bytes", ErrMalformed, what, len(data))
	}
	if n := bytes.Count(data, []byte(",")); n > maxCommas {
		return fmt.Errorf("%w: the %s has more than %d fields and elements", ErrMalformed, what, maxCommas)
	}
	return nil
}

// elements counts what a report lists.
func (r Report) elements() int {
	n := len(r.Apps) + len(r.Held)
	for _, a := range r.Apps {
		n += len(a.Problems) + len(a.Images)
	}
	for _, h := range r.Held {
		n += len(h.Objects)
	}
	return n
}

// DecodeReport reads a report that claims to be cluster's.
func DecodeReport(data []byte, cluster string) (Report, error) {
	var r Report
	if err := fits("report", data); err != nil {
		return r, err
	}
	err := json.Unmarshal(data, &r)
	if newer := checkVersion("report", r.Version, "this hub"); newer != nil {
		return Report{}, newer
	}
	if err != nil {
		return Report{}, fmt.Errorf("%w: the report: %w", ErrMalformed, err)
	}
	if r.Cluster != cluster {
		return Report{}, fmt.Errorf("%w: the report speaks for %.80q", ErrForeign, r.Cluster)
	}
	if n := r.elements(); n > maxElements || len(r.Revision.Hash) > maxHash {
		return Report{}, fmt.Errorf("%w: the report lists %d elements (at most %d), and its commit has %d bytes (at most %d)", ErrMalformed,
			n, maxElements, len(r.Revision.Hash), maxHash)
	}
	return r, nil
}

// DecodeEvent reads an event that claims to be cluster's.
func DecodeEvent(data []byte, cluster string) (Event, error) {
	var e Event
	if err := fits("event", data); err != nil {
		return e, err
	}
	err := json.Unmarshal(data, &e)
	if newer := checkVersion("event", e.Version, "this hub"); newer != nil {
		return Event{}, newer
	}
	if err != nil {
		return Event{}, fmt.Errorf("%w: the event: %w", ErrMalformed, err)
	}
	if e.Cluster != cluster {
		return Event{}, fmt.Errorf("%w: the event speaks for %.80q", ErrForeign, e.Cluster)
	}
	return e, nil
}
