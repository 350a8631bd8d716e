// Package manifest writes what is applied to a cluster to install its agent. It may import protocol.
package manifest

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"text/template"

	"github.com/drover-dev/drover/protocol"
)

//go:embed agent.yaml
var agentYAML string

var agentTemplate = template.Must(template.New("agent.yaml").Option("missingkey=error").Parse(agentYAML))

// Agent is an agent to install.
type Agent struct {
	Namespace string // its own; protocol.CheckName holds for it
	Image     string
	Token     protocol.JoinToken
}

// image is what an image reference may hold: enough to keep a typing mistake from becoming YAML.
var image = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/@-]*$`)

// Check says what is wrong with an agent, its token aside.
func Check(a Agent) error {
	if err := protocol.CheckName(a.Namespace); err != nil {
		return fmt.Errorf("the namespace: %w", err)
	}
	if !image.MatchString(a.Image) {
		return fmt.Errorf("the image %q is no image reference", a.Image)
	}
	return nil
}

// WriteAgent writes the manifest of an agent: namespace, rights, join token and DaemonSet.
func WriteAgent(w io.Writer, a Agent) error {
	if err := Check(a); err != nil {
		return err
	}
	token, err := json.Marshal(a.Token)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(token)
	return agentTemplate.Execute(w, map[string]string{
		"Checksum": hex.EncodeToString(sum[:8]),
		"Cluster":  a.Token.Cluster, "Namespace": a.Namespace, "Image": a.Image,
		"Token": base64.StdEncoding.EncodeToString(token),
	})
}
