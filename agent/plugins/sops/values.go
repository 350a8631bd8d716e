package sops

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/getsops/sops/v3/cmd/sops/formats"
)

// markers are what shows in which format a text is encrypted (kustomize-controller, internal/decryptor,
// sopsFormatToMarkerBytes).
var markers = []struct {
	text   string
	format formats.Format
}{
	{"\"mac\": \"ENC[", formats.Json}, // binary too, which is JSON while it is encrypted
	{"sops_mac=ENC[", formats.Dotenv},
	{"mac: ENC[", formats.Yaml},
	{"[sops]", formats.Ini},
}

// formatOf says in which format a text is encrypted, if it is.
func formatOf(text []byte) (formats.Format, bool) {
	for _, m := range markers {
		if bytes.Contains(text, []byte(m.text)) && bytes.Contains(text, []byte("ENC[")) {
			return m.format, true
		}
	}
	return 0, false
}

// plainFormat is the format that a value has when it is decrypted, which its key says as the name of a file does.
func plainFormat(key string) formats.Format {
	if strings.HasSuffix(key, ".dockerconfigjson") {
		return formats.Json
	}
	return formats.FormatForPath(key)
}

// values decrypts those values of a Secret that are encrypted files.
func (k *keyring) values(data map[string]string) (map[string]string, error) {
	if _, ok := data["sops_mac"]; ok {
		return k.variables(data)
	}
	out := maps.Clone(data)
	for _, key := range slices.Sorted(maps.Keys(data)) {
		text, err := base64.StdEncoding.DecodeString(data[key])
		if err != nil {
			continue // the API server will say so
		}
		in, ok := formatOf(text)
		if !ok {
			continue
		}
		of := plainFormat(key)
		if of == formats.Binary && in == formats.Json {
			in = formats.Binary
		}
		plain, err := k.decrypt(text, in, of)
		if err != nil {
			return nil, fmt.Errorf("data.%s: %w", key, err)
		}
		out[key] = base64.StdEncoding.EncodeToString(plain)
	}
	return out, nil
}

// variables decrypts a Secret that was made of an encrypted file of variables: each has become a key, those of SOPS
// itself too.
func (k *keyring) variables(data map[string]string) (map[string]string, error) {
	var text bytes.Buffer
	for _, key := range slices.Sorted(maps.Keys(data)) {
		value, err := base64.StdEncoding.DecodeString(data[key])
		if err != nil || strings.ContainsAny(key+string(value), "\n\r") {
			return nil, fmt.Errorf("data.%s: it is no line of an encrypted file of variables", key)
		}
		fmt.Fprintf(&text, "%s=%s\n", key, value)
	}
	t, err := k.tree(text.Bytes(), formats.Dotenv)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, branch := range t.Branches {
		for _, item := range branch {
			key, isText := item.Key.(string)
			value, isValue := item.Value.(string)
			if isText && isValue { // or else it is a comment
				out[key] = base64.StdEncoding.EncodeToString([]byte(value))
			}
		}
	}
	return out, nil
}
