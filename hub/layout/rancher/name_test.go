package rancher

import (
	"strings"
	"testing"
)

// TestLongNamesAreShortened to what a release may have, and stay apart; short ones are kept.
func TestLongNamesAreShortened(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", maxRelease)
	for name, want := range map[string]string{
		"": "", "web": "web", long: long,
		long + "b":                            strings.Repeat("a", 47) + "-" + digest(long+"b", 5),
		strings.Repeat("a-", 40):              strings.Repeat("a-", 23) + "a-" + digest(strings.Repeat("a-", 40), 5),
		strings.Repeat("a", 46) + "-bcdefghi": strings.Repeat("a", 46) + "-" + digest(strings.Repeat("a", 46)+"-bcdefghi", 5),
	} {
		if got := shortened(name); got != want || len(got) > maxRelease {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	if shortened(long+"b") == shortened(long+"c") {
		t.Error("two long names have become one")
	}
}
