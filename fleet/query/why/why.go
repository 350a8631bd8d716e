// Package why follows what is wrong with a cluster, an app or an object down to the one thing to do about it.
//
// Like query it is pure. It imports query, ask, identity, protocol and the standard library.
package why

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/drover-dev/drover/fleet/identity"
	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/fleet/query/ask"
	"github.com/drover-dev/drover/protocol"
)

// Question is what is asked.
type Question struct {
	Cluster  query.Cluster
	Rollouts []query.Rollout
	// Of is an app as people name it, or an app, a slash, and an object as Kind/namespace/name, Kind/name or name; "" is
	// the whole cluster.
	Of  string
	Now time.Time
}

// Link is one link of the chain of causes.
type Link struct {
	Subject string    `json:"subject"`          // what it is about: "cluster staging", "app web", "Job/shop/migrate"
	State   string    `json:"state,omitempty"`  // in which that is
	Reason  string    `json:"reason,omitempty"` // code, see docs/reasons.md
	Message string    `json:"message,omitempty"`
	Since   time.Time `json:"since,omitzero"`
}

// Action is what is to be done.
type Action struct {
	Text    string `json:"text"`
	Command string `json:"command,omitempty"` // to run
	File    string `json:"file,omitempty"`    // of the repository, to change; or the folder that has it
	Line    int    `json:"line,omitempty"`    // in File; 0 if it is not known
}

// Answer is the chain from what was asked for to what causes it.
type Answer struct {
	Cluster string `json:"cluster"`
	App     string `json:"app,omitempty"`
	Object  string `json:"object,omitempty"`
	// Well: there is nothing to do. Chain then says how it is.
	Well  bool   `json:"well"`
	Chain []Link `json:"chain"` // each is caused by the one after it
	Do    Action `json:"do,omitzero"`
	// Also are other things that are wrong and that Do does not repair.
	Also []string `json:"also,omitempty"`
	// Stale says how old what is known is, of a cluster whose agent is not connected.
	Stale string    `json:"stale,omitempty"`
	Time  time.Time `json:"time"`
}

// ErrUnknown says that the cluster has no such app, or the app no such object.
var ErrUnknown = errors.New("not found")

// Explain answers a question.
func Explain(q Question) (Answer, error) {
	x := explaining{q: q, row: q.Cluster.Row(), apps: map[string]query.App{}}
	for a := range q.Cluster.Each() {
		x.apps[a.Name] = a
	}
	x.out = Answer{Cluster: q.Cluster.Name, Time: q.Now, Chain: []Link{}, Stale: x.stale()}
	if q.Of == "" {
		x.cluster()
		return x.out, nil
	}
	app, object, err := x.find()
	if err != nil {
		return Answer{}, err
	}
	x.out.App, x.out.Object = app.Name, object
	if object != "" {
		return x.object(app, object)
	}
	x.app(app)
	return x.out, nil
}

// explaining is one answer in the making.
type explaining struct {
	q    Question
	row  query.Row
	apps map[string]query.App
	out  Answer
}

// find takes what was asked for apart. Names of apps may have slashes, so the longest app that there is counts.
func (x *explaining) find() (app query.App, object string, err error) {
	var known []identity.Named
	var titles []string
	for _, a := range x.apps {
		n := identity.Named{Key: a.Name, Declared: a.Declared()}
		if a.Desired != nil {
			n.Formerly = a.Desired.Formerly
		}
		known, titles = append(known, n), append(titles, n.ID().Title())
	}
	key, err := identity.Find(known, x.q.Of)
	for at := len(x.q.Of); err != nil; {
		if at = strings.LastIndexByte(x.q.Of[:at], '/'); at < 0 {
			break
		}
		if key, e := identity.Find(known, x.q.Of[:at]); e == nil {
			return x.apps[key], x.q.Of[at+1:], nil
		}
	}
	if err != nil {
		return app, "", fmt.Errorf("cluster %s: app %.80q is %w: %s", x.q.Cluster.Name, x.q.Of, ErrUnknown,
			ask.Nearest(titles, x.q.Of, err.Error()))
	}
	return x.apps[key], "", nil
}

// stale is how old the knowledge of a cluster is whose agent is not connected.
func (x *explaining) stale() string {
	c := x.q.Cluster
	if x.row.State != query.StateOffline || c.Report == nil {
		return ""
	}
	return fmt.Sprintf("its agent is offline since %s: this is what it said at %s",
		c.Link.Since.UTC().Format(time.RFC3339), c.Received.UTC().Format(time.RFC3339))
}

func (x *explaining) link(l Link) { x.out.Chain = append(x.out.Chain, l) }

// self is the first link, of the cluster.
func (x *explaining) self() Link {
	state := string(x.row.State)
	if x.row.Health != protocol.HealthUnknown && x.row.Health != "" {
		state += ", " + string(x.row.Health)
	}
	return Link{Subject: "cluster " + x.q.Cluster.Name, State: state, Since: x.row.Since}
}

// cluster explains a whole cluster: first what concerns all of it, then its worst app.
func (x *explaining) cluster() {
	bad := x.failing()
	if reason, message := x.q.Cluster.Blocked(); reason != "" {
		x.blame(reason, message)
		x.also(bad)
		return
	}
	if len(bad) > 0 {
		x.link(x.self())
		x.follow(bad[0], map[string]bool{})
		x.also(bad[1:])
		return
	}
	if x.waits("") {
		return
	}
	if reason, message := x.q.Cluster.Unsettled(x.row); reason != "" {
		x.blame(reason, message)
		return
	}
	x.out.Well = true
	l := x.self()
	l.Message = fmt.Sprintf("it has %d apps with %d objects, all as Git asks for at %s", x.row.Apps.All,
		x.row.Objects.All, cmp.Or(x.row.Applied.Short(), "no revision"))
	x.link(l)
}

// blame ends the chain with something that concerns the whole cluster.
func (x *explaining) blame(reason query.Reason, message string) {
	l := x.self()
	l.Reason, l.Message = string(reason), message
	x.link(l)
	x.out.Do = remedy(string(reason), message, "", "")
	if reason == query.ReasonRemovalHeld {
		x.out.Do.Command = "drover approve " + x.q.Cluster.Held.Name()
	}
}

// failing are the apps that need a person, or wait for something, the worst first.
func (x *explaining) failing() (out []query.App) {
	for _, row := range x.q.Cluster.Apps() {
		if row.Phase == protocol.PhaseHealthy || row.Phase == protocol.PhaseSuspended {
			continue
		}
		if a, ok := x.apps[row.Name]; ok {
			out = append(out, a)
		}
	}
	return out
}

// also names apps that are wrong, but for those in the chain and those that wait for one of them.
func (x *explaining) also(apps []query.App) {
	for _, a := range apps {
		subject := "app " + a.Name
		named := slices.ContainsFunc(x.out.Chain, func(l Link) bool { return l.Subject == subject })
		phase, _, reason := a.State()
		if named || reason == protocol.ReasonDependencyNotReady || a.Message() == "" {
			continue
		}
		x.out.Also = append(x.out.Also, strings.TrimRight(fmt.Sprintf("%s is %s: %s", subject, phase, a.Message()), ": "))
	}
}

// app explains one app.
func (x *explaining) app(a query.App) {
	if phase, _, _ := a.State(); phase != protocol.PhaseHealthy {
		x.noApp(a, phase)
		return
	}
	if x.waits(a.Name) {
		return
	}
	l := x.appLink(a)
	if reason, message := x.q.Cluster.Blocked(); reason != "" {
		l.Message = "it is healthy, and gets nothing new"
		x.link(l)
		x.blame(reason, message)
		return
	}
	count := a.Objects()
	if l.Message == "" {
		l.Message = fmt.Sprintf("all of its %d objects are current at %s", count.All, x.revision(a))
	}
	x.out.Well = true
	x.link(l)
}

// noApp explains an app that is not healthy: by what keeps its cluster from taking anything, if nothing was said of it
// yet, or else by itself.
func (x *explaining) noApp(a query.App, phase protocol.Phase) {
	reason, message := x.q.Cluster.Blocked()
	if reason != "" && a.Reported == nil && a.Desired.Error == "" {
		x.link(x.appLink(a))
		x.blame(reason, message)
		return
	}
	x.follow(a, map[string]bool{})
	if reason != "" {
		x.out.Also = append(x.out.Also, fmt.Sprintf("cluster %s: %s", x.q.Cluster.Name, message))
	}
	if phase == protocol.PhaseSuspended {
		x.out.Well = true
	}
}

func (x *explaining) revision(a query.App) string {
	if a.Reported == nil {
		return "no revision"
	}
	return cmp.Or(protocol.Revision{Hash: a.Reported.Revision}.Short(), "no revision")
}

func (x *explaining) appLink(a query.App) Link {
	phase, _, reason := a.State()
	l := Link{Subject: "app " + a.Name, State: string(phase), Reason: string(reason), Message: a.Message()}
	if a.Reported != nil {
		l.Since = a.Reported.Since
	}
	return l
}

// waits explains what is well and waits for a person or for a wave: that of an app, or of the whole cluster if app is
// "". It says whether something does.
func (x *explaining) waits(app string) bool {
	for _, h := range x.q.Cluster.Holds() {
		if app != "" && !slices.Contains(h.Apps, app) {
			continue
		}
		x.link(x.self())
		x.held(h)
		return true
	}
	if app != "" {
		return false
	}
	for _, r := range x.q.Rollouts {
		if text := holding(r, x.q.Cluster.Name); text != "" {
			x.link(x.self())
			x.link(Link{Subject: "policy " + r.Policy, State: "holds it back", Message: text})
			x.out.Do = Action{Text: "see what the policy waits for", Command: "drover rollout why " + r.Policy}
			return true
		}
	}
	return false
}

// holding says why a policy holds a cluster back; "" if it does not.
func holding(r query.Rollout, cluster string) string {
	for _, p := range r.Pinned {
		if p.Cluster == cluster {
			return strings.TrimRight(fmt.Sprintf("the cluster is pinned until %s: %s", p.Until.UTC().Format(time.RFC3339),
				p.Reason), ": ")
		}
	}
	for _, f := range r.Failures {
		if f.Cluster == cluster {
			return fmt.Sprintf("%.8s failed here: %s", f.Target, f.Cause)
		}
	}
	if slices.Contains(r.Behind, cluster) {
		for _, w := range r.Waves {
			if w.Settled < w.Clusters {
				return fmt.Sprintf("Git asks for something else than the cluster was given; wave %s: %s", w.Name, w.Text)
			}
		}
		return "Git asks for something else than the cluster was given"
	}
	return ""
}

// held ends the chain with something that waits for a person's approval.
func (x *explaining) held(h query.Hold) {
	x.link(Link{Subject: "hold " + h.Name(), State: "waits for approval", Reason: string(h.Kind), Message: h.Text(),
		Since: h.Since})
	x.out.Do = Action{Text: "approve it, or revert it in Git", Command: "drover approve " + h.Name()}
}
