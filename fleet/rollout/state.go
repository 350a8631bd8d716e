package rollout

import (
	"maps"
	"slices"
	"time"
)

// Memory is what has to be remembered between two steps. The zero value is that of a policy that is new. Step does not
// change it.
type Memory struct {
	Waves    map[string]WaveMemory // by name
	Clusters map[string]Cluster
	Targets  map[string]Known // those that matter: the newest, and those that any wave or cluster has
	Seq      uint64           // of the newest target that was ever given
	Bad      []BadContent     // the oldest first
}

// WaveMemory is how far a wave is.
type WaveMemory struct {
	Busy  string    // id of the target that it is at; "" if it is free
	Since time.Time // busy, or free, since
	Slice int       // of Busy
	// Soak is when the slice had settled, by what its agents reported; zero before.
	Soak   time.Time
	Passed string // id of the newest target that it has passed; "" for none
	Seq    uint64 // of Passed
}

// Known is a target that is remembered.
type Known struct {
	Target
	Taken  bool // by any wave
	Failed *Failure
}

// with has a target say something of more clusters. What it says of the others stays.
func (t Known) with(more map[string]Content) Known {
	content := maps.Clone(more)
	maps.Copy(content, t.Content)
	t.Content = content
	return t
}

// Failure says why a target is bad.
type Failure struct {
	Since time.Time
	Why   string
	Apps  []string // sorted
}

// Cluster is what is remembered of a cluster.
type Cluster struct {
	Target string // that it was released to last; "" if that was before the policy
	Seq    uint64 // of Target
	// Apps is what it is to have, and had before, by app: the newest first, at most keepEntries.
	Apps    map[string][]Entry
	Changed []string  // apps that the last release changed, sorted
	Since   time.Time // that was decided
	Rule    Rule      // that allowed it
	Heard   bool      // it was online then
	Ill     []string  // apps that were bad then, sorted
	Phase   Phase
	At      time.Time // in that phase since, by what its agent reported
	Failed  []string  // apps because of which it failed, sorted
	Cause   Cause
	Back    bool     // something was taken back since it was released to Target
	Stays   []string `json:",omitempty"` // apps because of which nothing is taken back although it is bad, sorted
	Out     string   // id of a target in whose wave it takes no part
}

// Entry is what an app of a cluster is to be, or was. Without a digest there is no such app.
type Entry struct {
	App
	Seq uint64 // of the target that brought it; 0 if that was before the policy
	// From are digests of what was given after it and taken back since, the newest first, at most keepFrom: a cluster
	// that has any of it goes back.
	From []string `json:",omitempty"`
}

const (
	keepEntries = 8  // of an app are remembered
	keepFrom    = 16 // digests of what was taken back, of an entry
)

// BadContent is content of an app that no cluster is released to.
type BadContent struct {
	App    string
	Digest string // "" is that there is no such app
	Seq    uint64 // of the target that failed: a cluster that had the content before keeps it
	Target string
	Back   bool // clusters that have it get what they had before
}

// maxBad bounds how many are remembered; the oldest are forgotten.
const maxBad = 100_000

// Phase is how far a cluster is with what it was released to last.
type Phase string

// The phases.
const (
	InFlight Phase = ""        // not settled yet
	Waits    Phase = "paused"  // it would be settled, but something in it waits for a person or a time
	Settled  Phase = "settled" // it has it, and is healthy
	Ill      Phase = "ill"     // it has it, and what was bad before still is
	Failed   Phase = "failed"  // see Cause
)

// Cause says how a cluster failed.
type Cause string

// The causes.
const (
	Refused   Cause = "refused"     // its agent refused the bundle
	Regressed Cause = "regressed"   // an app that was not bad before is
	Unsettled Cause = "not settled" // it took too long
	Silent    Cause = "silent"      // its agent is gone since it got the release
	FellBack  Cause = "fell back"   // it had settled, and is bad again
)

// Rule is what allowed a release.
type Rule string

// The rules.
const (
	ByWave     Rule = "its wave is at this target"
	ByPass     Rule = "its wave has passed this target"
	ByFirst    Rule = "it is new, and gets what its wave has passed"
	ByExpedite Rule = "a person had all waves take this target at once"
	ByRollback Rule = "what it had is bad"
	ByRevert   Rule = "what it had is bad, and Git has what it had before"
	ByPin      Rule = "a person pinned it"
	ByUnpin    Rule = "it is not pinned any more"
)

func (m Memory) clone() Memory {
	out := Memory{Waves: maps.Clone(m.Waves), Clusters: maps.Clone(m.Clusters), Targets: maps.Clone(m.Targets),
		Seq: m.Seq, Bad: slices.Clone(m.Bad)}
	if out.Waves == nil {
		out.Waves = map[string]WaveMemory{}
	}
	if out.Clusters == nil {
		out.Clusters = map[string]Cluster{}
	}
	if out.Targets == nil {
		out.Targets = map[string]Known{}
	}
	return out
}

// given is what a cluster is to have.
func (c Cluster) given() Content {
	out := Content{}
	for app, entries := range c.Apps {
		if entries[0].Digest != "" {
			out[app] = entries[0].App
		}
	}
	return out
}

// gives says whether what a cluster is to have is the same as a content. It is as given and same, and makes nothing.
func (c Cluster) gives(content Content) bool {
	n := 0
	for app, entries := range c.Apps {
		if entries[0].Digest == "" {
			continue
		}
		if n++; content[app].Digest != entries[0].Digest {
			return false
		}
	}
	return n == len(content)
}

// has is what an app of a cluster is to be; one without a digest is that there is none.
func (c Cluster) has(app string) Entry {
	if entries := c.Apps[app]; len(entries) > 0 {
		return entries[0]
	}
	return Entry{}
}

// bare says whether a cluster never had anything.
func (c Cluster) bare() bool { return len(c.Apps) == 0 }

// push puts an entry before those of an app. Where the cluster had other apps it is remembered that it had not this
// one: that is where it goes back to.
func push(entries []Entry, e Entry, bare bool) []Entry {
	if len(entries) == 0 && !bare {
		entries = []Entry{{}}
	}
	out := append([]Entry{e}, entries...)
	return out[:min(len(out), keepEntries)]
}

// restored are the entries of an app from one of them on, which goes back to where it was.
func restored(entries []Entry, to int) []Entry {
	out := slices.Clone(entries[to:])
	var from []string
	for _, e := range entries[:to] {
		from = append(append(from, e.Digest), e.From...)
	}
	out[0].From = append(from, out[0].From...)
	out[0].From = out[0].From[:min(len(out[0].From), keepFrom)]
	return out
}

// Wanted is the digest of what an app of the cluster is to be, "" for no such app, and of what it was given after that
// and goes back from. known says whether that was decided; pin is what holds the cluster, nil if nothing does.
func (c Cluster) Wanted(app string, pin *Pin) (digest string, from []string, known bool) {
	entries := c.Apps[app]
	switch {
	case pin != nil && pin.Content == nil:
		return "", nil, false
	case pin != nil:
		digest = pin.Content[app].Digest
		if i := slices.IndexFunc(entries, func(e Entry) bool { return e.Digest == digest }); i >= 0 {
			from = restored(entries, i)[0].From
		}
		return digest, from, true
	case len(entries) == 0:
		return "", nil, false
	}
	return entries[0].Digest, entries[0].From, true
}

// same says whether two contents ask for the same.
func same(a, b Content) bool {
	return maps.EqualFunc(a, b, func(x, y App) bool { return x.Digest == y.Digest })
}
