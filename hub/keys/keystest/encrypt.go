// Package keystest encrypts objects as SOPS does, for tests. What SOPS itself encrypted is in testdata of package
// keys.
package keystest

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"filippo.io/age"
	"filippo.io/age/armor"
)

// Key makes an identity, as NAME.agekey in a folder, and gives its recipient.
func Key(t testing.TB, dir, name string) *age.X25519Recipient {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".agekey"), []byte("# created for a test\n"+id.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return id.Recipient()
}

// Secret is a Secret with texts under stringData, encrypted for recipients, as JSON on one line.
func Secret(t testing.TB, namespace, name string, data map[string]any, to ...*age.X25519Recipient) string {
	t.Helper()
	o := map[string]any{"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": name, "namespace": namespace}}
	o["stringData"] = maps.Clone(data)
	out, err := json.Marshal(Encrypted(t, o, to...))
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// Encrypted encrypts what is under data and stringData of an object.
func Encrypted(t testing.TB, object map[string]any, to ...*age.X25519Recipient) map[string]any {
	t.Helper()
	key := make([]byte, 32)
	_, _ = rand.Read(key) // it does not fail
	var recipients []any
	for _, r := range to {
		recipients = append(recipients, map[string]any{"recipient": r.String(), "enc": Envelope(t, key, r)})
	}
	for _, field := range []string{"data", "stringData"} {
		if of, ok := object[field].(map[string]any); ok {
			for name, v := range of {
				of[name] = Value(t, key, v, field, name)
			}
		}
	}
	object["sops"] = map[string]any{"age": recipients, "encrypted_regex": "^(data|stringData)$", "version": "3.13.3",
		"lastmodified": "2026-01-02T03:04:05Z", "mac": Value(t, key, strings.Repeat("A", 128), "2026-01-02T03:04:05Z")}
	return object
}

// Envelope is a data key, encrypted for one recipient.
func Envelope(t testing.TB, key []byte, to age.Recipient) string {
	t.Helper()
	var out bytes.Buffer
	a := armor.NewWriter(&out)
	w, err := age.Encrypt(a, to)
	if err == nil {
		_, err = w.Write(key)
	}
	if err == nil {
		err = w.Close()
	}
	if err == nil {
		err = a.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// Value encrypts a value for its place.
func Value(t testing.TB, key []byte, v any, at ...string) string {
	t.Helper()
	text, kind := fmt.Sprint(v), "str"
	switch v := v.(type) {
	case int:
		text, kind = strconv.Itoa(v), "int"
	case bool:
		kind = "bool"
	case float64:
		kind = "float"
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCMWithNonceSize(block, 32)
	if err != nil {
		t.Fatal(err)
	}
	iv := make([]byte, 32)
	_, _ = rand.Read(iv) // it does not fail
	sealed := aead.Seal(nil, iv, []byte(text), []byte(strings.Join(at, ":")+":"))
	code := base64.StdEncoding.EncodeToString
	end := len(sealed) - aead.Overhead()
	return fmt.Sprintf("ENC[AES256_GCM,data:%s,iv:%s,tag:%s,type:%s]", code(sealed[:end]), code(iv), code(sealed[end:]), kind)
}
