package owned

import (
	"fmt"
	"testing"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/protocol"
)

// TestEveryFailureHasItsCode: what is known of a failure is told, whatever it is wrapped in.
func TestEveryFailureHasItsCode(t *testing.T) {
	t.Parallel()
	for r := agent.ReasonOther; r <= agent.ReasonQuota; r++ {
		want, ok := Codes[r]
		if general := r == agent.ReasonOther || r == agent.ReasonMissing || r == agent.ReasonExpired; ok == general {
			t.Errorf("reason %d has the code %q", r, want)
		}
		if !ok {
			want = protocol.ReasonApplyFailed
		}
		if got := CodeOf(fmt.Errorf("apply: %w", &agent.Failure{Reason: r}), protocol.ReasonApplyFailed); got != want {
			t.Errorf("reason %d has the code %s, want %s", r, got, want)
		}
	}
	for r, want := range map[agent.Reason]protocol.Reason{agent.ReasonInvalid: "ApplyRefused", agent.ReasonManaged: "Conflict", agent.ReasonQuota: "QuotaExceeded",
		agent.ReasonDenied: "WebhookDenied", agent.ReasonWebhook: "WebhookUnavailable", agent.ReasonImmutable: "ImmutableField", agent.ReasonKind: "KindNotServed"} {
		if Codes[r] != want {
			t.Errorf("reason %d has the code %s, want %s", r, Codes[r], want)
		}
	}
}
