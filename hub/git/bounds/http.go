package bounds

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
)

// boundedHTTP is go-git's transport for http, which bounds the lists of refs that servers answer with. What an
// endpoint says of certificates is done here, because go-git does it to an *http.Transport alone.
type boundedHTTP struct {
	transport.Transport
	base *http.Transport
}

func newBoundedHTTP(base *http.Transport) boundedHTTP {
	return boundedHTTP{clientOf(base), base}
}

func clientOf(t *http.Transport) transport.Transport {
	return githttp.NewClient(&http.Client{Transport: boundedTransport{t}})
}

// NewUploadPackSession implements transport.Transport.
func (b boundedHTTP) NewUploadPackSession(at *transport.Endpoint, auth transport.AuthMethod,
) (transport.UploadPackSession, error) {
	t, at, err := b.trusting(at)
	if err != nil {
		return nil, err
	}
	return t.NewUploadPackSession(at, auth)
}

// NewReceivePackSession implements transport.Transport.
func (b boundedHTTP) NewReceivePackSession(at *transport.Endpoint, auth transport.AuthMethod,
) (transport.ReceivePackSession, error) {
	t, at, err := b.trusting(at)
	if err != nil {
		return nil, err
	}
	return t.NewReceivePackSession(at, auth)
}

// trusting gives a transport that does what an endpoint says of certificates, and the endpoint without that.
func (b boundedHTTP) trusting(at *transport.Endpoint) (transport.Transport, *transport.Endpoint, error) {
	if len(at.CaBundle)+len(at.ClientCert)+len(at.ClientKey) == 0 {
		return b.Transport, at, nil
	}
	t := b.base.Clone()
	if t.TLSClientConfig == nil {
		t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if len(at.CaBundle) > 0 {
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		pool.AppendCertsFromPEM(at.CaBundle)
		t.TLSClientConfig.RootCAs = pool
	}
	if len(at.ClientCert)+len(at.ClientKey) > 0 {
		pair, err := tls.X509KeyPair(at.ClientCert, at.ClientKey)
		if err != nil {
			return nil, nil, errors.New("the client certificate and its key do not belong together, or are not PEM")
		}
		t.TLSClientConfig.Certificates = []tls.Certificate{pair}
	}
	plain := *at
	plain.CaBundle, plain.ClientCert, plain.ClientKey = nil, nil, nil
	return clientOf(t), &plain, nil
}

// boundedTransport bounds the lists of refs that servers answer with.
type boundedTransport struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t boundedTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := t.RoundTripper.RoundTrip(req)
	b, ok := req.Context().Value(boundsKey{}).(Bounds)
	if err == nil && ok && strings.HasSuffix(req.URL.Path, "/info/refs") {
		res.Body = &boundedBody{res.Body, b.Advertised, b.Advertised}
	}
	return res, err
}

// boundedBody is an answer that may not be longer than most.
type boundedBody struct {
	io.ReadCloser
	left, most int64
}

// Read implements io.Reader.
func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left <= 0 && len(p) > 0 { // only its end may come now
		if n, err := b.ReadCloser.Read(make([]byte, 1)); n == 0 {
			return 0, err
		}
		return 0, &ExcessError{fmt.Sprintf("the list of its branches and tags is longer than %d bytes", b.most)}
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}
