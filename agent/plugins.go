package agent

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// Plugins are programs that change objects before they are applied.
type Plugins interface {
	// Transform has a plugin change an object, which is JSON, with the help of a Secret's data. What an error says may be shown.
	Transform(ctx context.Context, plugin string, object []byte, secrets map[string][]byte) ([]byte, error)
}

const (
	sopsPlugin = "sops"
	// sopsSecret is the Secret in the agent's own namespace with the keys of apps that name none.
	sopsSecret = "drover-sops"
)

// sopsValue is how SOPS begins a value that it encrypted (https://github.com/getsops/sops, README, "Encryption Protocol").
var sopsValue = []byte("ENC[AES256_GCM,")

// keysOf is the Secret with the keys of an app. namespace is the agent's own.
func keysOf(d *protocol.Decryption, namespace string) protocol.VarsRef {
	if d.Secret == "" {
		return protocol.VarsRef{Kind: "Secret", Namespace: namespace, Name: sopsSecret}
	}
	return protocol.VarsRef{Kind: "Secret", Namespace: d.Namespace, Name: d.Secret}
}

// encrypted says whether a line is that of an object that is encrypted with SOPS, or of a Secret with a value that is.
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

// anyEncrypted says whether a blob holds something that is encrypted.
func anyEncrypted(blob []byte) bool {
	for text := range bytes.Lines(blob) {
		if encrypted(text) {
			return true
		}
	}
	return false
}

// decrypter decrypts the objects of an app.
type decrypter struct {
	plugins Plugins
	keys    map[string][]byte
}

// decrypt gives the line of an encrypted object in the clear. It has to be the same object.
func (d *decrypter) decrypt(ctx context.Context, text []byte) ([]byte, error) {
	if d.plugins == nil {
		return nil, errors.New("it is encrypted with SOPS, and this agent was started without plugins: use the agent's image")
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

// reference says which object a line is of, and gives it in one line with sorted keys.
func reference(text []byte) (ref [2]any, canonical []byte, err error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber() // or large whole numbers would lose digits
	var object map[string]any
	if err := dec.Decode(&object); err != nil {
		return ref, nil, err
	}
	canonical, err = json.Marshal(object)
	return [2]any{object["apiVersion"], fleet.RefOf(object)}, canonical, err
}
