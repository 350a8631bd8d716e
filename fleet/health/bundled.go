package health

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/drover-dev/drover/protocol"
)

//go:embed rules.json
var bundled string

// Bundled gives this package's own rule for a kind; nil if there is none. It is decoded with every call.
func Bundled(group, kind string) *Rule {
	for line := range strings.Lines(bundled) {
		names, rule, _ := strings.Cut(line, " ")
		if !slices.ContainsFunc(strings.Split(names, ","), func(name string) bool { return matches(name, group, kind) }) {
			continue
		}
		var r protocol.HealthRule
		if err := json.Unmarshal([]byte(rule), &r); err != nil {
			panic(fmt.Sprintf("fleet/health: the rule for %s: %v", names, err)) // a test reads all of them
		}
		out := New(r)
		out.bundled = true
		return out
	}
	return nil
}

// matches says whether a name in a rule, Kind.group, is that of a kind. A star stands for any kind, or for the
// beginning of a group.
func matches(name, group, kind string) bool {
	k, g, _ := strings.Cut(name, ".")
	suffix, any := strings.CutPrefix(g, "*")
	return (k == kind || k == "*") && (g == group || any && strings.HasSuffix(group, suffix))
}
