package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/drover-dev/drover/hub/api"
	"github.com/drover-dev/drover/hub/cmd/drover/call"
)

// clientFile is the file in the hub's data directory that tells the command line where the hub is.
const clientFile = "client.json"

// connection are the flags of every command that asks a hub.
type connection struct{ url, token, ca, dataDir string }

func (c *connection) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&c.url, "hub", os.Getenv("DROVER_HUB"), "address of the hub's API [$DROVER_HUB] (default: the hub of --data-dir)")
	f.StringVar(&c.token, "token", os.Getenv("DROVER_TOKEN"), "token of the hub's API [$DROVER_TOKEN] (default: that of the hub of --data-dir)")
	f.StringVar(&c.ca, "hub-ca", os.Getenv("DROVER_HUB_CA"), "file of the authorities that the hub's certificate is verified with [$DROVER_HUB_CA] (default: those of the hub of --data-dir, or the system's)")
	f.StringVar(&c.dataDir, "data-dir", defaultDataDir(), "data directory of a hub on this machine [$DROVER_DATA_DIR]")
}

// shared is the connection for commands of other packages.
func (c *connection) shared() call.Connection {
	return call.Connection{Flags: c.flags, Client: c.client, DataDir: func() string { return c.dataDir }}
}

func defaultDataDir() string {
	if dir := os.Getenv("DROVER_DATA_DIR"); dir != "" {
		return dir
	}
	if dir := os.Getenv("XDG_DATA_HOME"); dir != "" {
		return filepath.Join(dir, "drover")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "drover-data"
	}
	return filepath.Join(home, ".local", "share", "drover")
}

// client finds the hub.
func (c *connection) client() (api.Client, error) {
	out := api.Client{URL: c.url, APIToken: c.token}
	var err error
	if out.CA, err = readCA("--hub-ca", c.ca); err != nil {
		return out, usageError{err}
	}
	if out.URL != "" && out.APIToken != "" {
		return out, nil
	}
	path := filepath.Join(c.dataDir, clientFile)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if out.URL != "" {
			return out, usageError{fmt.Errorf("no token for the hub at %s: give it with --token or $DROVER_TOKEN; "+
				"it stands in %s of the hub's data directory", out.URL, clientFile)}
		}
		return out, fmt.Errorf("no hub is known here (%s does not exist): start one with `drover hub --repo …`, "+
			"or say where it is with --hub and --token", path)
	}
	if err != nil {
		return out, fmt.Errorf("find the hub: %w", err)
	}
	var known clientInfo
	if err := json.Unmarshal(data, &known); err != nil {
		return out, fmt.Errorf("%s is no JSON (%w): remove it and start the hub again", path, err)
	}
	if out.URL == "" {
		out.URL = known.URL
	}
	if out.CA == "" && out.URL == known.URL {
		out.CA = known.CA
	}
	if out.APIToken == "" {
		out.APIToken = known.Token
	}
	return out, nil
}

// clientInfo is what clientFile holds.
type clientInfo struct {
	URL   string `json:"url"`
	Token string `json:"token"`
	CA    string `json:"ca,omitempty"` // PEM of the authorities its certificate comes from; the system's, if empty
}

// writeClientFile tells the command line on this machine where the hub is.
func writeClientFile(dataDir string, known clientInfo) error {
	data, err := json.Marshal(known)
	if err != nil {
		return err
	}
	path := filepath.Join(dataDir, clientFile)
	if err := os.WriteFile(path+".new", append(data, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
