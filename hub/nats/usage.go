package nats

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/drover-dev/drover/hub/nats/limits"
)

// measure asks the servers what agents send and get, and cuts off who floods.
func (b *Bus) measure(ctx context.Context) {
	total := map[string]limits.Traffic{}
	for data := range b.ask(ctx, "$SYS.REQ.ACCOUNT.PING.STATZ", fmt.Appendf(nil, `{"accounts":[%q]}`, b.account)) {
		var answer struct {
			Server struct{ ID string }
			Data   struct {
				Accounts []struct {
					Received struct{ Msgs int64 }
					Sent     struct{ Bytes int64 }
				} `json:"account_statz"`
			}
		}
		if json.Unmarshal(data, &answer) != nil {
			continue
		}
		for _, a := range answer.Data.Accounts {
			total[answer.Server.ID] = limits.Traffic{Messages: a.Received.Msgs, Bytes: a.Sent.Bytes}
		}
	}
	if len(total) == 0 || !b.meter.Busy(total, time.Now()) {
		return
	}
	byCluster, err := b.connections(ctx)
	if err != nil {
		b.log.Debug("who sends how much cannot be told", "err", err)
		return
	}
	var found []limits.Connection
	for _, connections := range byCluster {
		found = slices.AppendSeq(found, maps.Values(connections))
	}
	for _, user := range b.meter.Look(found, time.Now()) {
		b.flooded(user)
	}
}

// flooded cuts the holder of a credential or join token off.
func (b *Bus) flooded(user string) {
	if !b.serving.Load() {
		return
	}
	if cluster, known := b.ids.ClusterOf(user); known {
		b.cutOff(cluster)
		return
	}
	cluster, revoked, err := b.ids.RevokeToken(user)
	if !revoked {
		return
	}
	b.log.Error("more is sent with a join token than an agent sends: it is revoked; see who has it, and make a new one",
		"cluster", cluster, "err", err)
	go b.ids.CutOrLog()
}
