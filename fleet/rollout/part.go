package rollout

import (
	"maps"
	"reflect"
	"slices"
)

// desired is what an app of a cluster would be with a target: what is bad is not taken.
func (r *run) desired(t Known, name, app string) Entry {
	has := r.m.Clusters[name].has(app)
	want := Entry{App: t.Content[name][app], Seq: t.Seq}
	if _, is := r.bad(app, want.Digest, t.Seq); is || want.Digest == has.Digest {
		return has
	}
	return want
}

// differs are the apps of a cluster that a target changes, sorted; none if the target has nothing to say of it.
func (r *run) differs(t Known, name string) (apps []string) {
	content, named := t.Content[name]
	if !named {
		return nil
	}
	c := r.m.Clusters[name]
	for app := range content {
		if r.desired(t, name, app).Digest != c.has(app).Digest {
			apps = append(apps, app)
		}
	}
	for app := range c.Apps {
		if _, is := content[app]; !is && r.desired(t, name, app).Digest != c.has(app).Digest {
			apps = append(apps, app)
		}
	}
	slices.Sort(apps)
	return apps
}

// move is what a target makes of what a cluster is to have. Clusters share it whose maps are the same ones.
type move struct {
	changed []string           // see differs
	apps    map[string][]Entry // that the cluster is to have; nil while that was not asked
}

// moves is the move of a cluster to a target.
func moves(r *run, t Known, name string, c *Cluster) *move {
	content, named := t.Content[name]
	if !named {
		return &move{}
	}
	key := [...]uintptr{reflect.ValueOf(c.Apps).Pointer(), reflect.ValueOf(content).Pointer(), uintptr(t.Seq)}
	m := r.moves[key]
	if m == nil {
		m = &move{changed: r.differs(t, name)}
		r.moves[key] = m
	}
	return m
}

// behind says whether a cluster has nothing as new as a target.
func behind(t Known, c *Cluster) bool { return c.Seq < t.Seq || c.Target == t.ID && c.Back }

// needs says whether a cluster is to be released to a target by its wave.
func (r *run) needs(t Known, name string, c *Cluster) bool {
	if !behind(t, c) || c.Out == t.ID || r.pinned(name) {
		return false
	}
	if c.bare() && r.base(r.wave[name], name) != "" {
		return false // it is new, and gets what has passed
	}
	return len(moves(r, t, name, c).changed) > 0
}

// takesPart says whether a cluster takes part in a target: it was released to it, or is to be.
func takesPart(r *run, t Known, name string, c *Cluster) bool {
	return c.Target == t.ID && len(c.Changed) > 0 && !r.pinned(name) || r.needs(t, name, c)
}

// slice are the clusters of a wave up to a slice.
func (r *run) slice(wave, n int) []string {
	limit := upTo(r, wave, n)
	if r.others == nil {
		return r.in[wave][:limit]
	}
	return slices.DeleteFunc(slices.Clone(r.in[wave]), func(name string) bool {
		return r.others.Shares[name].Rank >= limit
	})
}

// size is how many clusters a wave has.
func size(r *run, wave int) int {
	if r.others != nil {
		return r.others.Sums[wave].Size
	}
	return len(r.in[wave])
}

// upTo is how many of them are in its slices up to one.
func upTo(r *run, wave, slice int) int {
	steps := r.Policy.Waves[wave].steps()
	return steps[min(slice, len(steps)-1)].Ceil(size(r, wave))
}

// atOnce is how many clusters of a wave may be in flight.
func (r *run) atOnce(wave int) int {
	limit := r.Policy.Waves[wave].AtOnce
	if limit.IsZero() {
		return size(r, wave)
	}
	return max(1, limit.Floor(size(r, wave)))
}

// assign has a cluster have what a target asks for.
func (r *run) assign(t Known, name string, rule Rule) {
	c := r.m.Clusters[name]
	m := moves(r, t, name, &c)
	if m.apps == nil {
		if m.apps = maps.Clone(c.Apps); m.apps == nil {
			m.apps = map[string][]Entry{}
		}
		for _, app := range m.changed {
			want, entries := r.desired(t, name, app), m.apps[app]
			n := len(entries) - len(recall{r}.good(app, entries))
			if n > 0 && n < len(entries) && entries[n].Digest == want.Digest {
				m.apps[app] = restored(entries, n) // what it has is bad, and Git has what it had before
				continue
			}
			m.apps[app] = push(entries, want, c.bare())
		}
	}
	r.put(name, Cluster{Target: t.ID, Seq: t.Seq, Apps: m.apps, Changed: m.changed, Since: r.Now, Rule: rule,
		Heard: r.Members[name].Online, Ill: r.sick(name), At: r.Now, Out: c.Out})
}

// places are those of a wave's clusters in flight.
type places struct {
	r           *run
	taken, most int
}

func (r *run) places(wave int) *places { return &places{r, r.flights(wave), r.atOnce(wave)} }

// take takes a place for a cluster, if there is one. A cluster that is away needs none; one that is in flight has
// one, but may not begin something else while there are too many, as on the way back.
func (p *places) take(name string) bool {
	switch {
	case p.r.away(name):
		return true
	case p.r.flying(name):
		return p.taken <= p.most
	case p.taken >= p.most:
		return false
	}
	p.taken++
	return true
}

// base is the id of the target that a new cluster of a wave gets: what its wave has passed, or the last wave that has
// passed any; "" for none.
func (r *run) base(wave int, name string) string {
	if wave < 0 {
		return ""
	}
	id := r.m.Waves[r.Policy.Waves[wave].Name].Passed
	for i := len(r.Policy.Waves) - 1; i >= 0 && id == ""; i-- {
		id = r.m.Waves[r.Policy.Waves[i].Name].Passed
	}
	if _, named := r.m.Targets[id].Content[name]; !named {
		return ""
	}
	return id
}

// sick are the apps of a cluster that are bad now, sorted.
func (r *run) sick(name string) (out []string) {
	for _, a := range r.Reports[name].Apps {
		if a.State == Bad {
			out = append(out, a.App)
		}
	}
	slices.Sort(out)
	return out
}
