package soak

import (
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// play draws rounds as the loop does, and runs those that are commits alone on the model.
func play(seed uint64, rounds int) (out []string) {
	s := &soak{slips: slips(), drawn: slips(), ops: allOps(), world: newWorld(2)}
	for n := range rounds {
		r := rand.New(rand.NewPCG(seed, uint64(n)))
		o := s.next(r)
		out = append(out, o.name)
		for _, do := range []func(*soak, *rand.Rand) error{
			addObjects, changeObjects, removeObject, moveObject, addApp, removeApp, renameApp, replaceHashed,
		} {
			if err := do(s, r); err != nil && !errors.Is(err, errSkip) {
				out = append(out, err.Error())
			}
		}
		files := s.world.files()
		for _, path := range sorted(files) {
			out = append(out, path+": "+files[path])
		}
	}
	return out
}

func TestSameSeedDoesTheSame(t *testing.T) {
	if !slices.Equal(play(7, 30), play(7, 30)) {
		t.Error("two runs of seed 7 differ")
	}
	if slices.Equal(play(7, 30), play(8, 30)) {
		t.Error("seeds 7 and 8 do the same")
	}
}

func TestNamesAreUnique(t *testing.T) {
	names := Names()
	slices.Sort(names)
	if n := len(slices.Compact(slices.Clone(names))); n != len(names) {
		t.Errorf("%d of %d names: %v", n, len(names), names)
	}
}

// Each slip changes the files, and leaves the world alone, so that taking it back brings everything back.
func TestSlipsChangeTheFiles(t *testing.T) {
	for _, x := range slips() {
		for seed := range uint64(12) {
			s := &soak{slips: slips(), world: newWorld(2)}
			target, err := s.target(rand.New(rand.NewPCG(seed, 1)), x)
			if err != nil {
				t.Errorf("%s hits nothing: %v", x.Name, err)
				continue
			}
			before := s.world.files()
			w := s.world.clone()
			if x.Edit != nil {
				x.Edit(w, target)
			}
			after := w.files()
			if x.File != nil {
				x.File(w, target, after)
			}
			if maps.Equal(before, after) {
				t.Errorf("%s of %s changes nothing", x.Name, target)
			}
			if !maps.Equal(before, s.world.files()) {
				t.Errorf("%s changes the world", x.Name)
			}
			s.slip = &active{x, target}
			for c, a := range s.asks(w) {
				if a.Apps == nil || a.Kept == nil {
					t.Errorf("%s asks nothing of %s", x.Name, c)
				}
			}
		}
	}
}

func TestFilesSayWhatIsAsked(t *testing.T) {
	w := newWorld(3)
	files := w.files()
	all := ""
	for _, path := range sorted(files) {
		all += files[path]
	}
	for _, c := range w.Clusters {
		for r, o := range w.ask(c).wanted() {
			if !strings.Contains(all, "name: "+r.Name) || !strings.Contains(all, o.Value) {
				t.Errorf("no file of %s has %s at %s", c, r, o.Value)
			}
		}
	}
	if app, ok := w.ask("c1").wanting(Ref{"ConfigMap", space, "nowhere"}); ok {
		t.Error("an object that nobody named is wanted by", app)
	}
}
