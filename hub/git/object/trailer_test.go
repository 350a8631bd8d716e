package object

import (
	"strings"
	"testing"
)

func TestATrailerStandsInTheLastParagraph(t *testing.T) {
	t.Parallel()
	tree := "tree " + strings.Repeat("ab", HashSize) + "\nauthor Ann <ann@example.com> 1 +0000\n\n"
	for message, want := range map[string]string{
		"subject\n\nKey: value\n":                        "value",
		"subject\n\nwhy\n\nkey : value \nOther: x\n\n\n": "value",
		"subject\r\n\r\nwhy\r\n\r\nKey: value\r\n":       "value",
		"subject\n\nKey: one\nKey: two\n":                "two",
		"Key: value\n":                                   "",
		"subject\n\nKey: value\n\nno trailer\n":          "",
		"subject\n\nmy Key: value\n":                     "",
		"subject\n\nKey\n":                               "",
		"":                                               "",
		"subject\n\n" + strings.Repeat("x", 1<<17) + "\n\nKey: value": "value",
		"subject\n\nKey: a\xffb": "a\uFFFDb",
	} {
		c, err := decodeCommit([]byte(tree + message))
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Trailer("Key"); got != want {
			t.Errorf("%.40q: %q, want %q", message, got, want)
		}
	}
}
