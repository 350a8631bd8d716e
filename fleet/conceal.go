package fleet

import (
	"regexp"
	"strings"
)

// secretKind finds an object of kind Secret in YAML or JSON, whether or not the text around it can be read.
var secretKind = regexp.MustCompile(`(?m)kind["']?\s*:\s*["']?Secret\b`)

// HoldsSecret says whether a text seems to hold an object, or a patch, of kind Secret.
func HoldsSecret(text []byte) bool { return secretKind.Match(text) }

// staticRules are how the YAML parser begins those messages that quote nothing of the content.
var staticRules = regexp.MustCompile(`^(did not find|could not find|cannot start|mapping values are not|mapping keys are not|` +
	`block (sequence|mapping|collection)|control characters|found (character that cannot start any token|a tab character|` +
	`unexpected|unknown escape character|incompatible|duplicate|undefined tag handle|invalid)|` +
	`(invalid|incomplete|unexpected|expected) [a-z0-9 -]+$|map merge requires|document contains excessive aliasing|` +
	`exceeded max depth|!!binary value contains invalid base64 data|input contains)`)

// yamlPlace is what the YAML parsers say before a rule.
var yamlPlace = regexp.MustCompile(`^((error converting YAML to JSON: |MalformedYAMLError: |yaml: |unmarshal errors:\s*)*)` +
	`(line (\d+): )?`)

// YAMLRule gives what a YAML parser said by its rule alone, without the line and without what it quotes of the text:
// that may be a part of a secret, and nobody knows which part.
func YAMLRule(err error) string {
	text := strings.TrimSpace(yamlPlace.ReplaceAllString(strings.TrimSpace(err.Error()), ""))
	switch {
	case strings.HasPrefix(text, "unknown anchor"):
		return "an alias without an anchor: quote a value that begins with '*'"
	case strings.Contains(text, "already defined at line") || strings.Contains(text, "already set in map"):
		return "a map has the same key twice"
	case strings.HasPrefix(text, "cannot unmarshal") || strings.HasPrefix(text, "cannot decode"):
		return "a value is of another type than it is to be"
	case strings.HasPrefix(text, "anchor") && strings.HasSuffix(text, "value contains itself"):
		return "an anchor contains itself"
	case staticRules.MatchString(text):
		rule, _, _ := strings.Cut(text, "\n")
		return rule
	}
	return "it does not follow the rules of YAML"
}

// minConcealed is how long a value is at least that is concealed: what is shorter stands in other words, too.
const minConcealed = 4

// Conceal takes a message back that quotes one of the values, which are secret: only what failed is told.
func Conceal(message string, values []string) string {
	for _, v := range values {
		for line := range strings.Lines(v) {
			line = strings.TrimSpace(line)
			if len(line) >= minConcealed && strings.Contains(message, line) {
				before, _, _ := strings.Cut(message, line)
				place, _, _ := strings.Cut(before, ": ")
				return place + ": it failed with a message that quotes a value of a Secret, and is withheld: " +
					"see the values that it is given"
			}
		}
	}
	return message
}
