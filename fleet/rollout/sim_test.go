package rollout

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/fleet/selector"
)

// sim is a fleet whose agents do what a test says, with a clock of its own.
type sim struct {
	t          *testing.T
	in         Input
	m          Memory
	out        Output
	seq        uint64
	generation uint64
	log        []string
	start      time.Time
}

var epoch = time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)

func labelled(t *testing.T, text string) *selector.Selector {
	t.Helper()
	s, err := selector.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return &s
}

// newSim has clusters by name with their label ring, all online.
func newSim(t *testing.T, p Policy, rings map[string]string) *sim {
	t.Helper()
	if p.Name == "" {
		p.Name = "production"
	}
	s := &sim{t: t, start: epoch, in: Input{Now: epoch, Policy: p, Members: map[string]Member{},
		Released: map[string]Released{}, Reports: map[string]Report{}, Gone: map[string]bool{},
		Decisions: Decisions{Pins: map[string]Pin{}}}}
	for name, ring := range rings {
		s.join(name, ring)
	}
	return s
}

func (s *sim) join(name, ring string) {
	s.in.Members[name] = Member{Labels: map[string]string{"ring": ring}, Online: true, Since: s.start.Add(-time.Hour)}
}

func (s *sim) online(is bool, names ...string) {
	for _, name := range names {
		m := s.in.Members[name]
		m.Online, m.Since = is, s.in.Now
		s.in.Members[name] = m
	}
}

// had gives all clusters what they had before the policy, and settles it.
func (s *sim) had(text string) *sim {
	for name := range s.in.Members {
		s.generation++
		s.in.Released[name] = Released{s.generation, s.in.Now.Add(-time.Hour), content(text)}
	}
	s.healthy()
	return s
}

// content reads apps as "web=1 db=2"; "web=1!" stays, and "web=1@20m" has a timeout.
func content(text string) Content {
	out := Content{}
	for pair := range strings.FieldsSeq(text) {
		app, digest, _ := strings.Cut(pair, "=")
		digest, timeout, _ := strings.Cut(digest, "@")
		d, _ := time.ParseDuration(timeout)
		out[app] = App{Digest: strings.TrimSuffix(digest, "!"), Stays: strings.HasSuffix(digest, "!"), Timeout: d}
	}
	return out
}

func (c Content) String() string {
	var out []string
	for _, app := range slices.Sorted(maps.Keys(c)) {
		out = append(out, app+"="+c[app].Digest)
	}
	return strings.Join(out, " ")
}

// target is a commit that asks for the same of all clusters there are.
func (s *sim) target(id, text string) Target {
	s.seq++
	t := Target{ID: id, Name: id, Author: "ann", Seq: s.seq, Content: map[string]Content{}}
	for name := range s.in.Members {
		t.Content[name] = content(text)
	}
	return t
}

// commit gives the policy a target, and steps.
func (s *sim) commit(id, text string) *sim { return s.offer(s.target(id, text)) }

func (s *sim) offer(t Target) *sim {
	s.in.Candidates = append(s.in.Candidates, t)
	return s.step()
}

// step steps once, and does what was decided. The log has the result.
func (s *sim) step() *sim {
	s.t.Helper()
	s.out = Step(s.m, s.in)
	s.m, s.in.Candidates = s.out.Memory, nil
	for _, e := range s.out.Events {
		s.log = append(s.log, strings.TrimRight(fmt.Sprintf("%s %s %s: %s", e.Kind, e.Wave, e.Target, e.Text), ": "))
	}
	type group struct {
		what, back string
		rule       Rule
	}
	groups := map[group][]string{}
	for _, r := range s.out.Releases {
		g := group{r.Content.String(), strings.Join(r.Back, ","), r.Rule}
		groups[g] = append(groups[g], r.Cluster)
		s.generation++
		s.in.Released[r.Cluster] = Released{s.generation, s.in.Now, r.Content}
	}
	var lines []string
	for g, names := range groups {
		line := fmt.Sprintf("release %s to %s (%s)", g.what, strings.Join(names, " "), g.rule)
		if g.back != "" {
			line += " back " + g.back
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	s.log = append(s.log, lines...)
	return s
}

// after lets time pass, in steps that come when the last one asked for the next.
func (s *sim) after(d time.Duration) *sim {
	s.t.Helper()
	end := s.in.Now.Add(d)
	for !s.out.Wake.IsZero() && s.out.Wake.After(s.in.Now) && s.out.Wake.Before(end) {
		s.in.Now = s.out.Wake
		s.step()
	}
	s.in.Now = end
	return s.step()
}

// heals lets time pass as after, with all agents well.
func (s *sim) heals(d time.Duration) *sim {
	s.t.Helper()
	end := s.in.Now.Add(d)
	for s.healthy().step(); !s.out.Wake.IsZero() && s.out.Wake.Before(end); s.healthy().step() {
		s.in.Now = s.out.Wake
	}
	s.in.Now = end
	return s.healthy().step()
}

// report has agents report all their apps in a state; without names all that are online do.
func (s *sim) report(state State, names ...string) {
	if len(names) == 0 {
		names = slices.Sorted(maps.Keys(s.in.Members))
	}
	for _, name := range names {
		rel := s.in.Released[name]
		if !s.in.Members[name].Online || rel.Generation == 0 {
			continue
		}
		before := s.in.Reports[name]
		if before.Generation == rel.Generation && all(before, state) {
			continue
		}
		rep := Report{Generation: rel.Generation}
		for app, a := range rel.Content {
			now := AppReport{App: app, Digest: a.Digest, State: state, Since: s.in.Now}
			if was, _ := before.Apps.Of(app); was.Digest == now.Digest && was.State == now.State {
				now.Since = was.Since
			}
			rep.Apps = rep.Apps.with(now)
		}
		s.in.Reports[name] = rep
	}
}

// all says whether a report has all apps in a state.
func all(rep Report, state State) bool {
	for _, a := range rep.Apps {
		if a.State != state {
			return false
		}
	}
	return true
}

func (s *sim) healthy(names ...string) *sim { s.report(Healthy, names...); return s }

// app has an agent report one app in a state, beside what it reported before.
func (s *sim) app(name, app string, state State) *sim {
	rep := s.in.Reports[name]
	rep.Generation = s.in.Released[name].Generation
	rep.Apps = rep.Apps.with(AppReport{App: app,
		Digest: s.in.Released[name].Content[app].Digest, State: state, Since: s.in.Now})
	s.in.Reports[name] = rep
	return s
}

// want compares what happened since the last call.
func (s *sim) want(lines ...string) *sim {
	s.t.Helper()
	if !slices.Equal(s.log, lines) {
		s.t.Errorf("at %s:\n  %s\nwant\n  %s", s.in.Now.Sub(s.start), strings.Join(s.log, "\n  "), strings.Join(lines,
			"\n  "))
	}
	s.log = nil
	return s
}

// shows compares what is said of the waves.
func (s *sim) shows(lines ...string) *sim {
	s.t.Helper()
	var got []string
	for _, w := range s.out.Why {
		got = append(got, fmt.Sprintf("%s %s %s: %d/%d %d/%d %d", w.Wave, w.Target, w.Text, w.Settled, w.Clusters,
			w.Failed, w.Budget, w.Offline))
	}
	if !slices.Equal(got, lines) {
		s.t.Errorf("at %s it shows\n  %s\nwant\n  %s", s.in.Now.Sub(s.start), strings.Join(got, "\n  "),
			strings.Join(lines, "\n  "))
	}
	return s
}

// three is a policy with a canary and the rest.
func twoWaves(t *testing.T, edit func(*Policy)) Policy {
	p := Policy{Name: "production", Waves: []Wave{
		{Name: "canary", Selector: labelled(t, "ring=0"), Soak: 30 * time.Minute},
		{Name: "rest", Soak: time.Hour}}}
	if edit != nil {
		edit(&p)
	}
	return p
}

func rings() map[string]string { return map[string]string{"a": "0", "b": "1", "c": "1"} }

// with is the reports with that of an app among them, in place of the one that there was. all is not changed.
func (all AppReports) with(a AppReport) AppReports {
	out := slices.DeleteFunc(slices.Clone(all), func(was AppReport) bool { return was.App == a.App })
	at, _ := slices.BinarySearchFunc(out, a.App, func(x AppReport, app string) int { return strings.Compare(x.App, app) })
	return slices.Insert(out, at, a)
}

// says replaces what the agent of a cluster says of an app.
func (s *sim) says(name string, a AppReport) {
	rep := s.in.Reports[name]
	rep.Apps = rep.Apps.with(a)
	s.in.Reports[name] = rep
}
