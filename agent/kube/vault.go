package kube

import (
	"context"
	"encoding/binary"
	"io/fs"
	"sync"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/credential"
)

const (
	vaultName     = "drover-credential" // the Secret of the agent's identity
	credentialKey = "credential.json"
	pendingKey    = "pending.json"
)

// Vault keeps the agent's identity in a Secret of its namespace. It is safe for concurrent use.
type Vault struct {
	docs documents

	mu      sync.Mutex // guards version
	version string     // as last read or written; "" if it was not there
}

var _ credential.Vault = (*Vault)(nil)

// NewVault keeps an identity in namespace.
func NewVault(c *Client, namespace string) *Vault {
	return &Vault{docs: documents{c, namespace}}
}

// Load implements agent.Vault.
func (v *Vault) Load(ctx context.Context) (credential, pending []byte, err error) {
	s, err := v.docs.get(ctx, vaultName)
	if err != nil && agent.ReasonOf(err) != agent.ReasonMissing {
		return nil, nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.version = s.Metadata.ResourceVersion
	return s.Data[credentialKey], s.Data[pendingKey], nil
}

// Save implements agent.Vault.
func (v *Vault) Save(ctx context.Context, credential, pending []byte) error {
	v.mu.Lock()
	defer v.mu.Unlock() // over the request: what is written next must know the version of this
	s := secret{APIVersion: "v1", Kind: "Secret", Type: "drover.dev/credential", Data: map[string][]byte{},
		Metadata: secretMeta{Name: vaultName, Namespace: v.docs.namespace, ResourceVersion: v.version,
			Labels: map[string]string{"app.kubernetes.io/part-of": "drover"}, Annotations: map[string]string{annotationSum: identitySum(credential, pending)}}}
	for key, data := range map[string][]byte{credentialKey: credential, pendingKey: pending} {
		if data != nil {
			s.Data[key] = data
		}
	}
	version, err := v.docs.put(ctx, s)
	if err == nil {
		v.version = version
	}
	return err
}

// joinKey is where a Secret holds a join token.
const joinKey = "join.json"

// JoinToken reads a join token from a Secret of namespace, in the way of a file: it fails with fs.ErrNotExist if there is
// none.
func JoinToken(ctx context.Context, c *Client, namespace, name string) ([]byte, error) {
	s, err := documents{c, namespace}.get(ctx, name)
	switch {
	case agent.ReasonOf(err) == agent.ReasonMissing:
		return nil, fs.ErrNotExist
	case err != nil:
		return nil, err
	case len(s.Data[joinKey]) == 0:
		return nil, fs.ErrNotExist
	}
	return s.Data[joinKey], nil
}

// identitySum is by which Save knows its own writing again, when only the answer to it was lost.
func identitySum(credential, pending []byte) string {
	sized := binary.BigEndian.AppendUint64(nil, uint64(len(credential)))
	return checksum(append(append(sized, credential...), pending...))
}
