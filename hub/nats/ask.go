package nats

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/protocol"
)

// Ask implements hub.Bus.
func (b *Bus) Ask(_ context.Context, cluster string, a protocol.Ask) error {
	if !b.serving.Load() {
		return hub.ErrStandsBack
	}
	key, ok := b.ids.OpenKey(cluster)
	if !ok {
		return fmt.Errorf("cluster %s has no agent that could be asked", cluster)
	}
	a.Epoch, a.Time, a.Nonce = b.ids.Epoch(), time.Now().UTC(), rand.Text()
	envelope, err := protocol.SignMessage(a, b.keys.Signers...)
	if err != nil {
		return err
	}
	sealed, err := protocol.Seal(key, cluster, envelope)
	if err != nil {
		return err
	}
	if err := b.Reach(); err != nil {
		return err
	}
	return b.agents.Publish(protocol.AskSubject(cluster), sealed)
}
