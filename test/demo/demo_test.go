package demo

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestPagesTellHowManyActsThereAre holds the pages for newcomers against the story.
func TestPagesTellHowManyActsThereAre(t *testing.T) {
	words := map[int]string{12: "twelve", 13: "thirteen", 14: "fourteen", 15: "fifteen", 16: "sixteen"}
	n := len((&story{}).acts())
	want := fmt.Sprintf("%s acts, each step verified", words[n])
	for _, page := range []string{"README.md", "docs/quickstart.md"} {
		text, err := os.ReadFile("../../" + page)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), want) {
			t.Errorf("the story has %d acts, and %s does not say %q", n, page, want)
		}
	}
}

// TestTheGateIsPartOfThePolicy has the gate stand where the policy of its act lists gates.
func TestTheGateIsPartOfThePolicy(t *testing.T) {
	text := gatePolicy + indented("- name: failures\n  interval: 1s\n")
	want := "\n  gates:\n  - name: failures\n    interval: 1s\n"
	if !strings.HasSuffix(text, want) {
		t.Errorf("the policy is\n%s\nwant it to end with\n%s", text, want)
	}
}
