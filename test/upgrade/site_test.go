package upgrade

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/drover-dev/drover/test/testenv"
)

// site says where the NATS servers of a fleet are.
type site string

const (
	embedded site = "embedded"    // in the hub
	external site = "external"    // three of their own
	leafNode site = "behind leaf" // agents connect to a leaf node, the hub to the server above it
)

// sites are the NATS servers of a fleet. They are configured by the last release, and are not configured again.
type sites struct {
	hubArgs []string
	late    func() // starts what people start after the hub
}

// open starts the servers.
func (s *scene) open(where site) sites {
	s.t.Helper()
	var out sites
	switch where {
	case external:
		args := []string{"--cluster", "main"}
		for _, name := range []string{"n0", "n1", "n2"} {
			args = append(args, "--node", name+"="+freeAddress(s.t))
		}
		s.configure(args...)
		var urls []string
		for _, name := range []string{"n0", "n1", "n2"} {
			urls = append(urls, s.serve(name, freeAddress(s.t)))
		}
		out.hubArgs = []string{"--nats-url", strings.Join(urls, ","), "--nats-replicas=3"}
	case leafNode:
		leaves := freeAddress(s.t)
		s.configure("--node", "main=127.0.0.1", "--leafnodes", leaves)
		s.configure("--leaf", "leaf=127.0.0.1", "--upstream", "tls://"+leaves)
		leaf := freeAddress(s.t)
		out.hubArgs = []string{"--nats-url", s.serve("main", freeAddress(s.t)), "--advertise", "tls://" + leaf}
		out.late = func() { s.serve("leaf", leaf) }
	default:
		address := freeAddress(s.t)
		out.hubArgs = []string{"--nats-listen", address, "--advertise", "tls://" + address}
	}
	return out
}

// configure has the last release print the configuration of servers.
func (s *scene) configure(args ...string) {
	s.t.Helper()
	s.bin = former
	dir := filepath.Join(s.dir, "nats")
	if _, err := s.drover(append([]string{"hub", "nats-config", "--out", dir}, args...)...); err != nil {
		s.t.Fatal(err)
	}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || filepath.Base(path) != "nats.conf" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		here := strings.ReplaceAll(string(text), `"./`, `"`+filepath.Dir(path)+"/")
		return os.WriteFile(path, []byte(strings.ReplaceAll(here, "0.0.0.0", "127.0.0.1")), 0o600)
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// serve starts a server and returns its address.
func (s *scene) serve(name, address string) string {
	s.t.Helper()
	bin, err := testenv.Binaries(s.t.Context(), os.Stderr, "nats-server")
	if err != nil {
		s.t.Fatal(err)
	}
	host, port, _ := strings.Cut(address, ":")
	p := newProgram(s.t, "nats-server "+name, filepath.Join(s.dir, name+".log"), "--config",
		filepath.Join(s.dir, "nats", name, "nats.conf"), "--addr", host, "--port", port)
	p.start(bin["nats-server"])
	return "tls://" + address
}

// each runs a walk for every place of the servers, at the same time.
func each(t *testing.T, walk func(t *testing.T, where site)) {
	for _, where := range []site{embedded, external, leafNode} {
		t.Run(string(where), func(t *testing.T) {
			t.Parallel()
			walk(t, where)
		})
	}
}
