package content

import (
	"strconv"

	"github.com/drover-dev/drover/protocol"
)

// IsPlain says whether an app is delivered without more than the usual.
func IsPlain(a *protocol.App) bool {
	return len(a.DependsOn)+len(a.Ignored)+len(a.Health)+len(a.Checks)+len(a.Ready)+len(a.Opaque)+len(a.Rollback) == 0 &&
		a.CreateNamespace == nil && a.Decrypt == nil && a.Substitute == nil
}

// appendPlain appends the JSON of what Digest is made of, as encoding/json writes it, which takes ten times as long. It
// says whether it could: of an app that is plain, in whose texts nothing has to be escaped.
func appendPlain(to []byte, a *protocol.App) (out []byte, is bool) {
	if !IsPlain(a) || !unescaped(a.Name) {
		return to, false
	}
	to = append(append(append(to, `{"name":"`...), a.Name...), '"')
	text := func(field, v string) {
		if is = is && unescaped(v); v != "" {
			to = append(append(append(append(append(to, `,"`...), field...), `":"`...), v...), '"')
		}
	}
	flag := func(field string, v bool) {
		if v {
			to = append(append(append(to, `,"`...), field...), `":true`...)
		}
	}
	is = true
	text("parent", a.Parent)
	flag("prune", a.Prune)
	text("namespace", a.Namespace)
	if a.Timeout != 0 {
		to = strconv.AppendInt(append(to, `,"timeout":`...), int64(a.Timeout), 10)
	}
	if b := a.Blob; b != nil {
		is = is && unescaped(b.Digest)
		to = append(append(to, `,"blob":{"digest":"`...), b.Digest...)
		to = append(to, `","key":null,"size":0,"chunks":0,"objects":0}`...)
	}
	for i, need := range a.Needs {
		is = is && unescaped(need)
		if i == 0 {
			to = append(to, `,"needs":[`...)
		} else {
			to = append(to, ',')
		}
		to = append(append(append(to, '"'), need...), '"')
	}
	if len(a.Needs) > 0 {
		to = append(to, ']')
	}
	text("serviceAccount", a.ServiceAccount)
	flag("orphan", a.Orphan)
	flag("recreate", a.Recreate)
	flag("keepDrift", a.KeepDrift)
	return append(to, '}'), is
}

// unescaped says whether encoding/json writes a text as it is.
func unescaped(text string) bool {
	for i := range len(text) {
		switch c := text[i]; {
		case c < ' ', c > '~', c == '"', c == '\\', c == '<', c == '>', c == '&':
			return false
		}
	}
	return true
}
