package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/drover-dev/drover/hub/layout"
	"github.com/drover-dev/drover/protocol"
)

// The health rules that agents carry: as people read them, and as agents do.
const (
	rulesFrom = "fleet/health/rules.yaml"
	rulesTo   = "fleet/health/rules.json"
)

// ruleFile is what is in rulesFrom, which says what it means.
type ruleFile struct {
	Shared map[string]string // named in YAML, used by their anchors
	Rules  []struct {
		Kinds                                []string
		InProgress, Failed, Current, Message string
	}
}

// bundledRules takes the expressions of all rules apart. Each rule is a line: the kind it is for, a space, and the rule as JSON.
func bundledRules(root string) ([]byte, error) {
	data, err := os.ReadFile(filepath.Join(root, rulesFrom))
	if err != nil {
		return nil, err
	}
	var f ruleFile
	if err := yaml.UnmarshalStrict(data, &f); err != nil {
		return nil, fmt.Errorf("%s: %w", rulesFrom, err)
	}
	var out bytes.Buffer
	for _, r := range f.Rules {
		var rule protocol.HealthRule
		for _, e := range []struct {
			text    string
			to      **protocol.Expression
			compile func(string, ...string) (protocol.Expression, error)
		}{
			{r.InProgress, &rule.InProgress, layout.CompileExpr}, {r.Failed, &rule.Failed, layout.CompileExpr},
			{r.Current, &rule.Current, layout.CompileExpr}, {r.Message, &rule.Message, layout.CompileText},
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
