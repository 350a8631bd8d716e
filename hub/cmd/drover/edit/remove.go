package edit

import (
	"context"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"github.com/spf13/cobra"

	"github.com/drover-dev/drover/hub/cmd/drover/show"
)

// removeOptions are the flags of `drover cluster remove`.
type removeOptions struct {
	gitOptions
	yes bool
}

// Remove is `drover cluster remove`.
func (c Commands) Remove() *cobra.Command {
	o := removeOptions{gitOptions: c.options()}
	cmd := &cobra.Command{
		Use: "remove NAME...", Aliases: []string{"rm"}, Short: "Remove the folders of clusters from Git",
		Long: `Removes the folders of clusters from the repository in one commit, and pushes it if the branch has an upstream. The hub then
releases the cluster: its credential is revoked, and what runs there is left running, or deleted first if its cluster.yaml says
onRemove: prune. Removing more than one at once is held until it is approved, see ` + "`drover approve --help`.",
		Example: `  drover cluster remove staging
  drover cluster remove edge-1 edge-2 --yes --branch remove-edges`,
		Args: o.wrong.AtLeastOne("the names of clusters"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.run(cmd.Context(), args, cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
		ValidArgsFunction: o.Completion(-1),
	}
	o.flags(cmd)
	cmd.Flags().BoolVarP(&o.yes, "yes", "y", false, "do not ask")
	return cmd
}

func (o *removeOptions) run(ctx context.Context, names []string, stdin io.Reader, stdout, stderr io.Writer) error {
	w, err := o.open(ctx, stderr)
	if err != nil {
		return err
	}
	defer w.close()
	var files, folders []string
	for _, name := range names {
		folder, tracked, err := w.cluster(ctx, name)
		if err != nil {
			return err
		}
		folders, files = append(folders, folder), append(files, tracked...)
		fmt.Fprintf(stdout, "%s: %s\n", name, fate(w, name))
	}
	if len(names) > 1 {
		fmt.Fprintln(stdout, "Removing more than one is held until the commit is approved.")
	}
	if err := w.clean(ctx, folders...); err != nil {
		return err
	}
	if err := o.wrong.Confirm(stdin, stdout, o.yes, fmt.Sprintf("Remove %s?", strings.Join(folders,
		" and "))); err != nil {
		return err
	}
	what := change{"remove " + show.Plural(len(names), "cluster") + " " + strings.Join(names, ", "), "remove-" + names[0]}
	made, err := o.commit(ctx, w, what, files, func() error { return w.remove(files) })
	if made.hash == "" || err != nil {
		return err
	}
	fmt.Fprintf(stdout, "The removal of %s is %s\n", strings.Join(folders, " and "), made)
	if len(names) > 1 {
		fmt.Fprintf(stdout, "\nWhen the hub has seen it, `drover status` shows what it holds; let it through with:\n  "+
			"drover approve %.8s\n", made.hash)
	}
	return nil
}

// cluster finds the folder of a cluster and the files in it that Git knows.
func (w *workTree) cluster(ctx context.Context, name string) (folder string, tracked []string, err error) {
	if folder, err = w.folder(name); err != nil {
		return "", nil, err
	}
	tracked, err = w.tracked(ctx, folder)
	if err == nil && len(tracked) == 0 {
		err = fmt.Errorf("%s is not committed in %s: see `git status`", folder, w.top)
	}
	return folder, tracked, err
}

// fate says what becomes of a cluster when its folder goes.
func fate(w *workTree, name string) string {
	const revoked = "its credential is revoked"
	c, err := w.clusterFileOf(name)
	switch {
	case err != nil:
		return fmt.Sprintf("what becomes of it is what the hub last read (%v); then %s", err, revoked)
	case c.Get("spec", "onRemove") == "prune":
		return "onRemove: prune, so everything that Drover delivered there is deleted, and then " + revoked +
			"; if that is more than a commit usually deletes, the hub holds it until it is approved, see `drover status`"
	}
	return "what runs there is left running, and " + revoked
}

// remove deletes files, and folders that are empty then.
func (w *workTree) remove(files []string) error {
	for _, f := range files {
		if err := os.Remove(w.file(f)); err != nil {
			return err
		}
		for dir := path.Dir(f); dir != "." && os.Remove(w.file(dir)) == nil; {
			dir = path.Dir(dir)
		}
	}
	return nil
}
