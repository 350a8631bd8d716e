package identity

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"strings"

	"github.com/drover-dev/drover/protocol"
)

const (
	// separator stands between the cut name and the digest of a key.
	separator = "--"
	// digestLength is how many characters the digest has, of 5 bits each: so many that nobody finds two declarations with
	// one digest (100 bits).
	digestLength = 20
	maxCut       = protocol.MaxName - len(separator) - digestLength
)

// letters are those of a digest. No hyphen is among them.
const letters = "abcdefghijklmnopqrstuvwxyz234567"

var encoding = base32.NewEncoding(letters).WithPadding(base32.NoPadding)

// Kinds of what makes an app that no other tool declares.
const (
	KindApp  = "App"  // a native App
	KindRoot = "Root" // what a cluster's folder holds beside its apps
)

// ID identifies what declares an app in a cluster.
type ID struct{ Kind, Namespace, Name string }

// String is "Kind namespace/name", and "Kind name" of what has no namespace, as App. Parse reads it.
func (id ID) String() string {
	if id.Namespace == "" {
		return id.Kind + " " + id.Name
	}
	return id.Kind + " " + id.Namespace + "/" + id.Name
}

// Title is what people are shown where it says enough: namespace/name.
func (id ID) Title() string {
	_, title, _ := strings.Cut(id.String(), " ")
	return title
}

// Native says whether it is none of another tool.
func (id ID) Native() bool { return id.Namespace == "" }

// Parse reads what String wrote. It is the zero ID for anything else.
func Parse(s string) ID {
	kind, rest, ok := strings.Cut(s, " ")
	if !ok || kind == "" || rest == "" {
		return ID{}
	}
	namespace, name, ok := strings.Cut(rest, "/")
	if !ok {
		return ID{Kind: kind, Name: rest}
	}
	return ID{kind, namespace, name}
}

// Key is what programs know the app by: a DNS label that no other app of a cluster has. Of a native app it is the name;
// of one that another tool declares the name, cut to what fits, and a digest of all three parts. It depends on nothing
// else, so it stays whatever comes and goes.
func (id ID) Key() string {
	if id.Native() {
		return id.Name
	}
	h := sha256.New()
	for _, part := range [...]string{id.Kind, id.Namespace, id.Name} {
		fmt.Fprintf(h, "%d:%s", len(part), part) // no part can be read as the end of another
	}
	return cut(id.Name) + separator + encoding.EncodeToString(h.Sum(nil))[:digestLength]
}

// cut is a name as the beginning of a DNS label.
func cut(name string) string {
	name = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(name))
	if name = strings.Trim(name, "-"); name == "" {
		return "app"
	}
	return strings.TrimRight(name[:min(len(name), maxCut)], "-")
}

// IsKey says whether a name has the form of a key with a digest. No native app may have such a name.
func IsKey(name string) bool {
	_, ok := Bare(name)
	return ok
}

// Bare is what a key with a digest begins with; ok is false for other names.
func Bare(name string) (bare string, ok bool) {
	at := len(name) - digestLength - len(separator)
	if at <= 0 || name[at:at+len(separator)] != separator ||
		strings.Trim(name[at+len(separator):], letters) != "" {
		return name, false
	}
	return name[:at], true
}
