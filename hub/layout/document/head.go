package document

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"regexp"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/model"
)

// Head is what every object says of itself.
type Head struct {
	APIVersion, Kind Text
	Metadata         struct {
		Name, Namespace     Text
		Labels, Annotations map[string]Text
	}
	Sops json.RawMessage
	Data json.RawMessage
}

// Text is a string in an object of any shape: what is none is taken as it is written.
type Text string

// UnmarshalJSON implements json.Unmarshaler.
func (t *Text) UnmarshalJSON(data []byte) error {
	var s string
	if json.Unmarshal(data, &s) != nil && string(data) != "null" {
		s = string(data)
	}
	*t = Text(s)
	return nil
}

// Group is the API group.
func (h Head) Group() string { return fleet.GroupOf(string(h.APIVersion)) }

// Annotations are those of the object, as texts.
func (h Head) Annotations() map[string]string { return stringsOf(h.Metadata.Annotations) }

func (h Head) labels() map[string]string { return stringsOf(h.Metadata.Labels) }

func stringsOf(pairs map[string]Text) map[string]string {
	out := make(map[string]string, len(pairs))
	for k, v := range pairs {
		out[k] = string(v)
	}
	return out
}

// String names the object by kind, namespace and name.
func (h Head) String() string {
	return string(h.Kind + " " + h.path())
}

// path is namespace/name, or the name alone.
func (h Head) path() Text {
	if h.Metadata.Namespace == "" {
		return h.Metadata.Name
	}
	return h.Metadata.Namespace + "/" + h.Metadata.Name
}

// KeptBy is what protects an object from being pruned, see fleet.KeptBy.
func (h Head) KeptBy() string { return fleet.KeptBy(h.Annotations(), h.labels()) }

// sopsValue is how SOPS begins a value that it encrypted (https://github.com/getsops/sops, README, "Encryption
// Protocol").
var sopsValue = []byte("ENC[AES256_GCM,")

// ciphertext finds a value that SOPS encrypted in the text of an object: with what follows the prefix, so that a text
// which explains SOPS is none.
var ciphertext = regexp.MustCompile(`ENC\[AES256_GCM,data:[A-Za-z0-9+/]`)

// Ciphertext says whether an object has a value that SOPS encrypted, and that nothing decrypts: it has no metadata of
// SOPS, and does not stand in a file that a generator put into the data of a Secret.
func Ciphertext(o model.Rendered, h Head) bool {
	if bytes.HasPrefix(bytes.TrimSpace(h.Sops), []byte("{")) {
		return false
	}
	if ciphertext.Match(o.JSON) {
		return true
	}
	var more struct{ BinaryData map[string]string }
	if h.Kind != "ConfigMap" || json.Unmarshal(o.JSON, &more) != nil {
		return false
	}
	for _, v := range more.BinaryData {
		if plain, err := base64.StdEncoding.DecodeString(v); err == nil && ciphertext.Match(plain) {
			return true
		}
	}
	return false
}

// Encrypted says whether an object is encrypted with SOPS: applied as it is, it would replace a secret by its
// ciphertext.
func Encrypted(o model.Rendered, h Head) bool {
	if bytes.HasPrefix(bytes.TrimSpace(h.Sops), []byte("{")) && bytes.Contains(o.JSON, sopsValue) {
		return true
	}
	if h.Kind != "Secret" || h.Group() != "" {
		return false
	}
	var data map[string]string // a generator may have wrapped an encrypted file
	if json.Unmarshal(h.Data, &data) != nil {
		return false
	}
	for _, v := range data {
		if plain, err := base64.StdEncoding.DecodeString(v); err == nil && bytes.Contains(plain, sopsValue) {
			return true
		}
	}
	return false
}
