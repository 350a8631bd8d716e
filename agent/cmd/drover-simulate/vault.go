package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/drover-dev/drover/agent/credential"
)

// vault keeps the credential of a simulated cluster: in memory, and in a file if it has one.
type vault struct {
	file string

	mu sync.Mutex // guards what follows
	kept
}

// kept is what a vault holds, as its file has it.
type kept struct {
	Credential []byte `json:"credential"`
	Pending    []byte `json:"pending,omitempty"`
}

var _ credential.Vault = (*vault)(nil)

// file is where the credential of a cluster is kept; "" for nowhere.
func (f flags) file(cluster string) string {
	if f.state == "" {
		return ""
	}
	return filepath.Join(f.state, cluster+".json")
}

// known says whether the credential of a cluster is kept.
func (f flags) known(cluster string) bool {
	file := f.file(cluster)
	if file == "" {
		return false
	}
	_, err := os.Stat(file)
	return err == nil
}

func (f flags) vault(cluster string) *vault { return &vault{file: f.file(cluster)} }

// Load implements credential.Vault.
func (v *vault) Load(context.Context) (credential, pending []byte, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.file == "" {
		return v.Credential, v.Pending, nil
	}
	data, err := os.ReadFile(v.file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &v.kept)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read the credential of a simulated cluster in %s: %w: remove the file, and run "+
			"`drover cluster revoke` for the cluster", v.file, err)
	}
	return v.Credential, v.Pending, nil
}

// Save implements credential.Vault.
func (v *vault) Save(_ context.Context, credential, pending []byte) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.Credential, v.Pending = credential, pending
	if v.file == "" {
		return nil
	}
	data, err := json.Marshal(v.kept)
	if err == nil {
		err = os.WriteFile(v.file+".new", data, 0o600)
	}
	if err == nil {
		err = os.Rename(v.file+".new", v.file)
	}
	return err
}
