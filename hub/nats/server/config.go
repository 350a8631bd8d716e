package server

import (
	"fmt"
	"strings"
	"text/template"
	"time"

	"github.com/drover-dev/drover/hub/nats/keyring"
)

// externalLife is how long the certificates and credentials of external servers are valid: people put new ones in
// place.
const externalLife = 365 * 24 * time.Hour

// Node is one external nats-server.
type Node struct {
	Name string
	Host string // where the others, the hub and agents reach it
	Port int    // for the other nodes of its cluster
}

// Servers describes the external nats-servers that are to serve a hub.
type Servers struct {
	Cluster   string // its name; empty for a server alone
	Nodes     []Node
	WebSocket string // host:port at which each takes agents by WebSocket; none, if empty
	LeafNodes string // the same for leaf nodes
	// Upstreams make Nodes leaf nodes: for agents of a far site, who connect to it, while it alone connects to one of
	// these (tls:// URLs of the address for leaf nodes).
	Upstreams []string
}

// File is one file of a nats-server's configuration. Path begins with the node's name.
type File struct {
	Path   string
	Data   []byte
	Secret bool // it is not to be printed
}

// configTemplate is the configuration of one nats-server. Paths are relative to the folder it is started in.
var configTemplate = template.Must(template.New("").Parse(`# The nats-server {{.Node.Name}} of a Drover hub, printed by "drover hub nats-config". Start it in its folder, which has to last:
#   cd {{.Node.Name}} && nats-server -c nats.conf
# server.crt, server.key and ca.crt come with --out, or are your own.
server_name: "{{.Node.Name}}"
listen: "0.0.0.0:4222"
tls: { {{.TLS}} }
ping_interval: "20s"
ping_max: 2
write_deadline: "10s"

operator: [{{range .Operators}}
  "{{.}}"{{end}}
]
system_account: "{{.System}}"
# Servers keep the accounts, so that the hub can tell them which credentials are revoked.
resolver: { type: full, dir: "./accounts", allow_delete: false, interval: "2m" }
resolver_preload: {
  {{.System}}: "{{.SystemJWT}}"
  {{.Hub}}: "{{.HubJWT}}"
  {{.Account}}: "{{.AccountJWT}}"
}
{{- if .WebSocket}}

websocket: { listen: "{{.WebSocket}}", tls: { {{.TLS}} } }
{{- end}}
{{- if .Upstreams}}

# What agents say goes up, what the hub says to them comes down. The second link does the same for the servers themselves:
# the hub sees who is connected here, and revokes here too.
leafnodes: { remotes: [
  { urls: [{{.Upstreams}}], account: "{{.Account}}", credentials: "./agents.creds", tls: { ca_file: "./ca.crt" } }
  { urls: [{{.Upstreams}}], account: "{{.System}}", credentials: "./system.creds", tls: { ca_file: "./ca.crt" } }
] }
{{- template "domain" .}}
{{- else}}

jetstream: { store_dir: "./jetstream" }
{{- end}}
{{- if .LeafNodes}}

leafnodes: { listen: "{{.LeafNodes}}", no_advertise: true, tls: { {{.TLS}} } }
{{- template "domain" .}}
{{- end}}
{{- if .Cluster}}

# Agents are told the servers' names by the hub: addresses that servers tell them would not fit the certificates.
cluster: {
  name: "{{.Cluster}}", listen: "0.0.0.0:{{.Node.Port}}", no_advertise: true
  tls: { {{.TLS}}, ca_file: "./ca.crt", verify: true }
  routes: [{{.Routes}}]
}
{{- end}}
{{define "domain"}}
# JetStream is one on both sides of a leaf node's link.
default_js_domain: { {{.Account}}: "" }
{{- end}}
`))

// serverTLS refers to the certificate of a server.
const serverTLS = `cert_file: "./server.crt", key_file: "./server.key", timeout: 10`

// Files gives the configuration of every node, with certificates of the hub's own authority and what else it needs.
// While the authority is rotated, certificates come from the next one.
func Files(k *keyring.Keys, s Servers) ([]File, error) {
	c, err := k.Claims(nil)
	if err != nil {
		return nil, err
	}
	var out []File
	for _, n := range s.Nodes {
		conf, err := s.config(c, n)
		if err != nil {
			return nil, err
		}
		cert, key, err := k.Issue(n.Name, []string{n.Host, "localhost", "127.0.0.1", "::1"}, externalLife)
		if err != nil {
			return nil, err
		}
		out = append(out, File{n.Name + "/nats.conf", []byte(conf), false}, File{n.Name + "/ca.crt", []byte(k.CA()), true},
			File{n.Name + "/server.crt", cert, true}, File{n.Name + "/server.key", key, true})
		if len(s.Upstreams) == 0 {
			continue
		}
		agents, err := k.LeafOfAgents(n.Name, externalLife)
		if err != nil {
			return nil, err
		}
		system, err := k.LeafOfSystem(n.Name, externalLife)
		if err != nil {
			return nil, err
		}
		out = append(out, File{n.Name + "/agents.creds", agents, true}, File{n.Name + "/system.creds", system, true})
	}
	return out, nil
}

func (s Servers) config(c *keyring.Claims, n Node) (string, error) {
	var routes, upstreams []string
	for _, other := range s.Nodes {
		if other != n {
			routes = append(routes, fmt.Sprintf("%q", fmt.Sprintf("tls://%s:%d", other.Host, other.Port)))
		}
	}
	for _, u := range s.Upstreams {
		upstreams = append(upstreams, fmt.Sprintf("%q", u))
	}
	var text strings.Builder
	err := configTemplate.Execute(&text, map[string]any{
		"Node": n, "Operators": c.OperatorJWTs, "System": c.System, "SystemJWT": c.SystemJWT, "Account": c.Account,
		"AccountJWT": c.AccountJWT, "Hub": c.Hub, "HubJWT": c.HubJWT, "WebSocket": s.WebSocket,
		"LeafNodes": s.LeafNodes, "Upstreams": strings.Join(upstreams, ", "), "Cluster": s.Cluster,
		"Routes": strings.Join(routes, ", "), "TLS": serverTLS,
	})
	return text.String(), err
}
