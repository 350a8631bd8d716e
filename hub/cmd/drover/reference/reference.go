// Package reference prints a command line as a page in Markdown, and the JSON Schemas of kinds. It may import cobra and
// hub/layout/native.
package reference

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Command prints all commands and flags of the program that it is added to.
func Command() *cobra.Command {
	return &cobra.Command{
		Use: "reference", Short: "Print all commands and flags in Markdown, for docs/cli.md", Hidden: true,
		Args: cobra.NoArgs,
		Run:  func(cmd *cobra.Command, _ []string) { fmt.Fprint(cmd.OutOrStdout(), markdown(cmd.Root())) },
	}
}

// markdown describes the commands below root, each with its subcommands after it.
func markdown(root *cobra.Command) string {
	var out strings.Builder
	for _, c := range root.Commands() {
		if !listed(c) {
			continue
		}
		describe(&out, c)
		out.WriteString(markdown(c))
	}
	return out.String()
}

// listed says whether the reference has a command: not what is hidden, and not what cobra adds by itself.
func listed(c *cobra.Command) bool {
	return !c.Hidden && c.Name() != "help" && c.Name() != "completion"
}

func describe(out *strings.Builder, c *cobra.Command) {
	fmt.Fprintf(out, "## %s\n\n%s\n\n", c.CommandPath(), asMarkdown(cmp.Or(c.Long, c.Short+".")))
	if c.Example != "" {
		fmt.Fprintf(out, "```sh\n%s\n```\n\n", unindented(c.Example))
	}
	if c.Runnable() && !c.HasSubCommands() {
		fmt.Fprintf(out, "Usage: `%s`", c.UseLine())
		if len(c.Aliases) > 0 {
			fmt.Fprintf(out, ", or `%s`", strings.Join(c.Aliases, "`, `"))
		}
		out.WriteString("\n\n")
	}
	var flags strings.Builder
	c.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		name := "--" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", " + name
		}
		kind, says := pflag.UnquoteUsage(f)
		says = strings.ReplaceAll(says, "|", `\|`)
		fmt.Fprintf(&flags, "| `%s` | %s | %s |\n", strings.TrimSpace(name+" "+kind), preset(f), says)
	})
	if flags.Len() > 0 {
		out.WriteString("| flag | default | |\n|---|---|---|\n" + flags.String() + "\n")
	}
}

// preset is the default of a flag, in the same words on every machine.
func preset(f *pflag.Flag) string {
	switch {
	case f.Name == "hub", f.Name == "hub-ca", f.Name == "token": // from the environment
		return ""
	case f.Name == "data-dir":
		return "`~/.local/share/drover`"
	case strings.HasPrefix(f.DefValue, "drover-agent:"):
		return "`drover-agent:VERSION`"
	case f.DefValue == "", f.DefValue == "[]", f.DefValue == "false", f.DefValue == "0", f.DefValue == "0s":
		return ""
	}
	return "`" + f.DefValue + "`"
}

// asMarkdown makes blocks of code of indented lines.
func asMarkdown(text string) string { return strings.ReplaceAll(text, "\n  ", "\n      ") }

func unindented(example string) string {
	lines := strings.Split(example, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimPrefix(line, "  ")
	}
	return strings.Join(lines, "\n")
}
