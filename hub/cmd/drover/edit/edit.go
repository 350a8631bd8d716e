// Package edit is the commands that change the fleet's repository: `drover cluster add`, `drover cluster remove` and
// `drover agent upgrade`. Each makes one commit of just what it changed, with the git program, so that hooks, signing
// and credential helpers work as they do by hand, and pushes it if the branch has an upstream.
//
// It may import the packages beside it, hub/api, hub/layout, hub/manifest, hub/model, hub/resolve, fleet and protocol.
package edit

import (
	"github.com/spf13/cobra"

	"github.com/drover-dev/drover/hub/cmd/drover/call"
	"github.com/drover-dev/drover/hub/cmd/drover/tree"
)

// Commands makes the commands.
type Commands struct {
	Connection func() call.Connection // makes what finds the hub, for one command
	Wrong      call.Wrong
}

// options are those of one command.
func (c Commands) options() gitOptions { return gitOptions{Connection: c.Connection(), wrong: c.Wrong} }

// gitOptions are the flags of commands that change files of the fleet's repository.
type gitOptions struct {
	call.Connection
	wrong                 call.Wrong
	repo, branch, message string
	path                  []string
	push, noPush          bool
}

func (o *gitOptions) flags(cmd *cobra.Command) {
	o.Flags(cmd)
	f := cmd.Flags()
	f.StringVar(&o.repo, "repo", "", "the repository: a work tree, or a bare repository or URL, of which a temporary "+
		"clone is made "+
		"(default: the current directory's, or the hub's if it is on this machine)")
	tree.PathFlag(f, &o.path)
	f.StringVar(&o.branch, "branch", "",
		"commit to this new branch, for a pull request, instead of the one that is checked out")
	f.StringVarP(&o.message, "message", "m", "", "the commit's message (default: what the command does)")
	f.BoolVar(&o.push, "push", false, "push, also if the branch has no upstream yet")
	f.BoolVar(&o.noPush, "no-push", false, "commit and do not push (default: push if the branch has an upstream)")
}
