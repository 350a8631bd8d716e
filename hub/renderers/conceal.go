package renderers

import (
	"regexp"
	"strings"

	"github.com/drover-dev/drover/fleet"
)

// What in the words of a plugin may be secret: it is free in what it says, and people are shown it.
var (
	secretUser  = regexp.MustCompile(`://[^/\s@]+@`)
	secretBlock = regexp.MustCompile(`(?s)-----BEGIN [A-Z ]+-----.*?(-----END [A-Z ]+-----|$)`)
	secretValue = regexp.MustCompile(`(?i)((?:pass(?:word|wd|phrase)?|secret|token|api[-_]?key|private[-_]?key|` +
		`credentials?|authorization)` +
		`["']?\s*[:=]\s*["']?(?:(?:bearer|basic)\s+)?)[^\s"',;]+`)
	secretBearer = regexp.MustCompile(`(?i)\b((?:bearer|basic)\s+)[A-Za-z0-9+/=._~-]{8,}`)
)

// concealed is what a plugin says, without what may be secret in it, in one line and bounded.
func concealed(text string) string {
	if fleet.HoldsSecret([]byte(text)) {
		text, _, _ = strings.Cut(text, "\n")
		text += " … (the rest holds a Secret, and is not shown)"
	}
	if fleet.HoldsSecret([]byte(text)) {
		return "what it said holds a Secret, and is not shown"
	}
	text = secretBlock.ReplaceAllString(text, "(a key, not shown)")
	text = secretUser.ReplaceAllString(text, "://…@")
	text = secretValue.ReplaceAllString(text, "${1}…")
	text = secretBearer.ReplaceAllString(text, "${1}…")
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > MaxSaid {
		text = strings.ToValidUTF8(text[:MaxSaid], "") + " …"
	}
	return text
}
