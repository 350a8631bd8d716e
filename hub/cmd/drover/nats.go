package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/drover-dev/drover/hub/cmd/drover/call"
	"github.com/drover-dev/drover/hub/cmd/drover/datadir"
	"github.com/drover-dev/drover/hub/nats"
	"github.com/drover-dev/drover/hub/nats/identity"
	"github.com/drover-dev/drover/hub/nats/keyring"
	"github.com/drover-dev/drover/hub/nats/server"
)

// systemCA is what --nats-ca says for the authorities that the system knows.
const systemCA = "system"

// natsOptions are the flags about the bus.
type natsOptions struct {
	listen, websocket      string
	tlsCert, tlsKey, tlsCA string
	url, ca                string
	replicas               int
	maxStore               int64 // GiB
	advertise              []string
}

func (o *natsOptions) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.listen, "nats-listen", "0.0.0.0:4222", "address of the embedded NATS server, for the agents; always with TLS")
	f.StringVar(&o.websocket, "nats-websocket", "", "address at which the embedded NATS server takes WebSocket too, as 0.0.0.0:443 for sites that only let that out")
	f.StringVar(&o.tlsCert, "tls-cert", "", "certificate of the embedded NATS server and the API (default: one of the hub's own authority, which agents are told to trust)")
	f.StringVar(&o.tlsKey, "tls-key", "", "key of --tls-cert; both files are read again when they change")
	f.StringVar(&o.tlsCA, "tls-ca", "", "authorities that agents verify --tls-cert with (default: those of their systems)")
	f.StringVar(&o.url, "nats-url", "", "use these external NATS servers instead of the embedded one: tls:// or wss:// URLs, separated by commas")
	f.StringVar(&o.ca, "nats-ca", "", `authorities that the servers of --nats-url are verified with: a file, or "`+systemCA+
		`" (default: the hub's own, which "drover hub nats-config --out" uses)`)
	f.Int64Var(&o.maxStore, "nats-max-store", 64, "how much the embedded NATS server may store, in GiB")
	f.IntVar(&o.replicas, "nats-replicas", 1, "replicas of the streams, where the external servers are a cluster")
	f.StringSliceVar(&o.advertise, "advertise", nil, "tls:// or wss:// URLs that agents connect to, preferred first (default: --nats-url, or this machine's address)")
}

// check finds mistakes, and brings URLs into the form that agents take.
func (o *natsOptions) check(log *slog.Logger) error {
	if (o.tlsCert == "") != (o.tlsKey == "") {
		return usageError{errors.New("--tls-cert and --tls-key belong together: give both, or neither")}
	}
	if o.tlsCA != "" && o.tlsCert == "" {
		return usageError{errors.New("--tls-ca says what --tls-cert is verified with: give that too")}
	}
	if o.url == "" && (o.ca != "" || o.replicas > 1) {
		return usageError{errors.New("--nats-ca and --nats-replicas are about external NATS servers: name them with --nats-url")}
	}
	if o.url != "" && (o.tlsCert != "" || o.websocket != "") {
		return usageError{errors.New("--tls-cert and --nats-websocket are about the embedded NATS server, which --nats-url replaces: leave them out")}
	}
	var servers []string
	if o.url != "" {
		servers = strings.Split(o.url, ",")
	}
	for flag, urls := range map[string][]string{"--nats-url": servers, "--advertise": o.advertise} {
		for i, u := range urls {
			secure, err := datadir.SecureURL(flag, u)
			if err != nil {
				return usageError{err}
			}
			if secure != u {
				log.Info("agents and the hub connect with TLS only: the URL is taken as "+secure, "flag", flag, "given", call.Redact(u))
			}
			urls[i] = secure
		}
	}
	o.url = strings.Join(servers, ",")
	return nil
}

// connect starts the embedded NATS server, or connects to the external ones, and says what clusters are to trust.
func (p *hubProcess) connect(keys *keyring.Keys, ids *identity.Identities) (*nats.Bus, error) {
	o := p.opts.nats
	opts := nats.Options{URL: o.url, Replicas: o.replicas, Standby: true, Keys: keys, IDs: ids, Log: p.log}
	servers, ca := o.advertise, keys.CA()
	if o.url == "" {
		s, err := p.startServer(keys, ids)
		if err != nil {
			return nil, err
		}
		p.closers = append(p.closers, s.Close)
		opts.Server = s
		servers = advertised(o.advertise, s.Addr(), s.WebSocketPort())
		if o.tlsCert != "" {
			if ca, err = readCA("--tls-ca", o.tlsCA); err != nil {
				return nil, err
			}
		}
	} else {
		if len(servers) == 0 {
			servers = strings.Split(o.url, ",")
		}
		if o.ca == systemCA {
			ca = ""
		} else if o.ca != "" {
			var err error
			if ca, err = readCA("--nats-ca", o.ca); err != nil {
				return nil, err
			}
		}
		opts.CA = ca
	}
	trust, err := keys.Trust(servers, ca)
	if err != nil {
		return nil, err
	}
	p.trust = &trust
	bus, err := nats.Connect(opts)
	if err != nil {
		return nil, err
	}
	p.closers = append(p.closers, bus.Close)
	ids.Advertise(trust, bus.Revoke)
	p.log.Info("agents are told to connect to", "servers", strings.Join(servers, ","))
	return bus, nil
}

// certificate is that of the embedded NATS server and of the API.
func (p *hubProcess) certificate(keys *keyring.Keys) (keyring.GetCertificate, error) {
	o := p.opts.nats
	if o.tlsCert != "" {
		return keyring.CertificateFiles(o.tlsCert, o.tlsKey, p.log)
	}
	hosts := make([]string, len(o.advertise))
	for i, text := range o.advertise {
		if u, err := url.Parse(text); err == nil {
			hosts[i] = u.Hostname()
		}
	}
	return keys.Certificate(hosts)
}

func (p *hubProcess) startServer(keys *keyring.Keys, ids *identity.Identities) (*server.Server, error) {
	o := p.opts.nats
	certificate, err := p.certificate(keys)
	if err != nil {
		return nil, err
	}
	if o.maxStore < 1 {
		return nil, usageError{fmt.Errorf("--nats-max-store %d: give GiB, 1 or more", o.maxStore)}
	}
	return server.Start(server.Options{Listen: o.listen, WebSocket: o.websocket, Dir: filepath.Join(p.opts.dataDir, "nats"),
		Certificate: certificate, Keys: keys, Revoked: ids.Revoked(), MaxStore: o.maxStore << 30,
		Distrusted: ids.Distrust, Log: p.log})
}

// readCA reads the authorities of a flag; none, if it is not given.
func readCA(flag, file string) (string, error) {
	if file == "" {
		return "", nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("%s: %w", flag, err)
	}
	return string(data), nats.CheckCA(flag, data)
}

// advertised are the URLs that agents are told: those the user gave, or this machine's first address that
// others may reach; and behind them the WebSocket of the same host, where there is one and none was given.
func advertised(given []string, addr *net.TCPAddr, websocket int) []string {
	out := slices.Clone(given)
	if len(out) == 0 {
		out = []string{"tls://" + net.JoinHostPort(reachable(addr.IP), strconv.Itoa(addr.Port))}
	}
	if websocket == 0 || slices.ContainsFunc(out, func(s string) bool { return strings.HasPrefix(s, "wss://") }) {
		return out
	}
	if u, err := url.Parse(out[0]); err == nil {
		out = append(out, "wss://"+net.JoinHostPort(u.Hostname(), strconv.Itoa(websocket)))
	}
	return out
}

// reachable is ip, or an address of this machine that others may reach if ip stands for all of them.
func reachable(ip net.IP) string {
	if !ip.IsUnspecified() {
		return ip.String()
	}
	addrs, _ := net.InterfaceAddrs()
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() && n.IP.To4() != nil {
			return n.IP.String()
		}
	}
	return "127.0.0.1"
}
