package hub_test

import (
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	natsserver "github.com/nats-io/nats-server/v2/server"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"

	"github.com/drover-dev/drover/hub/nats/keyring"
	"github.com/drover-dev/drover/hub/nats/server"
	"github.com/drover-dev/drover/protocol"
)

// hubAccount is the key of the account with JetStream.
func (r *rig) hubAccount() nkeys.KeyPair {
	r.t.Helper()
	seed := must(os.ReadFile(filepath.Join(r.data, "keys", "account.nk")))
	raw := must(hkdf.Key(sha256.New, must(must(nkeys.FromSeed(seed)).Seed()), nil, "drover hub account v1", 32))
	return must(nkeys.FromRawSeed(nkeys.PrefixByteAccount, raw))
}

// vandal connects as somebody who has the hub's keys.
func (r *rig) vandal() jetstream.JetStream {
	r.t.Helper()
	account, user := r.hubAccount(), must(nkeys.CreateUser())
	token := must(jwt.NewUserClaims(must(user.PublicKey())).Encode(account))
	c := must(natsgo.Connect("tls://"+r.addr, natsgo.UserJWTAndSeed(token, string(must(user.Seed()))),
		roots(protocol.Trust{CA: r.keys.CA()})))
	r.t.Cleanup(c.Close)
	return must(jetstream.New(c))
}

// external has a hub use a nats-server of its own process, with the configuration that the hub gives for it.
func external(r *rig) {
	r.guest, r.remote = true, true
	host, port, err := net.SplitHostPort(r.addr)
	if err != nil {
		r.t.Fatal(err)
	}
	keys, dir := must(keyring.Open(filepath.Join(r.data, "keys"))), r.t.TempDir()
	for _, f := range must(server.Files(keys, server.Servers{Nodes: []server.Node{{Name: "main", Host: host}}})) {
		path := filepath.Join(dir, f.Path)
		text := strings.ReplaceAll(string(f.Data), `"./`, `"`+filepath.Dir(path)+`/`)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			r.t.Fatal(err)
		}
	}
	opts := must(natsserver.ProcessConfigFile(filepath.Join(dir, "main", "nats.conf")))
	opts.Host, opts.Port, opts.NoSigs, opts.NoLog = host, must(strconv.Atoi(port)), true, true
	s := must(natsserver.NewServer(opts))
	s.Start()
	r.t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	if !s.ReadyForConnections(patience) {
		r.t.Fatal("the external server does not come up")
	}
}

// What is lost or changed on the bus is restored within seconds, while the hub stays connected; and the status says it.
func TestAStreamThatIsDamagedIsRestored(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(*rig){"embedded server": func(*rig) {}, "external server": external} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			restores(t, newRigWith(t, nil, twoClusters(), edit))
		})
	}
}

func restores(t *testing.T, r *rig) {
	r.join("a", "b")
	r.await("a", "published", func(protocol.Bundle) bool { return true })
	published := r.await("b", "published", func(b protocol.Bundle) bool { return len(b.Apps) > 0 })
	text := r.lines("b", published, "root")
	js, ctx := r.vandal(), t.Context()
	if c := r.hub.State().Source().Damage.Count; c != 0 {
		t.Errorf("before anything happened %d damages are shown", c)
	}
	stream := func(name string) jetstream.Stream { return must(js.Stream(ctx, name)) }
	id := appOf(published, "root").Blob.ID()
	for _, tc := range []struct {
		what string
		do   func() error
	}{
		{"bundles deleted", func() error { return js.DeleteStream(ctx, "KV_desired") }},
		{"blobs deleted", func() error { return js.DeleteStream(ctx, "KV_blobs") }},
		{"bundles purged", func() error { return stream("KV_desired").Purge(ctx) }},
		{"one bundle purged", func() error { return stream("KV_desired").Purge(ctx, jetstream.WithPurgeSubject("$KV.desired.b")) }},
		{"blobs purged", func() error { return stream("KV_blobs").Purge(ctx) }},
		{"a bundle replaced", func() error {
			_, err := js.PublishMsg(ctx, &natsgo.Msg{Subject: "$KV.desired.b", Data: []byte("forged"),
				Header: natsgo.Header{protocol.HeaderGeneration: {"1"}}})
			return err
		}},
		{"a blob replaced", func() error {
			_, err := js.Publish(ctx, protocol.BlobSubject(id, 0), []byte("forged"))
			return err
		}},
		{"the journal deleted", func() error { return js.DeleteStream(ctx, "journal") }},
		{"the space of blobs", func() error {
			config := stream("KV_blobs").CachedInfo().Config
			config.MaxBytes = 1 << 20
			_, err := js.UpdateStream(ctx, config)
			return err
		}},
		{"the settings of the reports", func() error {
			config := stream("KV_report").CachedInfo().Config
			config.NoAck = false
			_, err := js.UpdateStream(ctx, config)
			return err
		}},
	} {
		was, since := "", time.Now()
		r.until("nothing is being restored", func() bool {
			last := ""
			for _, name := range []string{"KV_desired", "KV_blobs"} {
				if s, err := js.Stream(ctx, name); err == nil {
					last += fmt.Sprint(s.CachedInfo().Created, s.CachedInfo().State.LastSeq, " ")
				}
			}
			if last != was || !r.intact(js) {
				was, since = last, time.Now()
			}
			return time.Since(since) > 2500*time.Millisecond // the hub looks every two seconds
		})
		before := r.hub.State().Source().Damage.Count
		if err := tc.do(); err != nil {
			t.Fatalf("%s: %v", tc.what, err)
		}
		begin, again := time.Now(), 0
		r.until(tc.what+": the status says it", func() bool {
			// A restore that was still under way may put it right before the hub looks: then nothing is left to be said.
			if again < 2 && time.Since(begin) > 8*time.Second && r.intact(js) {
				begin, again = time.Now(), again+1
				if err := tc.do(); err != nil {
					t.Errorf("%s: %v", tc.what, err)
				}
			}
			return r.hub.State().Source().Damage.Count > before
		})
		r.until(tc.what+": it is restored", func() bool {
			if !r.intact(js) {
				return false
			}
			m, err := get(r.agent("b"), protocol.DesiredGet("b"))
			if err != nil {
				return false
			}
			_, err = protocol.Unseal(r.creds["b"].OpenKey, "b", m.Data)
			chunk, failed := get(r.agent("b"), protocol.BlobGet(id, 0))
			return err == nil && failed == nil && len(chunk.Data) > 0 && string(chunk.Data) != "forged"
		})
		if took := time.Since(begin); took > 10*time.Second {
			t.Errorf("%s: restored after %s", tc.what, took)
		}
		t.Logf("%s: restored after %s: %s", tc.what, time.Since(begin).Round(time.Millisecond), r.hub.State().Source().Damage.Text)
		if b, ok := r.bundle("b"); !ok || b.Digest() != published.Digest() || r.lines("b", b, "root") != text {
			t.Errorf("%s: the bundle of b is not what it was", tc.what)
		}
	}
}

// intact says whether all streams are there, blobs have space, and those of what agents say acknowledge nothing.
func (r *rig) intact(js jetstream.JetStream) bool {
	for _, name := range []string{"KV_desired", "KV_blobs", "KV_report", "journal", "hello"} {
		s, err := js.Stream(r.t.Context(), name)
		if err != nil || name == "KV_blobs" && s.CachedInfo().Config.MaxBytes <= 1<<20 || (name == "KV_report" || name == "journal") && !s.CachedInfo().Config.NoAck {
			return false
		}
	}
	return true
}
