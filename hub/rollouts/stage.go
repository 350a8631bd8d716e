package rollouts

import (
	"maps"
	"slices"
	"time"

	"github.com/drover-dev/drover/fleet/rollout"
	"github.com/drover-dev/drover/fleet/rollout/forget"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/rollouts/content"
	"github.com/drover-dev/drover/hub/rollouts/holder"
	"github.com/drover-dev/drover/protocol"
)

// Staged is what of a cluster's candidate is to be released.
type Staged struct {
	Apps []protocol.App
	// Back are digests of blobs that were taken back, by the app that goes back from them, the newest first.
	Back map[string][]string
	// Other are those that are not as the candidate has them, by name, and those that it has and Apps has not.
	Other map[string]bool
	// Absent says that nothing was ever decided for the cluster, of which Git asks something, and that it is not known
	// what it has: what is missing from Apps must not be taken for gone.
	Absent bool
	Why    string // Absent
}

// Said is what is said of an app beside what it delivers.
type Said struct {
	Free  bool // a person releases it, and no policy
	Stays bool // it is never taken back
	// Unclear: it cannot be read whether it is ever taken back; then what was said before holds.
	Unclear bool
	// Policies are those of other tools' objects that the app names, see rollout.Origin.
	Policies []string
}

// Stage takes in what Git asks of a cluster, and gives what the cluster is to have now: apps that a policy holds are as
// they were released. last is what the cluster was given last. Where its labels are not known, because its description
// cannot be read, it stays with the policies that it was with. said is what is said of its apps.
func (d *Driver) Stage(now time.Time, labels map[string]string, known bool, b, last protocol.Bundle,
	said func(app string) Said) Staged {
	name := b.Cluster
	b.Apps = content.AllOnward(b.Apps)
	asked, had := b.Apps, last.Apps
	names := content.Names(asked, had)
	of := enroll(d, name, labels, known, names, said)
	frozen := d.fleet.Frozen != nil
	if len(of) == 0 && !frozen {
		return Staged{Apps: b.Apps}
	}
	says, free := make([]Said, len(names)), map[string]bool{}
	for i, app := range names {
		if says[i] = said(app); says[i].Free {
			free[app] = true
		}
	}
	all := claimsOf(of, name)
	if yield(d, of, all, name, free) {
		all = claimsOf(of, name)
	}
	s := staging{d, now, name, of, all, d.asking(len(of)), Staged{Apps: make([]protocol.App, 0, len(names)),
		Other: map[string]bool{}, Back: map[string][]string{}}}
	for i, app := range names {
		at := -1
		if !says[i].Free {
			at = all.Of(app)
		}
		if at < 0 {
			s.other(frozen && !says[i].Free, app, asked, had)
			continue
		}
		s.held(at, app, says[i], asked, had)
	}
	unknown := last.Generation == 0 || last.Incomplete != "" // what the cluster has
	if unknown = unknown && len(s.Other) > 0; unknown && frozen {
		s.absent("all releases are frozen, and nothing was released to this cluster before: `drover rollout` says until when")
	}
	for i, r := range of {
		if unknown && r.unread.Of(name) {
			s.absent(r.unread.Why(r.policy.Name))
		}
		if len(all[i].Has) == 0 && len(s.asks[i]) > 0 && !slices.ContainsFunc(last.Apps, func(a protocol.App) bool {
			return !free[a.Name] && all.Of(a.Name) == i
		}) {
			s.absent("a RolloutPolicy has yet to release apps to this cluster, and it is not known which of them it has: " +
				"`drover rollout` shows what it waits for")
		}
		asks := d.pool.Of(s.asks[i])
		if r.learn(name, asks, free, content.Staying(asks)) {
			d.staged = true
		}
	}
	return s.Staged
}

// staging is a cluster whose candidate is staged.
type staging struct {
	*Driver
	now  time.Time
	name string
	of   []*rolling
	all  holder.Claims
	asks [][]content.Named // what Git asks of the cluster, by policy
	Staged
}

// asking are as many empty lists, which the next cluster gets again.
func (d *Driver) asking(n int) [][]content.Named {
	for len(d.asks) < n {
		d.asks = append(d.asks, nil)
	}
	for i := range d.asks {
		d.asks[i] = d.asks[i][:0]
	}
	return d.asks[:n]
}

// absent says why it must not be taken for gone what is missing, once.
func (s *staging) absent(why string) {
	if !s.Absent {
		s.Absent, s.Why = true, why
	}
}

// held takes in an app that a policy holds.
func (s *staging) held(at int, app string, says Said, asked, had []protocol.App) {
	r := s.of[at]
	want, was := versionOf(s.Driver, asked, app), versionOf(s.Driver, had, app)
	if want.app != nil {
		stays := says.Stays || says.Unclear && slices.Contains(r.members[s.name].stays, app)
		s.asks[at] = append(s.asks[at], content.Named{Name: app, App: rollout.App{Digest: want.digest,
			Timeout: time.Duration(want.app.Timeout) * time.Second, Stays: stays}})
		s.entries.Keep(want.digest, want.app)
	}
	if was.app != nil {
		s.entries.Keep(was.digest, was.app)
	}
	digest, from, known := r.wanted(s.name, app, s.all[at].Has, s.now)
	given := s.choose(r, app, digest, known, want, was)
	if given.app != nil {
		is := *given.app
		if given.app != want.app {
			is = content.Held(is, want.app)
		}
		if known {
			if is = content.Onward(is); len(from) > 0 {
				s.Back[app] = s.entries.Blobs(from, is)
			}
		}
		s.Apps = append(s.Apps, is)
	}
	if (given.app == nil) != (want.app == nil) || given.digest != want.digest {
		s.Other[app] = true
	}
}

// enroll takes in which policies a cluster is with, by its labels and by what its apps name, and gives them by name.
// Where its labels are not known it stays with those that it was with.
func enroll(d *Driver, cluster string, labels map[string]string, known bool, apps []string,
	said func(app string) Said) []*rolling {
	all, news := d.sorted(), false
	for _, r := range all {
		m := r.members[cluster]
		named := namers(r, m, apps, said)
		switch {
		case !known, r.unread.Undefined():
		case r.policy.Origin == nil && r.policy.Selector.Matches(labels), len(named) > 0:
			is := d.ask(r, m, cluster, labels)
			if m == nil || !slices.Equal(m.named, named) {
				news, r.news.unstored[cluster] = true, true
			}
			is.named = named
		default:
			news = news || m != nil
			leave(d, r, cluster)
		}
	}
	of := with(all, cluster)
	for _, r := range of {
		if news { // which of them holds an app may be another one now
			d.staged, r.members[cluster].read = true, false
		}
	}
	return of
}

// namers are the apps that name a policy of another tool's object, sorted. Of an app of which that cannot be read, and
// of one that is going, what was said before holds.
func namers(r *rolling, m *member, apps []string, said func(app string) Said) (out []string) {
	for _, app := range apps {
		if r.policy.Origin == nil {
			break
		}
		says := said(app)
		unclear := says.Unclear || slices.Contains(says.Policies, model.PolicyUnclear)
		if slices.Contains(says.Policies, r.policy.Name) || unclear && m != nil && slices.Contains(m.named, app) {
			out = append(out, app)
		}
	}
	return out
}

// yield has policies forget the apps of a cluster that another one holds now, or a person, and says whether any did.
func yield(d *Driver, of []*rolling, all holder.Claims, cluster string, free map[string]bool) (forgot bool) {
	for at, r := range of {
		if r.unread.Of(cluster) || !r.policy.HasWaves() {
			continue
		}
		for app := range all[at].Has {
			if !free[app] && all.Of(app) == at {
				continue
			}
			forgot = true
			r.memory, r.machine = forget.InMemory(r.memory, cluster, app), nil
			d.staged, r.news.policy, r.news.unstored[cluster] = true, true, true
			for i, t := range r.offered {
				r.offered[i], _ = forget.InTarget(t, cluster, app)
			}
			for i, t := range r.more {
				r.more[i], _ = forget.InTarget(t, cluster, app)
			}
		}
	}
	return forgot
}

// other takes in an app that no policy holds: as Git has it, or while all releases are frozen as it was given last.
func (s *Staged) other(frozen bool, app string, asked, had []protocol.App) {
	want, was := content.Find(asked, app), content.Find(had, app)
	switch {
	case want != nil && (!frozen || was != nil && content.Digest(*want) == content.Digest(*was)):
		s.Apps = append(s.Apps, *want)
	case frozen && was != nil:
		s.Apps, s.Other[app] = append(s.Apps, content.Held(*was, want)), true
	case frozen:
		s.Other[app] = true
	}
}

// learn takes in what Git asks of the policy's apps of a cluster, which others a person releases, and which are never
// taken back. It says whether Git asks for something else than before.
func (r *rolling) learn(name string, asks rollout.Content, free map[string]bool, stays []string) (news bool) {
	m := r.members[name]
	if !maps.Equal(m.free, free) {
		m.free, m.read = free, false
		r.news.clusters[name] = true
	}
	if m.asked != nil && content.Same(m.asked, asks) && slices.Equal(m.stays, stays) {
		return false
	}
	if !slices.Equal(m.stays, stays) {
		r.news.unstored[name] = true
	}
	if m.asked, m.stays = asks, stays; asks == nil {
		m.asked = rollout.Content{}
	}
	return true
}

// version is an app as it is at some time, or is not: then it has neither.
type version struct {
	app    *protocol.App
	digest string
}

// versionOf is one of apps.
func versionOf(d *Driver, apps []protocol.App, name string) (v version) {
	if v.app = content.Find(apps, name); v.app != nil {
		v.digest = d.digests.Of(v.app)
	}
	return v
}

// ask makes a cluster a member of a policy.
func (d *Driver) ask(r *rolling, m *member, name string, labels map[string]string) *member {
	if m == nil {
		m = &member{}
		r.members[name], d.staged = m, true
	}
	if !maps.Equal(m.labels, labels) {
		m.labels, d.staged = labels, true
		r.news.unstored[name] = true
	}
	return m
}

// choose is what an app of a cluster is to be now: as Git asks, as it was given, or no such app. What is not decided, or
// not known any more, is kept as it was given.
func (s *staging) choose(r *rolling, app, digest string, known bool, want, was version) version {
	switch {
	case r.unread.Of(s.name):
	case want.app != nil && (known && digest == want.digest || !known && want.digest == was.digest):
		return want
	case known && digest == "":
		return version{}
	case known && was.digest != digest:
		if kept, have := s.entries.Of(digest); have {
			was = version{&kept, digest}
		} else {
			s.log.Error("what an app was released to is not known any more: the version that was given last is kept",
				"cluster", s.name, "app", app, "policy", r.policy.Name)
		}
	}
	return was
}
