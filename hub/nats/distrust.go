package nats

import (
	"net"
	"strings"
	"time"
)

// maxDistrusting is how many addresses are told apart of those who do not trust the hub's certificate.
const maxDistrusting = 10_000

// distrusting reads a line of the server's log. ok says that a client broke a handshake off because it does not trust
// the certificate, and host is where it came from, if the line says so. Probes and connections that just end are none
// of these.
func distrusting(line string) (host string, ok bool) {
	_, cause, is := strings.Cut(line, "TLS handshake error")
	unknown := strings.Contains(cause, "tls: bad certificate") || strings.Contains(cause, "tls: unknown certificate authority")
	if !is || !unknown {
		return "", false
	}
	for word := range strings.FieldsSeq(line) {
		if at, _, err := net.SplitHostPort(strings.TrimSuffix(word, ":")); err == nil && net.ParseIP(at) != nil {
			return at, true
		}
	}
	return "", true
}

// Distrust counts a connection that an agent broke off because it does not trust the certificate of the embedded
// server.
func (ids *Identities) Distrust(host string) {
	ids.mu.Lock()
	defer ids.mu.Unlock()
	d := &ids.joins.Distrusted
	if len(ids.distrusting) < maxDistrusting {
		ids.distrusting[host] = struct{}{}
	}
	d.Count, d.Addresses, d.Last, d.Time = d.Count+1, len(ids.distrusting), host, time.Now().UTC()
}
