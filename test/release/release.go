package release

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Check returns the release that a work tree would give. It refuses one that cannot be built again: with changes that
// are not committed, with a tag of that version on another commit, or without a section in the changelog. A work tree
// of a released version, whose commit has the tags, gives that version.
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
	head, err := git(ctx, root, "rev-parse", "HEAD")
	if err != nil {
		return r, err
	}
	changelog, err := os.ReadFile(filepath.Join(root, "CHANGELOG.md"))
	if err != nil {
		return r, err
	}
	if r.Notes, err = Section(string(changelog), r.Number()); err != nil {
		return r, err
	}
	tags, err := r.tags(ctx)
	if err != nil {
		return r, err
	}
	r.Source = head
	if tags[version] == head {
		if r.Source, err = git(ctx, root, "rev-parse", "HEAD^"); err != nil {
			return r, fmt.Errorf("the tag %s is on a commit that make release did not make: %w", version, err)
		}
	}
	if err := r.derive(ctx); err != nil {
		return r, err
	}
	return r, r.checkTags(tags, head)
}

// derive makes the commit for the tags from the source.
func (r *Release) derive(ctx context.Context) error {
	seconds, err := git(ctx, r.Root, "log", "-1", "--format=%ct", r.Source)
	if err != nil {
		return err
	}
	unix, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return fmt.Errorf("read the date of commit %s: %w", r.Source, err)
	}
	r.Date = time.Unix(unix, 0).UTC()
	r.Commit, err = r.tagged(ctx)
	return err
}

// tags are the tags of the release that there are, with their commits.
func (r Release) tags(ctx context.Context) (map[string]string, error) {
	const format = "%(refname:strip=2) %(if)%(*objectname)%(then)%(*objectname)%(else)%(objectname)%(end)"
	list, err := git(ctx, r.Root, append([]string{"tag", "--format=" + format, "--list"}, r.Tags()...)...)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for line := range strings.Lines(list) {
		if tag, commit, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			out[tag] = commit
		}
	}
	return out, nil
}

// checkTags holds the tags that there are against the commit that they are for. If the work tree is of that commit, all
// have to be there.
func (r Release) checkTags(tags map[string]string, head string) error {
	for _, tag := range r.Tags() {
		switch on, ok := tags[tag]; {
		case ok && on != r.Commit:
			return fmt.Errorf("the tag %s is on commit %s, and %s is to be tagged %s: check out the commit that it was "+
				"released from, or choose the next version", tag, on, r.Source, r.Commit)
		case !ok && head == r.Commit:
			return fmt.Errorf("the tag %s is missing, and %s exists: fetch or push all of %s", tag, r.Version,
				strings.Join(r.Tags(), " "))
		}
	}
	return nil
}

// Tag makes the tags of the release that there are not yet, in the local repository. They are signed if Git is
// configured to sign tags.
func (r Release) Tag(ctx context.Context) error {
	there, err := r.tags(ctx)
	if err != nil {
		return err
	}
	for _, tag := range r.Tags() {
		if there[tag] != "" {
			continue
		}
		if _, err := git(ctx, r.Root, "tag", "-a", "-m", tag, tag, r.Commit); err != nil {
			return err
		}
	}
	return nil
}

// export writes the files of the source to a folder.
func (r Release) export(ctx context.Context, dir string) error {
	index := filepath.Join(dir, "index")
	for _, args := range [][]string{{"read-tree", r.Source}, {"checkout-index", "-a", "--prefix=" + dir + "/source/"}} {
		cmd := exec.CommandContext(ctx, "git", args...)
		cmd.Dir = r.Root
		cmd.Env = append(os.Environ(), "GIT_INDEX_FILE="+index)
		if _, err := output(cmd); err != nil {
			return err
		}
	}
	return nil
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
	// The commit of the tags requires versions that are not published yet, so the programs are built from the source.
	dir, err := os.MkdirTemp("", "drover-release-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := r.export(ctx, dir); err != nil {
		return err
	}
	r.Root = filepath.Join(dir, "source")
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
	charts, err := r.charts()
	if err != nil {
		return err
	}
	files = slices.Concat(files, images, charts)
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
