// Package artifacts is what an ArtifactGenerator of Flux makes (source.extensions.fluxcd.io/v1beta1), by the rules of
// source-watcher: the artifacts that it lists or, with spec.pathPattern, those for each folder that the pattern
// matches.
//
// It may import hub/model and protocol.
package artifacts

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/drover-dev/drover/hub/model"
)

// Artifact is one that a generator makes. In a template of spec.pathPattern {name} stands for a part of the path.
type Artifact struct {
	Name, Namespace string
	Copy            []Copy
}

// Copy is a step of making an artifact.
type Copy struct {
	From, To string
	Exclude  []string
	Strategy model.CopyStrategy
	Optional bool
}

// Paths are from where, by the alias of a source, and to where in the artifact a step copies.
func (c Copy) Paths() (alias, from, to string, err error) {
	alias, from, ok := strings.Cut(strings.TrimPrefix(c.From, "@"), "/")
	to, inside := strings.CutPrefix(c.To, "@artifact/")
	switch {
	case !ok || !inside || !strings.HasPrefix(c.From, "@"):
		return "", "", "", fmt.Errorf("a copy from %q to %q: write them as @ALIAS/PATH and @artifact/PATH", c.From, c.To)
	case !slices.Contains([]model.CopyStrategy{"", model.CopyOverwrite, model.CopyMerge, model.CopyExtract}, c.Strategy):
		return "", "", "", fmt.Errorf("the strategy %q is not known: write Overwrite, Merge or Extract", c.Strategy)
	}
	return alias, from, to, nil
}

// maxMatches is how many artifacts a pattern may give.
const maxMatches = 1000

var (
	captureName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	labelKey    = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9_]{0,61}[A-Za-z0-9])?$`) // a capture's name is one
	labelValue  = regexp.MustCompile(`^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$`)
	objectName  = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$`)
)

// Pattern is a spec.pathPattern: @ALIAS/a/{name}/b, in which {name} is one name of a folder, or a part of one.
type Pattern struct {
	Alias string // of the source
	text  string
	steps []*regexp.Regexp // one for each folder on the way
	fixed []string         // the same step, if it is a name
}

// ParsePattern reads a pattern.
func ParsePattern(text string) (Pattern, error) {
	alias, rest, ok := strings.Cut(strings.TrimPrefix(text, "@"), "/")
	if !ok || !strings.HasPrefix(text, "@") || rest == "" {
		return Pattern{}, fmt.Errorf("%q is no pattern: write @ALIAS/PATH, with {name} for what differs", text)
	}
	p := Pattern{Alias: alias, text: text}
	seen := map[string]bool{}
	for step := range strings.SplitSeq(rest, "/") {
		expression, captures := "", false
		err := parts(step, func(literal string) { expression += regexp.QuoteMeta(literal) }, func(name string) error {
			if seen[name] {
				return fmt.Errorf("{%s} is in it twice: give one of them another name", name)
			}
			if !labelKey.MatchString(name) {
				return fmt.Errorf("{%s} is to begin and end with a letter or digit, because it names a label of the artifacts",
					name)
			}
			seen[name], captures = true, true
			expression += "(?P<" + name + ">[^/]+)"
			return nil
		})
		if err != nil {
			return Pattern{}, fmt.Errorf("%q: %w", text, err)
		}
		fixed := step
		if captures {
			fixed = ""
		}
		p.steps, p.fixed = append(p.steps, regexp.MustCompile("^"+expression+"$")), append(p.fixed, fixed)
	}
	return p, nil
}

// parts takes a text apart into literal parts and the names in braces.
func parts(text string, literal func(string), capture func(string) error) error {
	for text != "" {
		at := strings.IndexAny(text, "{}")
		if at < 0 {
			literal(text)
			return nil
		}
		literal(text[:at])
		name, rest, closed := strings.Cut(text[at+1:], "}")
		switch {
		case text[at] == '}':
			return errors.New("a } without { before it: write {name}")
		case !closed:
			return errors.New("a { without } behind it: write {name}")
		case !captureName.MatchString(name):
			return fmt.Errorf("{%s} is no name: use letters, digits and '_', and no digit first", name)
		}
		if err := capture(name); err != nil {
			return err
		}
		text = rest
	}
	return nil
}

// Expand gives the artifacts of templates, for each folder of a tree that the pattern matches, in the order of their
// paths. An error is one of the generator as a whole, as in source-watcher.
func (p Pattern) Expand(tree model.Tree, templates []Artifact) ([]Artifact, error) {
	var out []Artifact
	from := map[string]string{}
	err := p.walk(tree, ".", 0, nil, func(folder string, raw map[string]string) error {
		lower := make(map[string]string, len(raw))
		for name, value := range raw {
			if lower[name] = strings.ToLower(value); !labelValue.MatchString(lower[name]) {
				return fmt.Errorf("the folder %s gives %q for {%s}, which is no value of a label: rename it", folder, value, name)
			}
		}
		for _, t := range templates {
			made, err := t.with(lower, raw)
			if err != nil {
				return err
			}
			if !objectName.MatchString(made.Name) || len(made.Name) > 253 {
				return fmt.Errorf("the folder %s gives an artifact the name %q, which is no name of an object", folder, made.Name)
			}
			if other, twice := from[made.Name]; twice {
				return fmt.Errorf("the folders %s and %s both give an artifact the name %s: rename one, or have the name hold "+
					"all of the captures", other, folder, made.Name)
			}
			from[made.Name] = folder
			if out = append(out, made); len(out) > maxMatches {
				return fmt.Errorf("it gives more than %d artifacts: narrow the pattern", maxMatches)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("%q: %w", p.text, err)
	}
	return out, nil
}

// walk looks into the folders alone that a step of the pattern matches.
func (p Pattern) walk(tree model.Tree, dir string, depth int, raw map[string]string,
	match func(folder string, raw map[string]string) error) error {
	if depth == len(p.steps) {
		return match(dir, raw)
	}
	if name := p.fixed[depth]; name != "" {
		at := path.Join(dir, name)
		info, err := tree.Stat(at)
		if errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() || path.Base(at) != name {
			return nil
		} else if err != nil {
			return err
		}
		return p.walk(tree, at, depth+1, raw, match)
	}
	entries, err := tree.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		found := p.steps[depth].FindStringSubmatch(e.Name())
		if found == nil || !e.IsDir() {
			continue
		}
		more := map[string]string{}
		for name, value := range raw {
			more[name] = value
		}
		for i, name := range p.steps[depth].SubexpNames() {
			if name != "" {
				more[name] = found[i]
			}
		}
		if err := p.walk(tree, path.Join(dir, e.Name()), depth+1, more, match); err != nil {
			return err
		}
	}
	return nil
}

// with is an artifact of a template: its name has the captures in lower case, and paths have them as they are.
func (a Artifact) with(lower, raw map[string]string) (Artifact, error) {
	fill := func(text string, values map[string]string) (string, error) {
		var out strings.Builder
		err := parts(text, func(literal string) { out.WriteString(literal) }, func(name string) error {
			value, ok := values[name]
			if !ok {
				return fmt.Errorf("%q: the pattern has no {%s}", text, name)
			}
			out.WriteString(value)
			return nil
		})
		return out.String(), err
	}
	var err error
	if a.Name, err = fill(a.Name, lower); err != nil {
		return a, err
	}
	a.Copy = slices.Clone(a.Copy)
	for i := range a.Copy {
		from, err := fill(a.Copy[i].From, raw)
		if err != nil {
			return a, err
		}
		to, err := fill(a.Copy[i].To, raw)
		if err != nil {
			return a, err
		}
		a.Copy[i].From, a.Copy[i].To = from, to
	}
	return a, nil
}
