package nats

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/nats/identity"
	"github.com/drover-dev/drover/hub/nats/keyring"
	"github.com/drover-dev/drover/hub/nats/server"
	"github.com/drover-dev/drover/protocol"
)

// fill writes into a stream of what agents say until it stores no more.
func fill(t *testing.T, b *Bus, name, subject string, size int) {
	t.Helper()
	noise := make([]byte, size)
	_, _ = rand.Read(noise)
	ctx, cancel := context.WithTimeout(t.Context(), 4*patience)
	defer cancel()
	s := stream(t, b, name)
	for n := 0; ; n++ {
		info := answered(t, "the state of "+name, func(ctx context.Context) (*jetstream.StreamInfo, error) {
			return s.Info(ctx)
		})
		if most := info.Config.MaxBytes; most <= 0 {
			t.Fatalf("the stream %s is not bounded", name)
		} else if int64(info.State.Bytes) > most-2*int64(size) && n > 0 {
			return
		}
		for i := range 16 {
			if err := b.conn.Publish(fmt.Sprintf(subject, n*16+i), noise); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.conn.FlushWithContext(ctx); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAFloodOfWhatAgentsSayLeavesSpaceForBundles(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(t *testing.T) *Bus{
		"embedded": func(t *testing.T) *Bus {
			keys := must(keyring.Open(t.TempDir()))
			s := must(server.Start(server.Options{Listen: "127.0.0.1:0", Dir: t.TempDir(), MaxStore: 16 << 20, Keys: keys,
				Certificate: must(keys.Certificate([]string{"127.0.0.1"})), Log: testLog(t)}))
			t.Cleanup(s.Close)
			b := must(Connect(Options{Server: s, Keys: keys, IDs: must(identity.Open(t.TempDir(), keys)), Log: testLog(t)}))
			t.Cleanup(b.Close)
			_ = must(b.Holdings(t.Context()))
			return b
		},
		"external": func(t *testing.T) *Bus {
			e := noServers(t)
			e.storage = "16MB"
			e.add(server.Servers{Nodes: []server.Node{{Name: "main", Host: "127.0.0.1"}}})
			return e.hub(1, "main")
		},
		"external cluster": func(t *testing.T) *Bus {
			e := noServers(t)
			e.storage = "16MB"
			e.add(threeNodes(t))
			return e.hub(3, "n0", "n1", "n2")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := open(t)
			fill(t, b, "KV_"+protocol.BucketReport, protocol.ReportSubject("cluster-%d"), 64<<10)
			fill(t, b, protocol.StreamJournal, protocol.JournalSubject("cluster-%d"), 60<<10)
			fill(t, b, protocol.StreamHello, protocol.HelloSubject("cluster-%d"), 8<<10)
			blob := model.Packed{Ref: protocol.Blob{Digest: strings.Repeat("0", 64), Key: make([]byte, 32)},
				Sealed: make([]byte, 1<<20)}
			_, _ = rand.Read(blob.Sealed)
			until(t, "a commit gets through", func() bool {
				return b.Put(t.Context(), []model.Packed{blob}, []hub.Delivery{{Cluster: "a", Generation: 1,
					Sealed: []byte("a commit")}}) == nil
			})
			sum, most := int64(0), b.servers.Storage(t.Context())
			list := b.JetStream().ListStreams(t.Context())
			for info := range list.Info() {
				sum += info.Config.MaxBytes
				if info.State.Bytes > uint64(info.Config.MaxBytes) || info.Config.Storage != jetstream.FileStorage {
					t.Errorf("%s stores %d bytes of %d", info.Config.Name, info.State.Bytes, info.Config.MaxBytes)
				}
			}
			if sum >= most || most > 16<<20 {
				t.Errorf("of %d bytes the streams may store %d", most, sum)
			}
			if what := b.Inspect(t.Context()); what != "" {
				t.Errorf("the hub takes it for damage: %s", what)
			}
		})
	}
}
