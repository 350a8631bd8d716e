// Package backup puts what a hub must not lose into one file, and takes it out again: keys, what it knows of its
// clusters' identities, join tokens, and its store. What is not in it comes back by itself: the repository from Git,
// bundles and reports from the bus and the agents.
//
// A backup is a tar archive, compressed with zstd. It holds the hub's secrets.
//
// It may import hub and protocol.
package backup

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"github.com/klauspost/compress/zstd"
)

// Info describes a backup. It is the first file of the archive.
type Info struct {
	Version int       `json:"version"` // of the archive's form
	Time    time.Time `json:"time"`    // when it was begun
	Hub     string    `json:"hub"`     // the release that made it
	Files   []string  `json:"-"`       // what it held, as Read found it
}

const (
	infoName    = "backup.json"
	storeName   = "hub.db"
	infoVersion = 1
	// Limits on what is read back, in bytes and files.
	maxSmall = 1 << 20
	maxStore = 1 << 40
	maxFiles = 1 << 20
	// restoring is where files stand until all of them are known to be good.
	restoring = ".restoring"
)

// folders are saved with the files directly in them.
var folders = []string{"keys", "clusters", "tokens"}

// known are the paths that a backup may have.
var known = regexp.MustCompile(`^(keys/[a-z][a-z0-9.-]{0,63}|(clusters|tokens)/[A-Za-z0-9][A-Za-z0-9-]{0,63}\.json)$`)

// Write writes a backup of the data directory dir. store is a file with a consistent copy of the hub's store; there is
// none if it is empty. release is written down for people.
func Write(w io.Writer, dir, store, release string) error {
	z, err := zstd.NewWriter(w)
	if err != nil {
		return err
	}
	t := tar.NewWriter(z)
	info, err := json.Marshal(Info{Version: infoVersion, Time: time.Now().UTC(), Hub: release})
	if err != nil {
		return err
	}
	if err := add(t, infoName, info, time.Now()); err != nil {
		return err
	}
	if store != "" {
		if err := addStore(t, store); err != nil {
			return err
		}
	}
	// After the store: what a cluster's identity became since then is newer than what the store says, which the hub
	// expects.
	for _, folder := range folders {
		if err := addFolder(t, dir, folder); err != nil {
			return err
		}
	}
	return errors.Join(t.Close(), z.Close())
}

func add(t *tar.Writer, name string, data []byte, modified time.Time) error {
	h := &tar.Header{Name: name, Mode: 0o600, Size: int64(len(data)), ModTime: modified}
	if err := t.WriteHeader(h); err != nil {
		return err
	}
	_, err := t.Write(data)
	return err
}

func addStore(t *tar.Writer, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := t.WriteHeader(&tar.Header{Name: storeName, Mode: 0o600, Size: info.Size(), ModTime: info.ModTime()}); err != nil {
		return err
	}
	_, err = io.Copy(t, f)
	return err
}

// addFolder adds the files of a folder. One that vanishes meanwhile was not needed any more; one that is being written
// has another name and is left out.
func addFolder(t *tar.Writer, dir, folder string) error {
	entries, err := os.ReadDir(filepath.Join(dir, folder))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := path.Join(folder, e.Name())
		if !known.MatchString(name) {
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		if err := add(t, name, data, info.ModTime()); err != nil {
			return err
		}
	}
	return nil
}

// Read takes a backup out into dir, which is empty or does not exist. Nothing stands in its place before the whole
// archive was read and check, which sees the folder that holds the files, had no objection.
func Read(r io.Reader, dir string, check func(dir string) error) (Info, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Info{}, err
	}
	if len(entries) > 0 {
		return Info{}, fmt.Errorf("%s is not empty: it may hold a hub; name a folder that is empty or does not exist", dir)
	}
	tmp := filepath.Join(dir, restoring)
	if err := os.MkdirAll(tmp, 0o700); err != nil {
		return Info{}, err
	}
	defer os.RemoveAll(tmp)
	info, err := unpack(r, tmp)
	if err != nil {
		return info, fmt.Errorf("the backup cannot be used, nothing was restored: %w", err)
	}
	if err := check(tmp); err != nil {
		return info, fmt.Errorf("the backup cannot be used, nothing was restored: %w", err)
	}
	for _, name := range append([]string{storeName}, folders...) {
		err := os.Rename(filepath.Join(tmp, name), filepath.Join(dir, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return info, err
		}
	}
	return info, nil
}

// unpack reads a whole archive, which may come from anywhere.
func unpack(r io.Reader, dir string) (info Info, err error) {
	z, err := zstd.NewReader(r, zstd.WithDecoderMaxMemory(64<<20))
	if err != nil {
		return info, err
	}
	defer z.Close()
	t := tar.NewReader(z)
	h, err := t.Next()
	if err != nil || h.Name != infoName || h.Size > maxSmall {
		return info, errors.Join(errors.New("the file is no backup of a hub"), err)
	}
	if err := json.NewDecoder(t).Decode(&info); err != nil {
		return info, fmt.Errorf("its description cannot be read: %w", err)
	}
	if info.Version != infoVersion {
		return info, fmt.Errorf("it has form %d, this release reads %d: use release %q of drover", info.Version, infoVersion, info.Hub)
	}
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return info, err
		}
		if err := extract(t, h, dir); err != nil {
			return info, err
		}
		if info.Files = append(info.Files, h.Name); len(info.Files) > maxFiles {
			return info, fmt.Errorf("it has more than %d files", maxFiles)
		}
	}
	if _, err := io.Copy(io.Discard, z); err != nil { // or else its end, with the checksum, would not be looked at
		return info, err
	}
	if !slices.Contains(info.Files, "keys/signing.key") {
		return info, errors.New("it holds no keys")
	}
	return info, nil
}

func extract(t *tar.Reader, h *tar.Header, dir string) error {
	limit := int64(maxSmall)
	if h.Name == storeName {
		limit = maxStore
	}
	if h.Typeflag != tar.TypeReg || h.Name != storeName && !known.MatchString(h.Name) {
		return fmt.Errorf("it holds %.100q, which is no file of a hub", h.Name)
	}
	if h.Size < 0 || h.Size > limit {
		return fmt.Errorf("%s has %d bytes, more than a hub's may", h.Name, h.Size)
	}
	name := filepath.Join(dir, filepath.FromSlash(h.Name))
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, t)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Chtimes(name, h.ModTime, h.ModTime)
}
