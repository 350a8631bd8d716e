package diagnose

import (
	"fmt"
	"path"
	"strings"
	"unicode/utf8"

	"sigs.k8s.io/kustomize/api/types"
)

// generator is an entry of configMapGenerator or secretGenerator.
type generator struct {
	field string
	types.GeneratorArgs
}

// brokenPairs finds a generator without a name, with a key twice, or with something that is no NAME=value. Its text
// is not
// repeated: it may be a secret.
func brokenPairs(b *Build) *BuildError {
	for _, k := range b.kusts {
		for _, g := range k.generators() {
			e := &BuildError{File: k.Path, Line: LineOf(k.Data, g.field)}
			switch field := g.unpaired(); {
			case g.Name == "":
				e.Reason, e.Hint = "a generator has no name", "add name: to it"
			case field != "":
				e.Line, e.Reason, e.Hint = LineOf(k.Data, field), field+" is not of the form NAME=value", "write NAME=value"
			case g.repeats():
				e.Reason, e.Hint = "a generator has the same key twice", "keep one of the two"
			default:
				e = nil
			}
			if e != nil {
				return e
			}
		}
		if e := b.brokenEnv(k); e != nil {
			return e
		}
	}
	return nil
}

// unpaired gives the first literal that is no NAME=value, "" if there is none.
func (g generator) unpaired() string {
	for i, l := range g.LiteralSources {
		if strings.Index(l, "=") < 1 {
			return fmt.Sprintf("%s.literals[%d]", g.field, i)
		}
	}
	return ""
}

// repeats says whether two literals or files of a generator have one key.
func (g generator) repeats() bool {
	seen := map[string]bool{}
	for _, l := range g.LiteralSources {
		key, _, _ := strings.Cut(l, "=")
		if seen[key] {
			return true
		}
		seen[key] = true
	}
	for _, f := range g.FileSources {
		key, _, named := strings.Cut(f, "=")
		if !named {
			key = path.Base(f)
		}
		if seen[key] {
			return true
		}
		seen[key] = true
	}
	return false
}

func (b *Build) brokenEnv(k Kustomization) *BuildError {
	for _, r := range k.Refs {
		if !strings.Contains(r.Field, ".env") {
			continue
		}
		target, _ := r.Target(k.Dir())
		data, _ := b.Content(target)
		for i, line := range strings.Split(string(data), "\n") {
			if strings.HasPrefix(strings.TrimSpace(line), "=") || !utf8.ValidString(line) {
				return &BuildError{File: target, Line: i + 1, Reason: "the line is not of the form NAME=value",
					Hint: "write NAME=value, as UTF-8"}
			}
		}
	}
	return nil
}

func (k Kustomization) generators() []generator {
	var all []generator
	for i, g := range k.ConfigMapGenerator {
		all = append(all, generator{fmt.Sprintf("configMapGenerator[%d]", i), g.GeneratorArgs})
	}
	for i, g := range k.SecretGenerator {
		all = append(all, generator{fmt.Sprintf("secretGenerator[%d]", i), g.GeneratorArgs})
	}
	return all
}
