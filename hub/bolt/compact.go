package bolt

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
)

// compactFrom is the size of a file, in bytes, from which it is worth to give free pages back.
const compactFrom = 16 << 20

// compacted gives the store in a file of its own size, if more than half of its file is free: bbolt never gives a page
// back. The file is replaced in one step, when all of it is there; where that fails the store goes on as it is. After
// it s is not to be used.
func compacted(path string, s *Store, log *slog.Logger) *Store {
	next := path + ".compact"
	if err := os.Remove(next); err != nil && !os.IsNotExist(err) { // of a hub that was stopped meanwhile
		log.Warn("the hub's store cannot be compacted", "err", err)
		return s
	}
	free, size := s.usage()
	if size < compactFrom || free <= size/2 {
		return s
	}
	begin := time.Now()
	to, err := s.compactTo(path, next)
	if err != nil {
		_ = os.Remove(next)
		log.Warn("the hub's store cannot be compacted and stays as large as it is: is the disk full?", "err", err)
		return s
	}
	_ = s.db.Close() // it is replaced
	_, now := to.usage()
	log.Info("the hub's store was compacted", "before", size, "after", now, "took",
		time.Since(begin).Round(time.Millisecond))
	return to
}

// usage is how many bytes of the file are free, and how large it is.
func (s *Store) usage() (free, size int64) {
	_ = s.db.View(func(tx *bbolt.Tx) error { size = tx.Size(); return nil }) // the function gives no error
	stats := s.db.Stats()
	return int64(stats.FreePageN+stats.PendingPageN) * int64(s.db.Info().PageSize), size
}

// compactTo copies everything into a new file with the mode of the old one, and puts it in its place.
func (s *Store) compactTo(path, next string) (_ *Store, err error) {
	defer func() {
		if r := recover(); r != nil { // bbolt panics on some damaged files
			err = fmt.Errorf("%s is damaged: %v", path, r)
		}
	}()
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	db, err := bbolt.Open(next, 0o600, &bbolt.Options{Timeout: time.Second, FreelistType: bbolt.FreelistMapType})
	if err != nil {
		return nil, err
	}
	err = bbolt.Compact(db, s.db, batchBytes)
	if err == nil {
		err = errors.Join(os.Chmod(next, info.Mode().Perm()), db.Sync())
	}
	if err == nil {
		err = os.Rename(next, path)
	}
	if err != nil {
		_ = db.Close()
		return nil, err
	}
	if dir, err := os.Open(filepath.Dir(path)); err == nil {
		_ = dir.Sync() // some file systems have none
		_ = dir.Close()
	}
	return &Store{db, s.aead}, nil
}
