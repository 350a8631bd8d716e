package holder

import (
	"testing"

	"github.com/drover-dev/drover/fleet/rollout"
)

func TestWhichPolicyHoldsAnApp(t *testing.T) {
	t.Parallel()
	waves := []rollout.Wave{{Name: "all"}}
	has := map[string][]rollout.Entry{"web": {{}}}
	named := rollout.Policy{Name: "shop", Origin: &rollout.Origin{Rank: 1}, Waves: waves}
	all, some := rollout.Policy{Name: "all", Waves: waves}, rollout.Policy{Name: "some", Apps: []string{"d*"}, Waves: waves}
	for what, c := range map[string]struct {
		claims  Claims
		web, db int
	}{
		"none":                {nil, -1, -1},
		"the first":           {Claims{{Policy: &all}, {Policy: &all}}, 0, 0},
		"what is held":        {Claims{{Policy: &all}, {Policy: &all, Has: has}}, 1, 0},
		"by name":             {Claims{{Policy: &some}, {Policy: &all}}, 1, 0},
		"of another tool":     {Claims{{Policy: &named, Named: []string{"web"}}, {Policy: &some}}, 0, 1},
		"undefined":           {Claims{{Policy: &all, Undefined: true}}, 0, 0},
		"undefined, with it":  {Claims{{Policy: &all, Undefined: true, Has: has}, {Policy: &all}}, 0, 1},
		"undefined, and none": {Claims{{Policy: &all, Undefined: true, Named: []string{"web"}}}, 0, -1},
		"undefined, and named": {Claims{{Policy: &all, Undefined: true, Named: []string{"web"}, Has: has}, {Policy: &all}}, 1,
			1},
	} {
		if web, db := c.claims.Of("web"), c.claims.Of("db"); web != c.web || db != c.db {
			t.Errorf("%s: %d holds web and %d db, want %d and %d", what, web, db, c.web, c.db)
		}
	}
}
