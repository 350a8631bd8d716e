package datadir

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/drover-dev/drover/hub/api"
	"github.com/drover-dev/drover/hub/cmd/drover/call"
	"github.com/drover-dev/drover/hub/nats/keyring"
)

// keys is `drover hub keys`.
func (m commands) keys() *cobra.Command {
	c := m.connection()
	cmd := &cobra.Command{
		Use: "keys", Short: "List the hub's keys; rotate them",
		Long: `Lists the hub's keys, and how many clusters have taken up what the running hub tells them to trust.

A key is rotated in two steps, so that no cluster has to join again. "rotate" makes the next key: once the hub was
restarted, it uses both, and tells all clusters to trust both. When they do, "finish" drops the old one. The commands change
files in the data directory, and a hub takes them up when it starts: until you restart it, nothing happens.

  signing   signs bundles, grants and asks
  ca        issues the certificates of NATS servers
  operator  signs the NATS accounts; clusters do not know it, external NATS servers do
  account   signs the credentials of clusters, join tokens and the credentials of leaf nodes: while it is rotated the hub
            asks all agents to renew, which they do over the connection that they have
  fleet     encrypts what is published, the hub's store, and what agents say to the hub: the next one re-encrypts all of it when the
            hub starts, and all clusters get new bundles`,
		Example: `  drover hub keys
  drover hub keys rotate signing   # then restart the hub
  drover hub keys finish signing   # when "drover hub keys" says that all clusters trust it; then restart the hub`,
		Args: m.wrong.Exactly(0, "no arguments: see `drover hub keys --help`"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			keys, err := existing(c.DataDir())
			if err != nil {
				return err
			}
			if err := listKeys(cmd.OutOrStdout(), keys); err != nil {
				return err
			}
			trust, err := believed(cmd, c)
			if err != nil {
				fmt.Fprintf(cmd.OutOrStdout(), "\nWhich clusters trust them cannot be told: %v\n", err)
				return nil
			}
			printBelieved(cmd.OutOrStdout(), keys, trust)
			return nil
		},
	}
	c.Flags(cmd)
	cmd.AddCommand(m.rotate(), m.finish())
	return cmd
}

func (m commands) rotate() *cobra.Command {
	c := m.connection()
	cmd := &cobra.Command{
		Use: "rotate signing|ca|operator|account|fleet", Short: "Make the key that follows, beside the current one", ValidArgs: kinds(),
		Args: m.wrong.Exactly(1, "the key to rotate: signing, ca, operator, account or fleet"),
		RunE: func(cmd *cobra.Command, args []string) error {
			kind, keys, err := m.kind(c, args[0])
			if err != nil {
				return err
			}
			if err := keys.Begin(kind); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "Made the next %s key. Restart the hub, which then uses both.\n%s\n", kind, next[kind])
			return err
		},
	}
	c.Flags(cmd)
	return cmd
}

// next is what to do between rotate and finish.
var next = map[keyring.Kind]string{
	keyring.Signing: "When `drover hub keys` says that all clusters trust it: drover hub keys finish signing",
	keyring.Authority: "When `drover hub keys` says that all clusters trust it, give external NATS servers new certificates\n" +
		"(drover hub nats-config --out), which come from it; then: drover hub keys finish ca",
	keyring.Operator: "Give external NATS servers the configuration that `drover hub nats-config` prints now, which trusts both; then:\n" +
		"drover hub keys finish operator",
	keyring.Account: "Give leaf nodes the credentials that `drover hub nats-config --out` writes then. When `drover hub keys` says that\n" +
		"all clusters have a credential of the next key: drover hub keys finish account",
	keyring.Fleet: "When `drover hub keys` says that all clusters trust it: drover hub keys finish fleet",
}

func (m commands) finish() *cobra.Command {
	c := m.connection()
	var force bool
	cmd := &cobra.Command{
		Use: "finish signing|ca|operator|account|fleet", Short: "Drop the old key, now that the next one is trusted", ValidArgs: kinds(),
		Long: `Drops the old key. It is refused while there are clusters that have not reported to trust the next one: they would have to
join again. --force does it nevertheless.`,
		Args: m.wrong.Exactly(1, "the key whose rotation ends: signing, ca, operator, account or fleet"),
		RunE: func(cmd *cobra.Command, args []string) error {
			kind, keys, err := m.kind(c, args[0])
			if err != nil {
				return err
			}
			if kind != keyring.Operator && keys.Rotating(kind) && !force {
				if err := ready(cmd, c, keys, kind); err != nil {
					return err
				}
			}
			if err := keys.Finish(kind); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "The old %s key is gone. Restart the hub, which then uses the new one alone.\n%s\n", kind, after[kind])
			return err
		},
	}
	c.Flags(cmd)
	cmd.Flags().BoolVar(&force, "force", false, "do it though there are clusters that have to join again then")
	return cmd
}

// after is what to know after finish.
var after = map[keyring.Kind]string{
	keyring.Signing:   "Join tokens from before do not know it: make new ones with `drover agent token`.",
	keyring.Authority: "Join tokens from before do not know it: make new ones with `drover agent token`.",
	keyring.Operator: "Give external NATS servers the configuration that `drover hub nats-config` prints now, which trusts the new one alone,\n" +
		"once the hub was restarted.",
	keyring.Account: "Join tokens from before connect no more: make new ones with `drover agent token`. Where NATS servers are external and this was\n" +
		"the first rotation, rotate the operator now: until then they take what the first key of the account signs.",
	keyring.Fleet: "Join tokens from before do not know it: make new ones with `drover agent token`. Backups from before still open with it: destroy them.",
}

func kinds() []string {
	var out []string
	for _, k := range keyring.Kinds {
		out = append(out, string(k))
	}
	return out
}

// kind reads the name of a key, and opens the keys.
func (m commands) kind(c call.Connection, name string) (keyring.Kind, *keyring.Keys, error) {
	for _, k := range keyring.Kinds {
		if string(k) == name {
			keys, err := existing(c.DataDir())
			return k, keys, err
		}
	}
	return "", nil, m.wrong(fmt.Errorf("there is no key %q that can be rotated: use %s", name, strings.Join(kinds(), ", ")))
}

func listKeys(w io.Writer, keys *keyring.Keys) error {
	list, err := keys.List()
	if err != nil {
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "KEY\tID\tSINCE\tSTEP")
	for _, k := range list {
		step := "in use"
		if k.Next {
			step = "next: see `drover hub keys finish --help`"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", k.Kind, k.ID, k.Since.Local().Format(time.DateTime), step)
	}
	return t.Flush()
}

// believed asks the running hub which clusters trust what it says.
func believed(cmd *cobra.Command, c call.Connection) (api.Trust, error) {
	client, err := c.Client()
	if err != nil {
		return api.Trust{}, err
	}
	return client.Trust(cmd.Context())
}

func printBelieved(w io.Writer, keys *keyring.Keys, t api.Trust) {
	for _, kind := range keyring.Kinds {
		if !keys.Believed(kind, t.Trust) || kind == keyring.Account && keys.AccountKey() != t.AccountKey {
			fmt.Fprintf(w, "\nThe hub that runs does not use the next %s key yet: restart it.\n", kind)
		}
	}
	fmt.Fprintf(w, "\n%d of %d clusters have reported to trust what the hub tells them to trust now.\n", t.Clusters-len(t.Behind), t.Clusters)
	if len(t.Behind) > 0 {
		fmt.Fprintf(w, "Not yet: %s\n", strings.Join(t.Behind, ", "))
	}
	if t.AccountKey != "" {
		fmt.Fprintf(w, "%d of %d clusters have a credential of the newest account key.\n", t.Clusters-len(t.Moving), t.Clusters)
	}
	if len(t.Moving) > 0 {
		fmt.Fprintf(w, "Not yet: %s\n", strings.Join(t.Moving, ", "))
	}
}

// ready says why the rotation of a key cannot end yet.
func ready(cmd *cobra.Command, c call.Connection, keys *keyring.Keys, kind keyring.Kind) error {
	t, err := believed(cmd, c)
	switch {
	case err != nil:
		return fmt.Errorf("the old %s key is kept, because whether clusters trust the next one cannot be told: %w; or say --force", kind, err)
	case !keys.Believed(kind, t.Trust) || kind == keyring.Account && keys.AccountKey() != t.AccountKey:
		return fmt.Errorf("the old %s key is kept: the hub that runs does not use the next one yet: restart it, and wait until all clusters have heard of it", kind)
	case kind == keyring.Account && len(t.Moving) > 0:
		return errors.New("the old account key is kept: " + strings.Join(t.Moving, ", ") + " did not renew yet: wait until they " +
			"have been connected, remove or revoke those that are gone for good, or say --force: then they have to join again")
	case kind == keyring.Account:
	case len(t.Behind) > 0:
		return errors.New("the old " + string(kind) + " key is kept: " + strings.Join(t.Behind, ", ") + " did not report to trust the next one yet: " +
			"wait until they have been connected, remove or revoke those that are gone for good, or say --force: then they have to join again")
	}
	return nil
}
