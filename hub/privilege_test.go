package hub_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"

	"github.com/drover-dev/drover/protocol"
)

// intruder is the agent of cluster a, gone bad: it has a's credential and says what it likes.
type intruder struct {
	t      *testing.T
	conn   *natsgo.Conn
	denied chan error
}

func newIntruder(r *rig) *intruder {
	i := &intruder{t: r.t, denied: make(chan error, 64)}
	cred := r.creds["a"]
	var err error
	i.conn, err = natsgo.Connect(cred.Servers[0], natsgo.UserJWTAndSeed(cred.JWT, cred.Seed), roots(cred.Trust),
		natsgo.CustomInboxPrefix(protocol.InboxPrefix("a")),
		natsgo.ErrorHandler(func(_ *natsgo.Conn, _ *natsgo.Subscription, err error) { i.denied <- err }))
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(i.conn.Close)
	return i
}

// refused asserts that the server refuses what do tries, and says so.
func (i *intruder) refused(what string, do func() error) {
	i.t.Helper()
	if err := errors.Join(do(), i.conn.Flush()); err != nil && !errors.Is(err, natsgo.ErrPermissionViolation) {
		i.t.Errorf("%s: %v", what, err)
	}
	select {
	case err := <-i.denied:
		if !errors.Is(err, natsgo.ErrPermissionViolation) {
			i.t.Errorf("%s: %v, want a permissions violation", what, err)
		}
	case <-time.After(patience):
		i.t.Errorf("%s: the server did not refuse it", what)
	}
}

func TestACredentialAllowsWhatItsAgentNeedsAndNothingElse(t *testing.T) {
	t.Parallel()
	r := newRig(t, twoClusters())
	r.join("a", "b")
	r.await("a", "published", func(protocol.Bundle) bool { return true })
	b := r.await("b", "published", func(protocol.Bundle) bool { return true })
	i := newIntruder(r)

	publish := func(subject string) func() error {
		return func() error { return i.conn.PublishRequest(subject, protocol.InboxPrefix("a")+".x", []byte("{}")) }
	}
	subscribe := func(subject string) func() error {
		return func() error { _, err := i.conn.SubscribeSync(subject); return err }
	}
	for what, do := range map[string]func() error{
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
	} {
		i.refused(what, do)
	}

	// Any blob can be had: Direct Get takes wildcards. It opens with no key that a was told.
	if _, err := i.conn.Request(strings.Replace(protocol.BlobGet("x", 0), ".x.", ".*.", 1), nil, patience); err != nil {
		t.Fatal(err)
	}
	theirs := appOf(b, "root").Blob // b alone has it
	m, err := i.conn.Request(protocol.BlobGet(theirs.ID(), 0), nil, patience)
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
