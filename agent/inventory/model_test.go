package inventory

import (
	"math/rand/v2"
	"testing"

	"github.com/drover-dev/drover/protocol"
)

// plainIndex is what an Index has to be, without numbers and locks: who owns what, and in which list it was seen.
type plainIndex struct {
	owners map[protocol.ObjectRef]string
	seen   map[protocol.ObjectRef]uint32
}

// Whatever is asked of an index, in whatever order, it answers as a map of owners would.
func TestAnIndexIsAMapOfOwners(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		x, want := New(), plainIndex{map[protocol.ObjectRef]string{}, map[protocol.ObjectRef]uint32{}}
		held := map[protocol.ObjectRef]uint64{}
		last := uint64(0)
		for range 200 {
			app, a, b := string('a'+rune(r.IntN(3))), ref(string('a'+rune(r.IntN(6)))), ref(string('a'+rune(r.IntN(6))))
			epoch := uint32(r.IntN(3))
			owner, owned := want.owners[a]
			switch r.IntN(4) {
			case 0:
				keeps := r.IntN(2) == 0
				got := x.Claim(app, a, func(string) bool { return keeps })
				is := map[bool]Claim{true: Taken, false: Free}[owned]
				if owned && keeps {
					is = Kept
				}
				if owned && owner == app {
					is = Mine
				}
				if got.Claim != is || got.Before != held[a] {
					t.Fatalf("seed %d: the claim of %s is %+v, want %d after claim %d", seed, app, got, is, held[a])
				}
				if is == Taken || is == Free {
					if got.Number <= last {
						t.Fatalf("seed %d: claim %d comes after claim %d", seed, got.Number, last)
					}
					want.owners[a], held[a], last = app, got.Number, got.Number
				}
			case 1:
				number := held[a] - uint64(r.IntN(2))
				if got := x.Release(a, number); got != (owned && number == held[a]) {
					t.Fatalf("seed %d: released is %t", seed, got)
				} else if got {
					delete(want.owners, a)
					delete(want.seen, a)
					delete(held, a)
				}
			case 2:
				other, taken := want.owners[b]
				may := owner == app && owned && (!taken || other == app)
				if _, ok := x.Rename(app, a, b); ok != may {
					t.Fatalf("seed %d: renamed is %t", seed, ok)
				}
				if may && a != b {
					want.owners[b], want.seen[b], held[b] = owner, want.seen[a], held[a]
					delete(want.owners, a)
					delete(want.seen, a)
					delete(held, a)
				}
			case 3:
				if got := x.See(a, epoch); got != owner {
					t.Fatalf("seed %d: who is seen is %q, want %q", seed, got, owner)
				} else if owned {
					want.seen[a] = epoch
				}
			}
			unseen := map[protocol.ObjectRef]string{}
			for _, o := range x.Unseen(epoch, func(protocol.ObjectRef) bool { return true }) {
				unseen[o.Ref] = o.Owner
			}
			for o, owner := range want.owners {
				if x.Owner(o) != owner || !x.Holds(o, held[o]) || (unseen[o] == owner) == (want.seen[o] == epoch) {
					t.Fatalf("seed %d: %s is %q's, seen in %d; not in %d are %v", seed, o, owner, want.seen[o], epoch, unseen)
				}
			}
			if x.Len() != len(want.owners) || len(x.All()) != len(want.owners) {
				t.Fatalf("seed %d: %d are owned, want %d", seed, x.Len(), len(want.owners))
			}
		}
	}
}
