package git

import (
	"errors"
	"io/fs"
	"log/slog"
	"path/filepath"
	"strings"

	"github.com/fsnotify/fsnotify"
)

// watcher tells when the files in which a repository keeps its refs change.
type watcher struct {
	files *fsnotify.Watcher
	log   *slog.Logger
	moved chan struct{} // holds at most one hint
	told  bool          // it was logged that a folder cannot be watched
}

func newWatcher(log *slog.Logger) (*watcher, error) {
	files, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, err
	}
	w := &watcher{files: files, log: log, moved: make(chan struct{}, 1)}
	go w.run()
	return w, nil
}

func (w *watcher) close() error { return w.files.Close() }

// add watches folders. Those that do not exist are left out: their parents tell when they
// come. Those that are watched already are watched still, and those that were removed and made again
// are watched again.
func (w *watcher) add(dirs []string) {
	for _, dir := range dirs {
		err := w.files.Add(dir)
		if err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fsnotify.ErrClosed) {
			continue
		}
		if !w.told {
			w.told = true
			w.log.Warn("watching a folder of the repository does not work, so it is looked at every poll interval only", "dir", dir, "err", err)
		}
	}
}

// run turns events into hints until the watcher is closed.
func (w *watcher) run() {
	for {
		select {
		case event, ok := <-w.files.Events:
			if !ok {
				return
			}
			if !aboutRefs(event) {
				continue
			}
		case err, ok := <-w.files.Errors:
			if !ok {
				return
			}
			if !errors.Is(err, fsnotify.ErrEventOverflow) {
				w.log.Warn("watch the repository", "err", err)
			}
		}
		select {
		case w.moved <- struct{}{}:
		default:
		}
	}
}

// aboutRefs reports whether an event may have to do with a ref. Git changes refs by writing
// a file with .lock at its end and renaming it, and the folder of HEAD holds a lot more than refs.
func aboutRefs(event fsnotify.Event) bool {
	if event.Op == fsnotify.Chmod || strings.HasSuffix(event.Name, ".lock") {
		return false
	}
	switch filepath.Base(event.Name) {
	case "HEAD", "packed-refs", "refs":
		return true
	}
	inRefs := strings.Contains(filepath.ToSlash(event.Name), "/refs/")
	return inRefs || event.Has(fsnotify.Remove) || event.Has(fsnotify.Rename)
}
