package people

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/drover-dev/drover/hub/api"
	"github.com/drover-dev/drover/hub/audit"
	"github.com/drover-dev/drover/hub/cmd/drover/show"
)

func (m command) export() *cobra.Command {
	conn := m.connection()
	var output string
	cmd := &cobra.Command{
		Use: "export", Short: "Print the journal of decisions, or write it to a file that can be verified",
		Long: `Prints the journal as the hub seals it: a line of JSON for each entry, one before them that says where they begin,
and one after them that the hub has signed. "drover audit verify" reads that. With -o json it is a list of the entries
alone, with -o FILE it is written to a new file.`,
		Example: `  drover audit export -o decisions.jsonl
  drover audit export -o json | jq '.[] | select(.kind == "approve")'`,
		Args: m.none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := conn.Client()
			if err != nil {
				return err
			}
			var data bytes.Buffer
			if err := c.Audit(cmd.Context(), &data); err != nil {
				return err
			}
			switch output {
			case "":
				_, err = cmd.OutOrStdout().Write(data.Bytes())
				return err
			case "json":
				entries := []audit.Entry{}
				if _, err := audit.Verify(&data, nil, func(e audit.Entry) { entries = append(entries, e) }); err != nil {
					return err
				}
				return show.JSON(cmd.OutOrStdout(), entries)
			}
			found, err := audit.Verify(bytes.NewReader(data.Bytes()), nil, nil)
			if err := errors.Join(write(output, data.Bytes()), err); err != nil {
				return err
			}
			show.Sayf(cmd.OutOrStdout(), "Wrote %s: %s", output, describe(found))
			return nil
		},
	}
	conn.Flags(cmd)
	cmd.Flags().StringVarP(&output, "output", "o", "", "json, or the name of a new file")
	return cmd
}

// write writes a new file.
func write(name string, data []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already: an export overwrites nothing; name another file", name)
	}
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

func (m command) verify() *cobra.Command {
	conn := m.connection()
	var keys []string
	cmd := &cobra.Command{
		Use: "verify [FILE]", Short: "Verify the journal of decisions, of the hub or in a file",
		Long: `Verifies an export of the journal, without asking a hub: that no entry was changed, removed, moved or added
since the hub signed it. It names the first entry that does not fit. With - it reads its input. Without a file it
verifies what the hub has, and that it was signed with a key that clusters trust.

Anyone can sign a journal with a key of their own: compare the key with the hub's, or name it with --key.`,
		Example: `  drover audit verify
  drover audit verify decisions.jsonl --key 0f1e2d3c4b5a6978`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return m.usage(errors.New("it takes one file at most"))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			from := cmd.InOrStdin()
			hint := ""
			switch {
			case len(args) == 0:
				c, err := conn.Client()
				if err != nil {
					return err
				}
				data, err := fetch(cmd.Context(), c, &keys)
				if err != nil {
					return err
				}
				from = data
			case args[0] != "-":
				f, err := os.Open(args[0])
				if err != nil {
					return err
				}
				defer f.Close()
				from = f
			}
			if len(keys) == 0 {
				hint = "; compare it with the hub's, which `drover audit verify` without a file shows"
			}
			found, err := audit.Verify(from, keys, nil)
			if err != nil {
				return err
			}
			show.Sayf(cmd.OutOrStdout(), "The journal is whole: %s%s", describe(found), hint)
			return nil
		},
	}
	conn.Flags(cmd)
	cmd.Flags().StringSliceVar(&keys, "key", nil, "a key that is to have signed it; may be given several times")
	return cmd
}

// fetch reads the journal of a hub, and adds the keys that clusters trust to keys.
func fetch(ctx context.Context, c api.Client, keys *[]string) (io.Reader, error) {
	var data bytes.Buffer
	if err := c.Audit(ctx, &data); err != nil {
		return nil, err
	}
	trust, err := c.Trust(ctx)
	if err != nil {
		return nil, err
	}
	if len(*keys) == 0 {
		for _, key := range trust.Trust.HubKeys {
			*keys = append(*keys, audit.KeyID(ed25519.PublicKey(key)))
		}
	}
	return &data, nil
}

// describe says what an export has.
func describe(c audit.Checked) string {
	text := "no entries"
	if c.Entries > 0 {
		text = fmt.Sprintf("entries %d to %d", c.After.Seq+1, c.Head.Seq)
	}
	if !c.After.Time.IsZero() {
		text += fmt.Sprintf(" (those before were cut off on %s)", c.After.Time.Format(time.RFC3339))
	}
	return fmt.Sprintf("%s; sealed on %s with the key %s", text, c.Sealed.Format(time.RFC3339), c.Keys[0])
}
