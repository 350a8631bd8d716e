package server

import (
	"net"
	"strings"
)

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
