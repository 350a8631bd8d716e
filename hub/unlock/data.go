package unlock

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"

	"sigs.k8s.io/yaml"
)

// SOPSValue is how SOPS begins a value that it encrypted (https://github.com/getsops/sops, README, "Encryption
// Protocol").
const SOPSValue = "ENC[AES256_GCM,"

// AddData adds the data of a ConfigMap or a Secret to vars. What is wrong with it is said without its values.
func AddData(vars map[string]string, object []byte, kind string) error {
	var o struct{ Data, StringData map[string]string }
	if err := json.Unmarshal(object, &o); err != nil {
		return errors.New("its data are not all texts")
	}
	for k, v := range o.Data {
		if kind == "Secret" {
			plain, err := base64.StdEncoding.DecodeString(v)
			if err != nil {
				return fmt.Errorf("data.%s is not base64", k)
			}
			v = string(plain)
		}
		vars[k] = v
	}
	if kind == "Secret" {
		maps.Copy(vars, o.StringData)
	}
	return nil
}

// Keys are those of the data of an object, whatever their values are: SOPS encrypts values alone.
func Keys(object []byte) map[string]bool {
	var o struct{ Data, StringData map[string]any }
	out := map[string]bool{}
	if json.Unmarshal(object, &o) != nil {
		return out
	}
	for _, keys := range []map[string]any{o.Data, o.StringData} {
		for key := range keys {
			out[key] = true
		}
	}
	return out
}

// Ciphertext says whether an object is encrypted with SOPS, or holds an encrypted file in base64.
func Ciphertext(object []byte) bool {
	if bytes.Contains(object, []byte(SOPSValue)) {
		return true
	}
	data := map[string]string{}
	if AddData(data, object, "Secret") != nil {
		return false
	}
	for _, v := range data {
		if strings.Contains(v, SOPSValue) {
			return true
		}
	}
	return false
}

// Texts are the values in a text of a Secret, which may be YAML: an error may quote one of them.
func Texts(text string) []string {
	out := []string{text}
	var v any
	if yaml.Unmarshal([]byte(text), &v) != nil {
		return out
	}
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for _, item := range v {
				walk(item)
			}
		case []any:
			for _, item := range v {
				walk(item)
			}
		case nil, bool:
		default:
			out = append(out, fmt.Sprint(v))
		}
	}
	walk(v)
	return out
}
