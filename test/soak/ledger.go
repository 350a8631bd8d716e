package soak

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"time"
)

// State is the repository at one commit.
type State struct {
	Hash, Op string
	Time     time.Time
	Asks     map[string]Ask // by cluster
}

// Event is a request of an agent, as the audit log has it.
type Event struct {
	Cluster string
	Time    time.Time
	Verb    string // delete, create
	Ref     Ref
}

// Ledger remembers what Git asked for and what each cluster has, and judges by that. It does no I/O.
type Ledger struct {
	clusters []string
	owned    map[string]map[string]Refs // cluster, app: what Drover has there since the fleet was last at rest
	round    []State                    // the state at the last rest, and all commits since
	approved map[string]Refs            // by cluster: deletions that a person let through
	// strangers are objects of nobody, by cluster and namespace.
	strangers map[string]map[string]int
	// lost says what was lost in this round, by cluster: what is to be deleted may wait for a person then.
	lost map[string]string
	// blind says for which clusters nothing may be deleted in this round, because the agent lost its state.
	blind map[string]string
	// held are objects that waited for a person when the fleet was last at rest, orphans those of them that an agent
	// found after it had lost its state.
	held, orphans map[string]Refs
	// intros counts how often Git began to want an object; made, how often an agent created it.
	intros, made map[string]map[Ref]int
}

// newLedger begins with a repository that nothing was delivered from yet.
func newLedger(first State) *Ledger {
	l := &Ledger{
		round: []State{first}, owned: map[string]map[string]Refs{}, approved: map[string]Refs{},
		strangers: map[string]map[string]int{}, held: map[string]Refs{}, orphans: map[string]Refs{},
		intros: map[string]map[Ref]int{}, made: map[string]map[Ref]int{},
	}
	l.clusters = sorted(first.Asks)
	for _, c := range l.clusters {
		l.owned[c], l.approved[c], l.strangers[c] = map[string]Refs{}, Refs{}, map[string]int{}
		l.held[c], l.orphans[c] = Refs{}, Refs{}
		l.intros[c], l.made[c] = map[Ref]int{}, map[Ref]int{}
		for r := range first.Asks[c].wanted() {
			l.intros[c][r] = 1
		}
	}
	l.rest()
	return l
}

// now is the newest state.
func (l *Ledger) now() State { return l.round[len(l.round)-1] }

// commit adds a state.
func (l *Ledger) commit(s State) {
	before := l.now()
	for _, c := range l.clusters {
		had := before.Asks[c].wanted()
		for r := range s.Asks[c].wanted() {
			if _, ok := had[r]; !ok {
				l.intros[c][r]++
			}
			delete(l.orphans[c], r)
			delete(l.approved[c], r)
		}
	}
	l.round = append(l.round, s)
}

// approve lets through what the newest state does not want of a cluster's apps, of all of them if none is named: of what
// they had at any moment of the round, for what is held may be younger than the last rest.
func (l *Ledger) approve(cluster string, apps []string) {
	wanted := l.now().Asks[cluster].wanted()
	for _, b := range l.bases(len(l.round)) {
		for app, has := range b[cluster] {
			if len(apps) > 0 && !slices.ContainsFunc(apps, func(shown string) bool { return path.Base(shown) == app }) {
				continue // shown is how people see it: with a namespace before it, if another tool declares it
			}
			gone := maps.Clone(has)
			maps.DeleteFunc(gone, func(r Ref, _ bool) bool { _, ok := wanted[r]; return ok })
			maps.Copy(l.approved[cluster], gone)
		}
	}
}

// approvals is a copy of what was approved.
func (l *Ledger) approvals() map[string]Refs {
	out := make(map[string]Refs, len(l.approved))
	for cluster, refs := range l.approved {
		out[cluster] = maps.Clone(refs)
	}
	return out
}

// lose says that something was lost; an agent without its state may delete nothing.
func (l *Ledger) lose(cluster, what string, state bool) {
	l.lost[cluster] = what
	if !state {
		return
	}
	l.blind[cluster] = what
	for r := range l.intros[cluster] {
		l.intros[cluster][r]++ // it may not know any more that a Job has run
	}
}

// rest begins another round.
func (l *Ledger) rest() {
	l.round = l.round[len(l.round)-1:]
	l.lost, l.blind = map[string]string{}, map[string]string{}
}

// base is what a cluster may have had at some moment of the round.
type base map[string]map[string]Refs

// bases are what the clusters may have had when state j was published: what they had at rest, what the states before j
// wanted, with or without what was held, and all of it.
func (l *Ledger) bases(j int) []base {
	out := []base{l.owned}
	union := base{}
	for c := range l.owned {
		union[c] = map[string]Refs{}
	}
	add := func(from base) {
		for c, apps := range from {
			for app, refs := range apps {
				if union[c][app] == nil {
					union[c][app] = Refs{}
				}
				maps.Copy(union[c][app], refs)
			}
		}
	}
	add(l.owned)
	for i := range max(j, 1) {
		bare, full := base{}, base{}
		for c, ask := range l.round[i].Asks {
			bare[c], full[c] = ask.sets(), ask.sets()
			for app, has := range l.owned[c] {
				if full[c][app] == nil {
					full[c][app] = Refs{}
				}
				maps.Copy(full[c][app], has)
			}
		}
		out = append(out, bare, full)
		add(bare)
	}
	return append(out, union)
}

// Judge says why a delete is wrong; "" if Git asked for it and nothing should have held it.
func (l *Ledger) Judge(e Event) string {
	if l.blind[e.Cluster] != "" && !l.approved[e.Cluster][e.Ref] {
		return l.blind[e.Cluster] + ", so nothing may be deleted"
	}
	why := "the soak does not know this object"
	for j, s := range l.round {
		if s.Time.After(e.Time) {
			break
		}
		wrong := l.judgeAt(j, e)
		if wrong == "" {
			return ""
		}
		why = wrong
	}
	return why
}

// judgeAt judges a delete by one state of the round.
func (l *Ledger) judgeAt(j int, e Event) string {
	s := l.round[j]
	ask := s.Asks[e.Cluster]
	app, wanted := ask.wanting(e.Ref)
	switch {
	case l.approved[e.Cluster][e.Ref]:
		return ""
	case ask.Frozen && ask.Doubt == "":
		return "the cluster is suspended"
	case ask.Doubt != "":
		return fmt.Sprintf("what Git asks for is in doubt: %s (%s, %s)", ask.Doubt, s.Op, short(s.Hash))
	case wanted:
		return fmt.Sprintf("Git has it, in app %s (%s, %s)", app, s.Op, short(s.Hash))
	case l.orphans[e.Cluster][e.Ref]:
		return "an orphan is deleted when a person approves, and nobody did"
	case e.Ref.Kind == "Namespace" && l.strangers[e.Cluster][e.Ref.Name] > 0:
		return fmt.Sprintf("%d objects in it are not Drover's", l.strangers[e.Cluster][e.Ref.Name])
	}
	why := "Drover never had it"
	for _, b := range l.bases(j) {
		app, ok := owner(b[e.Cluster], e.Ref)
		if !ok {
			continue
		}
		must, _ := Guard(b, s.Asks)
		held := must[e.Cluster][app]
		if held == "" {
			return ""
		}
		why = fmt.Sprintf("the guard holds app %s: %s (%s, %s)", app, held, s.Op, short(s.Hash))
	}
	return why
}

// owner is the app that has an object.
func owner(apps map[string]Refs, r Ref) (string, bool) {
	for _, app := range sorted(apps) {
		if apps[app][r] {
			return app, true
		}
	}
	return "", false
}

// Excuse says why an object that Git does not want may still be there; "" if it should be gone. shown says whether the
// status shows a hold of the cluster.
func (l *Ledger) Excuse(cluster string, r Ref, shown bool) string {
	ask := l.now().Asks[cluster]
	app, known := "", false
	for _, b := range append([]base{l.owned}, l.bases(len(l.round))...) {
		if app, known = owner(b[cluster], r); known {
			break
		}
	}
	switch {
	case !known:
		return ""
	case ask.Frozen || ask.Doubt != "" || ask.Kept[app] != "" || ask.Lax[app]:
		return "kept"
	case !shown || l.approved[cluster][r]:
		return ""
	case l.lost[cluster] != "" || l.held[cluster][r] || r.Kind == "Namespace" && l.strangers[cluster][r.Name] > 0:
		return "held"
	}
	for _, b := range l.bases(len(l.round) - 1) {
		if _, may := Guard(b, l.now().Asks); may[cluster][app] != "" {
			return "held"
		}
	}
	return ""
}

// settle takes in what a cluster has now that the fleet is at rest. extra are its objects that Git does not want.
func (l *Ledger) settle(cluster string, live, extra Refs) {
	l.held[cluster] = maps.Clone(extra)
	if l.blind[cluster] != "" {
		maps.Copy(l.orphans[cluster], extra)
	}
	has := map[string]Refs{}
	own := func(app string, r Ref) {
		if has[app] == nil {
			has[app] = Refs{}
		}
		has[app][r] = true
	}
	taken := Refs{}
	for app, refs := range l.now().Asks[cluster].sets() {
		for r := range refs {
			if live[r] || r.Kind == "Job" && l.made[cluster][r] > 0 { // it has run, and counts until Git removes it
				own(app, r)
				taken[r] = true
			}
		}
	}
	for r := range live {
		if app, ok := l.lastOwner(cluster, r); ok && !taken[r] {
			own(app, r)
		}
	}
	for r := range l.approved[cluster] {
		if _, still := owner(has, r); !still {
			delete(l.approved[cluster], r)
		}
	}
	l.owned[cluster] = has
}

// lastOwner is the app that had an object at any moment of the round.
func (l *Ledger) lastOwner(cluster string, r Ref) (string, bool) {
	for _, b := range l.bases(len(l.round)) {
		if app, ok := owner(b[cluster], r); ok {
			return app, true
		}
	}
	return "", false
}

// create counts a creation, and says what is wrong with it: a Job runs once for its content.
func (l *Ledger) create(e Event) string {
	l.made[e.Cluster][e.Ref]++
	if n, may := l.made[e.Cluster][e.Ref], l.intros[e.Cluster][e.Ref]; e.Ref.Kind == "Job" && n > may {
		return fmt.Sprintf("created %d times, and Git asked for it %d times", n, may)
	}
	return ""
}

// short is a commit as people write it.
func short(hash string) string { return hash[:min(len(hash), 8)] }
