package servers

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/drover-dev/drover/hub/nats/limits"
)

// Connections asks all servers for the connections of agents and of those who join. Servers that do not answer within a
// second are taken to be gone.
func (s *Servers) Connections(ctx context.Context) ([]limits.Connection, error) {
	found := map[string]limits.Connection{} // a connection that moved from page to page meanwhile is one
	for offset := 0; ; offset += limits.PageSize {
		got, err := s.page(ctx, offset, found)
		if err != nil {
			return nil, err
		}
		if got < limits.PageSize {
			return slices.Collect(maps.Values(found)), nil
		}
	}
}

// page asks for one page of connections, and gives the most that any one server had.
func (s *Servers) page(ctx context.Context, offset int, into map[string]limits.Connection) (int, error) {
	inbox := s.conn.NewRespInbox()
	sub, err := s.conn.SubscribeSync(inbox)
	if err != nil {
		return 0, err
	}
	defer func() { _ = sub.Unsubscribe() }()
	ask := fmt.Sprintf(`{"auth":true,"limit":%d,"offset":%d}`, limits.PageSize, offset)
	if err := s.conn.PublishRequest("$SYS.REQ.ACCOUNT."+s.o.Account+".CONNZ", inbox, []byte(ask)); err != nil {
		return 0, err
	}
	most := 0
	wait, cancel := context.WithTimeout(ctx, 5*time.Second) // for the first answer
	defer cancel()
	for {
		m, err := sub.NextMsgWithContext(wait)
		if err != nil {
			return most, ctx.Err() // no more servers answer
		}
		n, err := listed(m.Data, into)
		if err != nil {
			return 0, err
		}
		most = max(most, n)
		rest, stop := context.WithTimeout(ctx, 4*s.rest())
		defer stop()
		wait = rest
	}
}

// listed reads a server's answer, and gives how many connections it lists.
func listed(data []byte, into map[string]limits.Connection) (int, error) {
	var answer struct {
		Server struct{ ID string }
		Data   struct {
			Connections []struct {
				CID      uint64 `json:"cid"`
				User     string `json:"authorized_user"`
				Start    time.Time
				Received int64 `json:"in_msgs"`
				Sent     int64 `json:"out_bytes"`
			}
		}
	}
	if err := json.Unmarshal(data, &answer); err != nil {
		return 0, err
	}
	for _, conn := range answer.Data.Connections {
		var c limits.Connection
		c.Server.ID, c.Client.ID, c.Client.User, c.Client.Start = answer.Server.ID, conn.CID, conn.User, conn.Start
		c.Received.Msgs, c.Sent.Bytes = conn.Received, conn.Sent
		into[c.Key()] = c
	}
	return len(answer.Data.Connections), nil
}

// Traffic asks all servers what agents and those who join have sent and got, by server.
func (s *Servers) Traffic(ctx context.Context) map[string]limits.Traffic {
	total := map[string]limits.Traffic{}
	ask := fmt.Appendf(nil, `{"accounts":[%q]}`, s.o.Account)
	for data := range s.ask(ctx, "$SYS.REQ.ACCOUNT.PING.STATZ", ask) {
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
	return total
}

// Kick ends a connection. Servers behind an older leaf node's link are not reached.
func (s *Servers) Kick(c limits.Connection) {
	ctx, cancel := context.WithTimeout(s.closed, claimsTimeout)
	defer cancel()
	ask := fmt.Sprintf(`{"cid":%d}`, c.Client.ID)
	if _, err := s.conn.RequestWithContext(ctx, "$SYS.REQ.SERVER."+c.Server.ID+".KICK", []byte(ask)); err != nil {
		s.o.Log.Debug("a connection too many is not ended", "user", c.Client.User, "err", err)
	}
}
