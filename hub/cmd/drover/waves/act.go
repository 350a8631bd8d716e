package waves

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/hub/cmd/drover/show"
	"github.com/drover-dev/drover/hub/rollouts"
)

// action is a subcommand that decides something.
type action struct {
	rollouts.Action
	use, short, long string
	example          string // after `drover rollout `
	apps, until      bool
	cluster          bool
}

var actions = []action{
	{Action: rollouts.Approve, use: "approve POLICY/WAVE[@TARGET]", short: "Let a wave begin with a target",
		long:    "The approval is for the target that the wave would take now, or the one that is named, and for no other.",
		example: "approve production/early --as ann@example.com"},
	{Action: rollouts.Skip, use: "skip POLICY/WAVE[@TARGET]", short: "Have a wave count a target as passed, whatever " +
		"it waits for",
		example: "skip production/early --reason \"its clusters are being moved\""},
	{Action: rollouts.Halt, use: "halt POLICY[/WAVE]", short: "Stop all releases of a policy, or of one wave", until: true,
		long:    "What is released goes on, and so does what is taken back.",
		example: "halt production --until 3h --reason \"the network is being repaired\""},
	{Action: rollouts.Resume, use: "resume POLICY[/WAVE][@TARGET]", short: "End a halt, or take a target that failed " +
		"for good again",
		example: "resume production@1a2b3c4 --reason \"it was the network\""},
	{Action: rollouts.Expedite, use: "expedite POLICY@TARGET", short: "Have all waves take a target at once",
		long:    "Neither the order of the waves nor approvals nor windows count then; a halt does, and so does atOnce.",
		example: "expedite production@1a2b3c4 --reason \"it closes a hole\""},
	{Action: rollouts.Rollback, use: "rollback POLICY@TARGET", short: "Take a target back wherever it was released",
		apps: true,
		long: `Clusters get what they had before, in the apps that the target changed or in those that are named. Git does not
change: no wave takes the target any more, until another commit changes those apps.`,
		example: "rollback production@1a2b3c4 --app web --reason \"it leaks memory\""},
	{Action: rollouts.Pin, use: "pin POLICY", short: "Keep a cluster at what it has, until a time", until: true,
		cluster: true,
		example: "pin production --cluster oslo --until 3d --reason \"an audit\""},
	{Action: rollouts.Unpin, use: "unpin POLICY", short: "Have a pinned cluster take part again", cluster: true,
		example: "unpin production --cluster oslo --reason \"it is over\""},
}

// fleetActions are those on all clusters.
var fleetActions = []action{
	{Action: rollouts.Freeze, use: "freeze", short: "Release nothing new to any cluster, whatever the policies",
		until: true,
		long: `What goes back goes on, and so does what Git suspends. Clusters and apps that no policy holds keep what they
have, too. Not stopped are newer content that a person approves (Applications without automated sync), the removal of
the folder of a cluster, and new versions of agents.`,
		example: "freeze --until 3h --reason \"the network is being repaired\""},
	{Action: rollouts.Unfreeze, use: "unfreeze", short: "End a freeze of all releases",
		example: "unfreeze --reason \"it is repaired\""},
}

// act makes a subcommand that decides something.
func (m command) act(a action) *cobra.Command {
	var o rollouts.Order
	var end string
	conn := m.connection()
	cmd := &cobra.Command{
		Use: a.use, Short: a.short, Long: strings.TrimSpace(a.short + ". " + a.long), Args: m.one("a policy"),
		Example: "  drover rollout " + a.example,
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if len(args) == 1 {
				o.Policy, o.Wave, o.Target, err = place(args[0])
			}
			if err != nil {
				return m.usage(err)
			}
			if o.Until, err = Moment("--until", end, time.Now()); err != nil {
				return m.usage(err)
			}
			o.Action = a.Action
			c, err := conn.Client()
			if err != nil {
				return err
			}
			text, err := c.Decide(cmd.Context(), o)
			if err == nil {
				show.Sayf(cmd.OutOrStdout(), "%s", text)
			}
			return err
		},
	}
	if a.Action == rollouts.Freeze || a.Action == rollouts.Unfreeze {
		cmd.Args = func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return m.usage(errors.New("it takes no argument, because it is for all clusters: `drover rollout halt POLICY` is " +
					"for one policy"))
			}
			return nil
		}
	}
	conn.Flags(cmd)
	f := cmd.Flags()
	f.StringVar(&o.Reason, "reason", "", "why, for those who come later")
	f.StringVar(&o.By, "as", "", "who you say that you are, with the shared token; the token of a person says it itself")
	if a.until {
		f.StringVar(&end, "until", "", "when it ends: a time, as 2026-12-18T09:00:00Z, or how long, as 3d or 90m")
	}
	if a.apps {
		f.StringSliceVar(&o.Apps, "app", nil, "only this app, by its key; may be given several times")
	}
	if a.cluster {
		f.StringVar(&o.Cluster, "cluster", "", "the cluster")
		_ = cmd.MarkFlagRequired("cluster")
	}
	return cmd
}

func (m command) one(what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != 1 {
			return m.usage(fmt.Errorf("it takes one argument: %s; `drover rollout` lists them", what))
		}
		return nil
	}
}

// place reads POLICY[/WAVE][@TARGET].
func place(text string) (policy, wave, target string, err error) {
	rest, target, named := strings.Cut(text, "@")
	policy, wave, waved := strings.Cut(rest, "/")
	if policy == "" || named && len(target) < query.MinRevision || waved && wave == "" {
		return "", "", "", fmt.Errorf("%q: write POLICY, POLICY/WAVE or POLICY/WAVE@TARGET, with %d characters of the "+
			"target at least",
			text, query.MinRevision)
	}
	return policy, wave, target, nil
}

// Moment reads a time, or how long it is until then, of a flag.
func Moment(flag, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	if days, is := strings.CutSuffix(text, "d"); is {
		if d, err := time.ParseDuration(days + "h"); err == nil && d.Abs() <= math.MaxInt64/24 {
			return now.Add(24 * d), nil
		}
	} else if d, err := time.ParseDuration(text); err == nil {
		return now.Add(d), nil
	}
	return time.Time{}, fmt.Errorf("%s %q: write a time, as 2026-12-18T09:00:00Z, or how long, as 3d or 90m", flag, text)
}
