package opaque

import (
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/drover-dev/drover/protocol"
)

var from = []protocol.VarsRef{{Kind: "Secret", Namespace: "flux-system", Name: "cluster-secrets"}}

func TestTokensDependOnWhatTheyStandFor(t *testing.T) {
	t.Parallel()
	one := Token("DOMAIN", from)
	if one != Token("DOMAIN", from) || one == Token("EMAIL", from) || one == Token("DOMAIN", nil) {
		t.Error("two that stand for the same differ, or two for different things are equal")
	}
	for _, token := range []string{one, Other(one)} {
		if !Plain(token) {
			t.Errorf("%s is no value that could be put in", token)
		}
	}
	if other := Other(one); len(other) == len(one) || strings.ToLower(other) == other || strings.Contains(other, one) {
		t.Errorf("the second token %s does not tell what a chart does with the first, %s", other, one)
	}
}

func TestPlain(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]bool{
		"example.net": true, "10.0.0.1": true, "10.0.0.0/16": true, "me@example.net": true, "https://a.b/c_d": true,
		"c2VjcmV0Cg==": true, "a": true, "v1": true, "2001:db8::1": true, "1.2.3": true, "Europe/Berlin": true, "+1": false,
		"": false, "8080": false, "1e3": false, "1.5": false, "0x1F": false, "0o17": false, "1_000": false, "true": false,
		"No": false,
		"y":  false, "null": false, "2024-01-02": false, "2024-01-02T10:00:00Z": false, "1:30": false, ".inf": false,
		"~":   false,
		"a b": false, "a\nb": false, "a: b": false, "a:": false, "-a": false, "=": false, "a#b": false, `a"b`: false,
		"a'b": false,
		`a\b`: false, "{a": false, "[a]": false, "*a": false, "&a": false, "!a": false, "%a": false, "@a": false, "`a": false,
		"ä": false, "a,b": false, "${a}": false,
	} {
		if got := Plain(value); got != want {
			t.Errorf("%q: %t", value, got)
		}
		err := Check(value)
		if (err == nil) != want || err != nil && len(value) > 3 && strings.Contains(err.Error(), value) {
			t.Errorf("%q: %v", value, err)
		}
	}
}

func coded(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

func TestFill(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ object, want string }{
		"in a text": {`{"data":{"host":"app.zq1","n":1},"kind":"ConfigMap"}`,
			`{"data":{"host":"app.example.net","n":1},"kind":"ConfigMap"}`},
		"in a key":    {`{"metadata":{"labels":{"zq1/a":"b"}}}`, `{"metadata":{"labels":{"example.net/a":"b"}}}`},
		"two of them": {`{"a":"zq2@zq1"}`, `{"a":"me@example.net"}`},
		"of a Secret": {`{"data":{"a":"` + coded("x=zq1\n") + `","b":"` + coded("zq3") +
			`","c":"no base64: zq1"},"kind":"Secret"}`,
			`{"data":{"a":"` + coded("x=example.net\n") + `","b":"` + coded("zq3") +
				`","c":"no base64: example.net"},"kind":"Secret"}`},
		"of another kind": {`{"data":{"a":"` + coded("zq1") + `"},"kind":"ConfigMap"}`, `{"data":{"a":"` + coded("zq1") +
			`"},"kind":"ConfigMap"}`},
		"nothing": {`{"a":"${zq}"}`, `{"a":"${zq}"}`},
	} {
		if got := string(Fill([]byte(c.object), map[string]string{"zq1": "example.net", "zq2": "me"})); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestCompare(t *testing.T) {
	t.Parallel()
	token := Token("DOMAIN", from)
	other := Other(token)
	hash := func(of string) string { return strings.Repeat(of, 64) }
	for name, c := range map[string]struct{ first, second, differs, digest string }{
		"passed on": {`{"a":["x.` + token + `"],"n":1.0}`, `{"a":["x.` + other + `"],"n":1.0}`, "", ""},
		"as a key":  {`{"a":{"` + token + `":1}}`, `{"a":{"` + other + `":1}}`, "", ""},
		"in base64": {`{"data":{"p":"` + coded("a"+token) + `"},"kind":"Secret"}`, `{"data":{"p":"` + coded("a"+other) +
			`"},"kind":"Secret"}`, "", ""},
		"base64 in a ConfigMap": {`{"data":{"p":"` + coded(token) + `"},"kind":"ConfigMap"}`,
			`{"data":{"p":"` + coded(other) + `"},"kind":"ConfigMap"}`, "data.p", ""},
		"in lower case": {`{"a":"` + token + `"}`, `{"a":"` + strings.ToLower(other) + `"}`, "a", ""},
		"cut":           {`{"a":"` + token[:10] + `"}`, `{"a":"` + other[:10] + `"}`, "a", ""},
		"its length":    {`{"a":{"b":22}}`, `{"a":{"b":31}}`, "a.b", ""},
		"split":         {`{"a":["` + token + `"]}`, `{"a":["Xj","Y"]}`, "a", ""},
		"another field": {`{"a":{"b":1}}`, `{"a":{"c":1}}`, "a.b", ""},
		"one more":      {`{"a":1}`, `{"a":1,"b":1}`, "", ""},
		"a digest": {`{"metadata":{"annotations":{"checksum/config":"` + hash("a") + `"}}}`,
			`{"metadata":{"annotations":{"checksum/config":"` + hash("b") + `"}}}`, "", hash("a")},
		"a digest elsewhere": {`{"data":{"x":"` + hash("a") + `"}}`, `{"data":{"x":"` + hash("b") + `"}}`, "data.x", ""},
		"something random": {`{"metadata":{"annotations":{"rollme":"Ab1"}}}`,
			`{"metadata":{"annotations":{"rollme":"xY9"}}}`, "metadata.annotations.rollme", ""},
	} {
		digests, err := Compare([]byte(c.first), []byte(c.second), []string{token})
		at, isDifference := errors.AsType[*Difference](err)
		switch {
		case name == "one more":
			if !isDifference {
				t.Errorf("%s: %v", name, err)
			}
		case c.differs == "" && err != nil, c.differs != "" && (!isDifference || at.Path != c.differs):
			t.Errorf("%s: %v, want %q", name, err, c.differs)
		case c.digest != "" && !slices.Equal(digests, []string{c.digest}) || c.digest == "" && digests != nil:
			t.Errorf("%s: digests %v", name, digests)
		}
	}
	if _, err := Compare([]byte(`{`), []byte(`{}`), nil); err == nil {
		t.Error("what is no JSON is compared")
	}
}

// A digest follows from every value, is as long as the one it stands for, and tells nothing by itself.
func TestDigest(t *testing.T) {
	t.Parallel()
	of := strings.Repeat("a", 64)
	one := Digest(of, map[string]string{"zq1": "x", "zq2": "y"})
	if len(one) != 64 || one != Digest(of, map[string]string{"zq2": "y", "zq1": "x"}) {
		t.Errorf("it is %s", one)
	}
	for _, other := range []string{Digest(of, map[string]string{"zq1": "x", "zq2": "z"}), Digest(of,
		map[string]string{"zq1": "xzq2y"}),
		Digest(strings.Repeat("b", 64), map[string]string{"zq1": "x", "zq2": "y"})} {
		if other == one {
			t.Error("other values give the same digest")
		}
	}
	for _, n := range []int{32, 40, 128} {
		if got := Digest(strings.Repeat("a", n), nil); len(got) != n {
			t.Errorf("of %d digits it has %d", n, len(got))
		}
	}
}

func TestHas(t *testing.T) {
	t.Parallel()
	for object, want := range map[string]string{
		`{"a":"xzq2"}`: "zq2", `{"a":"x"}`: "", `{"data":{"a":"` + coded("zq1") + `"},"kind":"Secret"}`: "zq1",
		`{"data":{"a":"` + coded("zq1") + `"},"kind":"Other"}`: "",
	} {
		if got := Has([]byte(object), []string{"zq1", "zq2"}); got != want {
			t.Errorf("%s has %q", object, got)
		}
	}
}
