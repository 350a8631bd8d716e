package testenv

import (
	"encoding/base64"
	"fmt"
	"os"
)

// writeKubeconfig writes a kubeconfig with which user reaches cp by token.
func (cp *ControlPlane) writeKubeconfig(path, user, token string) error {
	return cp.writeUser(path, user, "token: "+token)
}

// writeMember writes a kubeconfig with which user, as a member of group, reaches cp by a certificate.
func (cp *ControlPlane) writeMember(path, user, group string) error {
	cert, key, err := cp.authority.client(user, group)
	if err != nil {
		return fmt.Errorf("make a certificate for %s: %w", user, err)
	}
	return cp.writeUser(path, user, fmt.Sprintf("{client-certificate-data: %s, client-key-data: %s}",
		base64.StdEncoding.EncodeToString(cert), base64.StdEncoding.EncodeToString(key)))
}

// writeUser writes a kubeconfig with which user reaches cp by what credential, YAML, says.
func (cp *ControlPlane) writeUser(path, user, credential string) error {
	text := fmt.Sprintf(`apiVersion: v1
kind: Config
clusters:
- name: %[1]s
  cluster:
    server: %[2]s
    certificate-authority-data: %[3]s
users:
- name: %[4]s
  user:
    %[5]s
contexts:
- name: %[1]s
  context: {cluster: %[1]s, user: %[4]s}
current-context: %[1]s
`, cp.Name, cp.URL, base64.StdEncoding.EncodeToString(cp.CA), user, credential)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return fmt.Errorf("write kubeconfig: %w", err)
	}
	return nil
}
