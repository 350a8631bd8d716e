package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/drover-dev/drover/hub/layout/cel"
	"github.com/drover-dev/drover/protocol"
)

// The health rules that agents carry: as people read them, and as agents do.
const (
	rulesFrom = "fleet/health/rules.yaml"
	rulesTo   = "fleet/health/rules.json"
	rulesPage = "docs/health.md" // which lists their kinds
)

// ruleFile is what is in rulesFrom, which says what it means.
type ruleFile struct {
	Shared map[string]string // named in YAML, used by their anchors
	Rules  []struct {
		Kinds                                        []string
		InProgress, Failed, Paused, Current, Message string
	}
}

func readRules(root string) (f ruleFile, err error) {
	data, err := os.ReadFile(filepath.Join(root, rulesFrom))
	if err != nil {
		return f, err
	}
	if err := yaml.UnmarshalStrict(data, &f); err != nil {
		return f, fmt.Errorf("%s: %w", rulesFrom, err)
	}
	return f, nil
}

// table lists the kinds that there are rules for, by their group.
func (f ruleFile) table() string {
	kinds := map[string][]string{}
	for _, r := range f.Rules {
		for _, name := range r.Kinds {
			kind, group, _ := strings.Cut(name, ".")
			switch {
			case kind == "*" && len(kinds[group]) > 0:
				kind = "all others"
			case kind == "*":
				kind = "all"
			}
			kinds[group] = append(kinds[group], kind)
		}
	}
	var out strings.Builder
	out.WriteString("\n| group | kinds |\n|---|---|\n")
	for _, group := range slices.Sorted(maps.Keys(kinds)) {
		fmt.Fprintf(&out, "| `%s` | %s |\n", group, strings.Join(kinds[group], ", "))
	}
	out.WriteString("\n")
	return out.String()
}

// compiled takes the expressions of all rules apart. Each rule is a line: the kinds it is for, a space, and the rule as JSON.
func (f ruleFile) compiled() ([]byte, error) {
	var out bytes.Buffer
	for _, r := range f.Rules {
		var rule protocol.HealthRule
		for _, e := range []struct {
			text    string
			to      **protocol.Expression
			compile func(string, ...string) (protocol.Expression, error)
		}{
			{r.InProgress, &rule.InProgress, cel.CompileExpr}, {r.Failed, &rule.Failed, cel.CompileExpr},
			{r.Paused, &rule.Paused, cel.CompileExpr}, {r.Current, &rule.Current, cel.CompileExpr},
			{r.Message, &rule.Message, cel.CompileText},
		} {
			if e.text == "" {
				continue
			}
			compiled, err := e.compile(e.text)
			if err != nil {
				return nil, fmt.Errorf("%s: %s: %s: %w", rulesFrom, strings.Join(r.Kinds, ", "), e.text, err)
			}
			compiled.Text = "" // what is wrong with it, a test finds, and agents are to stay small
			*e.to = &compiled
		}
		out.WriteString(strings.Join(r.Kinds, ",") + " ")
		line := json.NewEncoder(&out) // which ends it, too
		line.SetEscapeHTML(false)
		if err := line.Encode(rule); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), nil
}
