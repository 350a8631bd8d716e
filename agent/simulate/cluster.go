package simulate

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/drover-dev/drover/fleet/identity"
	"github.com/drover-dev/drover/protocol"
)

// cluster is a simulated cluster: its apps, and the orders that concern them. It has no lock of its own.
type cluster struct {
	delay   time.Duration
	failing []failing
	apps    []app // as the bundle lists them
}

// failing is an order by which content of an app fails.
type failing struct{ app, text string }

// app is what the cluster runs of one app, as it is reported.
type app struct {
	protocol.AppReport
	wait string // the digest that is to be fetched; "" if what is asked for is applied
	bad  bool   // it becomes degraded in place of healthy
}

// is says whether an order names the app: by what people are shown, by its key, or all.
func (a *app) is(name string) bool {
	return name == "*" || name == a.Name || name == identity.Parse(a.Declared).Title() ||
		name == identity.Parse(a.Declared).Name
}

// goTo puts an app into a phase.
func (a *app) goTo(phase protocol.Phase, health protocol.Health, now time.Time) {
	if a.Phase != phase {
		a.Since = now
	}
	a.Phase, a.Health, a.Message, a.Reason = phase, health, "", ""
	a.Current = a.Objects
	if health != protocol.HealthCurrent {
		a.Current = 0
	}
	if phase == protocol.PhaseDegraded {
		a.Message = "it is simulated that its objects are not healthy"
	}
}

// take puts a bundle into force, and gives the blobs that are to be fetched. Apps that are not in a complete bundle go.
func (c *cluster) take(b protocol.Bundle, now time.Time) (fetch []protocol.Blob) {
	before := c.apps
	c.apps = make([]app, 0, len(b.Apps))
	for _, want := range b.Apps {
		a := app{AppReport: protocol.AppReport{Name: want.Name, Phase: protocol.PhasePending,
			Health: protocol.HealthUnknown, Since: now, Deleted: b.Deletions.Permitted(want.Name)}}
		if i := slices.IndexFunc(before, func(a app) bool { return a.Name == want.Name }); i >= 0 {
			a = before[i]
		}
		a.Declared, a.wait = want.Declared, ""
		switch {
		case b.Suspend || want.Suspend:
			a.goTo(protocol.PhaseSuspended, protocol.HealthUnknown, now)
		case want.Blob == nil:
			a.goTo(protocol.PhaseFailed, protocol.HealthUnknown, now)
			a.Message, a.Reason = want.Error, cmp.Or(want.Reason, protocol.ReasonRenderFailed)
		case want.Blob.Digest != a.Digest:
			a.wait = want.Blob.Digest
			fetch = append(fetch, *want.Blob)
		case a.Phase == protocol.PhaseSuspended || a.Phase == protocol.PhaseFailed:
			a.judge(now)
		}
		a.Revision = want.Revision
		c.apps = append(c.apps, a)
	}
	for _, a := range before {
		if b.Incomplete != "" && !slices.ContainsFunc(c.apps, func(x app) bool { return x.Name == a.Name }) {
			c.apps = append(c.apps, a)
		}
	}
	return fetch
}

// apply applies what was fetched, wherever it is asked for, and says where.
func (c *cluster) apply(blob protocol.Blob, lines []byte, now time.Time) (applied []string) {
	for i := range c.apps {
		a := &c.apps[i]
		if a.wait != blob.Digest {
			continue
		}
		a.wait, a.Digest, a.Objects = "", blob.Digest, blob.Objects
		a.bad = slices.ContainsFunc(c.failing, func(f failing) bool {
			return a.is(f.app) && bytes.Contains(lines, []byte(f.text))
		})
		a.goTo(protocol.PhaseWaiting, protocol.HealthProgressing, now)
		applied = append(applied, a.Name)
	}
	return applied
}

// settle ends the delay of an app whose content is still that, and says whether it was.
func (c *cluster) settle(name, digest string, now time.Time) (is protocol.AppReport, was bool) {
	for i := range c.apps {
		a := &c.apps[i]
		if a.Name != name || a.Digest != digest || a.Phase != protocol.PhaseWaiting {
			continue
		}
		a.judge(now)
		return a.AppReport, true
	}
	return is, false
}

// judge has an app end up healthy, or degraded.
func (a *app) judge(now time.Time) {
	if a.bad {
		a.goTo(protocol.PhaseDegraded, protocol.HealthDegraded, now)
		return
	}
	a.goTo(protocol.PhaseHealthy, protocol.HealthCurrent, now)
}

// follow follows an order about apps, and says which of them changed at once.
func (c *cluster) follow(o Order, now time.Time) (changed []protocol.AppReport) {
	switch o.Act {
	case Delay:
		c.delay = o.After
	case Fail:
		c.failing = append(c.failing, failing{o.App, o.Text})
	case Heal:
		c.failing = slices.DeleteFunc(c.failing, func(f failing) bool { return o.App == "*" || f.app == o.App })
	}
	if o.Act != Degrade && o.Act != Heal {
		return nil
	}
	for i := range c.apps {
		a := &c.apps[i]
		if !a.is(o.App) || a.bad == (o.Act == Degrade) {
			continue
		}
		a.bad = o.Act == Degrade
		if a.Phase == protocol.PhaseHealthy || a.Phase == protocol.PhaseDegraded {
			a.judge(now)
			changed = append(changed, a.AppReport)
		}
	}
	return changed
}

// rests says whether nothing is on its way, and which apps are not healthy, sorted.
func (c *cluster) rests() (bad string, rests bool) {
	var names []string
	for _, a := range c.apps {
		switch {
		case a.wait != "" || a.Phase == protocol.PhaseWaiting || a.Phase == protocol.PhasePending:
			return "", false
		case a.Phase != protocol.PhaseHealthy && a.Phase != protocol.PhaseSuspended:
			names = append(names, a.Name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, " "), true
}

// reports are the apps as they are reported.
func (c *cluster) reports() []protocol.AppReport {
	out := make([]protocol.AppReport, len(c.apps))
	for i, a := range c.apps {
		out[i] = a.AppReport
	}
	return out
}
