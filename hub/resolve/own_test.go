package resolve

import (
	"fmt"
	"strings"
	"testing"
)

// TestWhoHasAnObject: each claim is written as its app's number with its form and what is so of it.
func TestWhoHasAnObject(t *testing.T) {
	t.Parallel()
	read := func(text string) (out []claim) {
		for i, word := range strings.Fields(text) {
			c := claim{app: i}
			c.form, word, _ = strings.Cut(word, ":")
			for flag := range strings.SplitSeq(word, ",") {
				switch flag {
				case "had":
					c.had = true
				case "stays":
					c.had, c.stays = true, true
				case "keeps":
					c.keeps = true
				case "waits":
					c.waits++
				case "waits2":
					c.waits += 2
				}
			}
			out = append(out, c)
		}
		return out
	}
	numbers := func(claims []claim) (out string) {
		for _, c := range claims {
			out += fmt.Sprint(c.app)
		}
		return out
	}
	for _, c := range []struct{ name, claims, want string }{
		{"one alone", "a", "owner 0"},
		{"equal newcomers: the first", "a a a", "owner 0 share 12"},
		{"newcomers that differ: the first", "a b", "owner 0 lose 1"},
		{"who had it keeps it", "a a:had", "owner 1 share 0"},
		{"who had it keeps it where they differ", "a b:had c", "owner 1 lose 02"},
		{"several had it: the first", "a b:had a:had", "owner 1 lose 02"},
		{"one that stays has it", "a a:stays", "owner 1 share 0"},
		{"one that stays goes after one that had it and goes on", "a:stays b:had", "owner 1"},
		{"who waits for others comes last", "a:waits2 a:waits a", "owner 2 share 01"},
		{"having had it counts more than waiting", "a a:waits,had", "owner 1 share 0"},
		{"what cannot be shared is lost", ":had :", "owner 0 lose 1"},
		{"some share, some lose", "a b a", "owner 0 share 2 lose 1"},
		{"one that shares it would keep it", "a a:keeps", "owner 0 share 1 keep"},
		{"the owner keeps it by itself", "a:keeps a:keeps", "owner 0 share 1"},
		{"one that loses it has no say", "a b:keeps", "owner 0 lose 1"},
		{"what stays is not rewritten", "a:stays a:keeps", "owner 0 share 1"},
	} {
		r := decide(read(c.claims))
		got := fmt.Sprint("owner ", r.owner.app)
		if len(r.share) > 0 {
			got += " share " + numbers(r.share)
		}
		if len(r.lose) > 0 {
			got += " lose " + numbers(r.lose)
		}
		if r.keep {
			got += " keep"
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// TestWhoHasAnObjectKeepsItWhateverElseComes, and the one that takes over from it is among those that claim it.
func TestWhoHasAnObjectKeepsItWhateverElseComes(t *testing.T) {
	t.Parallel()
	forms := []string{"a", "b", ""}
	for n := 1; n <= 4; n++ {
		for pick := range 81 {
			var claims []claim
			for i := range n {
				claims = append(claims, claim{app: i, form: forms[pick/[]int{1, 3, 9, 27}[i]%3], waits: pick % 2})
			}
			first := decide(claims).owner
			for i := range claims {
				claims[i].had = i == first.app
			}
			late := append([]claim{{app: -1, form: "a"}}, claims...)
			if got := decide(late).owner; got.app != first.app {
				t.Fatalf("of %+v %d had it, and now %d has", claims, first.app, got.app)
			}
			r := decide(late)
			if 1+len(r.share)+len(r.lose) != len(late) {
				t.Fatalf("%+v: not everybody is told", r)
			}
		}
	}
}
