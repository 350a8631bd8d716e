package query

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestWhatPeopleSeeIsWhatIsThere(t *testing.T) {
	for text, want := range map[string]string{
		"plain, Ünïcödé, 日本語, שלום, 👩‍💻": "plain, Ünïcödé, 日本語, שלום, 👩‍💻",
		"two\nlines\tand a tab":          "two\nlines\tand a tab",
		"a\x1b[31mred\x1b[0m\a\b\r":      "a\ufffd[31mred\ufffd[0m\ufffd\ufffd\ufffd",
		"user\u202etxt.exe\u202c":        "user\ufffdtxt.exe\ufffd",
		"\u2066a\u2069\u200f\u061c":      "\ufffda\ufffd\ufffd\ufffd",
		"zero\u200bwidth\ufeff\u00ad":    "zero\ufffdwidth\ufffd\ufffd",
		"c1\u009b31m\u2028\u2029":        "c1\ufffd31m\ufffd\ufffd",
		"tag\U000e0041":                  "tag\ufffd",
		"back\\slash \\u202e \"q\"":      "back\\slash \\u202e \"q\"",
		"no text\xff":                    "no text\ufffd",
	} {
		if got := Visible(text); got != want {
			t.Errorf("%+q is shown as %+q, want %+q", text, got, want)
		}
		data, err := json.Marshal(map[string][]string{text: {text, "next"}})
		if err != nil {
			t.Fatal(err)
		}
		var back map[string][]string
		if err := json.Unmarshal(VisibleJSON(data), &back); err != nil {
			t.Fatalf("%+q: %v", text, err)
		}
		if got := back[want]; len(got) != 2 || got[0] != want || got[1] != "next" {
			t.Errorf("%+q comes out of JSON as %+q", text, back)
		}
	}
}

func FuzzVisible(f *testing.F) {
	f.Add("a\u202eb\x1b\\u001b")
	f.Fuzz(func(t *testing.T, text string) {
		data, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		var got string
		if err := json.Unmarshal(VisibleJSON(data), &got); err != nil {
			t.Fatal(err)
		}
		if got != Visible(text) || strings.ContainsFunc(got, hides) || !utf8.ValidString(got) {
			t.Errorf("%+q: %+q and %+q", text, got, Visible(text))
		}
	})
}
