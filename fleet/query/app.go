package query

import (
	"cmp"
	"iter"

	"github.com/drover-dev/drover/fleet/facts"
	"github.com/drover-dev/drover/fleet/identity"
	"github.com/drover-dev/drover/protocol"
)

// App is one app of a cluster: what Git asks for beside what the agent says of it. One of them may be nil, not both.
// They are not to be changed.
type App struct {
	Name     string // that of its key, whatever its agent calls it
	Desired  *DesiredApp
	Reported *protocol.AppReport
}

// Each gives the apps of a cluster, in no particular order. It makes no rows: Row does, of those that are wanted.
func (c *Cluster) Each() iter.Seq[App] {
	return func(yield func(App) bool) {
		if c.aligned() {
			c.inOrder(yield)
			return
		}
		c.byName(yield)
	}
}

// said is what the agent says of apps.
func (c *Cluster) said() []protocol.AppReport {
	if c.Report == nil {
		return nil
	}
	return c.Report.Apps
}

// aligned says whether the agent names all of its apps as the hub does, and in the same order, as agents
// of this release do while no app leaves.
func (c *Cluster) aligned() bool {
	said, at := c.said(), 0
	for i := range c.Desired.Apps {
		d := &c.Desired.Apps[i]
		if !identity.IsKey(d.Name) && !identity.Parse(d.Declared).Native() {
			return false // an older agent's name
		}
		if at < len(said) && said[at].Name == d.Name {
			at++
		}
	}
	return at == len(said)
}

func (c *Cluster) inOrder(yield func(App) bool) {
	said, at := c.said(), 0
	for i := range c.Desired.Apps {
		a := App{Name: c.Desired.Apps[i].Name, Desired: &c.Desired.Apps[i]}
		if at < len(said) && said[at].Name == a.Name {
			a.Reported = &said[at]
			at++
		}
		if !yield(a) {
			return
		}
	}
}

func (c *Cluster) byName(yield func(App) bool) {
	now, said := c.keys(), c.said()
	desired, told := map[string]*DesiredApp{}, map[string]bool{}
	for i := range c.Desired.Apps {
		d := &c.Desired.Apps[i]
		desired[cmp.Or(now[d.Name], d.Name)] = d
	}
	for i := range said {
		name := cmp.Or(now[said[i].Name], said[i].Name)
		told[name] = true
		if !yield(App{name, desired[name], &said[i]}) {
			return
		}
	}
	for i := range c.Desired.Apps {
		d := &c.Desired.Apps[i]
		if name := cmp.Or(now[d.Name], d.Name); !told[name] && !yield(App{name, d, nil}) {
			return
		}
	}
}

// Content tells what an app delivers.
type Content interface {
	// Facts are nil while they are not known yet. They are not to be changed.
	Facts() *facts.Facts
}

// State is where the app is, its health, and why.
func (a App) State() (phase protocol.Phase, health protocol.Health, reason protocol.Reason) {
	if a.Reported != nil {
		phase, health, reason = a.Reported.Phase, a.Reported.Health, a.Reported.Reason
	} else {
		phase, health, reason = protocol.PhasePending, protocol.HealthUnknown, protocol.ReasonInitializing
	}
	if a.Desired == nil {
		return phase, health, reason
	}
	if a.Desired.Error != "" {
		phase, reason = protocol.PhaseFailed, cmp.Or(a.Desired.Reason, protocol.ReasonRenderFailed)
	}
	if a.Desired.Reason == protocol.ReasonReleaseHeld { // nothing is wrong with it
		phase, health = protocol.PhasePending, protocol.HealthPaused
	}
	return phase, health, reason
}

// Objects says how many objects the app has, and how many of them are healthy.
func (a App) Objects() Count {
	if a.Reported != nil {
		return Count{a.Reported.Current, a.Reported.Objects}
	}
	return Count{All: a.Desired.Objects}
}

// Message says why the app is in its phase.
func (a App) Message() string {
	if a.Desired != nil && a.Desired.Error != "" {
		return a.Desired.Error
	}
	if a.Reported != nil {
		return a.Reported.Message
	}
	return ""
}

// Declared is what declares the app, as package identity writes it.
func (a App) Declared() string {
	if a.Desired != nil {
		return a.Desired.Declared
	}
	return a.Reported.Declared
}

// Row puts the app into words.
func (a App) Row() AppRow {
	row := AppRow{}
	if a.Reported != nil {
		row.AppReport, row.Key = *a.Reported, a.Reported.Name
	} else {
		row.Key = a.Desired.Name
	}
	if a.Desired != nil {
		row.Path, row.Error = a.Desired.Path, a.Desired.Error
	}
	row.Name, row.Declared, row.Message = a.Name, a.Declared(), a.Message()
	row.Phase, row.Health, row.Reason = a.State()
	count := a.Objects()
	row.Objects, row.Current = count.All, count.Good
	return row
}

// Facts are what the app delivers. applied says whether it is what the agent has applied; otherwise it is what Git asks
// for. Both are nil and false while nothing is known. former finds the facts of content that was published before, by
// the digest of its blob.
func (a App) Facts(former func(digest string) *facts.Facts) (f *facts.Facts, applied bool) {
	var asked *facts.Facts
	if a.Desired != nil && a.Desired.Content != nil {
		asked = a.Desired.Content.Facts()
	}
	if a.Reported == nil || a.Reported.Digest == "" {
		return asked, false
	}
	if a.Desired != nil && a.Desired.Digest == a.Reported.Digest {
		return a.told(asked), asked != nil
	}
	if former != nil {
		if f := former(a.Reported.Digest); f != nil {
			return a.told(f), true
		}
	}
	return asked, false
}

// told are the facts of what is applied, with the images that the agent tells where variables of the cluster are in
// them.
func (a App) told(f *facts.Facts) *facts.Facts {
	if f == nil || len(a.Reported.Images) == 0 {
		return f
	}
	out := *f
	out.Images = a.Reported.Images
	return &out
}
