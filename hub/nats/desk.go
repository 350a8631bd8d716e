package nats

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	natsgo "github.com/nats-io/nats.go"

	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/hub/nats/files"
	"github.com/drover-dev/drover/hub/nats/identity"
	"github.com/drover-dev/drover/hub/nats/limits"
	"github.com/drover-dev/drover/protocol"
)

// desk answers those who ask for credentials. Each token and each cluster has a lane of its own: what one asks for,
// another does not wait for.
type desk struct {
	bus   *Bus
	lanes *limits.Lanes
	subs  []*natsgo.Subscription
	// learned is told that a user key is known to be a cluster's from now on.
	learned func(cluster, user string)
}

// openDesk begins to answer.
func openDesk(b *Bus, to hub.Listener, learned func(cluster, user string)) (*desk, error) {
	d := &desk{bus: b, lanes: limits.NewLanes(), learned: learned}
	err := d.serve(protocol.JoinSubject("*"), func(user string, data []byte) ([]byte, error) {
		return b.ids.Join(user, data, to.Wanted)
	})
	if err == nil {
		err = d.serve(protocol.RenewSubject("*"), b.ids.Renew)
	}
	if err == nil {
		err = d.serveHello()
	}
	if err == nil {
		err = d.countGuesses()
	}
	if err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

// close ends the subscriptions and waits for what is being answered.
func (d *desk) close() {
	for _, s := range d.subs {
		_ = s.Unsubscribe() // it fails only where the connection is closed
	}
	d.lanes.Close()
}

// serve has decide answer requests on a subject that ends in who asks.
func (d *desk) serve(subject string, decide func(who string, data []byte) ([]byte, error)) error {
	prefix := strings.TrimSuffix(subject, "*")
	sub, err := d.bus.agents.Subscribe(subject, func(m *natsgo.Msg) {
		who := strings.TrimPrefix(m.Subject, prefix)
		if len(m.Data) > limits.MaxRequest || !ownInbox(who, m.Reply) || !d.bus.serving.Load() {
			return
		}
		d.lanes.Do(m.Subject, func() { d.decide(m, who, decide) })
	})
	if err != nil {
		return fmt.Errorf("listen on %s: %w", subject, err)
	}
	d.subs = append(d.subs, sub)
	return sub.SetPendingLimits(maxPending, maxPendingBytes)
}

// keepTimeout is how long the bus may take to store a Hello.
const keepTimeout = time.Second

// How many requests wait to be looked at, and how many bytes they have: more are dropped, and asked again.
const (
	maxPending      = 16 << 10
	maxPendingBytes = 8 << 20
)

func (d *desk) decide(m *natsgo.Msg, who string, decide func(string, []byte) ([]byte, error)) {
	answer, err := decide(who, m.Data)
	d.bus.ids.Count(err)
	if err != nil && d.bus.ears.told.First(m.Subject+" "+err.Error()) {
		d.bus.log.Warn("a credential is refused; the same again is counted and not logged", "subject", m.Subject, "err", err)
	}
	if err == nil {
		d.bus.log.Info("a credential is granted", "subject", m.Subject)
	}
	if answer != nil {
		if err := m.Respond(answer); err != nil {
			d.bus.log.Warn("an answer to a request for a credential is lost; it is asked for again", "subject",
				m.Subject, "err", err)
		}
	}
}

// ownInbox says whether a reply subject is in the inbox of who asks: the hub answers to no other.
func ownInbox(who, reply string) bool {
	rest, ok := strings.CutPrefix(reply, protocol.InboxPrefix(who)+".")
	return ok && rest != "" && !strings.ContainsAny(rest, "*> \t\r\n")
}

// serveHello takes in what agents say when they connect. What is verified is stored, for a hub that was away or is
// restored, and then acknowledged.
func (d *desk) serveHello() error {
	prefix := protocol.HelloSubject("")
	sub, err := d.bus.agents.Subscribe(protocol.HelloSubject("*"), func(m *natsgo.Msg) {
		cluster := strings.TrimPrefix(m.Subject, prefix)
		if len(m.Data) > limits.MaxRequest || m.Header.Get("Status") != "" {
			return
		}
		d.hello(cluster, m.Data, func(taken bool) {
			if taken && d.bus.serving.Load() {
				d.keep(cluster, m)
			}
		})
	})
	if err != nil {
		return fmt.Errorf("listen on %s: %w", protocol.HelloSubject("*"), err)
	}
	d.subs = append(d.subs, sub)
	return nil
}

// keep stores a Hello that was taken in, and acknowledges it. An agent that is not answered says it again.
func (d *desk) keep(cluster string, m *natsgo.Msg) {
	ctx, cancel := context.WithTimeout(context.Background(), keepTimeout)
	defer cancel()
	ack, err := d.bus.JetStream().Publish(ctx, protocol.HelloSubject(cluster), m.Data)
	var data []byte
	if err == nil {
		data, err = json.Marshal(map[string]any{"stream": ack.Stream, "seq": ack.Sequence})
	}
	if err == nil && ownInbox(cluster, m.Reply) {
		err = d.bus.agents.Publish(m.Reply, data)
	}
	if err != nil {
		d.bus.log.Debug("a hello is not stored yet; its agent says it again", "cluster", cluster, "err", err)
	}
}

// hello processes a Hello, and calls done when it has, or has not.
func (d *desk) hello(cluster string, data []byte, done func(taken bool)) {
	took := d.lanes.Do(protocol.HelloSubject(cluster), func() { done(d.take(cluster, data)) })
	if !took {
		done(false)
	}
}

// take processes a Hello, and says whether it did.
func (d *desk) take(cluster string, data []byte) bool {
	h, err := d.bus.ids.Hello(cluster, data)
	switch {
	case errors.Is(err, files.ErrStore):
		d.bus.log.Error("which credential a cluster uses now is not taken in; it is when its agent next connects",
			"cluster", cluster, "err", err)
		return false
	case errors.Is(err, identity.ErrRevoked):
		d.bus.log.Debug("a hello with a revoked credential is ignored", "cluster", cluster, "err", err)
		return false
	case err != nil:
		d.bus.ears.drop("hello", cluster, err)
		return false
	}
	if h.Learned != "" {
		d.bus.log.Info("a cluster's credential is known again", "cluster", cluster, "user", h.Learned)
		d.learned(cluster, h.Learned)
	}
	if h.Renew && d.bus.serving.Load() {
		d.bus.ids.AskRenew(cluster)
	}
	return true
}

// countGuesses counts connections that NATS itself turns away: their credentials were guessed, are over, or were
// revoked.
func (d *desk) countGuesses() error {
	sub, err := d.bus.servers.Conn().Subscribe("$SYS.SERVER.*.CLIENT.AUTH.ERR", func(m *natsgo.Msg) {
		var event struct {
			Client struct{ Host string }
			Reason string
		}
		if json.Unmarshal(m.Data, &event) == nil {
			d.bus.ids.Count(fmt.Errorf("NATS turned a connection from %.80s away: %.80s", event.Client.Host, event.Reason))
		}
	})
	if err == nil {
		d.subs = append(d.subs, sub)
	}
	return err
}
