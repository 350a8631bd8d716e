package identity

import (
	"fmt"
	"slices"
	"strings"
)

// Named is an app that may be asked for.
type Named struct {
	Key      string
	Declared string   // what declares it, as ID.String writes it; "" if that is not known
	Formerly []string // names of older releases
}

// ID is what declares it. Of what is not known it is taken for a native app.
func (n Named) ID() ID {
	if id := Parse(n.Declared); id != (ID{}) {
		return id
	}
	return ID{Kind: KindApp, Name: n.Key}
}

// Whole names it as an argument that is always enough: kind/namespace/name.
func (n Named) Whole() string { return strings.Replace(n.ID().String(), " ", "/", 1) }

// DeclaredAs says whether it is asked for by what declares it: kind/namespace/name in any letter case, or the title.
func (n Named) DeclaredAs(asked string) bool {
	return strings.EqualFold(n.Whole(), asked) || strings.EqualFold(n.ID().String(), asked) || n.ID().Title() == asked
}

// Find gives the key of the app that a person means: by its key, its shown name (with or without the kind), its bare
// name, kind/namespace/name, or a name of older releases. The error says which apps may be meant, or which there are.
func Find(apps []Named, asked string) (string, error) {
	ways := []func(Named) bool{
		func(n Named) bool { return n.Key == asked },
		func(n Named) bool { return n.DeclaredAs(asked) },
		func(n Named) bool { return n.ID().Name == asked },
		func(n Named) bool { return slices.Contains(n.Formerly, asked) },
	}
	for _, is := range ways {
		var found []Named
		for _, n := range apps {
			if is(n) {
				found = append(found, n)
			}
		}
		switch len(found) {
		case 0:
			continue
		case 1:
			return found[0].Key, nil
		}
		return "", fmt.Errorf("%q may be any of %d apps: write one of %s", asked, len(found), wholes(found))
	}
	if len(apps) == 0 {
		return "", fmt.Errorf("there is no app %q, or any other", asked)
	}
	return "", fmt.Errorf("there is no app %q: there are %s", asked, wholes(apps))
}

// maxListed is how many apps an error lists.
const maxListed = 20

func wholes(apps []Named) string {
	var out []string
	for _, n := range apps {
		if out = append(out, n.Whole()); n.ID().Kind == KindApp || n.ID().Kind == KindRoot {
			out[len(out)-1] = n.Key
		}
	}
	slices.Sort(out)
	if more := len(out) - maxListed; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(out[:maxListed], ", "), more)
	}
	return strings.Join(out, ", ")
}
