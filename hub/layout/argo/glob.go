package argo

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

// maxListed is how many files of the repository are looked at for a pattern.
const maxListed = 200_000

// fixedPart is the folder that all that a pattern matches is in.
func fixedPart(pattern string) string {
	at := strings.IndexAny(pattern, `*?[{\`)
	if at < 0 {
		return path.Dir(pattern)
	}
	return path.Clean(path.Dir(pattern[:at] + "x"))
}

// filesBelow lists the files below a folder, or the folders, by their paths from the root, sorted. A folder that does
// not exist has none; hidden folders are not looked into where folders are listed.
func filesBelow(tree fs.FS, dir string, folders bool) ([]string, error) {
	var out []string
	err := fs.WalkDir(tree, dir, func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil && name == dir && errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case len(out) > maxListed:
			return errors.New("the repository has more files than are looked at for a pattern: begin the pattern with a folder")
		case folders && e.IsDir() && strings.HasPrefix(e.Name(), ".") && name != ".":
			return fs.SkipDir
		case e.IsDir() == folders && name != ".":
			out = append(out, name)
		}
		return nil
	})
	slices.Sort(out)
	return out, err
}

// globbing is a dialect of file patterns.
type globbing struct {
	across bool // * and ? match a slash as well
	braces bool // {a,b} are alternatives
}

// The dialects that Argo CD uses.
var (
	globAnywhere = globbing{across: true, braces: true} // directory.include and exclude (gobwas/glob without separators)
	globGit      = globbing{across: true}               // files of the Git generator (git ls-files)
	globStars    = globbing{braces: true}               // valueFiles (doublestar): ** matches across folders
)

// regexp translates a pattern into a regular expression of whole paths.
func (g globbing) regexp(pattern string) (string, error) {
	var b strings.Builder
	any, one := "[^/]*", "[^/]"
	if g.across {
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
			case strings.HasPrefix(pattern[i+1:], "/") && !g.across:
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
		case c == '{' && g.braces:
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

// compile translates a pattern.
func (g globbing) compile(pattern string) (*regexp.Regexp, error) {
	text, err := g.regexp(pattern)
	if err != nil {
		return nil, err
	}
	return regexp.Compile(text)
}

// isGlob says whether a path is a pattern.
func isGlob(name string) bool { return strings.ContainsAny(name, "*?[") }
