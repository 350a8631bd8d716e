package release

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// Release is one version, and what it is built from.
type Release struct {
	Root    string    // the work tree
	Version string    // as v0.2.0
	Commit  string    // the full hash
	Date    time.Time // of the commit; everything in the release has it
	Notes   string    // the version's section of the changelog
}

var versionForm = regexp.MustCompile(`^v(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z][0-9A-Za-z.-]*)?$`)

// Number is the version without its v, as names of files and images have it.
func (r Release) Number() string { return strings.TrimPrefix(r.Version, "v") }

// Check returns the release that a work tree would give. It refuses one that cannot be built again: with changes that
// are not committed, with a tag of that version on another commit, or without a section in the changelog.
func Check(ctx context.Context, root, version string) (Release, error) {
	r := Release{Root: root, Version: version}
	if !versionForm.MatchString(version) {
		return r, fmt.Errorf("version %q: write it as v0.2.0 or v0.2.0-rc.1", version)
	}
	changed, err := git(ctx, root, "status", "--porcelain")
	if err != nil {
		return r, err
	}
	if changed != "" {
		return r, fmt.Errorf("the work tree has changes that are not committed: commit or remove them\n%s", changed)
	}
	facts, err := git(ctx, root, "log", "-1", "--format=%H %ct")
	if err != nil {
		return r, err
	}
	var seconds int64
	if _, err := fmt.Sscan(facts, &r.Commit, &seconds); err != nil {
		return r, fmt.Errorf("read the commit of the work tree from %q: %w", facts, err)
	}
	r.Date = time.Unix(seconds, 0).UTC()
	tagged, err := git(ctx, root, "tag", "--list", version,
		"--format=%(if)%(*objectname)%(then)%(*objectname)%(else)%(objectname)%(end)")
	if err != nil {
		return r, err
	}
	if tagged != "" && tagged != r.Commit {
		return r, fmt.Errorf("the tag %s is on commit %s, and the work tree on %s: check that commit out, or choose the "+
			"next version", version, tagged, r.Commit)
	}
	changelog, err := os.ReadFile(filepath.Join(root, "CHANGELOG.md"))
	if err != nil {
		return r, err
	}
	r.Notes, err = Section(string(changelog), r.Number())
	return r, err
}

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

func git(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = dir
	out, err := cmd.Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(string(failed.Stderr)))
	}
	return strings.TrimSpace(string(out)), err
}

// Options say what of a release is built.
type Options struct {
	Dist      string     // the folder for it, which must not exist or be empty
	Platforms []Platform // all, if there are none
	Log       io.Writer  // what is built is said here
}

// Build builds a release into a folder: archives, images, the SBOM, notes and checksums.
func (r Release) Build(ctx context.Context, o Options) error {
	if entries, err := os.ReadDir(o.Dist); err == nil && len(entries) > 0 {
		return fmt.Errorf("%s is not empty: remove it, so that nothing of another release is published", o.Dist)
	}
	if err := os.MkdirAll(o.Dist, 0o755); err != nil {
		return err
	}
	built := programs{}
	for _, d := range Deliveries {
		for _, p := range d.platforms(o.Platforms) {
			for _, program := range d.Programs {
				fmt.Fprintf(o.Log, "building %s for %s\n", program.Name, p)
				data, err := r.Program(ctx, program, p)
				if err != nil {
					return err
				}
				built.add(p, program, data)
			}
		}
	}
	files, err := r.archives(built, o.Platforms)
	if err != nil {
		return err
	}
	images, err := r.images(built)
	if err != nil {
		return err
	}
	files = append(files, images...)
	sbom, err := r.SBOM(files)
	if err != nil {
		return err
	}
	files = append(files, sbom, File{Name: "NOTES.md", Data: []byte(r.Notes)})
	files = append(files, checksums(files))
	for _, f := range files {
		if err := os.WriteFile(filepath.Join(o.Dist, f.Name), f.Data, 0o644); err != nil {
			return err
		}
		fmt.Fprintf(o.Log, "%s  %.1f MB\n", f.Name, float64(len(f.Data))/1e6)
	}
	return nil
}
