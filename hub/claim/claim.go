package claim

import (
	"cmp"
	"fmt"

	"github.com/drover-dev/drover/hub/trust"
)

// Claim is what one app has to do with an object that it declares, or goes on delivering.
type Claim struct {
	App int // where the app is among those of the cluster, which are sorted by name
	// Party is with whose rights the app delivers. What is trusted less never counts against what is trusted more.
	Party trust.Party
	Had   bool // the app delivered the object when the cluster was told last
	// Stays: the app is kept at what it delivered last, since nothing newer of it can be delivered now.
	Stays bool
	// Waits is how much speaks against its delivering the object first: that it is suspended, or waits for others that
	// claim it.
	Waits int
	Keeps bool // it would leave the object in the cluster when it goes
	// Form is what would be delivered; "" where that is not the same for each app that declares it.
	Form string
}

// Ruling says who has an object.
type Ruling struct {
	Owner Claim
	Share []Claim // they declare the same with the same rights, and the owner delivers it for them
	Lose  []Claim // the others: they go on without this object
	// Keep: the owner would delete the object when it goes, and one that shares it would not. It stays then: nobody
	// knows who of them goes first.
	Keep bool
}

// Decide says which of the apps that claim an object delivers it: of those that are trusted most the one that had it.
// If none had, it is the one against which least speaks, and of equal ones the first. So the owner of an object
// keeps it until it goes or no longer declares it, whatever else comes with no more trust, and however long it
// takes to render what claims it too. Of several that had it, one that delivers something newer has precedence over
// one that is kept at what it had. There is at least one claim; their order does not matter.
func Decide(claims []Claim) Ruling {
	r := Ruling{Owner: claims[0]}
	for _, c := range claims[1:] {
		if compare(c, r.Owner) < 0 {
			r.Owner = c
		}
	}
	for _, c := range claims {
		switch {
		case c.App == r.Owner.App:
		case c.Form != "" && c.Form == r.Owner.Form && c.Party.Shares(r.Owner.Party):
			r.Share = append(r.Share, c)
			r.Keep = r.Keep || c.Keeps
		default:
			r.Lose = append(r.Lose, c)
		}
	}
	r.Keep = r.Keep && !r.Owner.Keeps && !r.Owner.Stays
	return r
}

// compare puts the claim first that has the object.
func compare(a, b Claim) int {
	return cmp.Or(trust.Compare(a.Party, b.Party), cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Waits, b.Waits),
		cmp.Compare(a.App, b.App))
}

func rank(c Claim) int {
	switch {
	case c.Had && !c.Stays:
		return 0
	case c.Stays:
		return 1
	}
	return 2
}

// Lost says for people that an app goes on without an object, and why it does not share it with the owner.
func (c Claim) Lost(owner Claim, app, to string) string {
	why := ": objects that are declared alike are shared only by apps of one service account and one project; remove it " +
		"from one app if that is not meant"
	switch {
	case c.Form == "" || owner.Form == "":
		why = ": a hook, and an object that the agent decrypts or replaces variables in, belongs to one app, " +
			"since it may be " +
			"another one for each; give the two different names, or remove it from one app"
	case c.Form != owner.Form:
		why = " and declares it otherwise: an object belongs to one app; declare it alike in both, or remove it from one"
	}
	return fmt.Sprintf("the app %s goes on without it, since the app %s has it%s", app, to, why)
}
