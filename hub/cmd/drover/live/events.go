package live

import (
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/drover-dev/drover/hub/api"
	"github.com/drover-dev/drover/hub/cmd/drover/call"
	"github.com/drover-dev/drover/hub/cmd/drover/show"
	"github.com/drover-dev/drover/protocol"
)

func (m Command) events() *cobra.Command {
	var output string
	var since time.Duration
	conn := m.Connection()
	cmd := &cobra.Command{
		Use: "events CLUSTER[/APP]", Short: "Show what happened in a cluster lately",
		Long: `Of a cluster: the newest events that its agent has told the hub, the oldest first, also while the cluster is
offline. Of an app: the Kubernetes events about its objects and what they own, which the agent is asked for.`,
		Example: `  drover events staging
  drover events staging --since 1h
  drover events staging/shop -o json`,
		Args: m.args(1, "one argument: CLUSTER or CLUSTER/APP"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := m.output(output, "", "json"); err != nil {
				return err
			}
			cluster, path := place(args[0])
			if path == "" {
				return m.journal(cmd, conn, cluster, since, output)
			}
			var list []protocol.ObjectEvent
			err := askLines(m, cmd, conn, cluster, api.Question{Kind: protocol.QuestionEvents, Path: path},
				func(e protocol.ObjectEvent) error {
					if since == 0 || time.Since(e.Time) <= since {
						list = append(list, e)
					}
					return nil
				})
			if err != nil {
				return err
			}
			if output == "json" {
				return printJSON(cmd.OutOrStdout(), list)
			}
			t := show.NewTable(cmd.OutOrStdout())
			fmt.Fprintln(t, "TIME\tTYPE\tREASON\tOBJECT\tMESSAGE")
			for _, e := range list {
				fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", e.Time.UTC().Format(time.RFC3339), show.OrDash(e.Type), show.OrDash(
					e.Reason),
					show.OneLine(refName(e.Object)), show.OneLine(e.Message))
			}
			return t.Flush()
		},
	}
	conn.Flags(cmd)
	cmd.Flags().DurationVar(&since, "since", 0, "only of this long ago, as 90m")
	cmd.Flags().StringVarP(&output, "output", "o", "", "json")
	return cmd
}

// journal shows what the hub knows.
func (m Command) journal(cmd *cobra.Command, conn call.Connection, cluster string, since time.Duration,
	output string) error {
	c, err := conn.Client()
	if err != nil {
		return err
	}
	d, err := c.Cluster(cmd.Context(), cluster)
	if err != nil {
		return err
	}
	list := slices.DeleteFunc(slices.Clone(d.Events), func(e protocol.Event) bool {
		return since != 0 && d.Time.Sub(e.Time) > since
	})
	slices.Reverse(list)
	if output == "json" {
		return printJSON(cmd.OutOrStdout(), list)
	}
	t := show.NewTable(cmd.OutOrStdout())
	fmt.Fprintln(t, "TIME\tEVENT\tAPP\tOBJECT\tMESSAGE")
	for _, e := range list {
		object := "-"
		if e.Object != nil {
			object = refName(*e.Object)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", e.Time.UTC().Format(time.RFC3339), show.OneLine(string(e.Kind)),
			show.OrDash(e.App), show.OneLine(object), show.OneLine(e.Message))
	}
	return t.Flush()
}
