// Package earlier says what clusters had before, as far as that is still held, and which targets they can go back to. It
// is pure.
//
// It may import fleet/rollout.
package earlier

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/drover-dev/drover/fleet/rollout"
)

// Before is what people call what clusters had before their policy.
const Before = "before"

// Limits of what is said and asked.
const (
	MaxListed = 8 // that an error lists
	MinToRef  = 7 // characters of a revision
)

// Held is what is still held of the clusters of a policy.
type Held struct {
	Policy string
	Memory rollout.Memory
	Names  map[uint64]string // what targets are called, by their numbers
}

// Had is what a cluster was to have with a target, as far as that is still held: of some apps, or of all that the
// policy holds; then the others have what they have.
func (h Held) Had(cluster, to string, only []string) (out rollout.Content, target string, err error) {
	c := h.Memory.Clusters[cluster]
	seq, target, err := h.called(c, to)
	if err != nil {
		return nil, "", fmt.Errorf("%s %w", cluster, err)
	}
	for _, app := range only {
		if len(c.Apps[app]) == 0 {
			return nil, "", fmt.Errorf("%s has no app %.80q under the policy %s", cluster, app, h.Policy)
		}
	}
	out = rollout.Content{}
	for _, app := range slices.Sorted(maps.Keys(c.Apps)) {
		entries := c.Apps[app]
		e := entries[0]
		if len(only) == 0 || slices.Contains(only, app) {
			i := slices.IndexFunc(entries, func(e rollout.Entry) bool { return e.Seq <= seq })
			if i < 0 {
				return nil, "", fmt.Errorf("%s: what the app %s was at %s is not held any more; available: %s", cluster, app,
					target, h.available(c))
			}
			if e = entries[i]; h.isBad(app, e) {
				return nil, "", fmt.Errorf("%s: what the app %s was at %s is bad; available: %s", cluster, app, target,
					h.available(c))
			}
		}
		if e.Digest != "" {
			out[app] = e.App
		}
	}
	return out, target, nil
}

func (h Held) isBad(app string, e rollout.Entry) bool {
	return slices.ContainsFunc(h.Memory.Bad, func(b rollout.BadContent) bool {
		return b.App == app && b.Digest == e.Digest && b.Seq <= e.Seq
	})
}

// called finds the target of a cluster that is called by the beginning of its commit.
func (h Held) called(c rollout.Cluster, to string) (seq uint64, target string, err error) {
	if to == Before {
		return 0, Before, nil
	}
	for s, id := range h.Names {
		if len(to) >= MinToRef && strings.HasPrefix(id, to) && s > seq && s <= c.Seq {
			seq, target = s, id
		}
	}
	if seq == 0 {
		return 0, "", fmt.Errorf("was at no revision %.80q that is still held; available: %s", to, h.available(c))
	}
	return seq, target, nil
}

// available are the targets that a cluster can go back to, the newest first.
func (h Held) available(c rollout.Cluster) string {
	var out []string
	for _, to := range h.at(c, nil) {
		if out = append(out, to); to == Before {
			out[len(out)-1] = Before + " (what it had before the policy)"
		}
	}
	return cmp.Or(strings.Join(out[:min(len(out), MaxListed)], ", "), "nothing")
}

// At are what people call the targets that a cluster can go back to, the newest first: those that brought what is
// still held of some apps, or of all that the policy holds.
func (h Held) At(cluster string, only []string) []string {
	return h.at(h.Memory.Clusters[cluster], only)
}

func (h Held) at(c rollout.Cluster, only []string) (out []string) {
	found := map[uint64]bool{}
	oldest := uint64(0) // before that some app is not held any more
	for app, entries := range c.Apps {
		if len(only) > 0 && !slices.Contains(only, app) {
			continue
		}
		for _, e := range entries {
			found[e.Seq] = found[e.Seq] || !h.isBad(app, e)
		}
		oldest = max(oldest, entries[len(entries)-1].Seq)
	}
	for _, seq := range slices.Backward(slices.Sorted(maps.Keys(found))) {
		name := h.Names[seq]
		if name = name[:min(len(name), 8)]; seq == 0 {
			name = Before
		}
		if name != "" && found[seq] && seq >= oldest {
			out = append(out, name)
		}
	}
	return out
}

// Target is the target that begins with what a person wrote.
func (h Held) Target(text string) (rollout.Known, error) {
	var found []rollout.Known
	for id, t := range h.Memory.Targets {
		if id == text {
			return t, nil
		}
		if strings.HasPrefix(id, text) {
			found = append(found, t)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return rollout.Known{}, fmt.Errorf("the policy %s knows no target %.80q: `drover rollout %[1]s` shows those "+
			"there are", h.Policy, text)
	}
	return rollout.Known{}, fmt.Errorf("%.80q is the beginning of %d targets: write more of it", text, len(found))
}

// maxNames is of how many targets the names are remembered.
const maxNames = 500

// Called are the names with those of all targets, which are remembered also when nothing else of them is needed any
// more; news says that there are others than before. Names itself is not changed.
func (h Held) Called() (names map[uint64]string, news bool) {
	for id, t := range h.Memory.Targets {
		if h.Names[t.Seq] != "" {
			continue
		}
		if names == nil {
			names = map[uint64]string{}
			maps.Copy(names, h.Names)
		}
		names[t.Seq] = id
	}
	if names == nil {
		return h.Names, false
	}
	for _, seq := range slices.Sorted(maps.Keys(names))[:max(0, len(names)-maxNames)] {
		delete(names, seq)
	}
	return names, true
}
