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

const (
	sopsPlugin = "sops"
	// sopsSecret is the Secret in the agent's own namespace with the keys of apps that name none.
	SopsSecret = "drover-sops"
)

// sopsValue is how SOPS begins a value that it encrypted (https://github.com/getsops/sops, README, "Encryption Protocol").
var sopsValue = []byte("ENC[AES256_GCM,")

// KeysOf is the Secret with the keys of an app. namespace is the agent's own.
func KeysOf(d *protocol.Decryption, namespace string) protocol.VarsRef {
	if d.Secret == "" {
		return protocol.VarsRef{Kind: "Secret", Namespace: namespace, Name: SopsSecret}
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

// AnyEncrypted says whether a blob holds something that is encrypted.
func AnyEncrypted(blob []byte) bool {
	for text := range bytes.Lines(blob) {
		if encrypted(text) {
			return true
		}
	}
	return false
}

// Decrypter decrypts the objects of an app.
type Decrypter struct {
	Plugins agent.Plugins
	Keys    map[string][]byte
}

// decrypt gives the line of an encrypted object in the clear. It has to be the same object.
func (d *Decrypter) decrypt(ctx context.Context, text []byte) ([]byte, error) {
	if d.Plugins == nil {
		return nil, errors.New("it is encrypted with SOPS, and this agent was started without plugins: use the agent's image")
	}
	out, err := d.Plugins.Transform(ctx, sopsPlugin, text, d.Keys)
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
