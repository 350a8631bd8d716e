package claim_test

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/drover-dev/drover/hub/claim"
	"github.com/drover-dev/drover/hub/trust"
)

// claims reads claims, each written as its form and, after a colon, what is so of it. Each app has its place as number.
func claims(text string) (out []claim.Claim) {
	for i, word := range strings.Fields(text) {
		c := claim.Claim{App: i, Party: trust.Party{Project: "shop"}}
		c.Form, word, _ = strings.Cut(word, ":")
		for flag := range strings.SplitSeq(word, ",") {
			switch flag {
			case "had":
				c.Had = true
			case "stays":
				c.Had, c.Stays = true, true
			case "keeps":
				c.Keeps = true
			case "waits":
				c.Waits++
			case "waits2":
				c.Waits += 2
			case "trusted":
				c.Party = trust.Party{}
			case "tenant":
				c.Party = trust.Party{Account: "team/deployer"}
			case "other":
				c.Party.Project = "other"
			}
		}
		out = append(out, c)
	}
	return out
}

// TestWhoHasAnObject: want is a letter for each app: O for the owner, s for one that shares, - for one that goes on
// without the object. A k behind says that the object is kept.
func TestWhoHasAnObject(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, claims, want string }{
		{"one alone", "a", "O"},
		{"equal newcomers: the first", "a a a", "Oss"},
		{"newcomers that differ: the first", "a b", "O-"},
		{"the one that had it keeps it", "a a:had", "sO"},
		{"the one that had it keeps it where they differ", "a b:had c", "-O-"},
		{"several had it: the first", "a b:had a:had", "-O-"},
		{"one that stays has it", "a a:stays", "sO"},
		{"one that stays keeps it from what differs", "a b:stays", "-O"},
		{"one that stays goes after one that had it and goes on", "a:stays b:had", "-O"},
		{"of two that stay the first", "a:stays b:stays", "O-"},
		{"one that waits for others comes last", "a:waits2 a:waits a", "ssO"},
		{"having had it counts more than waiting", "a a:waits,had", "sO"},
		{"staying counts more than waiting", "a a:waits,stays", "sO"},
		{"what is not the same for each is not shared", ": :", "O-"},
		{"nor is it with what is", ": a", "O-"},
		{"some share, some go without", "a b a", "O-s"},
		{"one that shares it would keep it", "a a:keeps", "Osk"},
		{"the owner keeps it by itself", "a:keeps a:keeps", "Os"},
		{"one that goes without has no say", "a b:keeps", "O-"},
		{"what stays is not rewritten to be kept", "a:stays a:keeps", "Os"},
		{"the one that is trusted most", "a b:trusted", "-O"},
		{"trust counts more than having had it", "a:had b:trusted", "-O"},
		{"trust counts more than staying", "a:stays b:trusted", "-O"},
		{"trust counts more than waiting", "a:had b:trusted,waits2", "-O"},
		{"of a tenant nothing is shared with others", "a:tenant a", "-O"},
		{"nor between projects", "a a:other", "O-"},
		{"in one project it is", "a:other a:other", "Os"},
		{"of a tenant it is shared", "a:tenant a:tenant,had", "sO"},
		{"a tenant does not keep an object of others", "a a:tenant,keeps a", "O-s"},
	} {
		in := claims(c.claims)
		got := letters(in, claim.Decide(in))
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// letters are a ruling as TestWhoHasAnObject has it.
func letters(in []claim.Claim, r claim.Ruling) string {
	out := []byte(strings.Repeat("?", len(in)))
	out[r.Owner.App] = 'O'
	for _, c := range r.Share {
		out[c.App] = 's'
	}
	for _, c := range r.Lose {
		out[c.App] = '-'
	}
	if r.Keep {
		out = append(out, 'k')
	}
	return string(out)
}

// all are parties of each rank.
var all = []trust.Party{{}, {Project: "shop"}, {Project: "other"}, {Account: "team/deployer"}, {Account: "team/other"},
	{Account: "team/deployer", Project: "shop"}}

// random claims of n apps of some parties, the same for equal seeds.
func random(rnd *rand.Rand, parties []trust.Party, n int) (out []claim.Claim) {
	for i := range n {
		c := claim.Claim{App: i, Party: parties[rnd.IntN(len(parties))], Had: rnd.IntN(3) == 0, Waits: rnd.IntN(2),
			Keeps: rnd.IntN(2) == 0, Form: []string{"", "a", "b"}[rnd.IntN(3)]}
		c.Stays = c.Had && rnd.IntN(2) == 0
		out = append(out, c)
	}
	return out
}

// TestWhoHasAnObjectKeepsIt, whatever else comes that is not trusted more, and whatever order it comes in; and each app
// is told once.
func TestWhoHasAnObjectKeepsIt(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		in := random(rnd, all, 1+rnd.IntN(5))
		first := claim.Decide(in)
		if got := letters(in, first); strings.Contains(got, "?") {
			t.Fatalf("an app is missing: %s of %+v", got, in)
		}
		for i := range in {
			in[i].Had = in[i].App == first.Owner.App
			in[i].Stays = in[i].Stays && in[i].Had
		}
		late := claim.Claim{App: len(in), Party: all[rnd.IntN(len(all))], Form: "a"}
		if trust.Compare(late.Party, first.Owner.Party) < 0 {
			continue
		}
		now := append(slices.Clone(in), late)
		rnd.Shuffle(len(now), func(i, j int) { now[i], now[j] = now[j], now[i] })
		if got := claim.Decide(now); got.Owner.App != first.Owner.App {
			t.Fatalf("%+v had it, and now of %+v %+v has it", first.Owner, now, got.Owner)
		}
	}
}

// TestWhatIsTrustedLessCountsForNothing: no claim of a lower trust changes who of the others has an object, or what
// becomes of it.
func TestWhatIsTrustedLessCountsForNothing(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 5000 {
		rank := 1 + rnd.IntN(2)
		trusted := func(p trust.Party) bool { return p.Rank() < rank }
		more := slices.DeleteFunc(slices.Clone(all), func(p trust.Party) bool { return !trusted(p) })
		less := slices.DeleteFunc(slices.Clone(all), trusted)
		in, low := random(rnd, more, 1+rnd.IntN(4)), random(rnd, less, 2)
		without := claim.Decide(in)
		for i := range low {
			low[i].App = len(in) + i
		}
		with := claim.Decide(append(slices.Clone(in), low...))
		with.Lose = slices.DeleteFunc(with.Lose, func(c claim.Claim) bool { return c.App >= len(in) })
		if len(with.Lose) == 0 {
			with.Lose = nil
		}
		if !reflect.DeepEqual(with, without) {
			t.Fatalf("%+v beside %+v: %+v, want %+v", low, in, with, without)
		}
	}
}
