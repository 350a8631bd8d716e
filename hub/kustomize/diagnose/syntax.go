package diagnose

import (
	"strings"

	"github.com/drover-dev/drover/fleet"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// brokenYAML finds a file that should be YAML and is not. The data of generators may be anything.
func brokenYAML(b *Build) *BuildError {
	data := map[string]bool{}
	for _, k := range b.kusts {
		for _, r := range k.Refs {
			if strings.Contains(r.Field, ".files[") || strings.Contains(r.Field, ".env") {
				target, _ := r.Target(k.Dir())
				data[target] = true
			}
		}
	}
	for _, f := range b.files {
		if data[f.Path] || !b.Declares[f.Path] && !IsManifest(f.Path) {
			continue
		}
		if e := syntax(f); e != nil {
			return e
		}
	}
	return nil
}

// brokenSchema finds a schema (openapi.path) that is none. Kustomize fails where it first looks something up in it.
func brokenSchema(b *Build) *BuildError {
	for _, k := range b.kusts {
		target, _ := Reference{Path: k.OpenAPI["path"]}.Target(k.Dir())
		data, ok := b.Content(target)
		var schema map[string]any
		if ok && yaml.Unmarshal(data, &schema) != nil {
			return &BuildError{File: k.Path, Line: LineOf(k.Data, "openapi.path"),
				Reason: "the schema that openapi.path names is no OpenAPI schema", Hint: "check the file"}
		}
	}
	return nil
}

// syntax finds the line on which a file stops being YAML; nil if it is YAML.
func syntax(f File) *BuildError {
	for _, doc := range Documents(f.Data) {
		err := parses(doc.Text)
		if err == nil {
			continue
		}
		lines := strings.SplitAfter(doc.Text, "\n")
		bad := culprit(lines)
		e := &BuildError{File: f.Path, Line: doc.Line + bad, Reason: "not valid YAML: " + fleet.YAMLRule(err),
			Hint: "check the indentation and the quotes on this line and the one above"}
		if bad < len(lines) && strings.Contains(indentation(lines[bad]), "\t") {
			e.Reason, e.Hint = "not valid YAML: a tab in the indentation", "indent with spaces"
		}
		e.template(lines, bad)
		return e
	}
	return nil
}

func parses(text string) error {
	var node yaml.Node
	return yaml.Unmarshal([]byte(text), &node)
}

// lookahead is how many lines a value may go on for (a list in brackets, a quoted text) before its
// first line is held to be the culprit.
const lookahead = 60

// culprit gives the index of the first line with which the text no longer parses, however it goes on.
// The parser's own line is that of the enclosing map as often as not.
func culprit(lines []string) int {
	good, bad := 0, len(lines) // lines[:good] parses, lines[:bad] does not
	for bad-good > 1 {
		mid := (good + bad) / 2
		if n := firstGood(lines, mid, bad); n > 0 {
			good = n
		} else {
			bad = mid
		}
	}
	return bad - 1
}

// firstGood gives the first n in [from, before) for which lines[:n] parses; 0 if none is near.
func firstGood(lines []string, from, before int) int {
	for n := from; n < min(before, from+lookahead); n++ {
		if parses(strings.Join(lines[:n], "")) == nil {
			return n
		}
	}
	return 0
}

func indentation(line string) string {
	return line[:len(line)-len(strings.TrimLeft(line, " \t"))]
}

// keyLine gives the first line on which a key stands, wherever in the file.
func keyLine(data []byte, key string) int {
	var root yaml.Node
	if yaml.Unmarshal(data, &root) != nil {
		return 0
	}
	return findKey(&root, key)
}

func findKey(node *yaml.Node, key string) int {
	for i, c := range node.Content {
		if node.Kind == yaml.MappingNode && i%2 == 0 && strings.EqualFold(c.Value, key) {
			return c.Line
		}
	}
	for _, c := range node.Content {
		if line := findKey(c, key); line > 0 {
			return line
		}
	}
	return 0
}
