package live

import (
	"bytes"
	"fmt"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/hub/api"
	"github.com/drover-dev/drover/protocol"
)

func (m Command) get() *cobra.Command {
	var namespace, output string
	conn := m.Connection()
	cmd := &cobra.Command{
		Use: "get CLUSTER KIND NAME", Short: "Show a live object of a cluster",
		Long: `Asks the agent of a cluster for an object as it is now, and prints it. KIND is a kind, its plural or its
short name; with a group, as certificates.cert-manager.io, where several have it. Values of Secrets are masked in
the cluster, and Secrets of the agent's own namespace are not shown at all. Every question is noted in the hub's
journal of decisions.`,
		Example: `  drover get staging deployment web -n shop
  drover get staging cm settings -n shop -o json
  drover get staging nodes worker-1`,
		Args: m.args(3, "three arguments: a cluster, a kind and a name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := m.output(output, "yaml", "json"); err != nil {
				return err
			}
			var whole bytes.Buffer
			q := api.Question{Kind: protocol.QuestionGet, Resource: args[1], Name: args[2], Namespace: namespace}
			err := m.ask(cmd, conn, args[0], q, func(data []byte) error { _, err := whole.Write(data); return err })
			if err != nil {
				return err
			}
			text := query.VisibleJSON(whole.Bytes())
			if output == "json" {
				_, err = cmd.OutOrStdout().Write(indent(text))
				return err
			}
			if text, err = yaml.JSONToYAML(text); err != nil {
				return fmt.Errorf("the answer is no object: %w", err)
			}
			_, err = cmd.OutOrStdout().Write(text)
			return err
		},
	}
	conn.Flags(cmd)
	cmd.Flags().StringVarP(&namespace, "namespace", "n", "", "namespace of the object (default: default)")
	cmd.Flags().StringVarP(&output, "output", "o", "yaml", "yaml or json")
	return cmd
}
