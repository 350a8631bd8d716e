package house

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

const wordsFile = "words.txt"

// word is one entry of words.txt: forms of a word or phrase that readers do not expect, what to write instead, and how
// often each module still has it.
type word struct {
	forms   []string
	instead string
	counts  map[string]int
	pattern *regexp.Regexp
}

func parseWords(data []byte) (comments []string, out []word, err error) {
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			comments = append(comments, line)
			continue
		}
		parts := strings.Split(line, "|")
		if len(parts) != 3 {
			return nil, nil, fmt.Errorf("%s: %q needs forms | what to write instead | counts", wordsFile, line)
		}
		w := word{instead: strings.TrimSpace(parts[1]), counts: map[string]int{}}
		var quoted []string
		for form := range strings.SplitSeq(parts[0], ",") {
			form = strings.TrimSpace(form)
			w.forms = append(w.forms, form)
			quoted = append(quoted, strings.Join(strings.Fields(regexp.QuoteMeta(form)), `\s+`))
		}
		w.pattern, err = regexp.Compile(`(?i)\b(?:` + strings.Join(quoted, "|") + `)\b`)
		if err != nil {
			return nil, nil, err
		}
		for c := range strings.FieldsSeq(parts[2]) {
			m, n, _ := strings.Cut(c, "=")
			if w.counts[m], err = strconv.Atoi(n); err != nil {
				return nil, nil, fmt.Errorf("%s: %q: %w", wordsFile, line, err)
			}
		}
		out = append(out, w)
	}
	return comments, out, nil
}

func (w word) line(counts map[string]int) string {
	var all []string
	for _, m := range slices.Sorted(maps.Keys(counts)) {
		if counts[m] > 0 {
			all = append(all, fmt.Sprintf("%s=%d", m, counts[m]))
		}
	}
	return strings.TrimSpace(fmt.Sprintf("%s | %s | %s", strings.Join(w.forms, ", "), w.instead, strings.Join(all, " ")))
}

// passage is a text that people read, and where it stands.
type passage struct {
	module, at, text string
}

// passages are the comments, messages and identifiers of a Go file, the latter once each and word by word.
func passages(s source) []passage {
	m := module(s.path)
	var out []passage
	for _, c := range s.file.Comments {
		out = append(out, passage{m, s.at(c), c.Text()})
	}
	seen := map[string]bool{}
	ast.Inspect(s.file, func(n ast.Node) bool {
		switch x := n.(type) {
		case *ast.BasicLit:
			if x.Kind == token.STRING {
				if text, err := strconv.Unquote(x.Value); err == nil {
					out = append(out, passage{m, s.at(x), text})
				}
			}
		case *ast.Ident:
			if !seen[x.Name] {
				seen[x.Name] = true
				out = append(out, passage{m, s.at(x), apart(x.Name)})
			}
		}
		return true
	})
	return out
}

// apart writes an identifier as separate words: stayAsItIs is "stay As It Is".
func apart(name string) string {
	var b strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		next := i+1 < len(runes) && unicode.IsLower(runes[i+1])
		if i > 0 && unicode.IsUpper(r) && (!unicode.IsUpper(runes[i-1]) || next) {
			b.WriteByte(' ')
		}
		if r == '_' {
			r = ' '
		}
		b.WriteRune(r)
	}
	return b.String()
}

// code is what a page quotes: names and paths.
var code = regexp.MustCompile("`[^`]+`")

// pages are the Markdown files of the repository but the changelog, whose older entries stay.
func pages(t *testing.T) []passage {
	t.Helper()
	var out []passage
	err := filepath.WalkDir(repository, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() {
			if path != repository && ignored(e.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		if filepath.Ext(path) != ".md" || e.Name() == "CHANGELOG.md" {
			return nil
		}
		data, err := os.ReadFile(path)
		name, _ := filepath.Rel(repository, path)
		name = filepath.ToSlash(name)
		n := 0
		for paragraph := range strings.SplitSeq(string(data), "\n\n") {
			out = append(out, passage{module(name), fmt.Sprintf("%s:%d", name, n+1), code.ReplaceAllString(paragraph, "`")})
			n += strings.Count(paragraph, "\n") + 2
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// count says how often each module has a word, and where.
func (w word) count(all []passage) (counts map[string]int, where map[string][]string) {
	counts, where = map[string]int{}, map[string][]string{}
	for _, p := range all {
		if n := len(w.pattern.FindAllStringIndex(p.text, -1)); n > 0 {
			counts[p.module] += n
			where[p.module] = append(where[p.module], p.at)
		}
	}
	return counts, where
}

// compare is what is wrong with the counts of a word, and those that are left when everything that shrank is taken
// over.
func (w word) compare(all []passage) (wrong []string, left map[string]int) {
	counts, where := w.count(all)
	left = map[string]int{}
	for m, n := range counts {
		left[m] = min(n, w.counts[m])
		if n > w.counts[m] {
			at := strings.Join(where[m][:min(len(where[m]), 40)], " ")
			wrong = append(wrong, fmt.Sprintf("%s has %q %d times, and %s permits %d. Write: %s. Among %s",
				m, w.forms[0], n, wordsFile, w.counts[m], w.instead, at))
		}
	}
	for m := range w.counts {
		if counts[m] == 0 {
			wrong = append(wrong, fmt.Sprintf("%s has %q no more: remove its count from %s, go test ./house -record=shrunk does",
				m, w.forms[0], wordsFile))
		}
	}
	slices.Sort(wrong)
	return wrong, left
}

// TestPlainWords: readers are platform engineers and Go programmers, often not native speakers. The words of words.txt
// do not occur, beyond what each module still has.
func TestPlainWords(t *testing.T) {
	data, err := os.ReadFile(wordsFile)
	if err != nil {
		t.Fatal(err)
	}
	comments, words, err := parseWords(data)
	if err != nil {
		t.Fatal(err)
	}
	all := pages(t)
	for _, s := range sources(t) {
		all = append(all, passages(s)...)
	}
	var b bytes.Buffer
	for _, c := range comments {
		fmt.Fprintln(&b, c)
	}
	for _, w := range words {
		wrong, left := w.compare(all)
		if *record == "all" {
			left, _ = w.count(all)
		}
		fmt.Fprintln(&b, w.line(left))
		for _, msg := range wrong {
			if *record == "" {
				t.Error(msg)
			}
		}
	}
	if *record != "" {
		if err := os.WriteFile(wordsFile, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPlainWordsFindOffenders(t *testing.T) {
	t.Parallel()
	s := parseText(t, "hub/a.go", "package a\n\n// F looks for\n// sooth and quoths.\n"+
		"func F() string { return \"hark as it is\" }\n\n"+
		"func sheWill(swore, yoreOf int) {\n\t_ = yoreOf\n}\n")
	_, words, err := parseWords([]byte("for sooth | not found | hub=1\nquoths | the user | agent=1\n" +
		"hark as it is | keeps |\nshe will, swore | no |\nyore | package | hub=2\n"))
	if err != nil {
		t.Fatal(err)
	}
	all := append(passages(s), passage{"docs", "a.md:1", "Of yores, foryore; the *Yore*."})
	var got []string
	for _, w := range words {
		wrong, left := w.compare(all)
		for _, msg := range wrong {
			got = append(got, strings.Join(strings.Fields(msg)[:5], " "))
		}
		got = append(got, w.line(left))
	}
	want := []string{
		"for sooth | not found | hub=1",
		`agent has "quoths" no more:`, `hub has "quoths" 1 times,`, "quoths | the user |",
		`hub has "hark as it`, "hark as it is | keeps |",
		`hub has "she will" 2`, "she will, swore | no |",
		`docs has "yore" 1 times,`, "yore | package | hub=1",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if got := apart("HTTPServer_xY"); got != "HTTP Server x Y" {
		t.Errorf("HTTPServer_xY apart is %q", got)
	}
}
