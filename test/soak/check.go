package soak

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/drover-dev/drover/test/testenv"
)

const (
	atRest     = 2 // requests of an agent that are no flood, in restWindow
	restWindow = 3 * time.Second
)

// violation is what the soak looks for. The loop reports it, with where it happened.
type violation struct{ lines []string }

// Error says what is wrong, shortened to what a person reads.
func (v *violation) Error() string {
	lines := v.lines
	if n := len(lines); n > 6 {
		lines = append(slices.Clone(lines[:6]), fmt.Sprintf("and %d more", n-6))
	}
	return strings.Join(lines, "\n")
}

// readAudit takes in what the agents did since the last time, and judges it.
func (s *soak) readAudit() error {
	var wrong []string
	for _, c := range s.fleet.clusters {
		if err := c.audit.read(); err != nil {
			return err
		}
		for _, e := range c.audit.take() {
			why := ""
			if e.Verb == "delete" {
				s.count(func(n *numbers) { n.deletes++ })
				if why = s.ledger.Judge(e); why != "" {
					why = "wrong delete: " + why
				}
			} else if why = s.ledger.create(e); why != "" {
				why = "created again: " + why
			}
			if why != "" {
				wrong = append(wrong, fmt.Sprintf("%s %s: %s: %s", clock(e.Time), e.Cluster, e.Ref, why))
			}
		}
	}
	return s.wrong(wrong)
}

// wrong makes a violation of lines, without those that were reported before.
func (s *soak) wrong(lines []string) error {
	lines = slices.DeleteFunc(lines, func(line string) bool { return s.known[line] })
	if len(lines) == 0 {
		return nil
	}
	return &violation{lines}
}

// settle revives everything and waits until the fleet is at rest: each cluster equal to Git, plus what is held.
func (s *soak) settle(ctx context.Context) error {
	if err := s.fleet.revive(ctx); err != nil {
		return err
	}
	calm := 0
	var fatal error
	err := poll(ctx, s.Patience, func() error {
		if fatal = errors.Join(s.fleet.left(), s.readAudit()); fatal != nil {
			return nil
		}
		if err := s.look(ctx); err != nil {
			calm = 0
			return err
		}
		if calm++; calm < 3 {
			return errors.New("not at rest yet")
		}
		return nil
	})
	switch {
	case fatal != nil:
		return fatal
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return notAtRest(err)
	}
	if err := s.bounds(ctx); err != nil {
		return err
	}
	for _, c := range s.fleet.clusters {
		s.ledger.settle(c.name, s.live[c.name], s.extra[c.name])
	}
	s.ledger.rest()
	return nil
}

// notAtRest is the violation that an error of look is when patience is over.
func notAtRest(err error) error {
	var v *violation
	if errors.As(err, &v) {
		return v
	}
	return &violation{[]string{"not at rest: " + err.Error()}}
}

// look compares everything once.
func (s *soak) look(ctx context.Context) error {
	st, err := s.fleet.status(ctx)
	if err != nil {
		return err
	}
	head := s.ledger.now().Hash
	if st.Source.Revision.Hash != head && (s.slip == nil || st.Source.Error == "") {
		at := short(st.Source.Revision.Hash)
		return fmt.Errorf("the hub is at %s, Git at %s: %s", at, short(head), st.Source.Error)
	}
	s.holds = st.holds
	s.count(func(n *numbers) { n.held = len(st.holds) })
	for _, c := range s.fleet.clusters {
		if err := s.connected(c, st); err != nil {
			return err
		}
		live, err := c.live(ctx)
		if err != nil {
			return err
		}
		if err := s.compare(c, live); err != nil {
			return err
		}
	}
	return nil
}

// connected says what is wrong with a cluster's row in the status.
func (s *soak) connected(c *cluster, st status) error {
	frozen := s.ledger.now().Asks[c.name].Frozen
	for _, row := range st.Clusters {
		// An agent that has lost its inventory, and was restarted, searches the cluster only when the bundle is complete.
		// While a mistake in Git keeps it from being complete, it is not synced, and that is right.
		synced := row.Synced || s.slip != nil && row.Generation == row.Accepted
		switch {
		case row.Name != c.name:
		case row.State != "connected" && !frozen || !synced && !frozen:
			return fmt.Errorf("%s is %s, synced %t (generation %d, accepted %d): %s", c.name, row.State, row.Synced,
				row.Generation, row.Accepted, row.Message)
		default:
			s.generation[c.name] = row.Generation
			return nil
		}
	}
	if frozen {
		return nil
	}
	return fmt.Errorf("%s is not in the status", c.name)
}

// compare says how a cluster differs from Git plus what is held, and remembers what it has beyond Git.
func (s *soak) compare(c *cluster, live map[Ref]testenv.Object) error {
	ask := s.ledger.now().Asks[c.name]
	wanted := ask.wanted()
	var lines []string
	for _, r := range sorted(wanted) {
		o, there := live[r]
		switch {
		case ask.Frozen:
		case !there && r.Kind == "Job" && s.ledger.made[c.name][r] > 0: // it has run, and its time is over
		case !there:
			lines = append(lines, fmt.Sprintf("%s: %s is missing", c.name, r))
		default:
			if why := differs(o, wanted[r]); why != "" {
				lines = append(lines, fmt.Sprintf("%s: %s: %s", c.name, r, why))
			}
		}
	}
	for app, has := range s.ledger.owned[c.name] {
		for r := range has {
			keeps := ask.Kept[app] != "" || ask.Doubt != "" || ask.Frozen
			if _, there := live[r]; !there && r.Kind != "Job" && keeps && !s.ledger.approved[c.name][r] {
				lines = append(lines, fmt.Sprintf("%s: %s of app %s is missing and is to be kept", c.name, r, app))
			}
		}
	}
	shown := slices.ContainsFunc(s.holds, func(h Hold) bool { return h.on(c.name) })
	all, extra := Refs{}, Refs{}
	for _, r := range sorted(live) {
		all[r] = true
		if _, ok := wanted[r]; ok {
			continue
		}
		if s.ledger.Excuse(c.name, r, shown) == "" {
			lines = append(lines, fmt.Sprintf("%s: %s is not in Git, and is still there (the status shows a hold: %t)",
				c.name, r, shown))
		}
		extra[r] = true
	}
	s.live[c.name], s.extra[c.name] = all, extra
	return s.wrong(lines)
}

// differs says how a live object differs from what Git asks for.
func differs(live testenv.Object, want Object) string {
	if got := live.Text("metadata", "annotations", "soak/value"); got != want.Value {
		return fmt.Sprintf("at %q, Git has %q", got, want.Value)
	}
	if want.Kind != "ConfigMap" && want.Kind != "Secret" {
		return ""
	}
	data, _ := live.Field("data").(map[string]any)
	got, _ := data["value"].(string)
	keys := 1
	if want.Kind == "Secret" {
		text, _ := base64.StdEncoding.DecodeString(got) // what cannot be decoded differs
		got = string(text)
		if want.Extra {
			keys++
		}
	}
	if got != want.Value {
		return fmt.Sprintf("data.value is %q, Git has %q", got, want.Value)
	}
	if len(data) != keys {
		return fmt.Sprintf("its data has the keys %v, Git has %d", sorted(data), keys)
	}
	return ""
}

// bounds checks that a round did not cost more than it should.
func (s *soak) bounds(ctx context.Context) error {
	var lines []string
	for _, c := range s.fleet.clusters {
		was, now := s.before[c.name], s.generation[c.name]
		if most := uint64(4*(s.acts+2)) + 4; was > 0 && now > was+most {
			text := "%s: %d generations in a round of %d commits and faults, at most %d expected"
			lines = append(lines, fmt.Sprintf(text, c.name, now-was, s.acts, most))
		}
		s.before[c.name] = now
	}
	if err := s.wrong(lines); err != nil {
		return err
	}
	if s.slip != nil || len(s.holds) > 0 {
		return nil
	}
	return s.healthy(ctx)
}

// healthy waits until every app is healthy and the journal has no gap: nothing is wrong in Git.
func (s *soak) healthy(ctx context.Context) error {
	err := poll(ctx, s.Patience, func() error {
		for _, c := range s.fleet.clusters {
			d, err := s.fleet.detail(ctx, c.name)
			if err != nil {
				return err
			}
			if gap := d.gap(); gap != "" && !s.gaps[c.name] {
				if err := s.wrong([]string{fmt.Sprintf("%s: the journal has a gap: %s", c.name, gap)}); err != nil {
					return err
				}
			}
			for _, a := range d.AppRows {
				// Nobody binds its claim.
				if a.Phase == "healthy" || a.Phase == "suspended" || strings.HasSuffix(a.Name, "-data") {
					continue
				}
				line := fmt.Sprintf("%s: nothing is wrong in Git, but app %s is %s: %s %s", c.name, a.Name, a.Phase,
					a.Message, a.Error)
				if err := s.wrong([]string{line}); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil && ctx.Err() == nil {
		return notAtRest(err)
	}
	return err
}

// quiet checks that nothing is asked of the API servers while the fleet is at rest.
func (s *soak) quiet(ctx context.Context) error {
	s.say("at rest: counting the agents' requests")
	var lines []string
	for range 3 { // what was still on its way may come in the first
		lines = nil
		began := time.Now()
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(restWindow):
		}
		if err := s.readAudit(); err != nil {
			return err
		}
		for _, c := range s.fleet.clusters {
			if n := c.audit.since(began); n > atRest {
				newest := strings.Join(c.audit.last[max(0, len(c.audit.last)-6):], "\n  ")
				text := "%s: at rest the agent made %d requests in %s:\n  %s"
				lines = append(lines, fmt.Sprintf(text, c.name, n, restWindow, newest))
			}
		}
		if len(lines) == 0 {
			return nil
		}
	}
	return s.wrong(lines)
}
