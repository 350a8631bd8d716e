package reference

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/drover-dev/drover/hub/layout/native"
)

// Schema makes `drover schema`. wrong makes an error of what the user typed.
func Schema(wrong func(error) error) *cobra.Command {
	return &cobra.Command{
		Use: "schema KIND", Short: "Print the JSON Schema of a kind of file in the repository",
		Long: `Prints the JSON Schema of a kind, so that an editor completes and checks such files. The kinds are ` +
			strings.Join(native.Kinds(), " and ") + `.
With the YAML language server, a first line "# yaml-language-server: $schema=PATH" in a file names its schema.`,
		Example:   "  drover schema App > app.schema.json",
		ValidArgs: native.Kinds(),
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return wrong(fmt.Errorf("it takes the name of one kind: %s", strings.Join(native.Kinds(), " or ")))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			data, err := native.Schema(args[0])
			if err != nil {
				return wrong(err)
			}
			_, err = fmt.Fprint(cmd.OutOrStdout(), string(data))
			return err
		},
	}
}
