package keys

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"filippo.io/age"
	"filippo.io/age/armor"
)

// Bounds on an object. Everything in it is written by all who may write to Git.
const (
	maxObject     = 2 << 20 // bytes of its JSON
	maxRecipients = 16      // that its data key is encrypted for
	maxEnvelope   = 8 << 10 // bytes of the data key, encrypted for one of them
	dataKeySize   = 32
	maxNonce      = 64
)

// unfit is why an object cannot be decrypted with the keys that there are, although nothing is wrong with it.
type unfit struct{ text string }

// Error implements error.
func (u *unfit) Error() string { return u.text }

// metadata is what SOPS writes into what it encrypts (stores.Metadata).
type metadata struct {
	Age []struct {
		Recipient string `json:"recipient"`
		Enc       string `json:"enc"`
	} `json:"age"`
	KMS       []json.RawMessage `json:"kms"`
	GCP       []json.RawMessage `json:"gcp_kms"`
	Azure     []json.RawMessage `json:"azure_kv"`
	Vault     []json.RawMessage `json:"hc_vault"`
	PGP       []json.RawMessage `json:"pgp"`
	KeyGroups []json.RawMessage `json:"key_groups"`
	Merged    bool              `json:"drover_merged"`
}

// others names the ways beside age in which the data key is encrypted.
func (m *metadata) others() (out []string) {
	for _, way := range []struct {
		name string
		keys []json.RawMessage
	}{{"AWS KMS", m.KMS}, {"GCP KMS", m.GCP}, {"Azure Key Vault", m.Azure}, {"Vault", m.Vault}, {"PGP", m.PGP}} {
		if len(way.keys) > 0 {
			out = append(out, way.name)
		}
	}
	return out
}

// decrypt gives an object as it was before SOPS encrypted its values. No error quotes a value.
func decrypt(ids []age.Identity, object []byte) ([]byte, error) {
	if len(object) > maxObject {
		return nil, fmt.Errorf("it has more than %d MiB: split it", maxObject>>20)
	}
	dec := json.NewDecoder(bytes.NewReader(object))
	dec.UseNumber() // a number is kept as it was written
	var o map[string]any
	if dec.Decode(&o) != nil {
		return nil, errors.New("it is no object")
	}
	raw, err := json.Marshal(o["sops"])
	var meta metadata
	if _, is := o["sops"].(map[string]any); !is || err != nil || json.Unmarshal(raw, &meta) != nil {
		return nil, &unfit{"it has no metadata of SOPS that can be read"}
	}
	switch {
	case meta.Merged:
		return nil, &unfit{"an encrypted patch was merged into it"}
	case len(meta.KeyGroups) > 1:
		return nil, &unfit{"it takes keys of several key_groups, which is not supported"}
	case len(meta.Age) == 0 && len(meta.others()) > 0:
		return nil, &unfit{"it is encrypted for " + strings.Join(meta.others(), ", ") + " alone, and the hub has " +
			"keys of age alone: " +
			"add a recipient of age to the file (sops updatekeys)"}
	}
	key, err := meta.dataKey(ids)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, errors.New("its data key cannot be used: encrypt it again")
	}
	delete(o, "sops")
	t := tree{block}
	plain, err := t.value(o, nil)
	if err != nil {
		return nil, err
	}
	return json.Marshal(plain)
}

// dataKey is the key of the values.
func (m *metadata) dataKey(ids []age.Identity) ([]byte, error) {
	if len(m.Age) > maxRecipients {
		return nil, fmt.Errorf("it is encrypted for more than %d recipients of age: leave some out", maxRecipients)
	}
	var recipients []string
	for _, k := range m.Age {
		recipients = append(recipients, fmt.Sprintf("%.80q", k.Recipient))
		if len(k.Enc) > maxEnvelope {
			return nil, fmt.Errorf("its data key for one recipient has more than %d KiB: encrypt it again", maxEnvelope>>10)
		}
		r, err := age.Decrypt(armor.NewReader(strings.NewReader(k.Enc)), ids...)
		if err != nil {
			continue // it is for another, or is damaged: who has the key of another may say
		}
		key, err := io.ReadAll(io.LimitReader(r, dataKeySize+1))
		if err != nil || len(key) != dataKeySize {
			return nil, errors.New("its data key is damaged: encrypt it again")
		}
		return key, nil
	}
	if len(recipients) == 0 {
		return nil, &unfit{"it is encrypted for nobody"}
	}
	return nil, &unfit{"none of the keys fits: it is encrypted for " + strings.Join(append(recipients, m.others()...), ", ")}
}

// encryptedValue is what SOPS makes of a value (aes.encre).
var encryptedValue = regexp.MustCompile(`^ENC\[AES256_GCM,data:([^,\]]*),iv:([^,\]]+),tag:([^,\]]+),type:([a-z]+)\]$`)

// tree decrypts the values of an object.
type tree struct{ block cipher.Block }

// value decrypts what is below a place. SOPS does not count the places within a list.
func (t *tree) value(v any, at []string) (any, error) {
	switch v := v.(type) {
	case map[string]any:
		for key, item := range v {
			out, err := t.value(item, append(slices.Clip(at), key))
			if err != nil {
				return nil, err
			}
			v[key] = out
		}
	case []any:
		for i, item := range v {
			out, err := t.value(item, at)
			if err != nil {
				return nil, err
			}
			v[i] = out
		}
	case string:
		if strings.HasPrefix(v, "ENC[") {
			return t.open(v, at)
		}
	}
	return v, nil
}

// errValue is the error of a value that is not as it was encrypted.
var errValue = errors.New("a value cannot be decrypted: it was changed, or moved to another place, after it " +
	"was encrypted")

// open decrypts one value.
func (t *tree) open(text string, at []string) (any, error) {
	parts := encryptedValue.FindStringSubmatch(text)
	if parts == nil {
		return nil, errValue
	}
	var raw [3][]byte
	for i := range raw {
		var err error
		if raw[i], err = base64.StdEncoding.DecodeString(parts[i+1]); err != nil {
			return nil, errValue
		}
	}
	if len(raw[1]) == 0 || len(raw[1]) > maxNonce {
		return nil, errValue
	}
	aead, err := cipher.NewGCMWithNonceSize(t.block, len(raw[1]))
	if err != nil {
		return nil, errValue
	}
	plain, err := aead.Open(nil, raw[1], append(raw[0], raw[2]...), []byte(strings.Join(at, ":")+":"))
	if err != nil {
		return nil, errValue
	}
	return typed(string(plain), parts[4])
}

// typed is a value of the type that it had (aes.Cipher.Decrypt).
func typed(text, kind string) (any, error) {
	switch kind {
	case "str", "bytes", "comment":
		return text, nil
	case "int":
		if _, err := strconv.Atoi(text); err == nil {
			return json.Number(text), nil
		}
	case "float":
		if n, err := strconv.ParseFloat(text, 64); err == nil {
			return n, nil
		}
	case "bool":
		if is, err := strconv.ParseBool(text); err == nil {
			return is, nil
		}
	case "time":
		if _, err := time.Parse(time.RFC3339, text); err == nil {
			return text, nil
		}
	}
	return nil, errors.New("a value has a type that is not known: encrypt it again")
}
