// Package keysworker is the command with which the hub starts this very program to decrypt.
package keysworker

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/drover-dev/drover/hub/keys"
)

// Name is that of the command.
const Name = "keys-worker"

// Command is the hidden command that decrypts what it is given on its standard input.
func Command() *cobra.Command {
	return &cobra.Command{
		Use: Name, Short: "Decrypt for a hub, which starts this itself", Hidden: true, Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return keys.Serve(os.Stdin, os.Stdout) },
	}
}
