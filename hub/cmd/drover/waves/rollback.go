package waves

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/hub/api"
	"github.com/drover-dev/drover/hub/cmd/drover/show"
	"github.com/drover-dev/drover/hub/rollouts"
)

// goingBack are the flags of `drover rollback`.
type goingBack struct {
	rollouts.Order
	end string
	pin bool
}

// NewRollback makes `drover rollback`. Its arguments are those of New.
func NewRollback(connection func() Connection, wrong func(error) error) *cobra.Command {
	m := command{connection, wrong}
	var o goingBack
	conn := m.connection()
	cmd := &cobra.Command{
		Use: "rollback [CLUSTER]", Short: "Go back in Git, or hold clusters at what they had",
		Long: `Has the hub push a branch that reverts the newest target of a RolloutPolicy, or with --to all commits after a
revision. Merge it, and every cluster gets that, in waves as any commit. A revert is of whole commits: for some
clusters or apps none is made, and the refusal has the command that holds these at what they had.

With --pin nothing is reverted: a cluster, those of a selector or all of the policy get back what they had at the
revision, at once, and keep it until the time that --until says. What was released earlier is held for a while only; a
revision that is not any more is refused with those that are. "before" is what they had before the policy.

To take back a target that is bad, wherever it was released, see drover rollout rollback.`,
		Example: `  drover rollback --policy production --reason "the new version leaks memory"
  drover rollback --to 1a2b3c4 --reason "everything since Monday"
  drover rollback oslo --to 1a2b3c4 --pin --until 3d --reason "an audit"
  drover rollback -l site=oslo --app web --to 1a2b3c4 --pin --until 90m --reason "the network is being repaired"`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return m.usage(errors.New("it takes the name of one cluster at most: for several use -l"))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.complete(args, time.Now()); err != nil {
				return m.usage(err)
			}
			c, err := conn.Client()
			if err != nil {
				return err
			}
			if o.Policy == "" {
				if o.Policy, err = only(cmd.Context(), c); err != nil {
					return err
				}
			}
			text, err := c.Decide(cmd.Context(), o.Order)
			if err == nil {
				show.Sayf(cmd.OutOrStdout(), "%s", text)
			}
			return err
		},
	}
	conn.Flags(cmd)
	f := cmd.Flags()
	f.StringVar(&o.Policy, "policy", "", "the RolloutPolicy (default: the only one)")
	f.StringVarP(&o.Selector, "selector", "l", "", "clusters by their labels, for --pin, as site=oslo")
	f.StringSliceVar(&o.Apps, "app", nil, "only this app, by its key, for --pin; may be given several times")
	f.StringVar(&o.To, "to", "", "the revision to go back to")
	f.BoolVar(&o.pin, "pin", false, "hold clusters there, instead of reverting in Git")
	f.StringVar(&o.end, "until", "", "when --pin ends: a time, as 2026-12-18T09:00:00Z, or how long, as 3d or 90m")
	f.StringVar(&o.Reason, "reason", "", "why, for those who come later")
	f.StringVar(&o.By, "as", "", "who you are, for those who come later")
	return cmd
}

// complete makes the order of the flags.
func (o *goingBack) complete(args []string, now time.Time) (err error) {
	if len(args) == 1 {
		o.Cluster = args[0]
	}
	if o.Action = rollouts.Revert; o.pin {
		o.Action = rollouts.Pin
	}
	switch {
	case o.pin && (o.end == "" || o.To == ""):
		return errors.New("--pin needs --to REVISION and --until TIME: what is held there, and how long")
	case !o.pin && o.end != "":
		return errors.New("--until is for --pin: a revert in Git has no end")
	case o.Cluster != "" && o.Selector != "":
		return errors.New("a cluster and a selector: name one of them")
	}
	o.Until, err = Moment("--until", o.end, now)
	return err
}

// only is the only policy there is.
func only(ctx context.Context, c api.Client) (string, error) {
	all, err := c.Rollouts(ctx)
	all = slices.DeleteFunc(all, func(r query.Rollout) bool { // it only bounds deletions, or is another tool's
		return len(r.Waves) == 0 || r.From != ""
	})
	switch {
	case err != nil:
		return "", err
	case len(all) == 1:
		return all[0].Policy, nil
	case len(all) == 0:
		return "", errors.New("there is no RolloutPolicy, so the hub remembers nothing to go back to: revert in Git")
	}
	var names []string
	for _, r := range all {
		names = append(names, r.Policy)
	}
	return "", fmt.Errorf("name the RolloutPolicy with --policy, one of %s", strings.Join(names, ", "))
}
