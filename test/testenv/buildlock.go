package testenv

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// lockBuilds takes the lock of the cache; closing the file gives it back, and so does the end of this process, however
// it ends. While it waits it tells w every 5 seconds how far the other process is.
func lockBuilds(ctx context.Context, w io.Writer, cache string) (*os.File, error) {
	lock, err := os.OpenFile(filepath.Join(cache, "build.lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	var told time.Time
	err = poll(ctx, 100*time.Millisecond, func() (bool, error) {
		err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil || err != unix.EWOULDBLOCK {
			return err == nil, err
		}
		if time.Since(told) >= 5*time.Second {
			told = time.Now()
			state, _ := os.ReadFile(lock.Name()) // only a courtesy
			fmt.Fprintf(w, "testenv: waiting for another process that builds in %s: %s\n", cache, strings.TrimPrefix(string(state), "testenv: "))
		}
		return false, nil
	})
	if err != nil {
		lock.Close()
		return nil, err
	}
	return lock, nil
}
