package query

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Visible is a text with a replacement character wherever it has one that a person does not see and that changes how
// the rest is shown: control characters but for line ends and tabs, those that turn the direction of writing, invisible
// ones, and bytes that are no text. What agents report, and what stands in Git, is written by others: it must not look
// like something else in a terminal or a page.
func Visible(s string) string {
	if !strings.ContainsFunc(s, hides) && utf8.ValidString(s) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if hides(r) {
			return utf8.RuneError
		}
		return r
	}, s)
}

// hides says whether a character is none that a person should meet. The joiners of scripts that need them stay.
func hides(r rune) bool {
	switch r {
	case '\n', '\t', '\u200c', '\u200d':
		return false
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
}

// VisibleJSON does to every text in a JSON document what Visible does. The document must be valid.
func VisibleJSON(data []byte) []byte {
	out := make([]byte, 0, len(data))
	for i := 0; i < len(data); {
		r, size := rune(data[i]), 1
		switch {
		case r == '\\' && i+1 < len(data) && data[i+1] == 'u' && i+6 <= len(data):
			if r, size = unhex(data[i+2:i+6]), 6; !hides(r) {
				r = -1
			}
		case r == '\\' && i+1 < len(data):
			if size = 2; data[i+1] == 'b' || data[i+1] == 'f' || data[i+1] == 'r' {
				r = '\r'
			} else {
				r = -1
			}
		case r < 0x7f:
			r = -1 // JSON has no bare control characters below within a text, and line ends between
		default:
			if r, size = utf8.DecodeRune(data[i:]); !hides(r) {
				r = -1
			}
		}
		if r >= 0 {
			out = append(out, "\ufffd"...)
		} else {
			out = append(out, data[i:i+size]...)
		}
		i += size
	}
	return out
}

func unhex(digits []byte) (r rune) {
	for _, d := range digits {
		r <<= 4
		switch {
		case d >= '0' && d <= '9':
			r |= rune(d - '0')
		case d >= 'a' && d <= 'f':
			r |= rune(d-'a') + 10
		case d >= 'A' && d <= 'F':
			r |= rune(d-'A') + 10
		}
	}
	return r
}
