package planning

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/input"
	"github.com/drover-dev/drover/agent/mailbox"
	"github.com/drover-dev/drover/protocol"
)

// scene is a hub that has blobs, and a cluster with inputs and kinds.
type scene struct {
	t *testing.T
	Maker
	log strings.Builder

	mu       sync.Mutex // guards what follows
	chunks   map[string][]byte
	fetched  int
	offline  error         // of the hub
	late     chan struct{} // chunks wait for it; nil if they come at once
	versions map[protocol.VarsRef]uint64
	watched  map[protocol.VarsRef]bool
	defined  []agent.Resource
	kinds    []error // answers of Resolve before it succeeds
}

func begin(t *testing.T) *scene {
	t.Helper()
	s := &scene{t: t, chunks: map[string][]byte{}, versions: map[protocol.VarsRef]uint64{},
		watched: map[protocol.VarsRef]bool{}}
	s.Maker = Maker{Blobs: s, Watched: s, Kinds: s, Online: mailbox.NewLink(),
		Log: slog.New(slog.NewTextHandler(&s.log, nil)),
		Inputs: input.Reader{Namespace: "drover", Reach: func(agent.Access) agent.Objects { return objects{s: s} },
			Watch: func(ref protocol.VarsRef) {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.watched[ref] = true
			}}}
	return s
}

// Chunk is the hub.
func (s *scene) Chunk(ctx context.Context, id string, chunk int) ([]byte, error) {
	if s.late != nil {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-s.late:
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fetched++
	if s.offline != nil {
		return nil, s.offline
	}
	data, ok := s.chunks[id]
	if !ok {
		return nil, fmt.Errorf("there is no blob %s", id)
	}
	return data, nil
}

// Version is what was seen of an input.
func (s *scene) Version(ref protocol.VarsRef) (version uint64, watched bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.versions[ref], s.watched[ref]
}

func (s *scene) Define(list []agent.Resource) { s.defined = append(s.defined, list...) }

// Resolve knows Namespaces, and of all other kinds that they have namespaces.
func (s *scene) Resolve(_ context.Context, _, kind string) (agent.Resource, error) {
	if len(s.kinds) > 0 {
		err := s.kinds[0]
		s.kinds = s.kinds[1:]
		if err != nil {
			return agent.Resource{}, err
		}
	}
	return agent.Resource{Kind: kind, Namespaced: kind != "Namespace"}, nil
}

// objects are those of the cluster, for who reads inputs.
type objects struct {
	agent.Objects
	s *scene
}

func (o objects) Data(_ context.Context, ref protocol.VarsRef) (map[string]string, uint64, error) {
	version, _ := o.s.Version(ref)
	if version == 0 {
		return nil, 0, &agent.Failure{Reason: agent.ReasonMissing}
	}
	return map[string]string{"color": fmt.Sprint("blue", version)}, version, nil
}

// blob is what the hub made of some lines, and has.
func (s *scene) blob(lines ...string) *protocol.Blob {
	text := []byte(strings.Join(lines, "\n") + "\n")
	digest := protocol.BlobDigest(text)
	key, sealed, err := protocol.SealBlob([]byte(strings.Repeat("s", 32)), digest, agent.Pack(text))
	if err != nil {
		s.t.Fatal(err)
	}
	ref := protocol.Blob{Digest: digest, Key: key, Size: int64(len(text)), Chunks: 1, Objects: len(lines)}
	s.chunks[ref.ID()] = sealed
	return &ref
}

// spec is an app with a blob of these lines.
func (s *scene) spec(name string, lines ...string) protocol.App {
	return protocol.App{Name: name, Namespace: "shop", Blob: s.blob(lines...)}
}

// stored is what is stored of an app.
func stored(spec protocol.App, lines ...string) agent.AppState {
	packed := agent.Pack([]byte(strings.Join(lines, "\n") + "\n"))
	blob := *spec.Blob
	blob.Key = nil
	spec.Blob = &blob
	return agent.AppState{Spec: spec, Epoch: 2, Generation: 7, Packed: packed}
}

// configMap is the line of one.
func configMap(name, value string) string {
	return `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"` + name + `"},"data":{"k":"` + value + `"}}`
}

// vars is the ConfigMap that an app takes its variables from.
func vars() protocol.VarsRef {
	return protocol.VarsRef{Kind: "ConfigMap", Namespace: "shop", Name: "vars"}
}

// substituted has an app take its variables from there.
func substituted(spec protocol.App) protocol.App {
	spec.Handling.Substitute = &protocol.Substitution{From: []protocol.VarsRef{vars()}}
	return spec
}
