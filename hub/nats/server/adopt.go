package server

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/drover-dev/drover/hub/nats/keyring"
)

// adoptStreams takes the streams of the embedded server over into the account HUB.
func adoptStreams(storeDir string, c *keyring.Claims) error {
	old, now := filepath.Join(storeDir, "jetstream", c.Account), filepath.Join(storeDir, "jetstream", c.Hub)
	if _, err := os.Stat(now); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	err := os.Rename(old, now)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("take over the streams of an older release: %w: give the user who runs the hub the right to "+
			"write there", err)
	}
	return nil
}
