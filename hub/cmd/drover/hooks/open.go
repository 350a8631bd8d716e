package hooks

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/drover-dev/drover/hub/api"
	"github.com/drover-dev/drover/hub/webhook"
)

// File is the file of --credentials-dir that has the secrets, where no other one is named.
const File = "webhook-secrets"

const (
	maxFile    = 64 << 10 // bytes
	maxSecrets = 20
	minSecret  = 16 // characters
)

// Flag adds the flag that names the file with the secrets.
func Flag(f *pflag.FlagSet, file *string) {
	f.StringVar(file, "webhook-secrets", "", "file with the secrets of webhooks, one in each line (default: "+File+
		" of --credentials-dir, if there is one; see docs/hub.md)")
}

// Sources are what is followed beside the repository.
type Sources interface {
	// PokeAt has the sources looked at whose address fits, and says how many they are.
	PokeAt(fits func(address string) bool) int
}

// Open makes the webhooks of a hub that follows a repository, known by some addresses. The secrets are in file, or, if
// that is "", in the file of the credentials' folder, where there is one; without either there are none, and it gives
// nil.
func Open(file, credentials string, addresses []string, poke func(), sources Sources, log *slog.Logger) (api.Webhooks,
	error) {
	if file == "" && credentials != "" {
		file = filepath.Join(credentials, File)
		if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
			file = ""
		}
	}
	if file == "" {
		return nil, nil
	}
	if _, err := secretsOf(file); err != nil {
		return nil, err
	}
	if info, err := os.Lstat(file); err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o004 != 0 {
		log.Warn("every user of this machine may read the secrets of webhooks: chmod o-r the file", "file", file)
	}
	look := func(e webhook.Event) int {
		n := sources.PokeAt(e.Of)
		if slices.ContainsFunc(addresses, e.Of) {
			poke()
			n++
		}
		return n
	}
	return New(func() ([]string, error) { return secretsOf(file) }, look, log), nil
}

// secretsOf reads the secrets: one in each line.
func secretsOf(file string) ([]string, error) {
	wrong := func(format string, args ...any) error {
		return fmt.Errorf("the secrets of webhooks, %s: %w: one in each line, %d characters or more (docs/hub.md)", file,
			fmt.Errorf(format, args...), minSecret)
	}
	info, err := os.Stat(file)
	if err != nil {
		return nil, fmt.Errorf("the secrets of webhooks: %w: correct --webhook-secrets", err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil, wrong("it is no file of at most %d KiB", maxFile>>10)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("the secrets of webhooks: %w: let the hub read the file", err)
	}
	var out []string
	for i, line := range strings.Split(string(data), "\n") {
		switch line = strings.TrimSpace(line); {
		case line == "" || strings.HasPrefix(line, "#"):
		case len(line) < minSecret:
			return nil, wrong("line %d is too short to be a secret", i+1)
		case len(out) >= maxSecrets:
			return nil, wrong("it has more than %d", maxSecrets)
		default:
			out = append(out, line)
		}
	}
	if len(out) == 0 {
		return nil, wrong("it has none")
	}
	return out, nil
}
