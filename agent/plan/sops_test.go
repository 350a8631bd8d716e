package plan

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/protocol"
)

const ciphertext = "ENC[AES256_GCM,data:x,iv:y,tag:z,type:str]"

// decrypts is a plugin that puts a word in the place of the ciphertext.
type decrypts string

func (d decrypts) Transform(_ context.Context, plugin string, text []byte, keys map[string][]byte) ([]byte, error) {
	if plugin != "sops" || string(keys["a.agekey"]) != "key" {
		return nil, errors.New("no key fits")
	}
	return bytes.ReplaceAll(text, []byte(ciphertext), []byte(d)), nil
}

// answers is a plugin that always answers the same.
type answers string

func (a answers) Transform(context.Context, string, []byte, map[string][]byte) ([]byte, error) {
	return []byte(a), nil
}

var keys = Input{Ref: protocol.VarsRef{Kind: "Secret", Namespace: "home", Name: "keys"}, Version: 5,
	Data: map[string]string{"a.agekey": "key"}}

func secret(data string) string {
	return `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"},"data":{"k":"` + data + `"}}`
}

func TestEncryptedValuesAreFound(t *testing.T) {
	t.Parallel()
	const inBase64 = "RU5DW0FFUzI1Nl9HQ00sZGF0YTp4LGl2OnksdGFnOnosdHlwZTpzdHJd" // ciphertext
	for line, want := range map[string]bool{
		secret(ciphertext):               true,
		secret(inBase64):                 true,
		secret("cGxhaW4="):               false,
		secret(inBase64[1:]):             false,
		secret("not base64 " + inBase64): false,
		strings.Replace(secret(inBase64), `"Secret"`, `"ConfigMap"`, 1):                                false,
		strings.Replace(secret(ciphertext), `"Secret"`, `"ConfigMap"`, 1):                              true,
		strings.Replace(secret(inBase64), `"Secret","metadata"`, `"Other","x":"Secret","metadata"`, 1): false,
		`{"kind":"Secret","data":["` + inBase64 + `"]}`:                                                false,
		`{"kind":"Secret","data":{"k":"` + inBase64 + `"`:                                              false,
		"":                     false,
		"ENC[AES256_GCM":       false,
		"ENC[AES256_CBC,data:": false,
	} {
		equal(t, line, encrypted([]byte(line)), want)
		equal(t, "blob with "+line, AnyEncrypted([]byte(object("ConfigMap", "a")+"\n"+line+"\n")), want)
	}
	if AnyEncrypted(nil) {
		t.Error("an empty blob is encrypted")
	}
}

func TestKeysOfAnApp(t *testing.T) {
	t.Parallel()
	equal(t, "the agent's own", KeysOf(&protocol.Decryption{Namespace: "tenant"}, "drover"),
		protocol.VarsRef{Kind: "Secret", Namespace: "drover", Name: "drover-sops"})
	equal(t, "the app's", KeysOf(&protocol.Decryption{Namespace: "tenant", Secret: "keys"}, "drover"),
		protocol.VarsRef{Kind: "Secret", Namespace: "tenant", Name: "keys"})
}

func TestReadDecrypts(t *testing.T) {
	t.Parallel()
	tr, err := NewTransform(decrypts("aGk="), &keys, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	large := `{"kind":"Secret","apiVersion":"v1","metadata":{"name":"s"},"data":{"k":"` + ciphertext +
		`"},"n":12345678901234567890}`
	plain := object("ConfigMap", "a")
	src := source(plain, large, secret(ciphertext))
	p := mustRead(t, src, tr)
	lines, err := p.Lines()
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "a plain object", string(p.Wants[0].LineOf(lines)), plain)
	equal(t, "in canonical form", string(p.Wants[1].LineOf(lines)),
		`{"apiVersion":"v1","data":{"k":"aGk="},"kind":"Secret","metadata":{"name":"s"},"n":12345678901234567890}`)
	equal(t, "the sum is that of the ciphertext", p.Wants[1].Line, agent.SumOf([]byte(large)))
	raw, err := p.Raw()
	if err != nil || !bytes.Equal(raw, src.Lines) {
		t.Errorf("the blob is not as the hub rendered it: %v", err)
	}
	equal(t, "version of the keys", p.InputVersion(keys.Ref), 5)
}

func TestOnlyWhatIsEncryptedIsDecrypted(t *testing.T) {
	t.Parallel()
	tr, err := NewTransform(answers("not asked"), &keys, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	plain := object("ConfigMap", "a")
	equal(t, "a plain object", applied(t, mustRead(t, source(plain), tr)), []string{plain})
	tr = substitution(t, protocol.Substitution{}, vars("v", 1, "a", "x"))
	equal(t, "without keys", applied(t, mustRead(t, source(secret(ciphertext)), tr)), []string{secret(ciphertext)})
}

func TestDecryptReturnsTheSameObject(t *testing.T) {
	t.Parallel()
	const another = "the plugin sops made another object of it, or none"
	for name, c := range map[string]struct {
		plugins agent.PluginHost
		line    string
		says    string
	}{
		"no plugins":  {nil, secret(ciphertext), "started without plugins"},
		"a wrong key": {decrypts("aGk="), secret(ciphertext), "cannot be decrypted: no key fits"},
		"another name": {answers(`{"apiVersion":"v1","kind":"Secret","metadata":{"name":"t"}}`),
			secret(ciphertext), another},
		"a namespace": {answers(`{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s","namespace":"n"}}`),
			secret(ciphertext), another},
		"another kind": {answers(`{"apiVersion":"v1","kind":"Role","metadata":{"name":"s"}}`), secret(ciphertext),
			another},
		"another version": {answers(`{"apiVersion":"v2","kind":"Secret","metadata":{"name":"s"}}`),
			secret(ciphertext), another},
		"nothing":         {answers(``), secret(ciphertext), another},
		"a list":          {answers(`[]`), secret(ciphertext), another},
		"an invalid line": {answers(`{}`), ciphertext, another},
		"a list of version": {answers(`{"apiVersion":[],"kind":"Secret"}`),
			`{"apiVersion":[],"kind":"Secret","x":"` + ciphertext + `"}`,
			"object 1 of the blob is no JSON object"},
	} {
		in := keys
		if name == "a wrong key" {
			in.Data = nil
		}
		tr, err := NewTransform(c.plugins, &in, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = Read(t.Context(), source(c.line), tr)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want %q", name, err, c.says)
		}
	}
}
