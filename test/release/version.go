package release

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Release is one version, and what it is built from.
type Release struct {
	Root    string    // the work tree
	Version string    // as v0.2.0
	Source  string    // the commit that is released, by its full hash
	Commit  string    // the commit on top of it that the tags are for
	Date    time.Time // of both; everything in the release has it
	Notes   string    // the version's section of the changelog
}

var versionForm = regexp.MustCompile(`^v(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z][0-9A-Za-z.-]*)?$`)

// Number is the version without its v, as names of files and images have it.
func (r Release) Number() string { return strings.TrimPrefix(r.Version, "v") }

// Section returns what a changelog says of a version: the text below its heading, "## 0.2.0" with anything behind it.
// A release candidate has the section of its version.
func Section(changelog, number string) (string, error) {
	number, _, _ = strings.Cut(number, "-")
	var out strings.Builder
	found := false
	for line := range strings.Lines(changelog) {
		if heading, ok := strings.CutPrefix(line, "## "); ok {
			if found {
				break
			}
			first, _, _ := strings.Cut(strings.TrimSpace(heading), " ")
			found = first == number
			continue
		}
		if found {
			out.WriteString(line)
		}
	}
	text := strings.TrimSpace(out.String())
	switch {
	case !found:
		return "", fmt.Errorf("CHANGELOG.md has no section %q: move what is new from Unreleased below this heading",
			"## "+number)
	case text == "":
		return "", fmt.Errorf("CHANGELOG.md: the section %q is empty", "## "+number)
	}
	return text + "\n", nil
}
