package show

import (
	"strings"
	"testing"
)

// TestNothingControlsATerminal: line breaks and controls are spaces or marked, in lines and in JSON.
func TestNothingControlsATerminal(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":               "",
		"plain ä 世":      "plain ä 世",
		"two\nlines\r\n": "two lines  ",
		"a\tb\x00c\x7fd": "a b c d",
		"\x1b[31mred":    " [31mred",
	} {
		if got := OneLine(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	for _, hidden := range []string{"a\u202eb", "a\u200bb", "a\u009bb"} {
		var out strings.Builder
		if err := JSON(&out, map[string]string{"a": hidden}); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(out.String(), hidden) || strings.Contains(OneLine(hidden), hidden) {
			t.Errorf("%q is written as %q and %q", hidden, OneLine(hidden), out.String())
		}
	}
	var out strings.Builder
	if err := Lines(&out, []string{"a\nb", "", "c"}); err != nil || out.String() != "a b\n\nc\n" {
		t.Errorf("lines %q, %v", out.String(), err)
	}
	out.Reset()
	if err := JSON(&out, []int{1}); err != nil || out.String() != "[\n  1\n]\n" {
		t.Errorf("JSON %q, %v", out.String(), err)
	}
	if err := JSON(&out, func() {}); err == nil {
		t.Error("a function is written as JSON")
	}
}

// TestNounsFollowNumbers.
func TestNounsFollowNumbers(t *testing.T) {
	t.Parallel()
	if got := [3]string{Plural(0, "app"), Plural(1, "app"), Plural(2, "app")}; got != [3]string{"apps", "app", "apps"} {
		t.Errorf("nouns %q", got)
	}
}
