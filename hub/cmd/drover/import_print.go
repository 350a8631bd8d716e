package main

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/drover-dev/drover/hub/cmd/drover/findings"
	"github.com/drover-dev/drover/hub/cmd/drover/show"
	"github.com/drover-dev/drover/hub/layout/detect"
)

// How much of one kind `drover import` prints, so that all of it is one screen; -o json has the rest.
const (
	maxKinds       = 6
	maxClusters    = 12
	maxSources     = 6
	maxImportLines = 6 // findings of one severity
)

// toolNames are what people call the tools.
var toolNames = map[string]string{detect.Flux: "Flux", detect.Argo: "Argo CD", detect.Fleet: "Rancher Fleet"}

// lines are what `drover import` prints.
func (out *imported) lines() []string {
	lines := []string{"A repository of " + toolNames[out.Tool] + "."}
	for _, w := range out.Why {
		lines = append(lines, "  "+w)
	}
	for _, other := range out.Others {
		lines = append(lines, "  There are objects of "+toolNames[other]+" as well: --from "+other+" begins with these.")
	}
	for _, p := range out.Paths {
		lines = append(lines, "  --path  "+p)
	}
	for _, a := range out.Aliases {
		lines = append(lines, "  --alias "+a+"  (its files name the repository so)")
	}
	lines = append(lines, out.clusterLines()...)
	lines = append(lines, out.sourceLines()...)
	if len(out.Findings) > 0 {
		f := &findings.List{All: out.Findings}
		lines = append(lines, "", "Refused and noted ("+f.Count()+"):")
		lines = append(lines, f.Grouped(maxImportLines, "`drover lint` and -o json have all")...)
	}
	if len(out.Todo) > 0 {
		lines = append(lines, "", "To do:")
		for _, t := range out.Todo {
			lines = append(lines, "  - "+t)
		}
	}
	lines = append(lines, "", "Next:")
	for _, c := range out.Next {
		lines = append(lines, "  "+c)
	}
	return lines
}

func (out *imported) clusterLines() []string {
	var lines []string
	for i, c := range out.Clusters {
		if i == maxClusters {
			lines = append(lines, fmt.Sprintf("… and %d more clusters; -o json has all", len(out.Clusters)-maxClusters))
			break
		}
		objects, refused, elsewhere := 0, 0, 0
		for _, a := range c.Apps {
			objects += a.Objects
			if a.Error != "" {
				refused++
			}
			if a.Elsewhere {
				elsewhere++
			}
		}
		line := fmt.Sprintf("cluster %s (%s): %d %s, %d %s", c.Name, c.Folder, len(c.Apps), show.Plural(len(c.Apps), "app"), objects, show.Plural(objects, "object"))
		if objects > 0 {
			line += ": " + counts(c.Kinds)
		}
		if elsewhere > 0 {
			line += fmt.Sprintf("; %d %s of charts and files from elsewhere, which are not counted", elsewhere, show.Plural(elsewhere, "app"))
		}
		if refused > 0 {
			line += fmt.Sprintf("; %d refused", refused)
		}
		lines = append(lines, line)
	}
	if len(lines) > 0 {
		lines = append([]string{""}, lines...)
	}
	return lines
}

func (out *imported) sourceLines() []string {
	if len(out.Sources) == 0 {
		return nil
	}
	lines := []string{"", "The hub fetches from these too; where one is not public, it needs a file in --credentials-dir (docs/sources.md):"}
	for i, s := range out.Sources {
		if i == maxSources {
			lines = append(lines, fmt.Sprintf("  … and %d more; -o json has all", len(out.Sources)-maxSources))
			break
		}
		line := fmt.Sprintf("  %s (%s, %d %s)", s.Address, s.Kind, s.Apps, show.Plural(s.Apps, "app"))
		if s.Credentials != "" {
			line += ": asks for the credentials " + s.Credentials
		}
		lines = append(lines, line)
	}
	return lines
}

// commands are those to run next.
func (out *imported) commands() []string {
	var flags strings.Builder
	for _, p := range out.Paths {
		if p != "clusters" || len(out.Paths) > 1 {
			flags.WriteString(" --path " + quoted(p))
		}
	}
	for _, a := range out.Aliases {
		flags.WriteString(" --alias " + quoted(a))
	}
	repo := " --repo " + quoted(out.repo)
	if len(out.Paths) == 0 {
		return []string{"drover import " + quoted(out.repo) + "   # again, when that is done"}
	}
	commands := []string{"drover lint" + repo + flags.String()}
	if len(out.Clusters) > 0 {
		commands = append(commands, "drover render "+out.Clusters[0].Name+repo+flags.String())
	}
	commands = append(commands, "drover hub --repo "+quoted(cmp.Or(out.url, out.repo))+flags.String())
	if len(out.Clusters) > 0 {
		commands = append(commands, "drover agent manifest --cluster "+out.Clusters[0].Name+" | kubectl apply -f -")
	}
	return commands
}

// quoted is a word of a command for a shell.
func quoted(word string) string {
	if word != "" && !strings.ContainsFunc(word, func(c rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:@=,+%", c)
	}) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
