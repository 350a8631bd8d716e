package files

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Write writes a secret so that it is there whole or not at all.
func Write(path string, data []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = tmp.Write(data)
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		_ = os.Remove(tmp.Name())
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// ErrStore says that the hub could not write down what it has to remember: then it has not happened.
var ErrStore = errors.New("the hub's data directory cannot be written to")

// SaveJSON writes a file so that it is there whole or not at all.
func SaveJSON(path string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	if err := Write(path, data); err != nil {
		return fmt.Errorf("%w: %w", ErrStore, err)
	}
	return nil
}

// ReadAll calls take for every JSON file in dir, which is made if there is none. name is that of the file without its
// ending.
func ReadAll(dir, what string, take func(file, name string, data []byte) error) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("%s: %w: give the user who runs the hub the right to write there", what, err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return err
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		if err := take(file, strings.TrimSuffix(filepath.Base(file), ".json"), data); err != nil {
			return err
		}
	}
	return nil
}
