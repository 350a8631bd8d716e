package glob

import (
	"fmt"
	"regexp"
	"strings"
)

// Dialect says what a pattern's signs match. The zero value has * and ? match anything but a slash.
type Dialect struct {
	Across bool // * and ? match a slash as well
	Braces bool // {a,b} are alternatives
}

// The dialects that Argo CD uses.
var (
	Anywhere = Dialect{
		Across: true,
		Braces: true,
	} // gobwas/glob without separators: directory.include, names in an AppProject
	Git   = Dialect{Across: true} // git ls-files: files of the Git generator
	Stars = Dialect{
		Braces: true,
	} // doublestar, gobwas/glob with the slash: ** matches across folders
)

// Regexp translates a pattern into a regular expression of whole texts. An error says that the pattern cannot be
// understood.
func (g Dialect) Regexp(pattern string) (string, error) {
	var b strings.Builder
	any, one := "[^/]*", "[^/]"
	if g.Across {
		any, one = ".*", "."
	}
	depth := 0
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '*':
			stars := len(pattern[i:]) - len(strings.TrimLeft(pattern[i:], "*"))
			switch i += stars - 1; {
			case stars < 2:
				b.WriteString(any)
			case strings.HasPrefix(pattern[i+1:], "/") && !g.Across:
				b.WriteString("(?:.*/)?")
				i++
			default:
				b.WriteString(".*")
			}
		case c == '?':
			b.WriteString(one)
		case c == '[':
			end := strings.IndexByte(pattern[i+1:], ']')
			if end < 1 {
				return "", fmt.Errorf("the pattern %q has a [ without a ]", pattern)
			}
			class := pattern[i+1 : i+1+end]
			if class[0] == '!' {
				class = "^" + class[1:]
			}
			b.WriteString("[" + strings.ReplaceAll(class, `\`, `\\`) + "]")
			i += end + 1
		case c == '\\' && i+1 < len(pattern):
			i++
			b.WriteString(regexp.QuoteMeta(pattern[i : i+1]))
		case c == '{' && g.Braces:
			depth++
			b.WriteString("(?:")
		case c == '}' && depth > 0:
			depth--
			b.WriteString(")")
		case c == ',' && depth > 0:
			b.WriteString("|")
		default:
			b.WriteString(regexp.QuoteMeta(pattern[i : i+1]))
		}
	}
	out := `^(?s:` + b.String() + `)$`
	if _, err := regexp.Compile(out); err != nil || depth > 0 {
		return "", fmt.Errorf("the pattern %q cannot be understood: are its brackets closed?", pattern)
	}
	return out, nil
}

// Compile is Regexp, compiled.
func (g Dialect) Compile(pattern string) (*regexp.Regexp, error) {
	text, err := g.Regexp(pattern)
	if err != nil {
		return nil, err
	}
	return regexp.Compile(text)
}
