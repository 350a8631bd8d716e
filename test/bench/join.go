package bench

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/drover-dev/drover/protocol"
)

// join buys a credential with a join token, as an agent does. It keeps it in memory alone.
func join(ctx context.Context, token protocol.JoinToken) (protocol.Credential, error) {
	c := protocol.Credential{Version: protocol.Version, Cluster: token.Cluster, Trust: token.Trust, Token: token.User}
	key, err := signer(token.Seed)
	if err != nil {
		return c, err
	}
	user, err := nkeys.CreateUser()
	if err != nil {
		return c, err
	}
	seed, err := user.Seed()
	if err != nil {
		return c, err
	}
	req := protocol.KeyRequest{Version: protocol.Version, Cluster: token.Cluster}
	if req.User, err = user.PublicKey(); err != nil {
		return c, err
	}
	if c.OpenKey, req.OpenKey, err = protocol.NewOpenKey(); err != nil {
		return c, err
	}
	signed, err := protocol.SignMessage(req, key)
	if err != nil {
		return c, err
	}
	g, err := buy(ctx, token, signed)
	c.Seed, c.JWT, c.Issued, c.Expires = string(seed), g.JWT, g.Issued, g.Expires
	return c, err
}

// buy sends a request with a token, and gives the verified answer.
func buy(ctx context.Context, token protocol.JoinToken, request []byte) (protocol.Grant, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	nc, err := connect(token.Trust, token.User, token.JWT, token.Seed)
	if err != nil {
		return protocol.Grant{}, fmt.Errorf("connect to join %s: %w", token.Cluster, err)
	}
	defer nc.Close()
	m, err := nc.RequestWithContext(ctx, protocol.JoinSubject(token.User), request)
	if err != nil {
		return protocol.Grant{}, fmt.Errorf("join %s: %w", token.Cluster, err)
	}
	g, err := protocol.VerifyMessage[protocol.Grant](m.Data, token.Cluster, token.SigningKeys())
	if err == nil && g.Error != "" {
		err = errors.New(g.Error)
	}
	return g, err
}

// connect opens a connection as the user of a JWT, whose answers come to the inbox of this name.
func connect(trust protocol.Trust, inbox, jwt, seed string, opts ...nats.Option) (*nats.Conn, error) {
	var roots *x509.CertPool
	if trust.CA != "" {
		roots = x509.NewCertPool()
		roots.AppendCertsFromPEM([]byte(trust.CA))
	}
	servers := slices.DeleteFunc(slices.Clone(trust.Servers), func(s string) bool { return !strings.HasPrefix(s, "tls://") })
	return nats.Connect(strings.Join(servers, ","), append([]nats.Option{nats.Name("drover-bench " + inbox), nats.UserJWTAndSeed(jwt, seed),
		nats.Secure(&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}), nats.CustomInboxPrefix(protocol.InboxPrefix(inbox)),
		nats.PingInterval(20 * time.Second), nats.MaxReconnects(-1)}, opts...)...)
}

// signer is the signing key of a NATS user seed.
func signer(seed string) (ed25519.PrivateKey, error) {
	_, raw, err := nkeys.DecodeSeed([]byte(seed))
	if err != nil || len(raw) != ed25519.SeedSize {
		return nil, errors.New("the seed is not that of a NATS user")
	}
	return ed25519.NewKeyFromSeed(raw), nil
}
