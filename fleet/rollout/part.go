package rollout

import (
	"maps"
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

// behind says whether a cluster has nothing as new as a target.
func (r *run) behind(t Known, name string) bool {
	c := r.m.Clusters[name]
	return c.Seq < t.Seq || c.Target == t.ID && c.Back
}

// needs says whether a cluster is to be released to a target by its wave.
func (r *run) needs(t Known, name string) bool {
	c := r.m.Clusters[name]
	if !r.behind(t, name) || c.Out == t.ID || r.pinned(name) {
		return false
	}
	if c.bare() && r.base(r.wave[name], name) != "" {
		return false // it is new, and gets what has passed
	}
	return len(r.differs(t, name)) > 0
}

// participants are those of clusters that take part in a target: they were released to it, or are to be.
func (r *run) participants(t Known, members []string) (out []string) {
	for _, name := range members {
		c := r.m.Clusters[name]
		if c.Target == t.ID && len(c.Changed) > 0 && !r.pinned(name) || r.needs(t, name) {
			out = append(out, name)
		}
	}
	return out
}

// slice are the clusters of a wave up to a slice.
func (r *run) slice(wave, n int) []string {
	steps := r.Policy.Waves[wave].steps()
	members := r.in[wave]
	return members[:steps[min(n, len(steps)-1)].Ceil(len(members))]
}

// atOnce is how many clusters of a wave may be in flight.
func (r *run) atOnce(wave int) int {
	limit := r.Policy.Waves[wave].AtOnce
	if limit.IsZero() {
		return len(r.in[wave])
	}
	return max(1, limit.Floor(len(r.in[wave])))
}

// assign has a cluster have what a target asks for.
func (r *run) assign(t Known, name string, rule Rule) {
	c := r.m.Clusters[name]
	changed := r.differs(t, name)
	apps, bare := maps.Clone(c.Apps), c.bare()
	if apps == nil {
		apps = map[string][]Entry{}
	}
	for _, app := range changed {
		apps[app] = push(apps[app], r.desired(t, name, app), bare)
	}
	r.put(name, Cluster{Target: t.ID, Seq: t.Seq, Apps: apps, Changed: changed, Since: r.Now, Rule: rule,
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
	for app, a := range r.Reports[name].Apps {
		if a.State == Bad {
			out = append(out, app)
		}
	}
	slices.Sort(out)
	return out
}
