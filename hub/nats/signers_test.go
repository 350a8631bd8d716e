package nats

import (
	"errors"
	"fmt"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"

	"github.com/drover-dev/drover/hub/nats/identity"
	"github.com/drover-dev/drover/hub/nats/keyring"
	"github.com/drover-dev/drover/hub/nats/server"
	"github.com/drover-dev/drover/protocol"
)

// fleetOf is a hub on external servers, with cluster a, whose keys are rotated.
type fleetOf struct {
	*external
	place string // where the agent connects
	bus   *Bus
	user  userPair // of the agent
	open  []byte   // its X25519 public key
	data  string   // the folder in which the hub keeps who its clusters are
	jwt   string
	conn  *natsgo.Conn
	count uint64 // generations
	port  int    // for leaf nodes
}

// start connects the hub with the keys as they are on disk now.
func (f *fleetOf) start() {
	f.t.Helper()
	if f.bus != nil {
		f.bus.Close()
	}
	f.keys = must(keyring.Open(f.keys.Dir()))
	f.ids = must(identity.Open(f.data, f.keys))
	f.ids.Log = testLog(f.t)
	f.bus = f.hub(1, "main")
	f.ids.Advertise(must(f.keys.Trust([]string{f.url(f.place)}, f.keys.CA())), f.bus.Revoke)
	bus := f.bus
	go func() { _ = bus.Listen(f.t.Context(), &quiet{said: said{}}) }()
}

// configure has the servers started again with the configuration that the keys give now.
func (f *fleetOf) configure() {
	f.t.Helper()
	for name := range f.running {
		f.kill(name)
	}
	f.add(server.Servers{Nodes: []server.Node{{Name: "main", Host: "127.0.0.1"}}, LeafNodes: fmt.Sprintf("127.0.0.1:%d", f.port)})
	f.add(server.Servers{Nodes: []server.Node{{Name: "leaf", Host: "127.0.0.1"}}, Upstreams: []string{fmt.Sprintf("tls://127.0.0.1:%d", f.port)}})
}

// serves publishes, and waits until the agent has it over a new connection.
func (f *fleetOf) serves() {
	f.t.Helper()
	f.count++
	text := fmt.Sprint("generation ", f.count)
	publish(f.t, f.bus, f.count, text)
	s := site{keys: f.keys, url: f.url(f.place)}
	f.conn = s.dial(f.t, f.jwt, f.user.seed, "a", natsgo.MaxReconnects(-1), natsgo.ReconnectWait(50*time.Millisecond))
	sees(f.t, f.conn, text)
}

// renews says hello, waits to be asked to renew, and does, over the connection that the agent has.
func (f *fleetOf) renews() {
	t := f.t
	t.Helper()
	asked := must(f.conn.SubscribeSync(protocol.AskSubject("a")))
	key := must(signerOf(f.user))
	hello := func() []byte {
		return must(protocol.SignMessage(protocol.Hello{Version: protocol.Version, Cluster: "a", Time: time.Now(), JWT: f.jwt,
			OpenKey: f.open}, key))
	}
	until(t, "the agent is asked to renew", func() bool {
		_, _ = f.conn.Request(protocol.HelloSubject("a"), hello(), time.Second)
		_, err := asked.NextMsg(100 * time.Millisecond)
		return err == nil
	})
	next := newUser()
	req := protocol.KeyRequest{Version: protocol.Version, Cluster: "a", User: next.public, OpenKey: f.open}
	until(t, "the hub grants the next credential", func() bool {
		m, err := f.conn.Request(protocol.RenewSubject("a"), must(protocol.SignMessage(req, key)), time.Second)
		if err == nil {
			f.jwt = payload[protocol.Grant](m.Data).JWT
		}
		return err == nil && f.jwt != ""
	})
	f.user, key = next, must(signerOf(next))
	f.serves()
	until(t, "no cluster is left", func() bool {
		_, _ = f.conn.Request(protocol.HelloSubject("a"), hello(), time.Second)
		return len(f.ids.Joins().Moving) == 0
	})
}

func (f *fleetOf) refuses(jwt, seed string) {
	f.t.Helper()
	until(f.t, "the credential of the first key is refused", func() bool {
		c, err := natsgo.Connect(f.url(f.place), natsgo.UserJWTAndSeed(jwt, seed), trusting(f.keys.CA()))
		if err == nil {
			c.Close()
		}
		return errors.Is(err, natsgo.ErrAuthorization)
	})
}

// The account key rotates under external servers and leaf nodes while agents stay connected. When the operator
// has followed,
// what the first key signs is worth nothing on any server.
func TestTheAccountKeyRotatesUnderExternalServers(t *testing.T) {
	t.Parallel()
	for _, place := range []string{"main", "leaf"} {
		t.Run(place, func(t *testing.T) {
			t.Parallel()
			f := &fleetOf{external: noServers(t), place: place, user: newUser(), port: freePort(t), data: t.TempDir()}
			f.ids = must(identity.Open(f.data, f.keys))
			f.jwt = enrol(t, f.keys, f.ids, "a", f.user)
			f.open, _ = f.ids.OpenKey("a")
			first := struct{ jwt, seed string }{f.jwt, f.user.seed}
			f.configure()
			f.start()
			f.serves()

			rotate := func(step func(*keyring.Keys, keyring.Kind) error, kind keyring.Kind) {
				t.Helper()
				if err := step(f.keys, kind); err != nil {
					t.Fatal(err)
				}
				f.start()
			}
			rotate((*keyring.Keys).Begin, keyring.Account)
			if moving := f.ids.Joins().Moving; len(moving) != 1 {
				t.Errorf("%q have a credential of the first key", moving)
			}
			f.renews() // servers and leaf nodes have their configuration of before
			f.configure()
			f.start()
			rotate((*keyring.Keys).Finish, keyring.Account)
			f.serves()
			rotate((*keyring.Keys).Begin, keyring.Operator)
			f.configure() // servers trust both operators
			f.start()
			f.serves()
			rotate((*keyring.Keys).Finish, keyring.Operator)
			f.configure()
			f.start()
			f.serves()
			f.refuses(first.jwt, first.seed)

			rotate((*keyring.Keys).Begin, keyring.Account) // the second time the key before ends at once
			second := struct{ jwt, seed string }{f.jwt, f.user.seed}
			f.renews()
			f.configure()
			f.start()
			rotate((*keyring.Keys).Finish, keyring.Account)
			f.serves()
			f.refuses(second.jwt, second.seed)
		})
	}
}
