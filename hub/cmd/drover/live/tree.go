package live

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/drover-dev/drover/hub/api"
	"github.com/drover-dev/drover/hub/cmd/drover/show"
	"github.com/drover-dev/drover/protocol"
)

// indent is JSON as people read it; what is no JSON stays.
func indent(text []byte) []byte {
	var out bytes.Buffer
	if json.Indent(&out, bytes.TrimSpace(text), "", "  ") != nil {
		return text
	}
	return append(out.Bytes(), '\n')
}

func (m Command) tree() *cobra.Command {
	var output string
	conn := m.Connection()
	cmd := &cobra.Command{
		Use: "tree CLUSTER/APP", Short: "Show the objects of an app and what they own, down to pods",
		Long: `Asks the agent of a cluster for the objects of an app with their health, and below each what it owns:
workloads, jobs, volume claims and pods. Objects of other kinds are shown as far as the app has them.`,
		Example: `  drover tree staging/shop
  drover tree staging/shop -o json`,
		Args: m.args(1, "one argument: CLUSTER/APP"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := m.output(output, "", "json"); err != nil {
				return err
			}
			cluster, path := place(args[0])
			if path == "" {
				return m.Usage(fmt.Errorf("which app? Write %s/APP; `drover status %s` lists them", cluster, cluster))
			}
			var nodes []protocol.TreeNode
			err := askLines(m, cmd, conn, cluster, api.Question{Kind: protocol.QuestionTree, Path: path},
				func(n protocol.TreeNode) error { nodes = append(nodes, n); return nil })
			if err != nil {
				return err
			}
			if output == "json" {
				return printJSON(cmd.OutOrStdout(), nodes)
			}
			t := show.NewTable(cmd.OutOrStdout())
			fmt.Fprintln(t, "OBJECT\tNAMESPACE\tHEALTH\tMESSAGE")
			for _, n := range nodes {
				health := string(n.Health)
				if n.Missing {
					health = "missing"
				}
				message := n.Message
				if n.Health == protocol.HealthCurrent {
					message = ""
				}
				fmt.Fprintf(t, "%s%s\t%s\t%s\t%s\n", strings.Repeat("  ", min(n.Depth, 20)), show.OneLine(
					n.Object.Kind+"/"+n.Object.Name),
					show.OrDash(n.Object.Namespace), show.OneLine(health), show.OneLine(cmp.Or(n.Unread, message)))
			}
			return t.Flush()
		},
	}
	conn.Flags(cmd)
	cmd.Flags().StringVarP(&output, "output", "o", "", "json")
	return cmd
}
