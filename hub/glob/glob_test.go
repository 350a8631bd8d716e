package glob

import (
	"errors"
	"io/fs"
	"slices"
	"testing"
	"testing/fstest"
)

// TestDialectsOfPatterns: what the signs of a pattern match in each of them.
func TestDialectsOfPatterns(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		dialect      Dialect
		pattern      string
		matches, not []string
	}{
		{Anywhere, "*.yaml", []string{"a.yaml", "a/b.yaml", ".yaml", "a\nb.yaml"}, []string{"a.yml", "a.yamlx"}},
		{Anywhere, "{a,b*}/c", []string{"a/c", "bx/c"}, []string{"ab/c", "c", "{a,b*}/c"}},
		{Anywhere, "{a,{b,c}}d", []string{"ad", "bd", "cd"}, []string{"d", "abd"}},
		{Anywhere, "a?c", []string{"abc", "a/c"}, []string{"ac", "abbc"}},
		{Git, "a/*", []string{"a/b", "a/b/c"}, []string{"a", "b/a/c"}},
		{Git, "a/**/c", []string{"a/b/c", "a/b/b/c"}, []string{"a/c"}},
		{Git, "{a,b}", []string{"{a,b}"}, []string{"a", "b"}},
		{Stars, "a/*.yaml", []string{"a/b.yaml"}, []string{"a/b/c.yaml"}},
		{Stars, "a/**/c", []string{"a/c", "a/b/c", "a/b/b/c"}, []string{"a/bc", "ac"}},
		{Stars, "a/**", []string{"a/b", "a/b/c"}, []string{"a"}},
		{Stars, "a?c", []string{"abc"}, []string{"a/c"}},
		{Stars, "{a,b}/[c-d!]", []string{"a/c", "b/!"}, []string{"a/e"}},
		{Dialect{}, "[!a]", []string{"b"}, []string{"a"}},
		{Dialect{}, `[a\d]`, []string{"a", `\`, "d"}, []string{"1"}},
		{Dialect{}, `\*a`, []string{"*a"}, []string{"a", "ba"}},
		{Dialect{}, "a.b+", []string{"a.b+"}, []string{"axb", "a.bb"}},
		{Dialect{}, "a,b", []string{"a,b"}, []string{"a"}},
		{Dialect{Braces: true}, "a}b", []string{"a}b"}, []string{"ab"}},
		{Dialect{Braces: true}, "a,b", []string{"a,b"}, nil},
		{Dialect{}, "", []string{""}, []string{"a"}},
	} {
		re, err := c.dialect.Compile(c.pattern)
		if err != nil {
			t.Errorf("%q: %v", c.pattern, err)
			continue
		}
		for _, text := range c.matches {
			if !re.MatchString(text) {
				t.Errorf("%q does not match %q: %s", c.pattern, text, re)
			}
		}
		for _, text := range c.not {
			if re.MatchString(text) {
				t.Errorf("%q matches %q: %s", c.pattern, text, re)
			}
		}
	}
	for pattern, want := range map[string]string{
		"a[b":   `the pattern "a[b" has a [ without a ]`,
		"a[]":   `the pattern "a[]" has a [ without a ]`,
		"{a":    `the pattern "{a" cannot be understood: are its brackets closed?`,
		"{a,{}": `the pattern "{a,{}" cannot be understood: are its brackets closed?`,
		"[z-a]": `the pattern "[z-a]" cannot be understood: are its brackets closed?`,
	} {
		if _, err := Stars.Compile(pattern); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", pattern, err, want)
		}
	}
}

// TestTheFolderThatAPatternIsIn is what is before its first sign.
func TestTheFolderThatAPatternIsIn(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string]string{"a/b/*.yaml": "a/b", "a/b*/c": "a", "a/b/c": "a/b", "*": ".", "a": ".",
		"a/?":   "a",
		"a/[b]": "a", "a/{b,c}/d": "a", `a/b\*`: "a", "a/b/../c/*": "a/c"} {
		if got := FixedPart(pattern); got != want {
			t.Errorf("%q: %q, want %q", pattern, got, want)
		}
	}
	for name, want := range map[string]bool{"a*": true, "a/?": true, "[a]": true, "{a,b}": false, "a.b/c": false,
		"": false} {
		if got := IsPattern(name); got != want {
			t.Errorf("%q is a pattern: %t", name, got)
		}
	}
}

// closed is a tree in which the folder a/b cannot be read.
type closed struct{ fs.FS }

// Open implements fs.FS.
func (c closed) Open(name string) (fs.File, error) {
	if name == "a/b" {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return c.FS.Open(name)
}

// TestFilesBelowAFolder: all of them, sorted; what is not there has none.
func TestFilesBelowAFolder(t *testing.T) {
	t.Parallel()
	tree := fstest.MapFS{"a/z": {}, "a/b/c": {}, "a/.d/e": {}, "f": {}}
	for dir, want := range map[string][]string{"a": {"a/.d/e", "a/b/c", "a/z"}, ".": {"a/.d/e", "a/b/c", "a/z", "f"},
		"none": nil, "f": {"f"}} {
		if got, err := Below(tree, dir); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q, %v, want %q", dir, got, err, want)
		}
	}
	if _, err := Below(closed{tree}, "a"); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("of a folder that cannot be read: %v", err)
	}
}
