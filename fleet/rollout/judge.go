package rollout

import (
	"maps"
	"slices"
	"time"
)

// judge finds out how clusters are, by what their agents reported.
type judge struct{ *run }

// adopt takes in clusters that are not known yet with what they have, and apps that came to the policy; and forgets
// clusters of which there is neither a member nor a record.
func (r judge) adopt() {
	for _, name := range r.names {
		c, known := r.m.Clusters[name]
		if !known {
			c.Phase = Settled
			r.stuck = r.stuck || r.others != nil
		}
		news := !known
		content := r.Released[name].Content
		if !known && len(content) > 0 {
			first := moves(r.run, Known{Target: Target{Content: map[string]Content{name: content}}}, name, &c)
			if first.apps == nil {
				first.apps = map[string][]Entry{}
				for app, a := range content {
					first.apps[app] = []Entry{{App: a}}
				}
			}
			c.Apps = first.apps
		}
		for app, a := range content {
			if len(c.Apps[app]) > 0 || known && r.pinned(name) {
				continue // it is known, or a person chose it for a while
			}
			apps := maps.Clone(c.Apps)
			if apps == nil {
				apps = map[string][]Entry{}
			}
			apps[app] = []Entry{{App: a}}
			c.Apps, news = apps, true
		}
		if news {
			r.put(name, c)
		}
	}
	if r.others != nil { // these are members
		return
	}
	maps.DeleteFunc(r.m.Clusters, func(name string, c Cluster) bool {
		_, member := r.Members[name]
		_, released := r.Released[name]
		if !member && !released {
			r.before[name] = c
		}
		return !member && !released
	})
}

// all takes in what agents reported.
func (r judge) all() {
	for _, name := range r.names {
		c := r.m.Clusters[name]
		now := r.judged(name, c)
		if r.ailing = r.ailing || now.Phase == Failed; now.Phase != c.Phase {
			r.put(name, now)
			if w := r.wave[name]; w >= 0 && now.Cause == FellBack && !now.Back {
				r.soakAgain(w, now)
			}
		}
	}
}

// soakAgain begins the soak of a wave again, because a cluster that had settled is bad.
func (r judge) soakAgain(wave int, c Cluster) {
	w := r.m.Waves[r.Policy.Waves[wave].Name]
	if w.Busy == c.Target && !w.Soak.IsZero() && c.At.After(w.Soak) {
		w.Soak = c.At
		r.set(r.Policy.Waves[wave].Name, w)
	}
}

// soaks says whether what a settled cluster does still counts: its wave is at its target.
func (r judge) soaks(name string, c Cluster) bool {
	w := r.wave[name]
	return w >= 0 && c.Target != "" && r.m.Waves[r.Policy.Waves[w].Name].Busy == c.Target
}

// decided says whether nothing that an agent reports of a release counts any more.
func (r judge) decided(name string, c Cluster) bool {
	switch c.Phase {
	case Failed:
		return true
	case Settled, Ill:
		return !r.soaks(name, c)
	}
	return false
}

// judged is a cluster as its agent's last report shows it.
func (r judge) judged(name string, c Cluster) Cluster {
	rel, rep, m := r.Released[name], r.Reports[name], r.Members[name]
	if r.decided(name, c) || r.pinned(name) || !c.gives(rel.Content) {
		return c
	}
	want := c.given()
	if silent := m.Since.Add(silentFactor * r.Policy.after()); c.Heard && !m.Online && comes(r.run, name, silent) {
		return c.failed(Silent, silent, c.Changed)
	}
	if rep.Refused > 0 && rep.Refused >= rel.Generation && rep.Generation < rel.Generation {
		return c.failed(Refused, rel.Time, c.Changed)
	}
	seen := sight{pending: c.Changed}
	if rep.Generation >= rel.Generation {
		seen = look(want, rep, c)
	}
	at := between(rel.Time, seen.since, r.Now)
	switch {
	case len(seen.bad) > 0 && c.Phase == Settled:
		return c.failed(FellBack, at, seen.bad)
	case len(seen.bad) > 0:
		return c.failed(Regressed, at, seen.bad)
	case c.Phase == Settled:
		return c
	case len(seen.pending) > 0:
		return r.late(name, c, want, seen.pending)
	case seen.paused:
		c.Phase = Waits
	case seen.ill:
		c.Phase = Ill
	default:
		c.Phase = Settled
	}
	c.At = at
	return c
}

// late is a cluster that has not settled yet, or takes too long. The time during which it was offline does not count.
func (r judge) late(name string, c Cluster, want Content, pending []string) Cluster {
	m, from := r.Members[name], r.Released[name].Time
	if m.Since.After(from) {
		from = m.Since
	}
	if end := from.Add(r.settle(want)); m.Online && comes(r.run, name, end) {
		return c.failed(Unsettled, end, pending)
	}
	c.Phase = InFlight
	return c
}

// settle is how long a cluster may take.
func (r judge) settle(want Content) time.Duration {
	if r.Policy.Settle > 0 {
		return r.Policy.Settle
	}
	longest := DefaultTimeout
	for _, a := range want {
		longest = max(longest, a.Timeout)
	}
	return longest + SettleMore
}

// between is a time that an agent gives, where it can be right.
func between(first, t, last time.Time) time.Time {
	if t.Before(first) {
		return first
	}
	if t.After(last) {
		return last
	}
	return t
}

func (c Cluster) failed(cause Cause, at time.Time, apps []string) Cluster {
	c.Phase, c.Cause, c.At, c.Failed = Failed, cause, at, apps
	return c
}

// sight is what a report shows of a release.
type sight struct {
	bad, pending []string // apps, sorted
	paused, ill  bool
	since        time.Time // the newest state of any app
}

// look compares a report with what a cluster is to have.
func look(want Content, rep Report, c Cluster) (s sight) {
	for _, app := range slices.Sorted(maps.Keys(c.Apps)) {
		a, wanted := want[app]
		is, reported := rep.Apps.Of(app)
		if !wanted {
			switch {
			case reported && is.State == Paused: // what is left of it waits for a person
				s.paused = true
			case reported: // it is being deleted
				s.pending = append(s.pending, app)
			}
			continue
		}
		switch {
		case is.Digest != a.Digest:
			s.pending = append(s.pending, app)
		case slices.Contains(c.Ill, app) && is.State != Healthy:
			s.ill = true
		case is.State == Progressing:
			s.pending = append(s.pending, app)
		case is.State == Bad:
			s.bad = append(s.bad, app)
		case is.State == Paused:
			s.paused = true
		}
		if is.Since.After(s.since) {
			s.since = is.Since
		}
	}
	return s
}
