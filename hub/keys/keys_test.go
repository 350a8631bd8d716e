package keys_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/drover-dev/drover/hub/keys"
	"github.com/drover-dev/drover/hub/keys/keystest"
	"github.com/drover-dev/drover/hub/model"
)

// asWorker has this program be the process that decrypts.
const asWorker = "keys-worker"

func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == asWorker {
		if err := keys.Serve(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func holder(t *testing.T, dir string) *keys.Holder {
	t.Helper()
	h := keys.New(dir, os.Args[0], asWorker)
	t.Cleanup(h.Close)
	return h
}

// What SOPS itself encrypted is decrypted, by types and in nested places.
func TestWhatSOPSEncryptedIsDecrypted(t *testing.T) {
	t.Parallel()
	object, err := os.ReadFile("testdata/secret.sops.json")
	if err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile("testdata/key.txt")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "one.agekey"), key, 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := holder(t, dir).Decrypt(t.Context(), []string{"one"}, object)
	const want = `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"db"},"spec":{"list":[{"a":"one"},{"a":"two"}],` +
		`"number":42,"on":true,"rate":1.5},"stringData":{"empty":"","password":"s3cret-marker","text":"a: b\nc: [d]\n"}}`
	if err != nil || string(got) != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
}

// Each key of the names that are given is tried, and no other of the folder.
func TestOnlyTheKeysThatAreNamedAreUsed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	platform, tenant := keystest.Key(t, dir, "platform"), keystest.Key(t, dir, "tenant")
	h := holder(t, dir)
	of := func(to ...*age.X25519Recipient) []byte {
		return []byte(keystest.Secret(t, "a", "b", map[string]any{"v": "marker"}, to...))
	}
	for _, c := range []struct {
		names []string
		to    []*age.X25519Recipient
		want  string
	}{
		{[]string{"platform"}, []*age.X25519Recipient{platform}, ""},
		{[]string{"tenant", "platform"}, []*age.X25519Recipient{platform}, ""},
		{[]string{"tenant"}, []*age.X25519Recipient{platform, tenant}, ""},
		{[]string{"tenant"}, []*age.X25519Recipient{platform}, "none of the keys fits: it is encrypted for \"" + platform.String()},
		{[]string{"none"}, []*age.X25519Recipient{platform}, "has none of this name"},
		{[]string{"../" + filepath.Base(dir) + "/platform"}, []*age.X25519Recipient{platform}, "is no name of a key"},
		{[]string{"tenant"}, nil, "it is encrypted for nobody"},
	} {
		got, err := h.Decrypt(t.Context(), c.names, of(c.to...))
		if c.want == "" && (err != nil || !strings.Contains(string(got), `"v":"marker"`)) {
			t.Errorf("%v: %s, %v", c.names, got, err)
		}
		if c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || got != nil) {
			t.Errorf("%v: %s, %v, want %q", c.names, got, err, c.want)
		}
	}
	if _, err := keys.New("", "none").Decrypt(t.Context(), []string{"platform"}, of(platform)); err == nil ||
		!strings.Contains(err.Error(), "--credentials-dir") {
		t.Errorf("without a folder: %v", err)
	}
}

// A key that is added, or takes the place of another, counts at once.
func TestKeysAreRotatedWhileTheHubRuns(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "k.agekey")
	old := keystest.Key(t, dir, "k")
	first, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	h := holder(t, dir)
	next := keystest.Key(t, dir, "next")
	object := []byte(keystest.Secret(t, "a", "b", map[string]any{"v": "marker"}, next))
	if _, err := h.Decrypt(t.Context(), []string{"k"}, object); err == nil {
		t.Fatal("a key that is not named was used")
	}
	second, err := os.ReadFile(filepath.Join(dir, "next.agekey"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, append(first, second...), 0o600); err != nil { // both, while files are encrypted again
		t.Fatal(err)
	}
	for _, to := range []*age.X25519Recipient{old, next} {
		object := []byte(keystest.Secret(t, "a", "b", map[string]any{"v": "marker"}, to))
		if _, err := h.Decrypt(t.Context(), []string{"k"}, object); err != nil {
			t.Errorf("with both keys: %v", err)
		}
	}
	if err := os.WriteFile(file, second, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = h.Decrypt(t.Context(), []string{"k"}, []byte(keystest.Secret(t, "a", "b", map[string]any{"v": "marker"}, old)))
	if _, unfit := errors.AsType[*model.UnfitError](err); !unfit {
		t.Errorf("the key that was taken away still decrypts: %v", err)
	}
	if err := os.Chmod(file, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err = h.Decrypt(t.Context(), []string{"k"}, object); err == nil || !strings.Contains(err.Error(), "chmod go-w") {
		t.Errorf("a key that all may write: %v", err)
	}
}

// changed is an object with another value of a field of its metadata of SOPS, or of itself.
func changed(t *testing.T, object string, edit func(o, sops map[string]any)) []byte {
	t.Helper()
	var o map[string]any
	if err := json.Unmarshal([]byte(object), &o); err != nil {
		t.Fatal(err)
	}
	sops, _ := o["sops"].(map[string]any)
	edit(o, sops)
	out, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Whatever is made of an object, the hub gets an error that quotes nothing, in bounded time, and goes on.
func TestHostileCiphertextIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	to := keystest.Key(t, dir, "k")
	h := holder(t, dir)
	good := keystest.Secret(t, "a", "b", map[string]any{"v": "tops3cretmarker", "w": "other"}, to)
	scrypt, err := age.NewScryptRecipient("password")
	if err != nil {
		t.Fatal(err)
	}
	scrypt.SetWorkFactor(18)
	bomb := keystest.Envelope(t, make([]byte, 32), scrypt)
	data := func(o map[string]any) map[string]any { d, _ := o["stringData"].(map[string]any); return d }
	for name, c := range map[string]struct {
		object []byte
		want   string
	}{
		"no object":   {[]byte("[]"), "it is no object"},
		"no metadata": {changed(t, good, func(o, _ map[string]any) { delete(o, "sops") }), "no metadata of SOPS"},
		"metadata of another kind": {changed(t, good, func(_, s map[string]any) { s["age"] = "x" }),
			"no metadata of SOPS that can be read"},
		"a value at another place": {changed(t, good, func(o, _ map[string]any) { d := data(o); d["v"], d["w"] = d["w"], d["v"] }),
			"moved to another place"},
		"a value that was cut": {changed(t, good, func(o, _ map[string]any) {
			d := data(o)
			d["v"] = strings.Replace(fmt.Sprint(d["v"]), "tag:", "tag:AAAA", 1)
		}), "was changed"},
		"a value that is none": {changed(t, good, func(o, _ map[string]any) { data(o)["v"] = "ENC[AES256_GCM,data:!" }), "was changed"},
		"a nonce of no length": {changed(t, good, func(o, _ map[string]any) { data(o)["v"] = "ENC[AES256_GCM,data:YQ==,iv:====,tag:YQ==,type:str]" }),
			"was changed"},
		"a key of another size": {changed(t, good, func(_, s map[string]any) {
			s["age"] = []any{map[string]any{"recipient": to.String(), "enc": keystest.Envelope(t, make([]byte, 4096), to)}}
		}), "damaged"},
		"very many recipients": {changed(t, good, func(_, s map[string]any) {
			of, _ := s["age"].([]any)
			for range 200 {
				of = append(of, of[0])
			}
			s["age"] = of
		}), "more than 16 recipients"},
		"a very large envelope": {changed(t, good, func(_, s map[string]any) {
			s["age"] = []any{map[string]any{"recipient": "age1", "enc": strings.Repeat("A", 1<<20)}}
		}), "more than 8 KiB"},
		"an envelope that takes a password": {changed(t, good, func(_, s map[string]any) {
			s["age"] = []any{map[string]any{"recipient": "age1", "enc": bomb}}
		}), "none of the keys fits"},
		"shares of several keys": {changed(t, good, func(_, s map[string]any) { s["key_groups"] = []any{1, 2} }), "key_groups"},
		"a key of AWS": {changed(t, good, func(_, s map[string]any) {
			s["age"], s["kms"] = nil, []any{map[string]any{"arn": "arn:aws:kms:eu:1:key/2"}}
		}), "encrypted for AWS KMS alone"},
		"a key of PGP": {changed(t, good, func(_, s map[string]any) { s["age"], s["pgp"] = nil, []any{map[string]any{"fp": "X"}} }),
			"encrypted for PGP alone"},
		"an encrypted patch": {changed(t, good, func(_, s map[string]any) { s["drover_merged"] = true }), "patch"},
		"depth":              {[]byte(strings.Repeat(`{"a":`, 20000) + "1" + strings.Repeat("}", 20000)), "it is no object"},
		"size":               {[]byte(`{"a":"` + strings.Repeat("x", 3<<20) + `"}`), "more than 2 MiB"},
	} {
		begin := time.Now()
		got, err := h.Decrypt(t.Context(), []string{"k"}, c.object)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "marker") || got != nil {
			t.Errorf("%s: %.80s, %v, want %q", name, got, err, c.want)
		}
		if took := time.Since(begin); took > 10*time.Second {
			t.Errorf("%s takes %s", name, took)
		}
	}
	if got, err := h.Decrypt(t.Context(), []string{"k"}, []byte(good)); err != nil || !strings.Contains(string(got), "tops3cretmarker") {
		t.Errorf("after all that: %s, %v", got, err)
	}
	types := keystest.Secret(t, "a", "b", map[string]any{"n": 3, "on": true, "rate": 1.5}, to)
	if got, err := h.Decrypt(t.Context(), []string{"k"}, []byte(types)); err != nil ||
		!strings.Contains(string(got), `{"n":3,"on":true,"rate":1.5}`) {
		t.Errorf("types: %s, %v", got, err)
	}
}

// A process that is ended is started again; one that cannot be started is no fault of the object.
func TestTheProcessIsStartedWhenItIsNeeded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	object := []byte(keystest.Secret(t, "a", "b", maps.Collect(maps.All(map[string]any{"v": "marker"})), keystest.Key(t, dir, "k")))
	h := holder(t, dir)
	for range 2 {
		if _, err := h.Decrypt(t.Context(), []string{"k"}, object); err != nil {
			t.Fatal(err)
		}
		h.Close()
	}
	none := keys.New(dir, filepath.Join(dir, "none"))
	_, err := none.Decrypt(context.Background(), []string{"k"}, object)
	if _, transient := errors.AsType[*model.TransientError](err); !transient {
		t.Errorf("without a program: %v", err)
	}
}
