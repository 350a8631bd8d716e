package sops

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"maps"
	"regexp"
	"strings"
	"testing"

	filippo "filippo.io/age"
	sopslib "github.com/getsops/sops/v3"
	"github.com/getsops/sops/v3/aes"
	"github.com/getsops/sops/v3/age"
	"github.com/getsops/sops/v3/cmd/sops/common"
	"github.com/getsops/sops/v3/cmd/sops/formats"
	"github.com/getsops/sops/v3/config"
	"github.com/getsops/sops/v3/keyservice"

	"github.com/drover-dev/drover/protocol/plugin"
)

// identity makes an age key.
func identity(t *testing.T) *filippo.X25519Identity {
	t.Helper()
	id, err := filippo.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// encrypted encrypts a file as the command sops does. regex says which values, all if it is empty.
func encrypted(t *testing.T, to *filippo.X25519Identity, format formats.Format, regex, plain string) []byte {
	t.Helper()
	store := common.StoreForFormat(format, config.NewStoresConfig())
	branches, err := store.LoadPlainFile([]byte(plain))
	if err != nil {
		t.Fatal(err)
	}
	key, err := age.MasterKeyFromRecipient(to.Recipient().String())
	if err != nil {
		t.Fatal(err)
	}
	tree := sopslib.Tree{Branches: branches, Metadata: sopslib.Metadata{
		KeyGroups: []sopslib.KeyGroup{{key}}, Version: "3.13.3", EncryptedRegex: regex,
	}}
	dataKey, errs := tree.GenerateDataKeyWithKeyServices([]keyservice.KeyServiceClient{keyservice.NewLocalClient()})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	how := common.EncryptTreeOpts{DataKey: dataKey, Tree: &tree, Cipher: aes.NewCipher()}
	if err := common.EncryptTree(how); err != nil {
		t.Fatal(err)
	}
	out, err := store.EmitEncryptedFile(tree)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// transform asks the plugin, with keys.
func transform(object []byte, ids ...*filippo.X25519Identity) (string, error) {
	secrets := map[string][]byte{"readme.txt": []byte("not a key")}
	for i, id := range ids {
		secrets[string(rune('a'+i))+".agekey"] = []byte("# a comment\n" + id.String() + "\n")
	}
	r, err := Plugin{}.Transform(context.Background(), plugin.Request{Object: object, Secrets: secrets})
	return string(r.Object), err
}

// secret is a Secret with values under a field, and with the metadata of SOPS unless these are nil.
func secret(field string, values map[string]string, sops map[string]json.RawMessage) []byte {
	o := map[string]any{"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "a"}, field: values}
	if sops != nil {
		o["sops"] = sops
	}
	out, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	return out
}

// same compares JSON.
func same(t *testing.T, got, want string) {
	t.Helper()
	var g, w any
	if json.Unmarshal([]byte(got), &g) != nil || json.Unmarshal([]byte(want), &w) != nil {
		t.Fatalf("no JSON: %s", got)
	}
	gs, _ := json.Marshal(g)
	ws, _ := json.Marshal(w)
	if !bytes.Equal(gs, ws) {
		t.Errorf("got  %s\nwant %s", gs, ws)
	}
}

func TestAnObjectIsDecryptedWhateverIsAroundItsValues(t *testing.T) {
	id := identity(t)
	const plain = `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"db","namespace":"shop"},
		"stringData":{"password":"s3cret","empty":"","list":"a: [b]\n"}}`
	object := encrypted(t, id, formats.Json, "^(data|stringData)$", plain)
	if bytes.Contains(object, []byte("s3cret")) || !bytes.Contains(object, []byte(`"sops"`)) {
		t.Fatalf("it is not encrypted: %s", object)
	}
	got, err := transform(object, identity(t), id)
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, plain)

	moved := bytes.Replace(object, []byte(`"namespace": "shop"`), []byte(`"namespace": "other", "labels": {"a": "b"}`), 1)
	got, err = transform(moved, id)
	if err != nil || !strings.Contains(got, "s3cret") || !strings.Contains(got, `"other"`) {
		t.Errorf("an overlay's namespace: %s, %v", got, err)
	}
	// Values that are no texts keep their types.
	const numbers = `{"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"a"},
		"spec":{"n":3,"yes":true,"f":1.5,"list":["x",{"y":"z"}]}}`
	if got, err = transform(encrypted(t, id, formats.Json, "^spec$", numbers), id); err != nil {
		t.Fatal(err)
	}
	same(t, got, numbers)
}

func TestEncryptedFilesInGeneratedSecretsAreDecrypted(t *testing.T) {
	id := identity(t)
	for _, c := range []struct {
		key    string
		format formats.Format
		plain  string
	}{
		{"config.yaml", formats.Yaml, "password: s3cret\nlist:\n    - one\n"},
		{"config.json", formats.Json, "{\n\t\"password\": \"s3cret\"\n}"},
		{"app.env", formats.Dotenv, "PASSWORD=s3cret\nUSER=a\n"},
		{"app.ini", formats.Ini, "[db]\npassword = s3cret\n"},
		{"tls.key", formats.Binary, "-----BEGIN\ns3cret\n\x00\xff"},
		{".dockerconfigjson", formats.Json, "{\n\t\"auths\": {\n\t\t\"a\": \"s3cret\"\n\t}\n}"},
	} {
		t.Run(c.key, func(t *testing.T) {
			file := base64.StdEncoding.EncodeToString(encrypted(t, id, c.format, "", c.plain))
			got, err := transform(secret("data", map[string]string{"plain": "YQ==", c.key: file}, nil), id)
			if err != nil {
				t.Fatal(err)
			}
			var o struct{ Data map[string][]byte }
			if err := json.Unmarshal([]byte(got), &o); err != nil {
				t.Fatal(err)
			}
			if strings.TrimSpace(string(o.Data[c.key])) != strings.TrimSpace(c.plain) || string(o.Data["plain"]) != "a" {
				t.Errorf("got %q", o.Data)
			}
		})
	}
}

// A generator makes a key of each line of a file of variables, of the lines of SOPS itself too.
func TestAnEncryptedFileOfVariablesBecomesThem(t *testing.T) {
	id := identity(t)
	data := map[string]string{}
	for line := range strings.Lines(string(encrypted(t, id, formats.Dotenv, "", "PASSWORD=s3cret\nUSER=a=b\n"))) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		data[key] = base64.StdEncoding.EncodeToString([]byte(value))
	}
	got, err := transform(secret("data", data, nil), id)
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, string(secret("data", map[string]string{"PASSWORD": "czNjcmV0", "USER": "YT1i"}, nil)))
}

func TestWhatCannotBeDecryptedSaysWhyAndNoValue(t *testing.T) {
	id := identity(t)
	plain := string(secret("stringData", map[string]string{"password": "s3cret", "user": "4dmin"}, nil))
	object := encrypted(t, id, formats.Json, "^(data|stringData)$", plain)
	var parts struct {
		StringData map[string]string
		Sops       map[string]json.RawMessage
	}
	if err := json.Unmarshal(object, &parts); err != nil {
		t.Fatal(err)
	}
	password, user := parts.StringData["password"], parts.StringData["user"]
	swapped := strings.NewReplacer(password, user, user, password).Replace(string(object))
	pgp := maps.Clone(parts.Sops)
	pgp["pgp"] = json.RawMessage(`[{"fp":"ABCD","enc":"x","created_at":"2020-01-01T00:00:00Z"}]`)
	delete(pgp, "age")
	onlyPGP := secret("stringData", parts.StringData, pgp)
	fits := []*filippo.X25519Identity{id}
	for _, c := range []struct {
		name, object, want string
		keys               []*filippo.X25519Identity
	}{
		{
			"another key", string(object), "encrypted for age " + id.Recipient().String(),
			[]*filippo.X25519Identity{identity(t)},
		},
		{"no key", string(object), "has none whose name ends in .agekey", nil},
		{"a value in another's place", swapped, "was changed, or moved to another place", fits},
		{"PGP", string(onlyPGP), "no PGP and no key management service", fits},
		{"metadata that are none", `{"kind":"Secret","sops":{"age":1}}`, "metadata of SOPS cannot be read", fits},
		{"no metadata", `{"kind":"ConfigMap","data":{"a":"ENC[AES256_GCM,data:x]"}}`, "no metadata of SOPS", fits},
		{"no object", `[`, "it is no object", fits},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := transform([]byte(c.object), c.keys...)
			if err == nil || !strings.Contains(err.Error(), c.want) || got != "" {
				t.Fatalf("it says %v, want %q; it gives %q", err, c.want, got)
			}
			for _, value := range []string{"s3cret", "AGE-SECRET", "4dmin"} {
				if strings.Contains(err.Error(), value) {
					t.Errorf("it quotes a secret: %v", err)
				}
			}
		})
	}
	bad := map[string][]byte{"a.agekey": []byte("AGE-SECRET-KEY-1XX")}
	_, err := Plugin{}.Transform(t.Context(), plugin.Request{Object: object, Secrets: bad})
	if err == nil || !strings.Contains(err.Error(), "a.agekey of the Secret holds no age identity") ||
		strings.Contains(err.Error(), "1XX") {
		t.Errorf("a key that is none: %v", err)
	}
}

// That something was taken away or put back shows only in the code over all values.
func TestTheMACIsCheckedWhereWhoOwnsTheKeysDemandsIt(t *testing.T) {
	id := identity(t)
	file := encrypted(t, id, formats.Yaml, "", "admin: nobody\nallowed: none\nzone: a\n")
	cut := regexp.MustCompile(`(?m)^allowed: .*\n`).ReplaceAll(file, nil)
	if bytes.Equal(cut, file) {
		t.Fatalf("nothing is cut: %s", file)
	}
	generated := func(file []byte) []byte {
		return secret("data", map[string]string{"rules.yaml": base64.StdEncoding.EncodeToString(file)}, nil)
	}
	const plain = `{"apiVersion":"v1","data":{"password":"s3cret"},"kind":"Secret","metadata":{"name":"db"}}`
	object := encrypted(t, id, formats.Json, "^data$", plain)
	moved := bytes.Replace(object, []byte(`"name": "db"`), []byte(`"name": "db", "namespace": "other"`), 1)
	for name, c := range map[string]struct {
		object []byte
		verify string
		good   bool
	}{
		"a file, not demanded":              {generated(cut), "", true},
		"the same, said":                    {generated(cut), "false", true},
		"a file of which something is gone": {generated(cut), "true", false},
		"a whole file":                      {generated(file), "true\n", true},
		"an object":                         {object, "true", true},
		"an object with another namespace":  {moved, "true", false},
		"the same, not demanded":            {moved, "", true},
		"neither yes nor no":                {object, "yes", false},
	} {
		secrets := map[string][]byte{"a.agekey": []byte(id.String())}
		if c.verify != "" {
			secrets["verify-mac"] = []byte(c.verify)
		}
		r, err := Plugin{}.Transform(t.Context(), plugin.Request{Object: c.object, Secrets: secrets})
		if (err == nil) != c.good || c.good == (len(r.Object) == 0) {
			t.Errorf("%s: %v, %s", name, err, r.Object)
		}
		if err != nil && !strings.Contains(err.Error(), "verify-mac") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A patch that is encrypted is merged into a plain object by the hub: its values are decrypted, the others stay. Only
// what the hub marks is mixed so, and where the code has to fit it is refused.
func TestAnEncryptedPatchIsDecryptedInTheObjectItIsMergedInto(t *testing.T) {
	id := identity(t)
	patch := encrypted(t, id, formats.Json, "^(data|stringData)$",
		`{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a"},"stringData":{"password":"s3cret"}}`)
	var o map[string]map[string]any
	var all map[string]any
	if err := json.Unmarshal(patch, &all); err != nil {
		t.Fatal(err)
	}
	_ = json.Unmarshal(patch, &o)
	o["stringData"]["extra"] = "plain"
	all["stringData"] = o["stringData"]
	mixed := func(merged bool) []byte {
		if delete(o["sops"], "drover_merged"); merged {
			o["sops"]["drover_merged"] = true
		}
		all["sops"] = o["sops"]
		data, err := json.Marshal(all)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	got, err := transform(mixed(true), id)
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a"},"stringData":{"password":"s3cret","extra":"plain"}}`)
	if got, err := transform(mixed(false), id); err == nil {
		t.Errorf("a plain value among encrypted ones that no patch explains is taken: %s", got)
	}
	secrets := map[string][]byte{"a.agekey": []byte(id.String()), verifyKey: []byte("true")}
	if _, err := (Plugin{}).Transform(t.Context(), plugin.Request{Object: mixed(true), Secrets: secrets}); err == nil {
		t.Error("with verify-mac it is taken although the code cannot fit")
	}
}
