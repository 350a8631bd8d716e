package reference

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/drover-dev/drover/hub/layout/native"
)

// program is a command line with one of everything that the reference has to show, or not to.
func program() *cobra.Command {
	root := &cobra.Command{Use: "tool"}
	parent := &cobra.Command{Use: "parent", Short: "Hold commands", RunE: func(*cobra.Command,
		[]string) error {
		return nil
	}}
	child := &cobra.Command{Use: "child NAME", Aliases: []string{"kid", "c"}, Short: "Do something",
		Long: "Does something.\n\n  indented\n\nAnd more.", Example: "  tool parent child a\n  tool parent child b",
		Run: func(*cobra.Command, []string) {}}
	f := child.Flags()
	f.StringP("output", "o", "text", "text | json")
	f.Bool("yes", false, "do not ask")
	f.Duration("ttl", 24*time.Hour, "how long `it` is good")
	f.Duration("none", 0, "no time")
	f.StringSlice("label", nil, "labels")
	f.String("data-dir", "/home/me/x", "a folder")
	f.String("token", "secret of the environment", "a token")
	f.String("image", "drover-agent:1.2.3-dirty", "an image")
	f.String("gone", "", "hidden")
	_ = f.MarkHidden("gone")
	secret := &cobra.Command{Use: "secret", Short: "Nobody's business", Hidden: true, Run: func(*cobra.Command,
		[]string) {
	}}
	parent.AddCommand(child, secret)
	root.AddCommand(parent, secret, Command())
	return root
}

// The page is the same on every machine, whatever is in the environment of the user who builds it.
func TestThePageSaysAllAndNothingOfTheMachine(t *testing.T) {
	t.Parallel()
	root := program()
	var out bytes.Buffer
	root.SetOut(&out)
	root.SetArgs([]string{"reference"})
	if err := root.Execute(); err != nil {
		t.Fatal(err)
	}
	page := out.String()
	for _, want := range []string{
		"## tool parent\n\nHold commands.\n\n## tool parent child\n\nDoes something.\n\n      indented\n\nAnd more.\n\n",
		"```sh\ntool parent child a\ntool parent child b\n```\n\n",
		"Usage: `tool parent child NAME [flags]`, or `kid`, `c`\n\n| flag | default | |\n|---|---|---|\n",
		"| `-o, --output string` | `text` | text \\| json |\n",
		"| `--yes` |  | do not ask |\n",
		"| `--ttl it` | `24h0m0s` | how long it is good |\n",
		"| `--none duration` |  | no time |\n",
		"| `--label strings` |  | labels |\n",
		"| `--data-dir string` | `~/.local/share/drover` | a folder |\n",
		"| `--token string` |  | a token |\n",
		"| `--image string` | `drover-agent:VERSION` | an image |\n",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
	for _, no := range []string{"secret", "gone", "/home/me", "1.2.3", "reference", "completion", "--help"} {
		if strings.Contains(page, no) {
			t.Errorf("the page has %q:\n%s", no, page)
		}
	}
}

func TestSchemasOfAllKindsArePrinted(t *testing.T) {
	t.Parallel()
	misuse := errors.New("used wrongly")
	run := func(args ...string) (string, error) {
		cmd := Schema(func(err error) error { return errors.Join(misuse, err) })
		cmd.SilenceErrors, cmd.SilenceUsage = true, true
		var out bytes.Buffer
		cmd.SetOut(&out)
		cmd.SetArgs(args)
		err := cmd.Execute()
		return out.String(), err
	}
	for _, kind := range native.Kinds() {
		text, err := run(kind)
		var schema map[string]any
		if err != nil || json.Unmarshal([]byte(text), &schema) != nil || schema["$schema"] == nil {
			t.Errorf("%s: %v: %.200s", kind, err, text)
		}
	}
	for _, args := range [][]string{{}, {"App", "Cluster"}, {"Nosuch"}} {
		if text, err := run(args...); !errors.Is(err, misuse) || text != "" {
			t.Errorf("%q: %v: %s", args, err, text)
		}
	}
}
