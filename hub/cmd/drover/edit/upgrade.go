package edit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/drover-dev/drover/fleet/selector"
	"github.com/drover-dev/drover/hub/cmd/drover/clusterfile"
	"github.com/drover-dev/drover/hub/cmd/drover/show"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/manifest"
)

// upgradeOptions are the flags of `drover agent upgrade`.
type upgradeOptions struct {
	gitOptions
	selector, image string
	clusters        []string
	yes             bool
}

// Upgrade is `drover agent upgrade`.
func (c Commands) Upgrade() *cobra.Command {
	o := upgradeOptions{gitOptions: c.options()}
	cmd := &cobra.Command{
		Use: "upgrade -l SELECTOR --image IMAGE", Short: "Upgrade the agents of clusters to another image",
		Long: `Writes agent.image into the cluster.yaml of the selected clusters, in one commit, and pushes it if the
branch has an upstream. The hub then tells these agents to run that image. -l selects among clusters of the hub.`,
		Example: `  drover agent upgrade -l env=staging --image registry.example.com/drover-agent@sha256:…
  drover agent upgrade --cluster edge-1 --cluster edge-2 --image registry.example.com/drover-agent@sha256:… --yes`,
		Args: o.wrong.Exactly(0, "no arguments: choose clusters with -l or --cluster"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return err
			}
			return o.run(cmd.Context(), cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	o.flags(cmd)
	f := cmd.Flags()
	f.StringVarP(&o.selector, "selector", "l", "", "the clusters with these labels, as kubectl's -l")
	f.StringArrayVar(&o.clusters, "cluster", nil, "this cluster; may be given several times")
	f.StringVar(&o.image, "image", "", "image of the agent, with its registry")
	f.BoolVarP(&o.yes, "yes", "y", false, "do not ask")
	_ = cmd.RegisterFlagCompletionFunc("cluster", o.Completion(-1))
	return cmd
}

func (o *upgradeOptions) check() error {
	if (o.selector == "") == (len(o.clusters) == 0) {
		return o.wrong(errors.New("which clusters? Choose them with -l, or name them with --cluster, not both"))
	}
	if _, err := selector.Parse(o.selector); err != nil {
		return o.wrong(err)
	}
	if o.image == "" {
		return o.wrong(errors.New("to which image? Name it with --image"))
	}
	if err := manifest.CheckImage(o.image); err != nil {
		return o.wrong(err)
	}
	return nil
}

func (o *upgradeOptions) run(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) error {
	if text := manifest.TagWarning(o.image); text != "" {
		fmt.Fprintln(stderr, text)
	}
	w, err := o.open(ctx, stderr)
	if err != nil {
		return err
	}
	defer w.close()
	names, err := o.names(ctx)
	if err != nil {
		return err
	}
	edits, files, err := o.plan(ctx, w, names, stdout)
	if err != nil {
		return err
	}
	if len(edits) == 0 {
		fmt.Fprintln(stdout, "Nothing is to be done.")
		return nil
	}
	if err := w.clean(ctx, files...); err != nil {
		return err
	}
	if err := o.wrong.Confirm(stdin, stdout, o.yes, fmt.Sprintf("Have %d %s run %s?", len(edits), show.Plural(len(edits),
		"agent"), o.image)); err != nil {
		return err
	}
	what := change{fmt.Sprintf("agents of %d %s run %s", len(edits), show.Plural(len(edits), "cluster"), o.image),
		"upgrade-agents"}
	made, err := o.commit(ctx, w, what, files, func() error {
		for i, c := range edits {
			if err := c.Write(w.file(files[i])); err != nil {
				return err
			}
		}
		return nil
	})
	if made.hash == "" || err != nil {
		return err
	}
	fmt.Fprintf(stdout, "The upgrade is %s; `drover status -o wide` shows which version each agent runs\n", made)
	return nil
}

// names are the clusters that were chosen.
func (o *upgradeOptions) names(ctx context.Context) ([]string, error) {
	if o.selector == "" {
		names := slices.Clone(o.clusters)
		slices.Sort(names)
		return slices.Compact(names), nil
	}
	c, err := o.Client()
	if err != nil {
		return nil, err
	}
	f, err := c.Clusters(ctx, o.selector)
	if err != nil {
		return nil, err
	}
	if len(f.Clusters) == 0 {
		return nil, fmt.Errorf("no cluster has the labels %s: see `drover cluster list -o wide`", o.selector)
	}
	var names []string
	for _, r := range f.Clusters {
		names = append(names, r.Name)
	}
	return names, nil
}

// plan says what is to change where, and prepares it.
func (o *upgradeOptions) plan(ctx context.Context, w *workTree, names []string,
	stdout io.Writer) (edits []*clusterfile.File, files []string, err error) {
	for _, name := range names {
		folder, _, err := w.cluster(ctx, name)
		if err != nil {
			return nil, nil, err
		}
		c, err := w.clusterFileOf(name)
		if err != nil {
			return nil, nil, err
		}
		was := c.Get("spec", "agent", "image")
		switch was {
		case o.image:
			fmt.Fprintf(stdout, "%s: %s already\n", name, was)
			continue
		case "":
			was = "as installed"
		}
		fmt.Fprintf(stdout, "%s: %s → %s\n", name, was, o.image)
		if err := c.Set(o.image, "spec", "agent", "image"); err != nil {
			return nil, nil, err
		}
		edits, files = append(edits, c), append(files, folder+"/"+planning.ClusterFile)
	}
	return edits, files, nil
}
