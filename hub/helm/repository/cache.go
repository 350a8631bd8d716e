package repository

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// cache keeps archives in files named by their digest. A file is checked against its name whenever it is read, so that
// a damaged one is fetched again.
type cache struct {
	dir string
	max int64

	mu sync.Mutex // of those who write
}

func newCache(dir string, bytes int64) (*cache, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the cache of charts: %w", err)
	}
	return &cache{dir: dir, max: bytes}, nil
}

const (
	archived    = ".tgz"
	unfinished  = ".part"
	abandonedAt = time.Hour // age of an unfinished file whose writer is gone
)

func (c *cache) path(digest string) string {
	return filepath.Join(c.dir, strings.TrimPrefix(digest, "sha256:")+archived)
}

// get gives an archive, nil if it is not there or not whole.
func (c *cache) get(digest string) []byte {
	name := c.path(digest)
	data, err := os.ReadFile(name)
	if err != nil || digestOf(data) != digest {
		return nil
	}
	now := time.Now()
	_ = os.Chtimes(name, now, now) // when it was used last decides what goes first; it may be gone by now
	return data
}

// put keeps an archive, and drops those that were not used for longest if there is too much.
func (c *cache) put(digest string, data []byte) error {
	if c.get(digest) != nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	f, err := os.CreateTemp(c.dir, "*"+unfinished)
	if err != nil {
		return fmt.Errorf("keep chart: %w", err)
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), c.path(digest))
	}
	if err != nil {
		return fmt.Errorf("keep chart: %w", errors.Join(err, os.Remove(f.Name())))
	}
	return c.trim(filepath.Base(c.path(digest)))
}

// trim drops files until the rest fits. The newest stays in any case.
func (c *cache) trim(newest string) error {
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		return fmt.Errorf("tidy the cache of charts: %w", err)
	}
	var files []fs.FileInfo
	var size int64
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue // gone, or not ours
		}
		switch {
		case strings.HasSuffix(e.Name(), unfinished) && time.Since(info.ModTime()) > abandonedAt:
			_ = os.Remove(filepath.Join(c.dir, e.Name()))
		case strings.HasSuffix(e.Name(), archived):
			files = append(files, info)
			size += info.Size()
		}
	}
	slices.SortFunc(files, func(a, b fs.FileInfo) int { return cmp.Compare(a.ModTime().UnixNano(), b.ModTime().UnixNano()) })
	for _, f := range files {
		if size <= c.max {
			break
		}
		if f.Name() == newest {
			continue
		}
		if err := os.Remove(filepath.Join(c.dir, f.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("tidy the cache of charts: %w", err)
		}
		size -= f.Size()
	}
	return nil
}
