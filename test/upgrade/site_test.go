package upgrade

import (
	"fmt"
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
	servers map[string]*program
}

// open starts the servers.
func (s *scene) open(where site) sites {
	s.t.Helper()
	out := sites{servers: map[string]*program{}}
	switch where {
	case external:
		args := []string{"--cluster", "main"}
		for _, name := range []string{"n0", "n1", "n2"} {
			args = append(args, "--node", name+"="+freeAddress(s.t))
		}
		s.configure(args...)
		var urls []string
		for _, name := range []string{"n0", "n1", "n2"} {
			urls = append(urls, out.serve(s, name))
		}
		out.hubArgs = []string{"--nats-url", strings.Join(urls, ","), "--nats-replicas=3"}
	case leafNode:
		leaves := freeAddress(s.t)
		s.configure("--node", "main=127.0.0.1", "--leafnodes", leaves)
		s.configure("--leaf", "leaf=127.0.0.1", "--upstream", "tls://"+leaves)
		out.hubArgs = []string{"--nats-url", out.serve(s, "main"), "--advertise", out.serve(s, "leaf")}
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
func (s sites) serve(of *scene, name string) string {
	of.t.Helper()
	bin, err := testenv.Binaries(of.t.Context(), os.Stderr, "nats-server")
	if err != nil {
		of.t.Fatal(err)
	}
	host, port, _ := strings.Cut(freeAddress(of.t), ":")
	p := newProgram(of.t, "nats-server "+name, filepath.Join(of.dir, name+".log"), "--config", filepath.Join(of.dir, "nats", name, "nats.conf"),
		"--addr", host, "--port", port)
	s.servers[name] = p
	p.start(bin["nats-server"])
	return fmt.Sprintf("tls://%s:%s", host, port)
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
