package query

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/fleet/identity"
	"github.com/drover-dev/drover/protocol"
)

// State is how the hub stands to a cluster's agent. Offline is not failed: what runs there keeps running, and
// is kept from drifting.
type State string

// The states.
const (
	StateAwaiting  State = "awaiting agent" // no agent was ever heard of, or what it had was revoked
	StateConnected State = "connected"
	StateOffline   State = "offline"
	StateReleased  State = "released" // its folder is gone from Git
)

// Row is one cluster in an answer. Everything in it follows from a Cluster. Since and Received say how old the
// knowledge is; what to make of that age is the reader's.
type Row struct {
	Name       string            `json:"name"`
	Labels     map[string]string `json:"labels,omitempty"`
	State      State             `json:"state"`
	Since      time.Time         `json:"since,omitzero"` // in this state since
	Health     protocol.Health   `json:"health"`
	Synced     bool              `json:"synced"` // the agent has accepted what was published last, and knows what it owns
	Suspended  bool              `json:"suspended,omitempty"`
	Generation uint64            `json:"generation"` // published
	Accepted   uint64            `json:"accepted"`   // by the agent
	Desired    protocol.Revision `json:"desired,omitzero"`
	Applied    protocol.Revision `json:"applied,omitzero"` // what the agent accepted; whether all of it is applied, Health and Apps say
	Apps       Count             `json:"apps"`             // healthy of all
	Objects    Count             `json:"objects"`          // current of all
	Drift      uint64            `json:"drift"`            // corrections since the agent started
	Received   time.Time         `json:"received,omitzero"`
	Agent      protocol.Agent    `json:"agent,omitzero"`
	Held       []string          `json:"held,omitempty"`    // ids of what waits for a person's approval, see `drover approve`
	Message    string            `json:"message,omitempty"` // the worst thing, and what to do
	Reason     Reason            `json:"reason,omitempty"`  // the same for programs: a Reason, or that of the worst app
	Withheld   *Withheld         `json:"withheld,omitempty"`
}

// Count is so many of so many.
type Count struct {
	Good int `json:"good"`
	All  int `json:"all"`
}

// String gives good/all.
func (c Count) String() string { return fmt.Sprintf("%d/%d", c.Good, c.All) }

// AppRow is one app of a cluster: what Git asks for beside what the agent says.
type AppRow struct {
	protocol.AppReport
	Key   string `json:"key"` // as labels and the agent's Secrets have it
	Path  string `json:"path,omitempty"`
	Error string `json:"error,omitempty"` // of rendering, at the hub
}

// Standing is how a cluster is, in three words, which cost less than a Row.
type Standing struct {
	State  State
	Health protocol.Health
	Synced bool
}

// Standing says how the cluster is.
func (c *Cluster) Standing() Standing {
	s := Standing{State: c.state(), Health: protocol.HealthUnknown}
	if c.Report == nil {
		return s
	}
	s.Health = ClusterHealth(*c.Report)
	s.Synced = c.Report.Generation == c.Desired.Generation && c.Report.Digest == c.Desired.Digest &&
		c.Desired.Generation > 0 && c.Report.Searching == ""
	if !s.Synced {
		s.Health = fleet.Worst(s.Health, protocol.HealthProgressing)
	}
	if len(c.Problems) > 0 || slices.ContainsFunc(c.Desired.Apps, DesiredApp.wrong) {
		s.Health = protocol.HealthDegraded
	}
	return s
}

// wrong says whether the app cannot be rendered.
func (d DesiredApp) wrong() bool { return d.Error != "" && d.Reason != protocol.ReasonReleaseHeld }

// Row sums a cluster up.
func (c Cluster) Row() Row {
	s := c.Standing()
	r := Row{
		Name: c.Name, Labels: c.Labels, State: s.State, Since: c.Link.Since, Suspended: c.Suspended,
		Generation: c.Desired.Generation, Desired: c.Desired.Revision, Received: c.Received, Health: s.Health,
		Synced: s.Synced, Withheld: c.Withheld,
	}
	if r.State == StateReleased {
		r.Since = c.Released
	}
	if c.Report != nil {
		r.Accepted, r.Applied, r.Agent, r.Drift = c.Report.Generation, c.Report.Revision, c.Report.Agent, c.Report.Drift.Corrected
		if r.Synced {
			r.Applied = c.Desired.Revision // a newer commit that asks for the same is as good as applied
		}
	}
	for a := range c.Each() {
		r.Apps.All++
		count := a.Objects()
		r.Objects.All += count.All
		r.Objects.Good += count.Good
		if phase, _, _ := a.State(); phase == protocol.PhaseHealthy || phase == protocol.PhaseSuspended {
			r.Apps.Good++
		}
	}
	r.Reason, r.Message = c.worst(r)
	if c.Held != nil {
		r.Held = append(r.Held, c.Held.Name())
	}
	for _, h := range c.Holds() {
		why := protocol.ReasonPruneHeld
		if h.Kind == protocol.HoldRelease {
			why = protocol.ReasonReleaseHeld
		}
		r.Held, r.Reason = append(r.Held, h.ID), cmp.Or(r.Reason, Reason(why))
		r.Message = strings.TrimPrefix(r.Message+"; "+h.There(), "; ")
	}
	return r
}

func (c Cluster) state() State {
	switch {
	case !c.Released.IsZero():
		return StateReleased
	case c.Link.Connected:
		return StateConnected
	case !c.Joined:
		return StateAwaiting // one that has joined was heard of, whatever this hub has read of it so far
	}
	return StateOffline
}

// Apps gives the apps of a cluster, those in trouble first, then by name. Each has the name of its key, whatever its
// agent calls it.
func (c Cluster) Apps() []AppRow {
	rows := make([]AppRow, 0, len(c.Desired.Apps))
	for a := range c.Each() {
		rows = append(rows, a.Row())
	}
	slices.SortStableFunc(rows, func(a, b AppRow) int {
		switch {
		case WorsePhase(a.Phase, b.Phase):
			return -1
		case WorsePhase(b.Phase, a.Phase):
			return 1
		}
		return cmp.Compare(a.Name, b.Name)
	})
	return rows
}

// keys are those of apps that the agent has, or may have, under another name.
func (c Cluster) keys() map[string]string {
	out, names := map[string]string{}, map[string]bool{}
	for _, d := range c.Desired.Apps {
		names[d.Name] = true
	}
	for _, d := range c.Desired.Apps {
		id := identity.Parse(d.Declared)
		if id.Native() {
			continue
		}
		for _, former := range d.Formerly {
			if !names[former] {
				out[former] = id.Key()
			}
		}
		if d.Name != id.Key() {
			out[d.Name] = id.Key()
		}
	}
	return out
}

// worst is the worst thing that is known, in a word, and in one line for the person on call with what to do.
func (c Cluster) worst(r Row) (Reason, string) {
	if reason, message := c.Blocked(); reason != "" {
		return reason, message
	}
	if a, more := c.worstApp(); a.Name != "" {
		_, _, reason := a.State()
		return Reason(reason), fmt.Sprintf("app %s: %s%s", a.Name, a.Message(), more)
	}
	return c.Unsettled(r)
}

// worstApp is the app that most deserves a person's attention, and how many others have failed; the zero App if none
// does, or if there is nothing to say of it.
func (c *Cluster) worstApp() (worst App, others string) {
	bad, at := 0, protocol.PhaseSuspended
	for a := range c.Each() {
		phase, _, _ := a.State()
		if phase == protocol.PhaseFailed || phase == protocol.PhaseDegraded {
			bad++
		}
		if WorsePhase(phase, at) || worst.Name != "" && a.Name < worst.Name && !WorsePhase(at, phase) {
			worst, at = a, phase
		}
	}
	if worst.Name == "" || worst.Message() == "" {
		return App{}, ""
	}
	if at == protocol.PhaseFailed || at == protocol.PhaseDegraded {
		bad--
	}
	return worst, more(bad)
}

// Blocked is what keeps the whole cluster from being what Git asks for, or from being known, in a word and in one line;
// "" if nothing does.
func (c Cluster) Blocked() (Reason, string) {
	state := c.state()
	switch {
	case state == StateReleased:
		return ReasonRemoved, c.released()
	case c.Held != nil:
		return ReasonRemovalHeld, c.Held.message()
	case c.Copy != nil:
		return ReasonCopied, c.Copy.message(c.Name)
	case c.Withheld != nil:
		return c.Withheld.Reason, c.Withheld.String()
	case len(c.Problems) > 0 && !c.building():
		return ReasonFolderInvalid, c.Problems[0] + more(len(c.Problems)-1)
	case c.Revoked && state != StateConnected:
		return ReasonRevoked, fmt.Sprintf("its credential was revoked, and what runs there is left running; to let it join again, run: drover agent manifest --cluster %s | kubectl apply -f -", c.Name)
	case c.Expired && state != StateConnected:
		return ReasonExpired, fmt.Sprintf("its credential expired on %s: run drover agent manifest --cluster %s | kubectl apply -f - to let it join again",
			c.Expires.UTC().Format(time.DateTime+" MST"), c.Name)
	case state == StateOffline && c.Report == nil:
		return ReasonNoReport, "no agent has reported yet: see `kubectl -n drover-system logs ds/drover-agent` in that cluster"
	case state == StateAwaiting && c.Distrusted:
		return ReasonDistrusted, fmt.Sprintf("agents refuse this hub, because they joined one with other keys: if this cluster had "+
			"joined that one, stop this hub and bring the keys "+
			"back with `drover hub restore`; if not, run: drover agent manifest --cluster %s | kubectl apply -f "+
			"-", c.Name)
	case state == StateAwaiting:
		return ReasonAwaitingAgent, fmt.Sprintf("run: drover agent manifest --cluster %[1]s | kubectl apply -f - (or drover agent install --cluster %[1]s)", c.Name)
	case c.building():
		return Reason(protocol.ReasonRendering), c.Problems[0]
	case c.Report != nil && c.Report.Refused != nil:
		return ReasonBundleRefused, "its agent refused a bundle: " + c.Report.Refused.Reason
	case c.Untaken.Last.After(c.Received): // what is shown of it is older
		return ReasonNotTaken, c.Untaken.String()
	case c.Urged.Times > 1 && c.Urged.Generation == c.Desired.Generation && c.Behind():
		return ReasonNotAccepted, c.behind(c.Desired.Generation) // what its apps say is older
	}
	return "", ""
}

// Unsettled is what is to be known of a cluster that nothing blocks and whose apps are well; "" if nothing is.
func (c Cluster) Unsettled(r Row) (Reason, string) {
	switch {
	case c.Report != nil && c.Report.Message != "":
		return ReasonAgentTrouble, c.Report.Message
	case c.Suspended:
		return Reason(protocol.ReasonSuspended), "suspended in Git: nothing is applied, healed or deleted"
	case r.State == StateOffline:
		return ReasonOffline, "its agent keeps healing from what it has, and takes the newest bundle when it is back"
	case !r.Synced && r.Generation > 0:
		return ReasonNotAccepted, c.behind(r.Generation)
	}
	return "", ""
}

func more(n int) string {
	if n <= 0 {
		return ""
	}
	return fmt.Sprintf(" (and %d more)", n)
}

// released says what becomes of a cluster whose folder is gone.
func (c Cluster) released() string {
	const gone = "its folder is gone from Git: "
	switch {
	case c.Pruning && c.Link.Connected && c.Report != nil && len(c.Report.Apps) > 0:
		a := c.Apps()[0]
		why := ""
		if a.Message != "" {
			why = ": " + a.Message
		}
		return fmt.Sprintf("%swhat Drover delivered there is being deleted, then its credential is revoked; left is app %s, %s%s%s", gone,
			a.Name, a.Phase, why, more(len(c.Report.Apps)-1))
	case c.Pruning:
		since := "it was never heard of"
		switch {
		case !c.Link.Since.IsZero():
			since = "offline since " + c.Link.Since.UTC().Format(time.RFC3339)
		case c.Report != nil:
			since = "last heard of at " + c.Received.UTC().Format(time.RFC3339)
		}
		return fmt.Sprintf("%swhat Drover delivered there is deleted as soon as its agent is back (%s); to give that up: drover cluster forget %s",
			gone, since, c.Name)
	case c.Joined:
		return gone + "what runs there is left running, but its credential is not revoked yet: see the hub's log"
	case len(c.Desired.Apps) == 0 && c.Report != nil && len(c.Report.Apps) == 0:
		return fmt.Sprintf("%snothing of Drover's runs there any more; remove its agent, and then: drover cluster forget %s", gone, c.Name)
	}
	return fmt.Sprintf("%swhat runs there is left running; remove its agent, and then: drover cluster forget %s; or bring the folder back", gone, c.Name)
}

// message says why a cluster is held, and what to do.
func (h Hold) message() string {
	return fmt.Sprintf("its folder is gone from Git since revision %s%s: held, so nothing changes there; let it go with "+
		"`drover approve %s`, or bring the folder back", h.Revision.Short(), others(len(h.Clusters)-1), h.Name())
}

func others(n int) string {
	if n <= 0 {
		return ""
	}
	return fmt.Sprintf(", with %d more", n)
}
