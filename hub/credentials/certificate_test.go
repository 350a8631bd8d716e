package credentials

import (
	"strings"
	"testing"
)

// TestWhatAFileSaysIsGiven: certificates and tokens as they stand there.
func TestWhatAFileSaysIsGiven(t *testing.T) {
	const address = "oci://ghcr.io/acme/app"
	for _, c := range []struct {
		name, text string
		want       Credential
		err        string
	}{
		{name: "a CA", text: "ca: |\n  CA\n", want: Credential{CA: "CA\n"}},
		{name: "a certificate", text: "certificate: CERT\nkey: KEY\n", want: Credential{Certificate: "CERT", Key: "KEY"}},
		{name: "a token", text: "token: TOKEN\n", want: Credential{Token: "TOKEN"}},
		{name: "a token with a CA and a certificate", text: "token: TOKEN\nca: CA\ncertificate: CERT\nkey: KEY\n", want: Credential{Token: "TOKEN", CA: "CA", Certificate: "CERT", Key: "KEY"}},
		{name: "a certificate without its key", text: "certificate: CERT\n", err: "certificate and key belong together: give both"},
		{name: "a key without its certificate", text: "key: KEY\n", err: "certificate and key belong together: give both"},
		{name: "a token and a password", text: "token: TOKEN\nusername: u\npassword: p\n", err: "more than one of username and password, token, githubApp: keep one"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := folder(t, map[string]string{"acme.yaml": "urls: [oci://ghcr.io/acme]\n" + c.text})
			got, err := f.Find(t.Context(), address, "acme", false)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) || strings.Contains(err.Error(), "TOKEN") || strings.Contains(err.Error(), "KEY") {
					t.Errorf("error %v, want %q", err, c.err)
				}
				return
			}
			if err != nil || got.Token != c.want.Token || got.CA != c.want.CA || got.Certificate != c.want.Certificate || got.Key != c.want.Key {
				t.Errorf("%+v, %v, want %+v", got, err, c.want)
			}
		})
	}
}
