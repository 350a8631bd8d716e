package outbound

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"time"
)

// What of a login cannot be used. Neither quotes any of it.
var (
	ErrAuthorities = errors.New("the credential's CA certificates are no PEM certificates: correct them")
	ErrCertificate = errors.New("the credential's certificate cannot be used: give certificate and key that " +
		"belong together, as PEM")
)

// Transport is what a client speaks HTTP by that obeys Restrict: through the proxy of the environment, with TLS 1.2 at
// least, and with timeout for a connection to be made. It trusts ca, which is PEM, beside the authorities of the
// system,
// and logs in with certificate and key, which are PEM, too; either may be empty. An error is ErrAuthorities or
// ErrCertificate.
func Transport(timeout time.Duration, ca, certificate, key []byte) (*http.Transport, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if len(ca) > 0 {
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool() // a system without certificates
		}
		if !pool.AppendCertsFromPEM(ca) {
			return nil, ErrAuthorities
		}
		conf.RootCAs = pool
	}
	if len(certificate) > 0 {
		pair, err := tls.X509KeyPair(certificate, key)
		if err != nil {
			return nil, ErrCertificate
		}
		conf.Certificates = []tls.Certificate{pair}
	}
	return &http.Transport{
		DialContext: Dialer(timeout).DialContext, Proxy: http.ProxyFromEnvironment, TLSClientConfig: conf,
		ForceAttemptHTTP2: true, TLSHandshakeTimeout: timeout, ResponseHeaderTimeout: 30 * time.Second,
	}, nil
}
