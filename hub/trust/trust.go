package trust

import "cmp"

// Party is with whose rights something is declared and delivered. The zero value has all rights: who writes to the
// cluster's folder or to fleet/, and nothing bounds it.
type Party struct {
	Account string // service account, as namespace/name; "" for the agent's own rights
	Project string // that bounds it; "" where none does
}

// Rank is how little a party is trusted: 0 where nothing bounds it, 1 where a project does, 2 where it has the rights
// of a service account. What has a higher rank never counts against what has a lower one.
func (p Party) Rank() int {
	switch {
	case p.Account != "":
		return 2
	case p.Project != "":
		return 1
	}
	return 0
}

// Compare orders parties: those that are trusted more come first. It is 0 for two of one rank, of which neither takes
// precedence over the other.
func Compare(a, b Party) int { return cmp.Compare(a.Rank(), b.Rank()) }

// Reads says whether the hub may take values for an app of the party from what an app of another one delivers: both have
// the same account, and the other is bound by the same project or by none. So nobody is given what another account has,
// and nobody changes what an app becomes that has another account, or none.
func (p Party) Reads(from Party) bool {
	return p.Account == from.Account && (from.Project == "" || from.Project == p.Project)
}

// Shares says whether apps of two parties may have one object together: they have the same rights.
func (p Party) Shares(with Party) bool { return p == with }
