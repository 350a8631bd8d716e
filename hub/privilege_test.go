package hub_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"

	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/protocol"
)

// intruder has a JWT with its seed, and says what it likes.
type intruder struct {
	conn   *natsgo.Conn
	inbox  string
	denied chan error
}

func newIntruder(r *rig, trust protocol.Trust, jwt, seed, inbox string) *intruder {
	i := &intruder{inbox: protocol.InboxPrefix(inbox) + ".x", denied: make(chan error, 64)}
	var err error
	i.conn, err = r.dial(trust, jwt, seed, inbox,
		natsgo.ErrorHandler(func(_ *natsgo.Conn, _ *natsgo.Subscription, err error) { i.denied <- err }))
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(i.conn.Close)
	return i
}

func (i *intruder) publish(subject string) func() error {
	return func() error { return i.conn.PublishRequest(subject, i.inbox, []byte("{}")) }
}

func (i *intruder) subscribe(subject string) func() error {
	return func() error { _, err := i.conn.SubscribeSync(subject); return err }
}

// refused asserts that the server refuses each of what is tried, and says so.
func (i *intruder) refused(t *testing.T, tries map[string]func() error) {
	for what, do := range tries {
		t.Run(what, func(t *testing.T) {
			if err := errors.Join(do(), i.conn.Flush()); err != nil && !errors.Is(err, natsgo.ErrPermissionViolation) {
				t.Error(err)
			}
			select {
			case err := <-i.denied:
				if !errors.Is(err, natsgo.ErrPermissionViolation) {
					t.Errorf("%v, want a permissions violation", err)
				}
			case <-time.After(patience):
				t.Error("the server did not refuse it")
			}
		})
	}
}

func TestACredentialAllowsWhatItsAgentNeedsAndNothingElse(t *testing.T) {
	t.Parallel()
	r := newRig(t, twoClusters())
	r.join("a", "b")
	r.await("a", "published", func(protocol.Bundle) bool { return true })
	b := r.await("b", "published", func(protocol.Bundle) bool { return true })
	cred := r.creds["a"]
	i := newIntruder(r, cred.Trust, cred.JWT, cred.Seed, "a")

	publish, subscribe := i.publish, i.subscribe
	i.refused(t, map[string]func() error{
		"read another cluster's bundle":            publish(protocol.DesiredGet("b")),
		"hear another cluster's bundle":            subscribe(protocol.DesiredSubject("b")),
		"hear all bundles":                         subscribe(protocol.DesiredSubject("*")),
		"list bundles":                             publish("$JS.API.STREAM.INFO.KV_" + protocol.BucketDesired),
		"list blobs":                               publish("$JS.API.STREAM.INFO.KV_" + protocol.BucketBlobs),
		"read bundles by their number":             publish("$JS.API.DIRECT.GET.KV_" + protocol.BucketDesired),
		"read any message of a stream":             publish("$JS.API.STREAM.MSG.GET.KV_" + protocol.BucketReport),
		"publish a bundle for itself":              publish(protocol.DesiredSubject("a")),
		"publish a bundle for another":             publish(protocol.DesiredSubject("b")),
		"publish a blob":                           publish(protocol.BlobSubject("x", 0)),
		"write another's report":                   publish(protocol.ReportSubject("b")),
		"read another's report":                    publish("$JS.API.DIRECT.GET.KV_report." + protocol.ReportSubject("b")),
		"write another's journal":                  publish(protocol.JournalSubject("b")),
		"hear the journal":                         subscribe(protocol.JournalSubject("*")),
		"write a decision":                         publish(protocol.StreamDecisions),
		"hear decisions":                           subscribe(protocol.StreamDecisions),
		"read the decisions":                       publish("$JS.API.STREAM.MSG.GET." + protocol.StreamDecisions),
		"renew another's credential":               publish(protocol.RenewSubject("b")),
		"say hello for another":                    publish(protocol.HelloSubject("b")),
		"hear who says hello":                      subscribe(protocol.HelloSubject("*")),
		"ask another's agent":                      publish(protocol.AskSubject("b")),
		"ask itself":                               publish(protocol.AskSubject("a")),
		"hear what another is asked":               subscribe(protocol.AskSubject("b")),
		"join":                                     publish(protocol.JoinSubject("UANYBODY")),
		"hear who joins":                           subscribe(protocol.JoinSubject("*")),
		"subscribe to everything":                  subscribe(">"),
		"hear what others are answered":            subscribe(protocol.InboxPrefix("b") + ".>"),
		"hear what the hub is answered":            subscribe("_INBOX.>"),
		"make a consumer":                          publish("$JS.API.CONSUMER.CREATE.KV_" + protocol.BucketDesired + ".x"),
		"make a stream":                            publish("$JS.API.STREAM.CREATE.mine"),
		"purge a stream":                           publish("$JS.API.STREAM.PURGE.KV_" + protocol.BucketBlobs),
		"delete a stream":                          publish("$JS.API.STREAM.DELETE.KV_" + protocol.BucketBlobs),
		"listen in on the server":                  subscribe("$SYS.>"),
		"ask the server who is connected":          publish("$SYS.REQ.SERVER.PING.CONNZ"),
		"answer in the server's or the hub's name": publish("_INBOX.anyone"),
	})

	// Any blob can be fetched: Direct Get takes wildcards. It opens with no key that a was told.
	if _, err := get(i.conn, strings.Replace(protocol.BlobGet("x", 0), ".x.", ".*.", 1)); err != nil {
		t.Fatal(err)
	}
	theirs := appOf(b, "root").Blob // b alone has it
	m, err := get(i.conn, protocol.BlobGet(theirs.ID(), 0))
	if err != nil || len(m.Data) == 0 {
		t.Fatalf("the blob of b: %v", err)
	}
	a, _ := r.bundle("a")
	for _, app := range a.Apps {
		if _, err := protocol.OpenBlob(*app.Blob, m.Data); err == nil {
			t.Errorf("a blob that a was not told of opens with the key of %s", app.Name)
		}
	}
	if after, _ := r.bundle("b"); after.Digest() != b.Digest() || after.Generation != b.Generation {
		t.Error("the bundle of b is not what it was")
	}
}

// With a join token one can ask for a credential, and nothing else.
func TestAJoinTokenAllowsToAskAndNothingElse(t *testing.T) {
	t.Parallel()
	r := newRig(t, twoClusters())
	r.join("a")
	r.await("a", "published", func(protocol.Bundle) bool { return true })
	token := r.token("a", hub.TokenOptions{Replace: true})
	other := r.token("b", hub.TokenOptions{})
	i := newIntruder(r, token.Trust, token.JWT, token.Seed, token.User)
	publish, subscribe := i.publish, i.subscribe
	i.refused(t, map[string]func() error{
		"read its own cluster's bundle":   publish(protocol.DesiredGet("a")),
		"hear its own cluster's bundle":   subscribe(protocol.DesiredSubject("a")),
		"read a blob":                     publish(protocol.BlobGet("x", 0)),
		"publish a bundle":                publish(protocol.DesiredSubject("a")),
		"report":                          publish(protocol.ReportSubject("a")),
		"write the journal":               publish(protocol.JournalSubject("a")),
		"renew":                           publish(protocol.RenewSubject("a")),
		"say hello":                       publish(protocol.HelloSubject("a")),
		"hear what its agent is asked":    subscribe(protocol.AskSubject("a")),
		"ask with another token":          publish(protocol.JoinSubject(other.User)),
		"hear who joins":                  subscribe(protocol.JoinSubject("*")),
		"hear what another is answered":   subscribe(protocol.InboxPrefix(other.User) + ".>"),
		"hear what its agent is told":     subscribe(protocol.InboxPrefix("a") + ".>"),
		"subscribe to everything":         subscribe(">"),
		"touch a stream":                  publish("$JS.API.STREAM.INFO.KV_" + protocol.BucketDesired),
		"make a consumer":                 publish("$JS.API.CONSUMER.CREATE.KV_" + protocol.BucketDesired + ".x"),
		"ask the server who is connected": publish("$SYS.REQ.SERVER.PING.CONNZ"),
	})
	// What is larger than a request can be ends the connection.
	closed := make(chan struct{})
	c, err := r.dial(token.Trust, token.JWT, token.Seed, token.User, natsgo.NoReconnect(), natsgo.ClosedHandler(func(*natsgo.Conn) { close(closed) }))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	err = c.Publish(protocol.JoinSubject(token.User), make([]byte, 65<<10))
	if errors.Is(err, natsgo.ErrMaxPayload) {
		return // the server has told this token's limit already
	}
	// Another error says that the server hung up while the request was still being written.
	select {
	case <-closed:
	case <-time.After(patience):
		t.Error("a request of 65 KB was taken")
	}
}
