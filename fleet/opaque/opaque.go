// Package opaque has values pass through the render of a chart unread. The hub renders with a token in place of a value
// that only the cluster has, twice, with tokens that differ in all that values may have in them; where the outcomes
// differ in nothing but the token, the chart passed the value on and did not look at it, and the agent puts it in just
// before it applies an object. Hub and agent both follow the rules of this package.
package opaque

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/drover-dev/drover/protocol"
)

// Token stands for what objects of the cluster hold under a key. It is a word of lower-case letters and digits, which
// begins with a letter, so that YAML takes it for a text.
func Token(key string, from []protocol.VarsRef) string {
	data, _ := json.Marshal([]any{key, from}) // texts alone: it cannot fail
	sum := sha256.Sum256(data)
	return "zq" + hex.EncodeToString(sum[:10])
}

// Other is the token of the second render. It has another length, and every kind of character that Plain permits.
func Other(token string) string {
	sum := sha256.Sum256([]byte(token))
	return "Xj" + hex.EncodeToString(sum[:6]) + ".Y-2_a/b@c:d+e=F"
}

// plain is what a value may look like that is put in: nothing that any way of quoting in YAML or JSON changes.
var plain = regexp.MustCompile(`^[A-Za-z0-9/_]([A-Za-z0-9._/@:+=-]*[A-Za-z0-9/_=])?$`)

// typed is what YAML 1.1 may take for a number or a date, with characters of plain alone. Underscores in it mean
// nothing.
var typed = regexp.MustCompile(`^[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?$|^0[xXoObB][0-9A-Fa-f]+$|^[0-9]+(:[0-9.]+)+$|` +
	`^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt:.0-9+Zz-]*)$`)

// words are those that YAML 1.1 takes for something else than a text.
var words = []string{"y", "n", "yes", "no", "on", "off", "true", "false", "null"}

// Plain says whether a value may be put in: it has only letters, digits and . _ - / @ : + = in it, and YAML takes it
// for a text. A number, true or a date would have been something else for the chart than the token was.
func Plain(value string) bool {
	return plain.MatchString(value) && !typed.MatchString(strings.ReplaceAll(value, "_", "")) &&
		!slices.Contains(words, strings.ToLower(value))
}

// Check says of a value that is to be put in why it cannot be; the value itself is not told.
func Check(value string) error {
	if Plain(value) {
		return nil
	}
	return errors.New("it may have letters, digits and . _ - / @ : + = in it, and may not read as a number, a date, " +
		"or a word " +
		"such as yes: the chart was rendered with a plain text in its place")
}

// Fill puts values, by their tokens, into an object; in the data of a Secret also below base64. Values have passed
// Check.
func Fill(object []byte, values map[string]string) []byte {
	for _, token := range slices.Sorted(maps.Keys(values)) {
		object = bytes.ReplaceAll(object, []byte(token), []byte(values[token]))
	}
	for _, coded := range secretData(object) {
		text, err := base64.StdEncoding.DecodeString(coded)
		if err != nil {
			continue
		}
		filled := text
		for _, token := range slices.Sorted(maps.Keys(values)) {
			filled = bytes.ReplaceAll(filled, []byte(token), []byte(values[token]))
		}
		if !bytes.Equal(filled, text) {
			object = bytes.ReplaceAll(object, []byte(`"`+coded+`"`),
				[]byte(`"`+base64.StdEncoding.EncodeToString(filled)+`"`))
		}
	}
	return object
}

// secretData are the values under data of an object of kind Secret, each once.
func secretData(object []byte) (out []string) {
	if !bytes.Contains(object, []byte(`"Secret"`)) {
		return nil
	}
	var o struct {
		Kind string
		Data map[string]any
	}
	if json.Unmarshal(object, &o) != nil || o.Kind != "Secret" {
		return nil
	}
	for _, key := range slices.Sorted(maps.Keys(o.Data)) {
		if text, ok := o.Data[key].(string); ok && !slices.Contains(out, text) {
			out = append(out, text)
		}
	}
	return out
}

// Digest is what stands in an object for a digest that the chart made over a value: it changes whenever one of the
// values does, so that pods restart as they would with the chart's own. of is the digest over the token.
func Digest(of string, values map[string]string) string {
	h := sha256.New()
	h.Write([]byte(of))
	for _, token := range slices.Sorted(maps.Keys(values)) {
		fmt.Fprintf(h, "\x00%s\x00%s", token, values[token])
	}
	out := hex.EncodeToString(h.Sum(nil))
	for len(out) < len(of) {
		next := sha256.Sum256([]byte(out))
		out += hex.EncodeToString(next[:])
	}
	return out[:len(of)]
}

// digest is what a digest in an annotation looks like: those from MD5 to SHA-512, in hexadecimal.
var digest = regexp.MustCompile(`^[0-9a-f]{32,128}$`)

// Difference is where two renders of an object differ in more than their tokens.
type Difference struct{ Path string }

// Compare holds an object against the same one of the second render. Differences that are digests in annotations are
// given as digests, of the first render; any other is an error, a *Difference.
func Compare(first, second []byte, tokens []string) (digests []string, err error) {
	back := make(map[string]string, len(tokens))
	for _, t := range tokens {
		back[Other(t)] = t
	}
	var a, b any
	if err := decode(first, &a); err != nil {
		return nil, err
	}
	if err := decode(Fill(second, back), &b); err != nil {
		return nil, err
	}
	c := comparison{}
	if !c.equal("", a, b) {
		return nil, &Difference{c.at}
	}
	return c.digests, nil
}

// Error implements error.
func (d *Difference) Error() string { return d.Path + " differs" }

func decode(data []byte, to *any) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	return dec.Decode(to)
}

// comparison is Compare at work.
type comparison struct {
	digests []string
	at      string // of the first difference
}

func (c *comparison) equal(at string, a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		other, ok := b.(map[string]any)
		if !ok || len(a) != len(other) {
			return c.differs(at)
		}
		for _, key := range slices.Sorted(maps.Keys(a)) {
			v, ok := other[key]
			if below := strings.TrimPrefix(at+"."+key, "."); !ok || !c.equal(below, a[key], v) {
				return c.differs(below)
			}
		}
		return true
	case []any:
		other, ok := b.([]any)
		if !ok || len(a) != len(other) {
			return c.differs(at)
		}
		for i := range a {
			if below := fmt.Sprintf("%s[%d]", at, i); !c.equal(below, a[i], other[i]) {
				return c.differs(below)
			}
		}
		return true
	case string:
		other, ok := b.(string)
		if ok && a != other && len(a) == len(other) && strings.Contains(at, "annotations.") && digest.MatchString(a) &&
			digest.MatchString(other) {
			c.digests = append(c.digests, a)
			return true
		}
		return ok && a == other || c.differs(at)
	}
	return a == b || c.differs(at)
}

// differs notes the innermost place of a difference.
func (c *comparison) differs(at string) bool {
	if c.at == "" {
		c.at = at
	}
	return false
}

// Has says which of tokens is in an object, in the data of a Secret also below base64; "" if none is.
func Has(object []byte, tokens []string) string {
	coded := secretData(object)
	for _, t := range tokens {
		if bytes.Contains(object, []byte(t)) || slices.ContainsFunc(coded, func(c string) bool {
			text, err := base64.StdEncoding.DecodeString(c)
			return err == nil && bytes.Contains(text, []byte(t))
		}) {
			return t
		}
	}
	return ""
}
