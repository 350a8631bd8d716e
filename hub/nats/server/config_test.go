package server

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/drover-dev/drover/hub/nats/keyring"
)

func TestWhichFilesExternalServersGet(t *testing.T) {
	t.Parallel()
	k := must(keyring.Open(t.TempDir()))
	for name, c := range map[string]struct {
		servers Servers
		files   []string
		conf    map[string]bool // what the configuration of the first node has, or has not
	}{
		"one": {Servers{Nodes: []Node{{Name: "n0", Host: "nats.example.com"}}},
			[]string{"n0/ca.crt", "n0/nats.conf", "n0/server.crt", "n0/server.key"},
			map[string]bool{"jetstream: {": true, "cluster: {": false, "websocket:": false, "leafnodes:": false}},
		"a cluster with all": {Servers{Cluster: "main", Nodes: []Node{{Name: "n0", Host: "a", Port: 6222}, {Name: "n1", Host: "b", Port: 6223}},
			WebSocket: "0.0.0.0:443", LeafNodes: "0.0.0.0:7422"},
			[]string{"n0/ca.crt", "n0/nats.conf", "n0/server.crt", "n0/server.key", "n1/ca.crt", "n1/nats.conf", "n1/server.crt", "n1/server.key"},
			map[string]bool{`name: "main", listen: "0.0.0.0:6222"`: true, `routes: ["tls://b:6223"]`: true,
				`websocket: { listen: "0.0.0.0:443"`: true, `leafnodes: { listen: "0.0.0.0:7422"`: true, "jetstream: {": true}},
		"a leaf node": {Servers{Nodes: []Node{{Name: "far", Host: "c"}}, Upstreams: []string{"tls://a:7422", "tls://b:7422"}},
			[]string{"far/agents.creds", "far/ca.crt", "far/nats.conf", "far/server.crt", "far/server.key", "far/system.creds"},
			map[string]bool{`urls: ["tls://a:7422", "tls://b:7422"]`: true, "jetstream: {": false, "cluster: {": false}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := map[string]File{}
			for _, f := range must(Files(k, c.servers)) {
				if secret := !strings.HasSuffix(f.Path, "/nats.conf"); f.Secret != secret {
					t.Errorf("%s is to be printed: %t", f.Path, !f.Secret)
				}
				got[f.Path] = f
			}
			if paths := slices.Sorted(maps.Keys(got)); !slices.Equal(paths, c.files) {
				t.Fatalf("the files are %q", paths)
			}
			node := c.servers.Nodes[0]
			conf := string(got[node.Name+"/nats.conf"].Data)
			for text, has := range c.conf {
				if strings.Contains(conf, text) != has {
					t.Errorf("it has %q: %t\n%s", text, !has, conf)
				}
			}
			pair := must(tls.X509KeyPair(got[node.Name+"/server.crt"].Data, got[node.Name+"/server.key"].Data))
			pool := x509.NewCertPool()
			pool.AppendCertsFromPEM(got[node.Name+"/ca.crt"].Data)
			for _, host := range []string{node.Host, "localhost", "127.0.0.1"} {
				if _, err := pair.Leaf.Verify(x509.VerifyOptions{Roots: pool, DNSName: host}); err != nil {
					t.Errorf("the certificate for %s: %v", host, err)
				}
			}
		})
	}
}

func TestWhereTheServerListens(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"0.0.0.0:4222": "0.0.0.0 4222", ":4222": " 4222", "[::1]:65535": "::1 65535", "a:0": fmt.Sprint("a ", server.RANDOM_PORT),
		"a": "write host:port", "a:65536": "write a number up to 65535", "a:x": "write a number up to 65535", "a:-1": "write a number up to 65535",
	} {
		host, port, err := listenAddress("--nats-listen", address)
		got := fmt.Sprint(host, " ", port)
		if err != nil {
			got = err.Error()
			if !strings.HasPrefix(got, fmt.Sprintf("--nats-listen %q: ", address)) {
				t.Errorf("%s: the error is %v", address, err)
			}
		}
		if got != want && (err == nil || !strings.HasSuffix(got, want) && !strings.Contains(got, want)) {
			t.Errorf("%s is %s, want %s", address, got, want)
		}
	}
}
