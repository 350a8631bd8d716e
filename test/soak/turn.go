package soak

import (
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// next draws the operation of a round.
func (s *soak) next(r *rand.Rand) op {
	all := slices.DeleteFunc(slices.Clone(s.ops), func(o op) bool { return o.calm && s.slip != nil })
	if s.slip != nil {
		all = append(all, mend(), approval())
	} else if len(s.drawn) > 0 {
		x := s.drawn[r.IntN(len(s.drawn))]
		with := ""
		if r.IntN(2) == 0 {
			with = complications[r.IntN(len(complications))].name
		}
		slip := slipOp(x, with)
		slip.weight = 60
		all = append(all, slip, approval())
	}
	total := 0
	for _, o := range all {
		total += o.weight
	}
	at := r.IntN(total)
	for _, o := range all {
		if at -= o.weight; at < 0 {
			return o
		}
	}
	return all[0]
}

// slipOp commits a slip, with a complication if one is named.
func slipOp(x Slip, with string) op {
	name := x.Name
	if with != "" {
		name += "+" + with
	}
	return op{name, 0, true, func(ctx context.Context, s *soak, r *rand.Rand) error {
		t, err := s.target(r, x)
		if err != nil {
			return err
		}
		for _, c := range complications {
			if c.name == with && !c.after {
				s.acts++
				if err := c.run(ctx, s, r); err != nil {
					return err
				}
			}
		}
		s.slip = &active{x, t}
		if err := s.commit(name + " " + t.String()); err != nil {
			return err
		}
		for _, c := range complications {
			if c.name == with && c.after {
				if err := s.settle(ctx); err != nil {
					return err
				}
				s.say("%s", name)
				if err := c.run(ctx, s, r); err != nil {
					return err
				}
			}
		}
		return nil
	}}
}

// target draws what a slip hits.
func (s *soak) target(r *rand.Rand, x Slip) (t Target, err error) {
	t.Cluster = s.world.Clusters[r.IntN(len(s.world.Clusters))]
	if x.Form != "" {
		a, err := s.choose(r, func(a *App) bool {
			return a.Form == x.Form && (!x.Own || a.Cluster == t.Cluster) && (x.Fits == nil || x.Fits(a))
		})
		if err != nil {
			return t, err
		}
		if t.App = a.Name; a.Cluster != "" {
			t.Cluster = a.Cluster
		}
		t.Ref, _ = draw(r, a)
	}
	if x.More != nil && !x.More(r, s.world, &t) {
		return t, errSkip
	}
	return t, nil
}

// mend takes a slip back: by a commit, or by moving the branch back.
func mend() op {
	return op{"mend", 60, false, func(_ context.Context, s *soak, r *rand.Rand) error {
		if s.slip == nil {
			return errSkip
		}
		name, root := "mend "+s.slip.slip.Name, s.slip.slip.Root
		before := s.history[max(0, len(s.history)-2)]
		if root || r.IntN(4) == 0 && before.slip == nil {
			return s.forceTo(before, name+" by a force-push")
		}
		s.slip = nil
		return s.commit(name)
	}}
}

// approval approves what is held, but for what nobody should approve.
func approval() op {
	return op{"approve", 20, false, func(ctx context.Context, s *soak, _ *rand.Rand) error {
		if s.slip != nil && (s.slip.slip.Keep || s.slip.slip.Root) {
			return errSkip
		}
		done := map[string]bool{}
		for _, h := range s.holds {
			if h.ID == "" || done[h.ID] || strings.Contains(h.Kind, "Cluster") {
				continue
			}
			done[h.ID] = true
			before := s.ledger.approvals()
			for _, c := range s.fleet.clusters {
				if h.on(c.name) {
					s.ledger.approve(c.name, h.Apps)
				}
			}
			_, err := s.fleet.drover(ctx, "approve", h.ID, "--yes")
			if err != nil && strings.Contains(err.Error(), "has not read what Git asks") {
				s.ledger.approved = before // the newest revision cannot be followed, and the hub was restarted since
				return errSkip
			}
			if err != nil && s.stillHeld(ctx, h.ID) {
				return &violation{[]string{fmt.Sprintf("what the status shows as held cannot be approved: %v", err)}}
			}
		}
		return nil
	}}
}

// stillHeld says whether the status still shows a hold: approving one may have let another go.
func (s *soak) stillHeld(ctx context.Context, id string) bool {
	st, err := s.fleet.status(ctx)
	return err == nil && slices.ContainsFunc(st.holds, func(h Hold) bool { return h.ID == id })
}

// commit writes the world, with the slip, and commits it.
func (s *soak) commit(name string) error {
	w := s.world.clone()
	if s.slip != nil && s.slip.slip.Edit != nil {
		s.slip.slip.Edit(w, s.slip.target)
		s.world.next = w.next
	}
	files := w.files()
	if s.slip != nil && s.slip.slip.File != nil {
		s.slip.slip.File(w, s.slip.target, files)
	}
	if err := s.write(files); err != nil {
		return err
	}
	if _, err := s.fleet.git.Git("add", "--all"); err != nil {
		return err
	}
	tree, err := s.fleet.git.Git("write-tree")
	if err != nil {
		return err
	}
	args := []string{"commit-tree", tree, "-m", name}
	if len(s.history) > 0 && (s.slip == nil || !s.slip.slip.Root) {
		args = append(args, "-p", "HEAD")
	}
	hash, err := s.fleet.git.Git(args...)
	if err != nil {
		return err
	}
	return s.record(State{Hash: hash, Op: name, Asks: s.asks(w)})
}

// record has the ledger know a commit, and then moves the branch to it.
func (s *soak) record(state State) error {
	state.Time = time.Now()
	if s.ledger == nil {
		s.ledger = newLedger(state)
	} else {
		s.ledger.commit(state)
	}
	s.history = append(s.history, snapshot{s.world.clone(), s.slip, state.Hash})
	s.acts++
	s.count(func(n *numbers) { n.commits++ })
	_, err := s.fleet.git.Git("update-ref", "refs/heads/main", state.Hash)
	return err
}

// asks are what the world with the slip asks of each cluster.
func (s *soak) asks(w *World) map[string]Ask {
	out := map[string]Ask{}
	for _, c := range s.world.Clusters {
		a := w.ask(c)
		if s.slip != nil && s.slip.slip.Ask != nil {
			s.slip.slip.Ask(w, s.slip.target, c, &a)
		}
		out[c] = a
	}
	return out
}

// restore makes a snapshot the present world. Names and values that were used since are not used again.
func (s *soak) restore(to snapshot) {
	next := s.world.next
	s.world, s.slip = to.world.clone(), to.slip
	s.world.next = next
}

// forceTo moves the branch to a commit of before.
func (s *soak) forceTo(to snapshot, name string) error {
	s.restore(to)
	w := s.world.clone()
	if s.slip != nil && s.slip.slip.Edit != nil {
		s.slip.slip.Edit(w, s.slip.target)
	}
	if err := s.record(State{Hash: to.hash, Op: name, Asks: s.asks(w)}); err != nil {
		return err
	}
	_, err := s.fleet.git.Git("reset", "--quiet", "--hard", to.hash)
	return err
}

// write makes the work tree hold exactly these files.
func (s *soak) write(files map[string]string) error {
	dir := s.fleet.git.Dir
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			if err == nil && e.Name() == ".git" {
				return fs.SkipDir
			}
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if _, ok := files[filepath.ToSlash(name)]; !ok {
			return os.Remove(path)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("write the repository: %w", err)
	}
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if old, err := os.ReadFile(path); err == nil && string(old) == text {
			continue
		}
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		if err == nil {
			err = os.WriteFile(path, []byte(text), 0o644)
		}
		if err != nil {
			return fmt.Errorf("write the repository: %w", err)
		}
	}
	return nil
}
