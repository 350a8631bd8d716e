package tally

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"
)

var start = time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)

// anyShare is a share of a cluster, whose place does not change.
func anyShare(random *rand.Rand, rank int) Share {
	yes := func() bool { return random.IntN(2) == 0 }
	s := Share{Wave: rank%3 - 1, Rank: rank, Target: random.IntN(4) - 1, Part: Part(random.IntN(8)), Away: yes(),
		InFlight: yes(), Returning: yes(), Tries: yes(), Failed: yes(), Jammed: yes(), Parts: uint64(random.IntN(8))}
	if s.Wave >= 0 {
		s.Waits = [Queues]bool{yes(), yes(), yes()}
	}
	if yes() {
		s.Wake = start.Add(time.Duration(random.IntN(1000)) * time.Second)
	}
	return s
}

// bookOf is a book that is made of shares at once.
func bookOf(shares map[string]Share) *Book {
	var lines [Queues][][]string
	for q := range Queues {
		lines[q] = make([][]string, 2)
		for _, name := range slices.Sorted(maps.Keys(shares)) { // their ranks are in the order of their names
			if s := shares[name]; s.Waits[q] {
				lines[q][s.Wave] = append(lines[q][s.Wave], name)
			}
		}
	}
	b := New([]int{20, 20}, []string{"A", "B", "C"}, lines, []string{"A", "B", "C"})
	for _, s := range shares {
		b.Add(s, 1)
	}
	b.Begin(maps.Clone(shares))
	return b
}

// earliest is the first time that is the wake of a cluster, or all.
func earliest(shares map[string]Share, all time.Time) time.Time {
	for _, s := range shares {
		if !s.Wake.IsZero() && (all.IsZero() || s.Wake.Before(all)) {
			all = s.Wake
		}
	}
	return all
}

// A book that follows some clusters is that which is made of all of them: its sums, who gets the next places, and when
// something changes by the clock.
func TestABookFollowsSomeClusters(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 5)) //nolint:gosec // a test repeats itself
		shares := map[string]Share{}
		for i := range 60 {
			shares[fmt.Sprintf("c%02d", i)] = anyShare(random, i)
		}
		b := bookOf(shares)
		for i := range 300 {
			other, fresh := b.Copy(), map[string]Share{}
			for range 1 + random.IntN(4) {
				rank := random.IntN(60)
				name := fmt.Sprintf("c%02d", rank)
				if _, is := fresh[name]; !is {
					other.Add(shares[name], -1)
					fresh[name] = anyShare(random, rank)
					other.Add(fresh[name], 1)
				}
			}
			if want := bookOf(shares); !same(b, want) {
				t.Fatalf("seed %d, %d: a copy changes the book: %+v, want %+v", seed, i, b.Sums, want.Sums)
			}
			b.Take(other, fresh)
			maps.Copy(shares, fresh)
			want := bookOf(shares)
			if !same(b, want) {
				t.Fatalf("seed %d, %d: the sums are %+v %v, want %+v %v", seed, i, b.Sums, b.Refs, want.Sums, want.Refs)
			}
			for q := range Queues {
				for w := range 2 {
					places := random.IntN(70)
					if got, want := b.First(q, w, places), want.First(q, w, places); !slices.Equal(got, want) {
						t.Fatalf("seed %d, %d: the next in the queue %d are %v, want %v", seed, i, q, got, want)
					}
					if got, want := b.Waits(q, w, nil), len(want.First(q, w, 1)) > 0; got != want {
						t.Fatalf("seed %d, %d: it is %v that clusters wait in the queue %d", seed, i, got, q)
					}
				}
			}
			all := []time.Time{{}, start.Add(time.Second), start.Add(time.Hour)}[random.IntN(3)]
			if got, want := b.Next(all), earliest(shares, all); !got.Equal(want) {
				t.Fatalf("seed %d, %d: the next time is %s, want %s", seed, i, got, want)
			}
		}
		if len(b.wakes) > 2*len(shares)+64 {
			t.Errorf("%d times are remembered", len(b.wakes))
		}
	}
}

// same says whether two books have the same sums.
func same(a, b *Book) bool {
	clean := func(sums []Sum) []Sum {
		out := slices.Clone(sums)
		for i := range out {
			out[i].Failed = maps.Clone(out[i].Failed)
			maps.DeleteFunc(out[i].Failed, func(_ string, n int) bool { return n == 0 })
		}
		return out
	}
	return reflect.DeepEqual(clean(a.Sums), clean(b.Sums)) && slices.Equal(a.Refs, b.Refs)
}

func TestPartsAreCounted(t *testing.T) {
	t.Parallel()
	var n Counts
	for p := None; p <= Away; p++ {
		n.Add(p, 1)
	}
	if n != (Counts{All: 7, Unreleased: 1, Flying: 1, Waiting: 1, Settled: 1, Failed: 1, Ill: 1, Away: 1}) {
		t.Errorf("the counts are %+v", n)
	}
	if n.Blind() || (Counts{}).Blind() || !(Counts{All: 3, Ill: 2, Failed: 1}).Blind() {
		t.Error("what shows nothing is not found")
	}
}
