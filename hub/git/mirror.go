package git

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	gogit "github.com/go-git/go-git/v5"

	"github.com/drover-dev/drover/hub/git/repository"
)

// MirrorLink is a symbolic link, in the folder for the mirror, to the clone that is in use. A clone is
// linked when it is complete, in one step, so what was interrupted is never used.
const MirrorLink = "mirror"

// openMirror opens the mirror in dir if it is one of the repository at url. The error is
// fs.ErrNotExist if there is none.
func openMirror(dir, url string) (*repository.Repository, error) {
	link := filepath.Join(dir, MirrorLink)
	if _, err := os.Lstat(link); err != nil {
		return nil, err
	}
	folder, err := filepath.EvalSymlinks(link)
	if err != nil {
		return nil, fmt.Errorf("open mirror %s: %v", link, err) // the link is there, so this is damage
	}
	return openClone(folder, url)
}

// openClone opens a clone of the repository at url and reads its HEAD commit and the root of its tree.
func openClone(folder, url string) (*repository.Repository, error) {
	r, err := repository.Open(folder)
	if err != nil {
		return nil, fmt.Errorf("%v", err) // whatever is missing is damage
	}
	of, err := originOf(folder)
	if err != nil {
		return nil, fmt.Errorf("open mirror %s: %w", folder, err)
	}
	if of != url {
		return nil, fmt.Errorf("open mirror %s: it is one of %s", folder, of)
	}
	h, err := r.Head("")
	if err == nil {
		_, err = r.Snapshot(h.ID, h.Branch)
	}
	if err != nil {
		return nil, fmt.Errorf("open mirror %s: %v", folder, err)
	}
	r.Named(url)
	return r, nil
}

// originOf reads which repository a clone is of.
func originOf(folder string) (string, error) {
	repo, err := gogit.PlainOpen(folder)
	if err != nil {
		return "", err
	}
	cfg, err := repo.Config()
	if err != nil {
		return "", err
	}
	if o := cfg.Remotes[originName]; o != nil && len(o.URLs) > 0 {
		return o.URLs[0], nil
	}
	return "an unknown repository", nil
}

// installMirror makes a clone the mirror in dir.
func installMirror(dir, folder, url string) (*repository.Repository, error) {
	r, err := openClone(folder, url)
	if err != nil {
		_ = os.RemoveAll(folder)
		return nil, fmt.Errorf("%w: it was cloned just now, so check the disk", err)
	}
	next := folder + ".link"
	if err := os.Symlink(filepath.Base(folder), next); err != nil {
		return nil, fmt.Errorf("install the mirror: %w", err)
	}
	if err := os.Rename(next, filepath.Join(dir, MirrorLink)); err != nil {
		return nil, fmt.Errorf("install the mirror: %w", err)
	}
	return r, nil
}

// sweep removes what interrupted or replaced clones left in dir. What cannot be removed stays until
// the next time.
func sweep(dir string, mirror *repository.Repository) {
	list, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	keep := ""
	if mirror != nil {
		keep = filepath.Base(mirror.CommonDir())
	}
	for _, e := range list {
		if strings.HasPrefix(e.Name(), clonePrefix) && e.Name() != keep {
			_ = os.RemoveAll(filepath.Join(dir, e.Name()))
		}
	}
	if keep == "" {
		return
	}
	mirror.DropParts()
}
