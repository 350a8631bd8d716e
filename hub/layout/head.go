package layout

import (
	"bytes"
	"encoding/base64"
	"encoding/json"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub"
)

// head is what every object says of itself.
type head struct {
	APIVersion, Kind text
	Metadata         struct {
		Name, Namespace     text
		Labels, Annotations map[string]text
	}
	Sops json.RawMessage
	Data json.RawMessage
}

// text is a string in an object of any shape: what is none is taken as it is written.
type text string

// UnmarshalJSON implements json.Unmarshaler.
func (t *text) UnmarshalJSON(data []byte) error {
	var s string
	if json.Unmarshal(data, &s) != nil && string(data) != "null" {
		s = string(data)
	}
	*t = text(s)
	return nil
}

func (h head) group() string { return fleet.GroupOf(string(h.APIVersion)) }

func (h head) annotations() map[string]string { return stringsOf(h.Metadata.Annotations) }

func (h head) labels() map[string]string { return stringsOf(h.Metadata.Labels) }

func stringsOf(pairs map[string]text) map[string]string {
	out := make(map[string]string, len(pairs))
	for k, v := range pairs {
		out[k] = string(v)
	}
	return out
}

func (h head) String() string {
	return string(h.Kind + " " + h.path())
}

// path is namespace/name, or the name alone.
func (h head) path() text {
	if h.Metadata.Namespace == "" {
		return h.Metadata.Name
	}
	return h.Metadata.Namespace + "/" + h.Metadata.Name
}

// keptBy is what protects an object from being pruned, see fleet.KeptBy.
func (h head) keptBy() string { return fleet.KeptBy(h.annotations(), h.labels()) }

// sopsValue is how SOPS begins a value that it encrypted (https://github.com/getsops/sops, README, "Encryption
// Protocol").
var sopsValue = []byte("ENC[AES256_GCM,")

// encrypted says whether an object is encrypted with SOPS: applied as it is, it would replace a secret by its
// ciphertext.
func encrypted(o hub.Rendered, h head) bool {
	if bytes.HasPrefix(bytes.TrimSpace(h.Sops), []byte("{")) && bytes.Contains(o.JSON, sopsValue) {
		return true
	}
	if h.Kind != "Secret" || h.group() != "" {
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
