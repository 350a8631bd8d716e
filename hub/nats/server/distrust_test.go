package server

import "testing"

func TestDistrusting(t *testing.T) {
	for name, c := range map[string]struct {
		line, host string
		is         bool
	}{
		"an agent of another hub": {"10.1.2.3:41234 - cid:7 - TLS handshake error: remote error: tls: bad certificate",
			"10.1.2.3", true},
		"over IPv6": {"[fd00::1]:41234 - cid:7 - TLS handshake error: remote error: tls: unknown " +
			"certificate authority", "fd00::1", true},
		"by WebSocket": {"websocket: http: TLS handshake error from 10.1.2.3:41234: remote error: tls: bad " +
			"certificate", "10.1.2.3", true},
		"without an address": {"TLS handshake error: remote error: tls: bad certificate", "", true},
		"one that just ends": {"10.1.2.3:41234 - cid:7 - TLS handshake error: EOF", "", false},
		"a probe": {"10.1.2.3:41234 - cid:7 - TLS handshake error: tls: first record does not look " +
			"like a TLS handshake", "", false},
		"something else": {"JetStream says: bad certificate", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			if host, is := distrusting(c.line); host != c.host || is != c.is {
				t.Errorf("%q, %t", host, is)
			}
		})
	}
}
