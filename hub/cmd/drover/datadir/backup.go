package datadir

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"github.com/drover-dev/drover/hub/backup"
	"github.com/drover-dev/drover/hub/bolt"
	"github.com/drover-dev/drover/hub/nats/identity"
	"github.com/drover-dev/drover/hub/nats/keyring"
	"github.com/drover-dev/drover/internal/version"
)

// backup is `drover hub backup`.
func (m commands) backup() *cobra.Command {
	var dataDir string
	var recipients []string
	cmd := &cobra.Command{
		Use: "backup FILE", Short: "Back up the hub's keys and store into one file, while it runs or not",
		Long: `Writes the hub's keys, what it knows of its clusters' identities, join tokens and its store into one
file, which allows to act as the hub: keep it secret, or encrypt it with --recipient (see age-encryption.org).

The rest needs no backup: bundles and reports come from NATS and the agents, everything else from Git.`,
		Example: `  drover hub backup /backup/hub-$(date +%F).drover --recipient age1…
  drover hub restore /backup/hub-2026-11-20.drover --data-dir /var/lib/drover --identity key.txt`,
		Args: m.wrong.Exactly(1, "one file to write"),
		RunE: func(cmd *cobra.Command, args []string) error {
			to, err := age.ParseRecipients(strings.NewReader(strings.Join(recipients, "\n")))
			if err != nil && len(recipients) > 0 {
				return m.wrong(fmt.Errorf("--recipient: %w: it is the public key that age-keygen prints", err))
			}
			size, err := m.writeBackup(cmd.Context(), dataDir, args[0], to)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "Wrote %s (%d KB).\n", args[0], (size+1023)/1024)
			if len(to) == 0 {
				fmt.Fprintln(cmd.OutOrStdout(), "It is a secret: it allows to act as this hub. --recipient would encrypt it.")
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&dataDir, "data-dir", m.dir, "where the hub keeps its keys and its store [$DROVER_DATA_DIR]")
	cmd.Flags().StringArrayVar(&recipients, "recipient", nil, "encrypt it to this age public key (age1…)")
	return cmd
}

// writeBackup writes a new file, whole or not at all, and gives its size.
func (m commands) writeBackup(ctx context.Context, dataDir, file string, to []age.Recipient) (size int64, err error) {
	if _, err := existing(dataDir); err != nil {
		return 0, err
	}
	store, err := m.copyStore(ctx, dataDir, filepath.Dir(file))
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.Remove(store) }()
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return 0, fmt.Errorf("%s is there already: a backup overwrites nothing; name another file", file)
	}
	if err != nil {
		return 0, err
	}
	defer func() {
		if err = errors.Join(err, f.Close()); err != nil {
			_ = os.Remove(file)
		}
	}()
	var w io.WriteCloser = f
	if len(to) > 0 {
		if w, err = age.Encrypt(f, to...); err != nil {
			return 0, err
		}
	}
	if err := backup.Write(w, dataDir, store, version.String()); err != nil {
		return 0, err
	}
	if len(to) > 0 {
		if err := w.Close(); err != nil {
			return 0, err
		}
	}
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), f.Sync()
}

// copyStore copies the store to a file in dir: from the disk, or from the hub if one runs. It gives "" if there is
// none. The keys are never asked for over the API.
func (m commands) copyStore(ctx context.Context, dataDir, dir string) (string, error) {
	f, err := os.CreateTemp(dir, ".hub-*.db") // mode 0600
	if err != nil {
		return "", err
	}
	defer f.Close()
	err = bolt.Copy(filepath.Join(dataDir, "hub.db"), f)
	if errors.Is(err, bolt.ErrInUse) {
		client, err2 := m.running(dataDir)
		if err = err2; err == nil {
			err = client.Store(ctx, f)
		}
	}
	if err == nil {
		return f.Name(), nil
	}
	_ = os.Remove(f.Name())
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return "", err
}

// restore is `drover hub restore`.
func (m commands) restore() *cobra.Command {
	var dataDir, identity string
	cmd := &cobra.Command{
		Use: "restore FILE", Short: "Restore a backup into an empty data directory",
		Long:    "Restores keys, identities of clusters, join tokens and the store. Then start the hub with that directory.",
		Example: `  drover hub restore hub.drover --data-dir /var/lib/drover --identity key.txt`,
		Args:    m.wrong.Exactly(1, "the file that `drover hub backup` wrote"),
		RunE: func(cmd *cobra.Command, args []string) error {
			info, err := m.restoreBackup(args[0], identity, dataDir)
			if err != nil {
				return err
			}
			printRestored(cmd.OutOrStdout(), info, dataDir)
			return nil
		},
	}
	cmd.Flags().StringVar(&dataDir, "data-dir", m.dir,
		"folder to restore into: empty, or not there yet [$DROVER_DATA_DIR]")
	cmd.Flags().StringVar(&identity, "identity", "", "file with the age secret key, if the backup is encrypted")
	return cmd
}

// ageIntro is how every file that age encrypted begins.
const ageIntro = "age-encryption.org/"

func (m commands) restoreBackup(file, identityFile, dataDir string) (backup.Info, error) {
	var none backup.Info
	f, err := os.Open(file)
	if err != nil {
		return none, err
	}
	defer f.Close()
	in := bufio.NewReader(f)
	begin, _ := in.Peek(len(ageIntro))
	var r io.Reader = in
	switch encrypted := bytes.Equal(begin, []byte(ageIntro)); {
	case encrypted && identityFile == "":
		return none, m.wrong(fmt.Errorf("%s is encrypted: say with --identity where the secret key is", file))
	case !encrypted && identityFile != "":
		return none, m.wrong(fmt.Errorf("%s is not encrypted: if that is what you expect, leave out --identity", file))
	case encrypted:
		if r, err = decrypt(in, identityFile); err != nil {
			return none, err
		}
	}
	return backup.Read(r, dataDir, func(dir string) error {
		keys, err := keyring.Open(filepath.Join(dir, "keys"))
		if err != nil {
			return err
		}
		if _, err = identity.Open(dir, keys); err != nil {
			return err
		}
		return bolt.Restored(filepath.Join(dir, "hub.db"), keys.Secret)
	})
}

func decrypt(r io.Reader, identity string) (io.Reader, error) {
	data, err := os.Open(identity)
	if err != nil {
		return nil, fmt.Errorf("--identity: %w", err)
	}
	defer data.Close()
	ids, err := age.ParseIdentities(data)
	if err != nil {
		return nil, fmt.Errorf("--identity: %w", err)
	}
	out, err := age.Decrypt(r, ids...)
	if err != nil {
		return nil, fmt.Errorf("the backup cannot be decrypted: %w: is --identity the key that it was made for?", err)
	}
	return out, nil
}

// printRestored says what the hub has forgotten since the backup, and what comes back by itself.
func printRestored(w io.Writer, info backup.Info, dataDir string) {
	count := map[string]int{}
	for _, name := range info.Files {
		folder, _, _ := strings.Cut(name, "/")
		count[folder]++
	}
	at := info.Time.Local().Format(time.DateTime)
	fmt.Fprintf(w, `Restored the hub as it was on %s into %s: its keys, the identities of clusters (%d) and join tokens (%d).

Forgotten is what was done after that:
- Credentials that were revoked since then are accepted again: see the hub's log or your notes, and run
  drover cluster revoke NAME again for each. So are tokens of people: drover token revoke NAME.
- Halts, pins and approvals of rollouts. If NATS or an agent shows that more was decided, every policy is halted until
  you say drover rollout resume POLICY --reason ….
- Join tokens that were made since then do not work: make new ones. Those that were used since then may be used once more.
- Keys that were rotated since then are the old ones again: clusters that trust the new ones alone refuse this hub.

By itself comes back: clusters that joined or renewed since then say hello when they connect, and generations rise above
those that their agents have accepted. Stop the hub that this one replaces, then: drover hub --data-dir %s --repo …
It publishes when no other hub has answered for 10s,
	with a new epoch: the hub that it replaces then publishes nothing more.
`, at, dataDir, count["clusters"], count["tokens"], dataDir)
}
