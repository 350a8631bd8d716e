package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestThePageOfTheCommandLineIsCurrent(t *testing.T) {
	for _, name := range []string{"DROVER_HUB", "DROVER_TOKEN", "DROVER_HUB_CA", "DROVER_DATA_DIR"} {
		t.Setenv(name, "") // from which defaults are made
	}
	page, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "cli.md"))
	if err != nil {
		t.Fatal(err)
	}
	var usage strings.Builder
	if _, err := parseFlags([]string{"--help"}, &usage); err == nil {
		t.Fatal("--help is no error")
	}
	want := "<!-- simulate: make generate -->\n```\n" + usage.String() + "```\n<!-- end of simulate -->\n"
	if !strings.Contains(string(page), want) {
		t.Error("docs/cli.md is not what `drover-simulate --help` prints: run make generate")
	}
}
