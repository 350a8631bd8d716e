package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func TestThePageOfTheCommandLineIsCurrent(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "cli.md"))
	if err != nil {
		t.Fatal(err)
	}
	printed, code := drover(t, "reference")
	if code != exitFine || printed == "" {
		t.Fatalf("exit code %d, %q", code, printed)
	}
	if !strings.Contains(string(page), "<!-- commands: make generate -->\n"+printed+"<!-- end of commands -->\n") {
		t.Error("docs/cli.md is not what `drover reference` prints: run make generate")
	}
}

func TestEveryCommandHasAnExample(t *testing.T) {
	t.Parallel()
	var look func(*cobra.Command)
	look = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			look(sub)
		}
		if c.Hidden {
			return
		}
		examples := c.Example // or one of its parent's
		if c.HasParent() {
			examples += "\n" + c.Parent().Example
		}
		if c.Short == "" || !strings.Contains(examples, c.CommandPath()) {
			t.Errorf("%s has no example, or no short text: %q", c.CommandPath(), c.Short)
		}
	}
	look(newRoot())
}
