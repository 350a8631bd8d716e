// Package forget takes an app of a cluster, and decisions that matter no more, out of what a rollout remembers. It is
// pure.
//
// It may import fleet/rollout.
package forget

import (
	"maps"
	"slices"
	"time"

	"github.com/drover-dev/drover/fleet/rollout"
)

// InMemory is a memory without an app of a cluster, which another policy holds now, or a person: what was decided of
// it here says nothing of it any more. The memory itself is not changed.
func InMemory(m rollout.Memory, cluster, app string) rollout.Memory {
	if c, known := m.Clusters[cluster]; known && len(c.Apps[app]) > 0 {
		c.Apps = maps.Clone(c.Apps)
		delete(c.Apps, app)
		for _, list := range []*[]string{&c.Changed, &c.Failed, &c.Ill, &c.Stays} {
			*list = slices.DeleteFunc(slices.Clone(*list), func(a string) bool { return a == app })
		}
		m.Clusters = maps.Clone(m.Clusters)
		m.Clusters[cluster] = c
	}
	copied := false
	for id, t := range m.Targets {
		without, had := InTarget(t.Target, cluster, app)
		if !had {
			continue
		}
		if !copied {
			m.Targets, copied = maps.Clone(m.Targets), true
		}
		t.Target = without
		m.Targets[id] = t
	}
	return m
}

// InTarget is a target without an app of a cluster; had says whether it had it. The target itself is not changed.
func InTarget(t rollout.Target, cluster, app string) (out rollout.Target, had bool) {
	if _, had = t.Content[cluster][app]; !had {
		return t, false
	}
	t.Content = maps.Clone(t.Content)
	t.Content[cluster] = maps.Clone(t.Content[cluster])
	delete(t.Content[cluster], app)
	return t, true
}

// InDecisions are decisions without those that nothing refers to any more. The decisions themselves are not changed.
func InDecisions(d rollout.Decisions, targets map[string]rollout.Known, now time.Time) rollout.Decisions {
	known := func(target string) bool { _, is := targets[target]; return is }
	d.Approvals = keepIf(d.Approvals, func(a rollout.WaveApproval) bool { return known(a.Target) })
	d.Skips = keepIf(d.Skips, func(s rollout.Skip) bool { return known(s.Target) })
	d.Expedites = keepIf(d.Expedites, known)
	d.Rollbacks = keepIf(d.Rollbacks, func(o rollout.RollbackOrder) bool { return known(o.Target) })
	d.Resumes = keepIf(d.Resumes, func(x rollout.Resume) bool { return known(x.Target) })
	d.Halts = keepIf(d.Halts, func(h rollout.HaltOrder) bool { return h.Until.IsZero() || now.Before(h.Until) })
	pins := map[string]rollout.Pin{}
	for name, p := range d.Pins {
		if now.Before(p.Until) {
			pins[name] = p
		}
	}
	d.Pins = pins
	return d
}

func keepIf[T any](list []T, keep func(T) bool) []T {
	return slices.DeleteFunc(slices.Clone(list), func(v T) bool { return !keep(v) })
}
