package limits

import (
	"fmt"
	"time"
)

// Connection is what the system account says of one, see ConnectEventMsg and DisconnectEventMsg of
// nats-server.
type Connection struct {
	Server struct{ ID string }
	Client struct {
		ID    uint64
		User  string
		Start time.Time
		Stop  time.Time
	}
	Received struct{ Msgs int64 }  // by the server, if it is told
	Sent     struct{ Bytes int64 } // the same
}

// traffic is what went over the connection.
func (c Connection) traffic() Traffic { return Traffic{c.Received.Msgs, c.Sent.Bytes} }

// Key tells a connection from all others.
func (c Connection) Key() string { return fmt.Sprint(c.Server.ID, "/", c.Client.ID) }

// PageSize is how many connections a server lists in one answer.
const PageSize = 1024

// LookPause is how often the streams are looked at. Only the hub may change them, so it sends one request for each
// while nothing has changed.
const LookPause = 2 * time.Second
