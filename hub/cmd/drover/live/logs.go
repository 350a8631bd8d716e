package live

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/hub/api"
	"github.com/drover-dev/drover/hub/cmd/drover/show"
	"github.com/drover-dev/drover/protocol"
)

func (m Command) logs() *cobra.Command {
	q := api.Question{Kind: protocol.QuestionLogs}
	conn := m.Connection()
	cmd := &cobra.Command{
		Use: "logs CLUSTER/APP[/OBJECT]", Short: "Show what the pods of an app write",
		Long: `Asks the agent of a cluster for the output of the pods of an app, or of one of its objects: OBJECT is NAME, or
KIND/NAME. Where several containers write, each line begins with the pod and the container.

The agent has to be granted it: ` + "`drover agent install --answers get,tree,diff,events,logs`" + `.
An answer has 4 MiB at most, of 20 containers; with --follow it ends after 15 minutes, and pods that are started
meanwhile are not in it.`,
		Example: `  drover logs staging/shop
  drover logs staging/shop/deployment/web -c app --tail 50
  drover logs staging/shop/web --follow`,
		Args: m.args(1, "one argument: CLUSTER/APP or CLUSTER/APP/OBJECT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var cluster string
			if cluster, q.Path = place(args[0]); q.Path == "" {
				return m.Usage(fmt.Errorf("which app? Write %s/APP; `drover status %s` lists them", cluster, cluster))
			}
			if q.Tail < 0 {
				return m.Usage(fmt.Errorf("--tail %d: a number of lines, or 0 for all that are kept", q.Tail))
			}
			problems := 0
			err := askLines(m, cmd, conn, cluster, q, func(l protocol.LogLine) error {
				from := show.OneLine(l.Pod + "/" + l.Container)
				if l.Problem != "" {
					problems++
					fmt.Fprintf(cmd.ErrOrStderr(), "drover: %s: %s\n", from, show.OneLine(l.Problem))
					return nil
				}
				_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", from, query.Visible(l.Text))
				return err
			})
			if err == nil && problems > 0 {
				err = fmt.Errorf("the output of %d %s could not be read", problems, show.Plural(problems, "container"))
			}
			return err
		},
	}
	conn.Flags(cmd)
	f := cmd.Flags()
	f.StringVarP(&q.Container, "container", "c", "", "only containers of this name")
	f.IntVar(&q.Tail, "tail", 0, "lines of each container to begin with (default: all that are kept)")
	f.BoolVarP(&q.Follow, "follow", "f", false, "stay, and show what comes")
	f.BoolVarP(&q.Previous, "previous", "p", false, "of the container that ran before the present one")
	return cmd
}
