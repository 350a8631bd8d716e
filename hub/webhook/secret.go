package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strings"
)

// hexHMAC checks a header with the HMAC-SHA256 of the body in hexadecimal digits, with "sha256=" before it or without.
func hexHMAC(name string) func(http.Header, []byte, string) bool {
	return func(h http.Header, body []byte, secret string) bool {
		given, err := hex.DecodeString(strings.TrimPrefix(h.Get(name), "sha256="))
		return err == nil && hmac.Equal(given, sum(secret, body))
	}
}

func sum(secret string, parts ...[]byte) []byte {
	m := hmac.New(sha256.New, []byte(secret))
	for _, p := range parts {
		m.Write(p)
	}
	return m.Sum(nil)
}

// either checks what any of some ways takes.
func either(ways ...func(http.Header, []byte, string) bool) func(http.Header, []byte, string) bool {
	return func(h http.Header, body []byte, secret string) bool {
		for _, is := range ways {
			if is(h, body, secret) {
				return true
			}
		}
		return false
	}
}

// same compares two texts in a time that says nothing of either but for their length.
func same(given, want string) bool {
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(want))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// genuineGitLab checks GitLab's secret token, which it sends as it is, or its signing token, which signs.
func genuineGitLab(h http.Header, body []byte, secret string) bool {
	return same(h.Get("X-Gitlab-Token"), secret) || standard(h, body, secret)
}

// standard checks a signature as standardwebhooks.com specifies it: of id, time and body, with a secret that is base64
// after "whsec_". The time is no matter: what is repeated does no harm.
func standard(h http.Header, body []byte, secret string) bool {
	key := secret
	if encoded, is := strings.CutPrefix(secret, "whsec_"); is {
		data, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			return false
		}
		key = string(data)
	}
	want := sum(key, []byte(h.Get("Webhook-Id")+"."+h.Get("Webhook-Timestamp")+"."), body)
	for one := range strings.FieldsSeq(h.Get("Webhook-Signature")) {
		given, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(one, "v1,"))
		if err == nil && hmac.Equal(given, want) {
			return true
		}
	}
	return false
}

// basicPassword checks the password of a basic login, whatever its user: Azure DevOps signs nothing.
func basicPassword(h http.Header, _ []byte, secret string) bool {
	r := http.Request{Header: h}
	_, password, ok := r.BasicAuth()
	return ok && same(password, secret)
}
