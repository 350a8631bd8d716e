package plan

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

const sopsPlugin = "sops"

// SopsSecret is the Secret in the agent's own namespace with the keys of apps that name none.
const SopsSecret = "drover-sops"

// sopsValue is the prefix of a value that SOPS encrypted
// (https://github.com/getsops/sops, README, "Encryption Protocol").
var sopsValue = []byte("ENC[AES256_GCM,")

// KeysOf is the Secret with the keys of an app. namespace is the agent's own.
func KeysOf(d *protocol.Decryption, namespace string) protocol.VarsRef {
	if d.Secret == "" {
		return protocol.VarsRef{Kind: "Secret", Namespace: namespace, Name: SopsSecret}
	}
	return protocol.VarsRef{Kind: "Secret", Namespace: d.Namespace, Name: d.Secret}
}

// encrypted reports whether the line of an object has a value that is encrypted with SOPS. The values of a Secret are
// looked into as well.
func encrypted(text []byte) bool {
	if bytes.Contains(text, sopsValue) {
		return true
	}
	if !bytes.Contains(text, []byte(`"Secret"`)) {
		return false
	}
	var o struct {
		Kind string
		Data map[string]string
	}
	if json.Unmarshal(text, &o) != nil || o.Kind != "Secret" {
		return false
	}
	for _, v := range o.Data {
		if plain, err := base64.StdEncoding.DecodeString(v); err == nil && bytes.Contains(plain, sopsValue) {
			return true
		}
	}
	return false
}

// AnyEncrypted reports whether a blob has an object that is encrypted.
func AnyEncrypted(blob []byte) bool {
	for text := range bytes.Lines(blob) {
		if encrypted(text) {
			return true
		}
	}
	return false
}

// decrypter decrypts the objects of an app.
type decrypter struct {
	plugins agent.PluginHost // nil if the agent has none
	keys    map[string][]byte
}

func newDecrypter(plugins agent.PluginHost, data map[string]string) *decrypter {
	keys := make(map[string][]byte, len(data))
	for k, v := range data {
		keys[k] = []byte(v)
	}
	return &decrypter{plugins, keys}
}

// decrypt returns the decrypted line of an encrypted object. The plugin must not change which object it is.
func (d *decrypter) decrypt(ctx context.Context, text []byte) ([]byte, error) {
	if d.plugins == nil {
		return nil, errors.New("it is encrypted with SOPS, and this agent was started without plugins: " +
			"use the agent's image")
	}
	out, err := d.plugins.Transform(ctx, sopsPlugin, text, d.keys)
	if err != nil {
		return nil, fmt.Errorf("it is encrypted with SOPS and cannot be decrypted: %w", err)
	}
	was, _, errWas := reference(text)
	is, canonical, errIs := reference(out)
	if errWas != nil || errIs != nil || is != was {
		return nil, errors.New("the plugin sops made another object of it, or none: it is not applied")
	}
	return canonical, nil
}

// identity is which object a line is of.
type identity struct {
	apiVersion string
	ref        protocol.ObjectRef
}

// reference returns which object a line is of, and the line with sorted keys.
func reference(text []byte) (id identity, canonical []byte, err error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber() // or large whole numbers would lose digits
	var object map[string]any
	if err := dec.Decode(&object); err != nil {
		return id, nil, err
	}
	canonical, err = json.Marshal(object)
	apiVersion, _ := object["apiVersion"].(string) // anything else is refused when the line is read
	return identity{apiVersion, fleet.RefOf(object)}, canonical, err
}
