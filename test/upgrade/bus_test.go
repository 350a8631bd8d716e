package upgrade

import (
	"bufio"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"encoding/base32"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/drover-dev/drover/test/testenv"
)

// credential is what an agent keeps in the Secret drover-credential, as far as NATS asks for it.
type credential struct {
	JWT, Seed string
	CA        string
	Servers   []string
	Issued    time.Time
}

// credential reads that of a cluster.
func (c *cluster) credential() (out credential) {
	c.t.Helper()
	ref := testenv.Ref{APIVersion: "v1", Kind: "Secret", Namespace: c.own, Name: "drover-credential"}
	secret, err := c.cp.Kube().Get(c.t.Context(), ref)
	if err != nil {
		c.t.Fatal(err)
	}
	data, err := base64.StdEncoding.DecodeString(secret.Text("data", "credential.json"))
	if err == nil {
		err = json.Unmarshal(data, &out)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	return out
}

// errTurnedAway says that a server does not take a credential.
var errTurnedAway = errors.New("the server turns the credential away")

// connect tries whether a server takes the credential, by the protocol of NATS itself.
func (c credential) connect() error {
	conn, err := net.DialTimeout("tcp", strings.TrimPrefix(c.Servers[0], "tls://"), 5*time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	greeting, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return err
	}
	var info struct{ Nonce string }
	if err := json.Unmarshal([]byte(strings.TrimPrefix(greeting, "INFO ")), &info); err != nil {
		return err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM([]byte(c.CA))
	secure := tls.Client(conn, &tls.Config{RootCAs: pool, ServerName: "127.0.0.1"})
	seed, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(c.Seed)
	if err != nil || len(seed) != 36 {
		return fmt.Errorf("a seed of %d bytes: %w", len(seed), err)
	}
	signature := ed25519.Sign(ed25519.NewKeyFromSeed(seed[2:34]), []byte(info.Nonce))
	ask, err := json.Marshal(map[string]any{"jwt": c.JWT, "sig": base64.RawURLEncoding.EncodeToString(signature),
		"verbose": false, "tls_required": true, "lang": "test", "version": "1", "protocol": 1})
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(secure, "CONNECT %s\r\nPING\r\n", ask); err != nil {
		return err
	}
	for r := bufio.NewReader(secure); ; {
		switch line, err := r.ReadString('\n'); {
		case err != nil:
			return err
		case strings.HasPrefix(line, "PONG"):
			return nil
		case strings.HasPrefix(line, "-ERR"):
			return fmt.Errorf("%w: %s", errTurnedAway, strings.TrimSpace(line))
		}
	}
}
