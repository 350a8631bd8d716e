package datadir

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/drover-dev/drover/hub/cmd/drover/call"
	"github.com/drover-dev/drover/hub/nats/keyring"
	"github.com/drover-dev/drover/hub/nats/server"
	"github.com/drover-dev/drover/protocol"
)

// configOptions are the flags of `drover hub nats-config`.
type configOptions struct {
	dataDir, cluster, websocket, leafNodes, leaf, out string
	nodes, upstreams                                  []string
	force                                             bool
}

// natsConfig is `drover hub nats-config`.
func (m commands) natsConfig() *cobra.Command {
	var o configOptions
	cmd := &cobra.Command{
		Use: "nats-config", Short: "Print the configuration of external nats-servers that serve this hub",
		Long: `Prints the configuration of external nats-servers whose operator is this hub: one server, a cluster of
several, or the leaf node of a remote site, to which the site's agents connect. With --out it writes a folder for each
node, with its certificate and key from the hub's own authority, valid for a year.`,
		Example: `  drover hub nats-config --node n0=nats.internal --out nats
  drover hub nats-config --cluster main --node n0=10.0.0.1 --node n1=10.0.0.2 --node n2=10.0.0.3 --leafnodes 0.0.0.0:7422 --out nats
  drover hub --repo … --nats-url tls://10.0.0.1,tls://10.0.0.2,tls://10.0.0.3 --nats-replicas 3
  drover hub nats-config --leaf oslo=nats.oslo.example.com --upstream tls://10.0.0.1:7422 --out nats`,
		Args: m.wrong.Exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := o.servers()
			if err != nil {
				return m.wrong(err)
			}
			keys, err := keyring.Open(filepath.Join(o.dataDir, "keys")) // the servers may come before the hub
			if err != nil {
				return err
			}
			files, err := server.Files(keys, s)
			if err != nil {
				return err
			}
			if o.out == "" {
				return printFiles(cmd.OutOrStdout(), files)
			}
			if err := writeFiles(o.out, files, o.force); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "Wrote %d files below %s. They hold keys: take each folder to its machine over a channel you trust,\n"+
				"and start nats-server in it. `nats-server --signal reload` takes up changed certificates.\n", len(files), o.out)
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.dataDir, "data-dir", m.dir, "where the hub keeps its keys and its store [$DROVER_DATA_DIR]")
	f.StringVar(&o.cluster, "cluster", "", "name of the cluster that the nodes form")
	f.StringArrayVar(&o.nodes, "node", nil, "a server, as NAME=HOST or NAME=HOST:PORT: where it is reached, and the port for the other nodes (default 6222)")
	f.StringVar(&o.websocket, "websocket", "", "address at which the servers take agents by WebSocket too, as 0.0.0.0:443")
	f.StringVar(&o.leafNodes, "leafnodes", "", "address at which the servers take leaf nodes, as 0.0.0.0:7422")
	f.StringVar(&o.leaf, "leaf", "", "a leaf node instead, as NAME=HOST")
	f.StringArrayVar(&o.upstreams, "upstream", nil, "where a leaf node connects, as tls://host:7422")
	f.StringVar(&o.out, "out", "", "write everything below this folder instead of printing the configuration")
	f.BoolVar(&o.force, "force", false, "overwrite files that are there")
	return cmd
}

// servers reads the flags.
func (o *configOptions) servers() (server.Servers, error) {
	s := server.Servers{Cluster: o.cluster, WebSocket: o.websocket, LeafNodes: o.leafNodes}
	nodes := o.nodes
	switch {
	case o.leaf != "" && (o.cluster != "" || len(o.nodes) > 0):
		return s, errors.New("--leaf is for one server of its own: leave out --cluster and --node")
	case o.leaf != "" && len(o.upstreams) == 0:
		return s, errors.New("where does the leaf node connect? Say it with --upstream, as tls://host:7422")
	case o.leaf == "" && len(o.upstreams) > 0:
		return s, errors.New("--upstream says where a leaf node connects: name that with --leaf")
	case o.leaf != "":
		nodes = []string{o.leaf}
	case o.cluster != "" && len(nodes) < 3:
		return s, errors.New("a cluster that survives the loss of a server has three or more: name each with --node NAME=HOST")
	case o.cluster == "" && len(nodes) > 1:
		return s, errors.New("several nodes form a cluster: name it with --cluster")
	case len(nodes) == 0:
		nodes = []string{"nats=localhost"}
	}
	if o.cluster != "" {
		if err := protocol.CheckName(o.cluster); err != nil {
			return s, fmt.Errorf("--cluster: %w", err)
		}
	}
	for flag, address := range map[string]string{"--websocket": o.websocket, "--leafnodes": o.leafNodes} {
		if _, _, err := net.SplitHostPort(address); address != "" && (err != nil || strings.ContainsAny(address, "\"\n")) {
			return s, fmt.Errorf("%s %q: write host:port, as 0.0.0.0:443", flag, address)
		}
	}
	for _, u := range o.upstreams {
		secure, err := SecureURL("--upstream", u)
		if err != nil {
			return s, err
		}
		s.Upstreams = append(s.Upstreams, secure)
	}
	for _, text := range nodes {
		n, err := parseNode(text)
		if err != nil {
			return s, err
		}
		s.Nodes = append(s.Nodes, n)
	}
	return s, nil
}

func parseNode(text string) (server.Node, error) {
	name, where, _ := strings.Cut(text, "=")
	n := server.Node{Name: name, Host: where, Port: 6222}
	if host, port, err := net.SplitHostPort(where); err == nil {
		number, err := strconv.ParseUint(port, 10, 16)
		if err != nil {
			return n, fmt.Errorf("the node %q: %q is no port", text, port)
		}
		n.Host, n.Port = host, int(number)
	}
	if err := protocol.CheckName(name); err != nil {
		return n, fmt.Errorf("the node %q: %w", text, err)
	}
	if n.Host == "" || strings.ContainsAny(n.Host, "\"\n /") {
		return n, fmt.Errorf("the node %q: write NAME=HOST or NAME=HOST:PORT", text)
	}
	return n, nil
}

// existing opens the keys of a hub, and makes none.
func existing(dataDir string) (*keyring.Keys, error) {
	dir := filepath.Join(dataDir, "keys")
	if _, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("there are no keys of a hub: %w: say with --data-dir where they are, or start the hub once, which makes them", err)
	}
	return keyring.Open(dir)
}

func printFiles(w io.Writer, files []server.File) error {
	for _, f := range files {
		if f.Secret {
			continue
		}
		if _, err := w.Write(f.Data); err != nil {
			return err
		}
	}
	return nil
}

// writeFiles writes all files, or none where one is there already and force is not said.
func writeFiles(dir string, files []server.File, force bool) error {
	if !force {
		for _, f := range files {
			if _, err := os.Stat(filepath.Join(dir, f.Path)); !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("%s is there already: name another folder, or overwrite it with --force", filepath.Join(dir, f.Path))
			}
		}
	}
	for _, f := range files {
		path := filepath.Join(dir, f.Path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(path, f.Data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// SecureURL gives a URL that agents take.
func SecureURL(flag, text string) (string, error) {
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil || u.Hostname() == "" {
		return "", fmt.Errorf("%s %q is no URL: write tls://host:port or wss://host:port", flag, call.Redact(text))
	}
	switch u.Scheme {
	case "tls", "wss":
	case "nats":
		u.Scheme = "tls"
	default:
		return "", fmt.Errorf("%s %q: agents connect with TLS only: write tls://host:port or wss://host:port", flag, call.Redact(text))
	}
	return u.String(), nil
}
