package approval

import (
	"testing"

	"github.com/drover-dev/drover/fleet/rollout"
)

func TestWhatIsMissing(t *testing.T) {
	t.Parallel()
	sre := rollout.Wave{Name: "early", Approval: &rollout.Approval{Groups: []string{"sre"}, Count: 2}}
	anyone := rollout.Wave{Name: "early", Approval: &rollout.Approval{Count: 3}}
	for _, c := range []struct {
		wave     rollout.Wave
		approved int
		want     string
	}{
		{sre, 1, "1 of 2 approvals; needs one more of sre"},
		{sre, 2, ""},
		{anyone, 1, "1 of 3 approvals; needs 2 more"},
		{rollout.Wave{Name: "early"}, 0, ""},
	} {
		if got := Missing(c.wave, c.approved); got != c.want {
			t.Errorf("of %d approvals it says %q, want %q", c.approved, got, c.want)
		}
	}
}
