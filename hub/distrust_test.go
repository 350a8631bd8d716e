package hub_test

import (
	"net"
	"testing"

	natsgo "github.com/nats-io/nats.go"

	"github.com/drover-dev/drover/hub/nats/keyring"
	"github.com/drover-dev/drover/protocol"
)

// A hub whose data directory is empty makes new keys. Agents of the hub before do not trust it, which it counts.
func TestAgentsOfAnotherHubAreCounted(t *testing.T) {
	t.Parallel()
	r := newRig(t, twoClusters())
	if !r.keys.New || r.keys.Made.IsZero() {
		t.Errorf("new keys are %t, made at %s", r.keys.New, r.keys.Made)
	}
	made := r.keys.Made
	other := must(must(keyring.Open(t.TempDir())).Trust([]string{"tls://" + r.addr}, ""))
	other.CA = must(keyring.Open(t.TempDir())).CA()
	for range 3 {
		if c, err := natsgo.Connect("tls://"+r.addr, roots(protocol.Trust{CA: other.CA})); err == nil {
			c.Close()
			t.Fatal("a client that trusts another authority connects")
		}
	}
	host, _, _ := net.SplitHostPort(r.addr)
	r.until("they are counted", func() bool { return r.ids.Joins().Distrusted.Count == 3 })
	if d := r.ids.Joins().Distrusted; d.Addresses != 1 || d.Last == "" || d.Time.IsZero() {
		t.Errorf("counted is %+v (the hub is at %s)", d, host)
	}
	r.restart(nil)
	if r.keys.New || !r.keys.Made.Equal(made) {
		t.Errorf("after a restart new keys are %t, made at %s", r.keys.New, r.keys.Made)
	}
}
