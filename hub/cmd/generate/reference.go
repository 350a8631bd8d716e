package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/drover-dev/drover/hub/layout/native"
)

const (
	commandsPage = "docs/cli.md"   // tests of these programs hold that it is current
	kindsPage    = "docs/kinds.md" // from the JSON Schemas
)

// commands is the page of the command line, with what the built programs print.
func commands(root, bin string) ([]byte, error) {
	page, err := os.ReadFile(filepath.Join(root, commandsPage))
	if err != nil {
		return nil, err
	}
	drover, err := output(filepath.Join(bin, "drover"), "reference")
	if err != nil {
		return nil, err
	}
	if page, err = withPart(page, "commands", drover); err != nil {
		return nil, fmt.Errorf("%s: %w", commandsPage, err)
	}
	agent, err := output(filepath.Join(bin, "drover-agent"), "--help")
	if err != nil {
		return nil, err
	}
	if page, err = withPart(page, "agent", "```\n"+agent+"```\n"); err != nil {
		return nil, fmt.Errorf("%s: %w", commandsPage, err)
	}
	simulate, err := output(filepath.Join(bin, "drover-simulate"), "--help")
	if err != nil {
		return nil, err
	}
	return withPart(page, "simulate", "```\n"+simulate+"```\n")
}

// output is what a program prints without this machine's environment, of which defaults are made.
func output(program string, args ...string) (string, error) {
	cmd := exec.Command(program, args...)
	cmd.Env = []string{"HOME=/"}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", program, err, out)
	}
	return string(out), nil
}

// kinds is the page of the kinds of files, with a table for each.
func kinds(root string) ([]byte, error) {
	page, err := os.ReadFile(filepath.Join(root, kindsPage))
	if err != nil {
		return nil, err
	}
	for _, kind := range native.Kinds() {
		data, err := native.Schema(kind)
		if err != nil {
			return nil, err
		}
		var s schema
		if err := json.Unmarshal(data, &s); err != nil {
			return nil, err
		}
		var rows strings.Builder
		rows.WriteString("\n| field | type | default | meaning | example |\n|---|---|---|---|---|\n")
		s.rows(&rows, "")
		rows.WriteString("\n")
		if page, err = withPart(page, kind, rows.String()); err != nil {
			return nil, fmt.Errorf("%s: %w", kindsPage, err)
		}
	}
	return page, nil
}

// schema is what the page needs of a JSON Schema.
type schema struct {
	Type        any
	Description string
	Const       any
	Enum        []any
	Default     any
	Examples    []any
	Pattern     string
	Properties  map[string]schema
	Items       *schema
	AnyOf       []schema
	Required    []string
}

// rows writes a row for each field below s, required ones marked, nested ones after their parent.
func (s schema) rows(out *strings.Builder, prefix string) {
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		f := s.Properties[name]
		says := f.Description
		if slices.Contains(s.Required, name) {
			says = strings.TrimSpace("Required. " + says)
		}
		fmt.Fprintf(out, "| `%s` | %s | %s | %s | %s |\n",
			prefix+name, f.kind(), code(f.Default), cell(says), f.example())
		switch {
		case f.Items != nil && f.Items.Properties != nil:
			f.Items.rows(out, prefix+name+"[].")
		case f.Items != nil && len(f.Items.AnyOf) > 0:
			for _, one := range f.Items.AnyOf {
				one.rows(out, prefix+name+"[].")
			}
		default:
			f.rows(out, prefix+name+".")
		}
	}
}

// kind is the type of a field in a word or two.
func (s schema) kind() string {
	var values []string
	for _, v := range s.Enum {
		values = append(values, code(v))
	}
	switch {
	case s.Const != nil:
		return code(s.Const)
	case len(values) > 0:
		return strings.Join(values, ", ")
	case len(s.AnyOf) > 0 && s.AnyOf[0].Type == "integer":
		return "amount"
	case s.Items != nil && len(s.Items.AnyOf) > 0 && s.Items.AnyOf[0].Type == "string":
		return "list of strings or objects"
	case s.Items != nil:
		return "list of " + s.Items.kind() + "s"
	case s.Pattern != "":
		return "duration"
	case s.Type == "object" && s.Properties == nil:
		return "map"
	}
	return fmt.Sprint(s.Type)
}

// example is the first example of a field. Those of objects whose fields are listed are left to the fields.
func (s schema) example() string {
	nested := s.Properties != nil || s.Items != nil && s.Items.Properties != nil
	if len(s.Examples) == 0 || nested {
		return ""
	}
	return code(s.Examples[0])
}

func code(v any) string {
	if v == nil {
		return ""
	}
	text, ok := v.(string)
	if !ok {
		data, err := json.Marshal(v)
		if err != nil {
			return ""
		}
		text = strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(data))
	}
	return "`" + cell(text) + "`"
}

func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
