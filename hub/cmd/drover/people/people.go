// Package people is `drover token` and `drover audit`: who may ask the hub, and the journal of what was decided.
package people

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/drover-dev/drover/hub/cmd/drover/show"
	"github.com/drover-dev/drover/hub/cmd/drover/waves"
	"github.com/drover-dev/drover/hub/people"
)

// command makes the subcommands.
type command struct {
	connection func() waves.Connection
	usage      func(error) error
}

// Commands makes `drover token` and `drover audit`. connection makes what finds the hub, for one command; wrong marks
// an error about how it was called.
func Commands(connection func() waves.Connection, wrong func(error) error) []*cobra.Command {
	m := command{connection, wrong}
	token := &cobra.Command{
		Use: "token", Short: "Manage the tokens that stand for people",
		Long: `A token stands for a person: what is decided with it carries the name and the groups of the token. The hub
keeps a hash of it alone. The shared token of the hub, which stands in its data directory, may manage tokens, and who
has the right to by a RoleBinding (docs/access.md).

With $DROVER_TOKEN, or --token, commands use the token of a person.`,
		Example: `  drover token create ann --group sre --email ann@example.com
  drover token list
  drover token revoke ann`,
	}
	token.AddCommand(m.create(), m.list(), m.revoke())
	journal := &cobra.Command{
		Use: "audit", Short: "Export and verify the journal of what was decided on releases",
		Long: `The hub notes every decision before it acts: who decided, from where, when and why, and which rule allowed each
release. Each entry has the hash of the one before it, and the hub signs where they begin and end, so that no entry can
be changed, removed or put in between unnoticed.`,
		Example: `  drover audit export -o decisions.jsonl
  drover audit verify decisions.jsonl`,
	}
	journal.AddCommand(m.export(), m.verify())
	return []*cobra.Command{token, journal}
}

func (m command) one(what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != 1 {
			return m.usage(fmt.Errorf("it takes one argument: %s", what))
		}
		return nil
	}
}

func (m command) none(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return m.usage(errors.New("it takes no arguments"))
	}
	return nil
}

func (m command) create() *cobra.Command {
	conn := m.connection()
	var q people.Request
	var expires, output string
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Make a token that stands for a person or a program, and print it once",
		Long: `Makes a token that stands for a person or a program, and prints it. It cannot be shown again: the hub keeps a
hash alone.

A person's approval counts for a wave whose approval.groups name one of the token's groups. With approval.notAuthor the
mail address is compared with that of the commit's author: it is what you say here, and Git proves nothing of its own.

With --role the token has that role, beside what RoleBindings give its name and its groups. --selector and --project
bound everything that it may do, whatever gives it.`,
		Example: `  drover token create ann --group sre --email ann@example.com --expires 30d
  drover token create ci --role viewer --selector env=staging --expires 1y`,
		Args: m.one("the name of the token, as ann"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if output != "" && output != "json" { // before a token is made that nobody would see
				return m.usage(fmt.Errorf("-o %s: use json", output))
			}
			q.Name = args[0]
			now := time.Now()
			end, err := waves.Moment("--expires", expires, now)
			if err != nil {
				return m.usage(err)
			}
			if !end.IsZero() {
				q.TTL = int(end.Sub(now).Round(time.Second) / time.Second)
			}
			if err := q.Check(); err != nil {
				return m.usage(err)
			}
			c, err := conn.Client()
			if err != nil {
				return err
			}
			made, err := c.CreateToken(cmd.Context(), q)
			switch {
			case err != nil:
				return err
			case output == "json":
				return show.JSON(cmd.OutOrStdout(), made)
			}
			fmt.Fprintln(cmd.OutOrStdout(), made.Secret)
			show.Sayf(cmd.ErrOrStderr(), "This is the token of %s, of %s, until %s. It is not shown again. It is used with "+
				"$DROVER_TOKEN and $DROVER_HUB, or --token and --hub.", made.Name, groups(made.Token),
				made.Expires.Format(time.RFC3339))
			return nil
		},
	}
	conn.Flags(cmd)
	f := cmd.Flags()
	f.StringSliceVar(&q.Groups, "group", nil, "a group that the person is in; may be given several times")
	f.StringVar(&q.Role, "role", "", "a role of its own: viewer, operator, admin, or a Role below fleet/")
	f.StringVarP(&q.Selector, "selector", "l", "", "labels of the clusters beyond which it may do nothing")
	f.StringSliceVar(&q.Projects, "project", nil,
		"a project beyond whose apps it may do nothing; may be given several times")
	f.StringVar(&q.Email, "email", "", "the person's mail address, as Git has it of the author of a commit")
	f.StringVar(&expires, "expires", "90d",
		"when it ends: a time, as 2026-12-18T09:00:00Z, or how long, as 90d or 12h; five years at most")
	f.StringVarP(&output, "output", "o", "", "json")
	return cmd
}

func groups(t people.Token) string {
	if len(t.Groups) == 0 {
		return "no group"
	}
	return strings.Join(t.Groups, ", ")
}

func (m command) list() *cobra.Command {
	conn := m.connection()
	var output string
	cmd := &cobra.Command{
		Use: "list", Short: "Show which tokens there are, and until when they are good",
		Example: "  drover token list", Args: m.none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := conn.Client()
			if err != nil {
				return err
			}
			all, err := c.Tokens(cmd.Context())
			if err != nil {
				return err
			}
			switch output {
			case "json":
				return show.JSON(cmd.OutOrStdout(), all)
			case "":
			default:
				return m.usage(fmt.Errorf("-o %s: use json", output))
			}
			if len(all) == 0 {
				show.Sayf(cmd.OutOrStdout(), "There are no tokens of people: `drover token create NAME` makes one.")
				return nil
			}
			now := time.Now()
			t := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(t, "NAME\tGROUPS\tROLE\tWITHIN\tEMAIL\tAGE\tSTATE")
			for _, token := range all {
				fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", show.OneLine(token.Name),
					show.OrDash(strings.Join(token.Groups, ",")), show.OrDash(token.Role), show.OrDash(within(token)),
					cmp.Or(show.OneLine(token.Email), "-"), show.Ago(token.Created, now), state(token, now))
			}
			return t.Flush()
		},
	}
	conn.Flags(cmd)
	cmd.Flags().StringVarP(&output, "output", "o", "", "json")
	return cmd
}

// within is beyond what a token may do nothing.
func within(t people.Token) string {
	return strings.TrimPrefix(t.Selector+strings.TrimSuffix(" projects "+strings.Join(t.Projects, ","), " projects "), " ")
}

func state(t people.Token, now time.Time) string {
	switch {
	case !t.Revoked.IsZero():
		return "revoked " + t.Revoked.UTC().Format(time.RFC3339)
	case !t.Good(now):
		return "expired " + t.Expires.UTC().Format(time.RFC3339)
	}
	return "good until " + t.Expires.UTC().Format(time.RFC3339)
}

func (m command) revoke() *cobra.Command {
	conn := m.connection()
	cmd := &cobra.Command{
		Use: "revoke NAME", Short: "End a token at once",
		Long:    "Ends a token at once. What was approved with it before still counts: halt the rollout if it should not.",
		Example: "  drover token revoke ann", Args: m.one("the name of a token: `drover token list` shows them"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := conn.Client()
			if err != nil {
				return err
			}
			t, err := c.RevokeToken(cmd.Context(), args[0])
			if err == nil {
				show.Sayf(cmd.OutOrStdout(), "The token of %s is not accepted any more. What was decided with it stands.", t.Name)
			}
			return err
		},
	}
	conn.Flags(cmd)
	return cmd
}
