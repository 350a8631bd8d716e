package release

import (
	"fmt"
	"strings"
)

// TrailerDeletions is the trailer of a commit whose deletions are meant, as "Drover-Deletions: approved (the shop
// moves)".
const TrailerDeletions = "Drover-Deletions"

// approvedWord begins the value of TrailerDeletions; anything else approves nothing.
const approvedWord = "approved"

// maxReason is how much of a reason is remembered, in bytes.
const maxReason = 200

// Reviewed says why the deletions are meant that a commit brings, by the value of its trailer; "" if that does not say
// so.
func Reviewed(commit, author, value string) string {
	first, rest, _ := strings.Cut(value, " ")
	if !strings.EqualFold(first, approvedWord) {
		return ""
	}
	rest = strings.TrimSpace(rest)
	if inner, is := strings.CutPrefix(rest, "("); is {
		rest = strings.TrimSuffix(inner, ")")
	}
	text := fmt.Sprintf("the commit %.8s by %s approves its deletions", commit, author)
	if rest != "" {
		text += ": " + strings.ToValidUTF8(rest[:min(len(rest), maxReason)], "")
	}
	return text
}
