package waves

import (
	"encoding/json"
	"maps"
	"strings"
	"time"

	"github.com/drover-dev/drover/agent/simulate"
	"github.com/drover-dev/drover/fleet/rollout"
)

// entry is an entry of the journal of decisions.
type entry struct {
	Time                     time.Time
	Kind, Wave, Target, Rule string
	Count                    int
	Clusters                 []string
	Apps                     map[string]string
}

// tokenOf is the token that `drover token create -o json` prints.
func tokenOf(out string) string {
	var made struct{ Secret, Token string }
	if json.Unmarshal([]byte(out), &made) != nil {
		return ""
	}
	return made.Token + made.Secret
}

// failure is when a commit was found to be bad, and why; "" if it was not.
func (e *example) failure(commit string) (at time.Time, why string) {
	var history []struct {
		Time               time.Time
		Kind, Target, Text string
	}
	if e.get("/api/v1/rollouts/production/history", &history) != nil {
		return at, ""
	}
	for _, h := range history {
		if h.Kind == "failed" && strings.HasPrefix(h.Target, commit[:8]) {
			return h.Time, h.Text
		}
	}
	return at, ""
}

// check holds what agents saw, and the journal, against what must hold of rollouts.
func (e *example) check(bad string) {
	e.t.Helper()
	out, err := e.drover("audit", "export", "-o", "json")
	if err != nil {
		e.t.Fatal(err)
	}
	var journal []entry
	if err := json.Unmarshal([]byte(out), &journal); err != nil {
		e.t.Fatal(err)
	}
	notes := e.agents.Notes(e.began)
	e.t.Logf("checked are %d notes of agents and %d decisions; the hub was killed %d times", len(notes),
		len(journal), e.kills)
	e.checkOrder(notes)
	e.checkFlights(notes, journal, bad)
	e.checkBad(notes, journal, bad)
	e.checkJournal(notes, journal)
	e.checkNothingTwice(notes)
	e.checkWindows(journal)
	e.checkGate(journal)
}

// checkWindows checks that nothing went on its way while the windows were shut.
func (e *example) checkWindows(journal []entry) {
	n := 0
	for _, x := range journal {
		if x.Kind != "release" || !x.Time.After(e.began) || x.Rule != string(rollout.ByWave) {
			continue
		}
		if n++; x.Time.UTC().Second() >= opened {
			e.t.Errorf("%d clusters of %s were released to %.8s at %s, when the windows were shut", x.Count, x.Wave, x.Target,
				x.Time.UTC())
		}
	}
	if n < 5 {
		e.t.Errorf("the journal has %d releases by waves", n)
	}
}

// checkGate checks that the gate was asked as often as it has to be before the next wave got a commit.
func (e *example) checkGate(journal []entry) {
	first := map[string]time.Time{} // by target: when the wave early was released to it
	for _, x := range journal {
		if x.Kind == "release" && x.Wave == "early" && x.Rule == string(rollout.ByWave) && x.Time.After(e.began) &&
			first[x.Target].IsZero() {
			first[x.Target] = x.Time
		}
	}
	if len(first) < 4 {
		e.t.Errorf("the wave early was released to %d commits", len(first))
	}
	for target, at := range first {
		n := 0
		for _, a := range e.errors.times(target) {
			if a.Before(at) {
				n++
			}
		}
		if n < asked {
			e.t.Errorf("the wave early was released to %.8s after the gate was asked %d times, want %d", target, n, asked)
		}
	}
}

// waveOf says in which wave a cluster is.
func (e *example) waveOf() map[string]string {
	out := map[string]string{}
	for wave, list := range e.waves {
		for _, name := range list {
			out[name] = wave
		}
	}
	return out
}

var order = []string{"canary", "early", "rest"}

// checkOrder checks I1: nobody got a version before all that were online in the wave before had settled with it.
func (e *example) checkOrder(notes []simulate.Note) {
	wave := e.waveOf()
	for _, value := range []string{"1.4", "1.5", "1.6"} {
		first, last := map[string]time.Time{}, map[string]time.Time{} // by wave: the first that got it, the last that settled
		with, got := map[string]uint64{}, map[string]int{}
		for _, n := range notes {
			w := wave[n.Cluster]
			switch {
			case n.Kind == simulate.NoteAccepted && n.Apps["web"] == e.digests[value]:
				if first[w].IsZero() {
					first[w] = n.Time
				}
				if with[n.Cluster] == 0 {
					with[n.Cluster] = n.Generation
					got[w]++
				}
			case n.Kind == simulate.NoteSettled && with[n.Cluster] != 0 && n.Generation == with[n.Cluster] && n.Bad == "":
				if last[w].IsZero() || n.Time.After(last[w]) {
					last[w] = n.Time
				}
			}
		}
		for i, w := range order[1:] {
			before := order[i]
			if got[before] != len(e.waves[before]) || !first[w].After(last[before]) {
				e.t.Errorf("I1: web %s came to the wave %s at %s, and %d of %d clusters of %s had settled by %s",
					value, w, first[w], got[before], len(e.waves[before]), before, last[before])
			}
		}
	}
}

// checkFlights checks I2: of no wave more clusters have something that they have not told of than may be in flight. On
// the way back there may be four times as many. Who was released to what is bad goes back also where it came to know of
// that release by the next one alone.
func (e *example) checkFlights(notes []simulate.Note, journal []entry, bad string) {
	wave, had, owed := e.waveOf(), e.apps(), map[string]bool{}
	failed, _ := e.failure(bad)
	for _, x := range journal {
		if x.Kind == "release" && x.Target == bad && !x.Time.After(failed) {
			for _, name := range x.Clusters {
				owed[name] = true
			}
		}
	}
	type flight struct {
		wave string
		back bool
	}
	flying := map[flight]map[string]uint64{} // generations by cluster
	most := map[flight]int{}
	for _, w := range order {
		flying[flight{w, false}], flying[flight{w, true}] = map[string]uint64{}, map[string]uint64{}
	}
	for _, n := range notes {
		if n.Time.After(e.returned) {
			break // those who come back may be more
		}
		on, back := flight{wave[n.Cluster], false}, flight{wave[n.Cluster], true}
		switch {
		case n.Kind == simulate.NoteAccepted:
			to := on
			if had[n.Cluster]["web"] == e.digests["1.5"] && n.Apps["web"] == e.digests["1.4"] ||
				owed[n.Cluster] && n.Time.After(failed) {
				to = back
				delete(owed, n.Cluster)
			}
			delete(flying[on], n.Cluster)
			delete(flying[back], n.Cluster)
			flying[to][n.Cluster], had[n.Cluster] = n.Generation, n.Apps
			most[to] = max(most[to], len(flying[to]))
		case n.Kind == simulate.NoteSettled && flying[on][n.Cluster] <= n.Generation:
			delete(flying[on], n.Cluster)
			delete(flying[back], n.Cluster)
		}
	}
	e.t.Logf("at most were in flight: %v", most)
	for _, w := range order[1:] {
		on, back := most[flight{w, false}], most[flight{w, true}]
		if on > e.atOnce(w) || on < min(2, e.atOnce(w)) || back > 4*e.atOnce(w) {
			e.t.Errorf("I2: %d clusters of %s were in flight at once and %d on the way back; %d and %d may be", on, w, back,
				e.atOnce(w), 4*e.atOnce(w))
		}
	}
}

// apps is what each cluster had at the beginning.
func (e *example) apps() map[string]map[string]string {
	out := map[string]map[string]string{}
	for name, s := range e.start {
		out[name] = s.Apps
	}
	return out
}

// checkBad checks I3 and I4: who got what was bad was released to it before that was known, and who was offline never
// got it.
func (e *example) checkBad(notes []simulate.Note, journal []entry, bad string) {
	at, _ := e.failure(bad)
	digest := "" // of web, as the journal has it
	released := map[string]bool{}
	for _, x := range journal {
		if x.Kind == "release" && x.Target == bad && x.Wave == "canary" && digest == "" {
			digest = x.Apps["web"]
		}
		if x.Kind != "release" || digest == "" || x.Apps["web"] != digest && x.Target != bad {
			continue
		}
		if x.Apps["web"] == digest && x.Time.After(at) {
			e.t.Errorf("I3: %d clusters of %s were released to what is bad since %s, at %s: %s", x.Count, x.Wave, at,
				x.Time, x.Rule)
		}
		for _, name := range x.Clusters {
			released[name] = true
		}
	}
	got := map[string]bool{}
	for _, n := range notes {
		if n.Kind == simulate.NoteAccepted && n.Apps["web"] == e.digests["1.5"] {
			got[n.Cluster] = true
			if n.Time.After(e.returned) {
				e.t.Errorf("I4: %s got what is bad when it came back", n.Cluster)
			}
			if !released[n.Cluster] {
				e.t.Errorf("I3: %s got what is bad, and was not released to it", n.Cluster)
			}
		}
	}
	if len(got) < len(e.waves["rest"])/3 {
		e.t.Errorf("%d clusters got what is bad, which is too few for a test", len(got))
	}
	for name, s := range e.agents.Seen() {
		if s.Apps["web"] == e.digests["1.5"] {
			e.t.Errorf("I4: %s has what is bad", name)
		}
	}
}

// checkJournal checks I7: whatever came to an agent is noted in the journal before, with the rule that allowed it.
func (e *example) checkJournal(notes []simulate.Note, journal []entry) {
	noted := map[string][]time.Time{} // when releases of a cluster were
	for _, x := range journal {
		if x.Kind != "release" || !x.Time.After(e.began) {
			continue
		}
		if x.Rule == "" || x.Count != len(x.Clusters) || len(x.Apps) == 0 {
			e.t.Errorf("I7: an entry is %+v", x)
		}
		for _, name := range x.Clusters {
			noted[name] = append(noted[name], x.Time)
		}
	}
	had, got := e.apps(), map[string]int{}
	for _, n := range notes {
		if n.Kind != simulate.NoteAccepted || maps.Equal(had[n.Cluster], n.Apps) {
			continue
		}
		had[n.Cluster] = n.Apps
		got[n.Cluster]++
		before := 0
		for _, at := range noted[n.Cluster] {
			if !at.After(n.Time) {
				before++
			}
		}
		if before < got[n.Cluster] {
			e.t.Errorf("I7: %s got %v, something else for the %d. time, at %s, and the journal has %d releases of it by "+
				"then: %s", n.Cluster, n.Apps, got[n.Cluster], n.Time, before, noted[n.Cluster])
		}
	}
}

// checkNothingTwice checks I6: a hub that is killed sends nobody the same again, nor anything that an agent refuses.
func (e *example) checkNothingTwice(notes []simulate.Note) {
	had := e.apps()
	for _, n := range notes {
		switch n.Kind {
		case simulate.NoteRefused:
			e.t.Errorf("I6: %s refused generation %d: %s", n.Cluster, n.Generation, n.Message)
		case simulate.NoteAccepted:
			if maps.Equal(had[n.Cluster], n.Apps) {
				e.t.Errorf("I6: %s got the same again with generation %d", n.Cluster, n.Generation)
			}
			had[n.Cluster] = n.Apps
		}
	}
}
