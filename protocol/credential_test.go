package protocol

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestCredentialComesBackAsItWas(t *testing.T) {
	want := testCredential(t)
	got, err := DecodeCredential(mustJSON(t, want))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v\ngot  %+v\nwant %+v", err, got, want)
	}
	if keys := got.SigningKeys(); len(keys) != 1 || !keys[0].Equal(testPublic("hub")) {
		t.Errorf("its signing keys are %v", keys)
	}
}

// TestCredentialSaysWhatItLacks takes away or spoils one thing at a time. No error may hold the secrets that are left.
func TestCredentialSaysWhatItLacks(t *testing.T) {
	edited := func(edit func(*Credential)) []byte { return mustJSON(t, testCredential(t, edit)) }
	for name, c := range map[string]struct {
		data []byte
		says string
	}{
		"nothing":         {nil, "cannot be read"},
		"a manifest":      {[]byte("apiVersion: v1\nkind: Secret\n"), "cannot be read"},
		"cut short":       {mustJSON(t, testCredential(t))[:100], "cannot be read"},
		"no cluster":      {edited(func(c *Credential) { c.Cluster = "" }), "the credential's cluster: the name is empty"},
		"a bad cluster":   {edited(func(c *Credential) { c.Cluster = "a.b" }), "DNS label"},
		"no servers":      {edited(func(c *Credential) { c.Servers = nil }), "drover agent manifest"},
		"no jwt":          {edited(func(c *Credential) { c.JWT = "" }), "incomplete"},
		"no seed":         {edited(func(c *Credential) { c.Seed = "" }), "incomplete"},
		"a short key":     {edited(func(c *Credential) { c.OpenKey = c.OpenKey[1:] }), "incomplete"},
		"no hub key":      {edited(func(c *Credential) { c.HubKeys = nil }), "incomplete"},
		"a short hub key": {edited(func(c *Credential) { c.HubKeys[0] = c.HubKeys[0][1:] }), "31 bytes instead of 32"},
		"a wrong type":    {bytes.Replace(mustJSON(t, testCredential(t)), []byte(`"SUNOSEEDBUTATEST"`), []byte(`["SUNOSEEDBUTATEST"]`), 1), "seed"},
		"a newer version": {edited(func(c *Credential) { c.Version = 2 }), "this program speaks 1: upgrade it"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := DecodeCredential(c.data)
			wantError(t, err, c.says)
			if strings.Contains(err.Error(), "SUNO") || strings.Contains(err.Error(), "header.claims") {
				t.Errorf("the error gives a secret away: %v", err)
			}
			if !reflect.DeepEqual(got, Credential{}) {
				t.Errorf("a refused credential was given out: %+v", got)
			}
			if newer := name == "a newer version"; errors.Is(err, ErrVersion) != newer {
				t.Errorf("the error is %v, ErrVersion: want %t", err, newer)
			}
		})
	}
}

// TestCredentialFieldsAreDecodedForEver pins the names: an agent that was joined years ago holds such a file.
func TestCredentialFieldsAreDecodedForEver(t *testing.T) {
	var got map[string]any
	if err := json.Unmarshal(mustJSON(t, testCredential(t)), &got); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"version", "cluster", "servers", "jwt", "seed", "openKey", "hubKeys"} {
		if _, ok := got[name]; !ok {
			t.Errorf("a credential has no field %q any more", name)
		}
	}
}
