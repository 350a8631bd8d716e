package resolve

import "cmp"

// claim is what one app has to do with an object that it declares, or goes on delivering.
type claim struct {
	app   int    // where it is in the resolution
	had   bool   // it delivered the object when the cluster was told last
	stays bool   // it is kept at what it delivered last, and cannot give the object up
	waits int    // what speaks against its delivering the object: it is suspended, or waits for others that claim it
	keeps bool   // it would leave the object in the cluster when it goes
	form  string // what it would deliver, and how; "" where no other app can deliver it instead
}

// ruling says who has an object.
type ruling struct {
	owner claim
	share []claim // they declare the same as the owner, which delivers it for them
	lose  []claim // they declare something else: without this object they go on
	// keep: the owner would delete it when it goes, and one that shares it would not. It stays then: nobody knows who of
	// them goes first.
	keep bool
}

// decide says which of the apps that claim an object delivers it. It is the one that had it, of several the first; else
// one that stays at its last good state; else the one that least speaks against; of equal ones the first. So who has an
// object keeps it until it goes or no longer declares it, and the next is one that still claims it. claims are sorted by
// where the apps are in the resolution, which is by name; there is at least one.
func decide(claims []claim) ruling {
	rank := func(c claim) int {
		switch {
		case c.had && !c.stays:
			return 0
		case c.stays:
			return 1
		}
		return 2
	}
	var r ruling
	for i, c := range claims {
		if i == 0 || cmp.Or(cmp.Compare(rank(c), rank(r.owner)), cmp.Compare(c.waits, r.owner.waits)) < 0 {
			r.owner = c
		}
	}
	for _, c := range claims {
		switch {
		case c.app == r.owner.app:
		case c.form != "" && c.form == r.owner.form:
			r.share = append(r.share, c)
			r.keep = r.keep || c.keeps
		case !c.stays:
			r.lose = append(r.lose, c)
		}
	}
	r.keep = r.keep && !r.owner.keeps && !r.owner.stays
	return r
}
