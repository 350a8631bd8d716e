// Package policies reads which policies of rollouts there are, from RolloutPolicies and from objects of other tools.
//
// It may import fleet/rollout and hub/model.
package policies

import (
	"cmp"
	"errors"
	"slices"

	"github.com/drover-dev/drover/fleet/rollout"
	"github.com/drover-dev/drover/hub/model"
)

// Declared is a RolloutPolicy as Git has it.
type Declared struct {
	Policy rollout.Policy
	JSON   []byte // the object
}

// Read reads the policies of an object: of a RolloutPolicy itself, or of an object of another tool that says how
// changes reach clusters. An error says what is wrong with it.
type Read func(o model.Rendered) ([]rollout.Policy, error)

// Declare gives the policies among what is declared for many clusters. sure says that all of them can be read. Of two
// of one name a RolloutPolicy counts, or else the first: lint names the other.
func Declare(objects []model.Rendered, read Read) (out []Declared, sure bool) {
	sure = true
	at := map[string]int{}
	for _, o := range objects {
		policies, err := read(o)
		sure = sure && err == nil
		for _, p := range policies {
			i, twice := at[p.Name]
			switch {
			case err != nil:
			case !twice:
				at[p.Name] = len(out)
				out = append(out, Declared{p, o.JSON})
			case p.Origin == nil:
				out[i] = Declared{p, o.JSON}
			}
		}
	}
	return out, sure
}

// One reads the policy of a name from what declares it.
func One(read Read, declared []byte, name string) (rollout.Policy, error) {
	policies, err := read(model.Rendered{JSON: declared})
	if i := slices.IndexFunc(policies, func(p rollout.Policy) bool { return p.Name == name }); i >= 0 && err == nil {
		return policies[i], nil
	}
	return rollout.Policy{Name: name}, cmp.Or(err, errors.New("what declared it says nothing of it"))
}
