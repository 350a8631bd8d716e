package trust

import "testing"

// parties are one of each kind, in the order in which they are trusted; those of one line are trusted alike.
var parties = [][]Party{
	{{}},
	{{Project: "one"}, {Project: "two"}},
	{{Account: "a/x"}, {Account: "a/y"}, {Account: "b/x"}, {Account: "a/x", Project: "one"}},
}

func TestPartiesAreOrderedByTheirRights(t *testing.T) {
	t.Parallel()
	for i, left := range parties {
		for j, right := range parties {
			for _, a := range left {
				for _, b := range right {
					if got := Compare(a, b); (got < 0) != (i < j) || (got > 0) != (i > j) {
						t.Errorf("%+v and %+v: %d", a, b, got)
					}
				}
			}
		}
	}
}

func TestWhoTakesValuesFromWhom(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		party, from   Party
		reads, shares bool
	}{
		{Party{}, Party{}, true, true},
		{Party{}, Party{Account: "a/x"}, false, false},
		{Party{}, Party{Project: "one"}, false, false},
		{Party{Account: "a/x"}, Party{}, false, false},
		{Party{Account: "a/x"}, Party{Account: "a/x"}, true, true},
		{Party{Account: "a/x"}, Party{Account: "a/y"}, false, false},
		{Party{Account: "a/x"}, Party{Account: "b/x"}, false, false},
		{Party{Account: "a/x"}, Party{Account: "a/x", Project: "one"}, false, false},
		{Party{Account: "a/x", Project: "one"}, Party{Account: "a/x"}, true, false},
		{Party{Account: "a/x", Project: "one"}, Party{Account: "a/x", Project: "one"}, true, true},
		{Party{Account: "a/x", Project: "one"}, Party{Account: "a/x", Project: "two"}, false, false},
		{Party{Project: "one"}, Party{}, true, false},
		{Party{Project: "one"}, Party{Project: "one"}, true, true},
		{Party{Project: "one"}, Party{Project: "two"}, false, false},
		{Party{Project: "one"}, Party{Account: "a/x", Project: "one"}, false, false},
	} {
		if got, shared := c.party.Reads(c.from), c.party.Shares(c.from); got != c.reads || shared != c.shares {
			t.Errorf("%+v from %+v: reads %v, shares %v", c.party, c.from, got, shared)
		}
	}
}
