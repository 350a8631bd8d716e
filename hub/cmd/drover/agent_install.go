package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/hub/api"
	"github.com/drover-dev/drover/hub/install"
	"github.com/drover-dev/drover/hub/manifest"
	"github.com/drover-dev/drover/protocol"
)

// kubeTarget are the flags that say which cluster is meant.
type kubeTarget struct{ kubeconfig, context string }

func (t *kubeTarget) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&t.kubeconfig, "kubeconfig", "", "kubeconfig file (default: as kubectl has it)")
	f.StringVar(&t.context, "context", "", "context of the kubeconfig (default: the current one)")
}

// installOptions are the flags of `drover agent install`.
type installOptions struct {
	tokenOptions
	agentOptions
	kubeTarget
	timeout   time.Duration
	yes       bool
	imageSaid bool
	in        io.Reader
	out, errs io.Writer
}

func newInstallCommand() *cobra.Command {
	var o installOptions
	cmd := &cobra.Command{
		Use: "install --cluster NAME", Short: "Install the agent of a cluster, and wait until it reports",
		Long: `Installs what ` + "`drover agent manifest`" + ` prints into the cluster of a kubeconfig's context, and
waits until the agent has reported to the hub. It names that cluster first, and asks for confirmation if no --context
is given. It refuses a cluster that has the agent of another cluster of the fleet, or of another hub. It may be stopped
at any time, and run again: then it changes what differs from the flags, and says if there is nothing to do.

The agent may do anything in its cluster (cluster-admin), because it applies all that the repository contains. With
--scope it may do anything in the namespaces named, and nothing elsewhere. Only the leading pod has these rights, and
only nodes that --leader-nodes selects may lead: nodes of the control plane, or all nodes if the cluster has none.`,
		Example: `  drover agent install --cluster staging --context staging
  drover agent install --cluster edge-7 --context edge-7 --scope namespace=shop,web
  drover agent install --cluster staging --context staging --replace   # its agent was lost`,
		Args: exactly(0, "no arguments: name the cluster with --cluster"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.imageSaid, o.in, o.out, o.errs = cmd.Flags().Changed("image"), cmd.InOrStdin(),
				cmd.OutOrStdout(), cmd.ErrOrStderr()
			ctx, cancel := context.WithTimeout(cmd.Context(), o.timeout)
			defer cancel()
			err := o.run(ctx)
			if err != nil && cmd.Context().Err() != nil {
				return errors.New("stopped: what was applied stays; run it again to go on, or `drover agent uninstall` to take it away")
			}
			return err
		},
	}
	o.tokenOptions.flags(cmd)
	o.agentOptions.flags(cmd)
	o.kubeTarget.flags(cmd)
	cmd.Flags().DurationVar(&o.timeout, "timeout", 5*time.Minute, "how long to wait until the cluster reports")
	cmd.Flags().BoolVarP(&o.yes, "yes", "y", false, "do not ask, though no --context says which cluster is meant")
	return cmd
}

func (o *installOptions) say(format string, args ...any) {
	fmt.Fprintf(o.out, format+"\n", args...)
}

// run installs. Nothing is written before it is known that the cluster is there and is the one that is meant.
func (o *installOptions) run(ctx context.Context) error {
	if err := o.tokenOptions.check(); err != nil {
		return err
	}
	if err := o.agentOptions.check(o.cluster); err != nil {
		return err
	}
	hub, err := o.client()
	if err != nil {
		return err
	}
	before, err := hub.Cluster(ctx, o.cluster)
	if err != nil {
		return err
	}
	c, err := install.Connect(ctx, o.kubeconfig, o.kubeTarget.context)
	if err != nil {
		return err
	}
	o.say("The agent of %s goes into the cluster of context %s (%s, Kubernetes %s), namespace %s.", o.cluster, c.Context, c.Server, c.Version, o.Namespace)
	present, err := o.survey(ctx, hub, c)
	if err != nil {
		return err
	}
	if present.Form == manifest.FormDeployment {
		return fmt.Errorf("the agent in namespace %s is a Deployment, and this command installs a DaemonSet: nothing was changed; apply "+
			"`drover agent manifest --form deployment`, or run `drover agent uninstall` first", o.Namespace)
	}
	if err := o.chooseNodes(ctx, c); err != nil {
		return err
	}
	fresh, err := o.choose(ctx, present, before)
	if err != nil {
		return err
	}
	warnOfTag(o.errs, o.Image)
	changed, err := o.apply(ctx, c)
	if err != nil {
		return err
	}
	if err := o.await(ctx, c); err != nil {
		return err
	}
	since := time.Time{}
	if fresh {
		since = before.Time
	}
	row, err := o.awaitReport(ctx, hub, c, since)
	if err != nil {
		return err
	}
	if !changed {
		o.say("Nothing was to be done: the agent of %s is installed as asked for.", o.cluster)
	}
	o.say("%s reports: %s, %s apps healthy.", o.cluster, row.Health, row.Apps)
	return nil
}

// chooseNodes completes the agent with which nodes may lead: those of the control plane, where there are any.
func (o *installOptions) chooseNodes(ctx context.Context, c *install.Cluster) error {
	if o.LeaderNodes != "" {
		return nil
	}
	has, err := c.HasControlPlaneNodes(ctx)
	if err != nil || has {
		return err
	}
	o.LeaderNodes = manifest.AllNodes
	o.say("The cluster has no control-plane nodes, so every node may lead: an attacker who takes one node can get the agent's rights. " +
		"Hold them to some nodes with --leader-nodes node-restriction.kubernetes.io/NAME.")
	return nil
}

// choose completes the agent with what is there already: an image, if none was asked for, and the token, if it still waits to
// be used or has been. Otherwise the hub makes a new one, or says why not.
func (o *installOptions) choose(ctx context.Context, present install.Present, before api.Detail) (fresh bool, err error) {
	if present.Outdated && !o.imageSaid {
		return false, fmt.Errorf("the agent in namespace %s was installed from an older manifest, and its image %s may be too old "+
			"for the present one: name an image of this version with --image", o.Namespace, present.Image)
	}
	if present.Image != "" && !o.imageSaid {
		o.Image = present.Image // it may have been upgraded from Git
	}
	waiting := !before.Identity.Token.IsZero() && present.Invited == o.cluster && good(present.Join)
	if !o.replace && (waiting || present.Installed && before.Identity.Valid > 0) {
		o.Join = present.Join
		return false, nil
	}
	return true, o.join(ctx, &o.Agent)
}

// good says whether a join token can still be used.
func good(token []byte) bool {
	t, err := protocol.DecodeJoinToken(token)
	return err == nil && time.Now().Before(t.Expires)
}

// apply applies the manifest, and says what became of each object.
func (o *installOptions) apply(ctx context.Context, c *install.Cluster) (changed bool, err error) {
	var text bytes.Buffer
	if err := manifest.WriteAgent(&text, o.Agent); err != nil {
		return false, err
	}
	return c.Apply(ctx, o.Namespace, text.Bytes(), func(object, outcome string) { o.say("  %-9s %s", outcome, object) })
}

// await waits until the pods are ready.
func (o *installOptions) await(ctx context.Context, c *install.Cluster) error {
	err := c.AwaitReady(ctx, o.Namespace, func(r install.Rollout) { o.say("  %s", r) })
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("the agent is not ready after %s (%w): see `kubectl --context %s -n %s get pods`; run this again to wait longer", o.timeout, err, c.Context, o.Namespace)
	}
	return err
}

// awaitReport waits until the hub has heard of the cluster after a time of its own clock.
func (o *installOptions) awaitReport(ctx context.Context, hub api.Client, c *install.Cluster, since time.Time) (query.Row, error) {
	said := false
	for {
		d, err := hub.Cluster(ctx, o.cluster)
		if err == nil && d.State == query.StateConnected && !said {
			o.say("  joined: its agent is connected to the hub")
			said = true
		}
		if err == nil && d.State == query.StateConnected && d.Received.After(since) {
			return d.Row, nil
		}
		if err == nil {
			err = install.Pause(ctx)
		}
		if ctx.Err() != nil {
			return query.Row{}, o.unheard(c, said)
		}
		if err != nil {
			return query.Row{}, err
		}
	}
}

// unheard says what is known of an agent that runs and does not report.
func (o *installOptions) unheard(c *install.Cluster, joined bool) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second) // the command's own time is over
	defer cancel()
	what := "has not joined"
	if joined {
		what = "has joined and not reported"
	}
	text := fmt.Sprintf("the agent of %s runs and %s within %s", o.cluster, what, o.timeout)
	if trouble := c.Trouble(ctx, o.Namespace); trouble != nil {
		text += ": " + trouble.Error()
	} else if line := c.LastLog(ctx, o.Namespace); line != "" {
		text += "; it logged last: " + line
	}
	if t, err := protocol.DecodeJoinToken(o.Join); err == nil && !joined {
		text += "; see that the cluster reaches " + strings.Join(t.Servers, " or ")
	}
	return errors.New(text)
}
