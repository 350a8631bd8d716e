// Package waves is `drover rollout`: how RolloutPolicies stand, and what people do to them.
package waves

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/fleet/rollout"
	"github.com/drover-dev/drover/hub/api"
	"github.com/drover-dev/drover/hub/cmd/drover/call"
	"github.com/drover-dev/drover/hub/cmd/drover/show"
	"github.com/drover-dev/drover/hub/rollouts"
)

// Connection finds the hub, by flags of a command.
type Connection = call.Connection

// usage is an error about how the command was called.
type usage func(error) error

// command makes the subcommands.
type command struct {
	connection func() Connection
	usage      usage
}

// New makes the command. connection makes what finds the hub, for one command; wrong marks an error about how it was
// called.
func New(connection func() Connection, wrong func(error) error) *cobra.Command {
	m := command{connection, wrong}
	root := m.list()
	root.AddCommand(m.why(), m.history())
	for _, a := range append(actions, fleetActions...) {
		root.AddCommand(m.act(a))
	}
	return root
}

// list is `drover rollout`.
func (m command) list() *cobra.Command {
	var output string
	var watch bool
	conn := m.connection()
	cmd := &cobra.Command{
		Use: "rollout [POLICY]", Short: "Show how changes reach clusters in waves, and decide on them",
		Long: `Shows a line for every wave of every RolloutPolicy: which commit it is at, what it does or waits for, and how
many of its clusters have settled, failed and are offline. With the name of a policy it shows which clusters failed and
why, which have something else than Git asks for, and what is halted or pinned.`,
		Example: `  drover rollout
  drover rollout production
  drover rollout approve production/early
  drover rollout halt production --reason "the database is being moved"`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return m.usage(errors.New("it takes the name of one policy at most"))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return m.show(cmd.Context(), cmd.OutOrStdout(), conn, args, output, watch)
		},
	}
	conn.Flags(cmd)
	cmd.Flags().StringVarP(&output, "output", "o", "", "json or yaml")
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "stay, and show every change")
	return cmd
}

func (m command) show(ctx context.Context, w io.Writer, conn Connection, args []string, output string,
	watch bool) error {
	if !slices.Contains([]string{"", "json", "yaml"}, output) {
		return m.usage(fmt.Errorf("-o %s: use json or yaml", output))
	}
	c, err := conn.Client()
	if err != nil {
		return err
	}
	name := ""
	if len(args) == 1 {
		name = args[0]
	}
	if watch {
		last := ""
		return c.Watch(ctx, "", func(f api.Fleet) error {
			var text bytes.Buffer
			err := m.print(&text, f.Source.Rollouts, f.Source.Frozen, name, output, f.Time)
			if err != nil || text.String() == last {
				return err
			}
			if last != "" && output == "" {
				fmt.Fprintf(w, "\n%s\n", f.Time.Local().Format(time.TimeOnly))
			}
			last = text.String()
			_, err = io.WriteString(w, last)
			return err
		})
	}
	all, err := c.Rollouts(ctx)
	if err != nil {
		return err
	}
	frozen, err := c.Frozen(ctx)
	if err != nil {
		return err
	}
	return m.print(w, all, frozen, name, output, time.Now())
}

// print shows the policies, or one of them.
func (m command) print(w io.Writer, all []query.Rollout, frozen *query.Halt, name, output string,
	now time.Time) error {
	one, err := choose(all, name)
	if err != nil {
		return err
	}
	var answer any = append([]query.Rollout{}, all...)
	if one != nil {
		answer, all = one, []query.Rollout{*one}
	}
	switch output {
	case "json":
		return show.JSON(w, answer)
	case "yaml":
		data, err := yaml.Marshal(answer)
		if err == nil {
			_, err = w.Write(query.VisibleJSON(data))
		}
		return err
	}
	for _, text := range Frozen(frozen) {
		show.Sayf(w, "%s\n", text)
	}
	if len(all) == 0 {
		fmt.Fprintln(w, "There is no RolloutPolicy: every commit reaches all clusters at once. docs/rollouts.md says how "+
			"to write one.")
		return nil
	}
	table(w, all, now)
	if one != nil {
		detail(w, *one, now)
	}
	return nil
}

// choose gives the policy of a name; nil for no name.
func choose(all []query.Rollout, name string) (*query.Rollout, error) {
	if name == "" {
		return nil, nil
	}
	for i := range all {
		if all[i].Policy == name {
			return &all[i], nil
		}
	}
	return nil, fmt.Errorf("%w %.80q: `drover rollout` lists them", rollouts.ErrNoRollout, name)
}

// maxPins is how many pins of a policy are a line of `drover status` each.
const maxPins = 3

// pinned says of a pin what it is.
func pinned(p query.Pin) string {
	at := "what it has"
	if p.Revision != "" {
		at = Short(p.Revision)
	}
	return fmt.Sprintf("%s is pinned at %s until %s: %s", p.Cluster, at, p.Until.UTC().Format(time.RFC3339), p.Reason)
}

// Frozen says that all releases are frozen, if they are.
func Frozen(f *query.Halt) []string {
	if f == nil {
		return nil
	}
	return []string{fmt.Sprintf("all releases are frozen%s by %s: %s; `drover rollout unfreeze --reason …` ends it",
		until(f.Until), cmp.Or(f.By, "a user"), f.Reason)}
}

// Lines says of policies what is worth a line of `drover status`.
func Lines(all []query.Rollout) (out []string) {
	for _, r := range all {
		if text := line(r); text != "" {
			out = append(out, text)
		}
		for _, p := range r.Pinned[:min(len(r.Pinned), maxPins)] {
			out = append(out, fmt.Sprintf("rollout %s: %s", r.Policy, pinned(p)))
		}
		if n := len(r.Pinned) - maxPins; n > 0 {
			out = append(out, fmt.Sprintf("rollout %s: %d more clusters are pinned; see `drover rollout %[1]s`", r.Policy, n))
		}
	}
	return out
}

// HeldBack says whether any policy holds back what Git asks for.
func HeldBack(all []query.Rollout) bool {
	return slices.ContainsFunc(all, func(r query.Rollout) bool { return line(r) != "" })
}

// Holding says which policies hold back what Git asks of a cluster.
func Holding(all []query.Rollout, cluster string) (out []string) {
	for _, r := range all {
		if u := r.Unread; u != nil && (slices.Contains(u.Clusters, cluster) || len(u.Clusters) == 0 &&
			slices.Contains(r.Behind, cluster)) {
			out = append(out, fmt.Sprintf("by the policy %s: %s: %s", r.Policy, u.Reason, u.Text))
		} else if slices.Contains(r.Behind, cluster) {
			out = append(out, fmt.Sprintf("by the policy %s: Git asks for something else than it was given; "+
				"`drover rollout why %[1]s` says what it waits for", r.Policy))
		}
		for _, p := range r.Pinned {
			if p.Cluster == cluster {
				out = append(out, fmt.Sprintf("by the policy %s: %s", r.Policy, pinned(p)))
			}
		}
	}
	return out
}

// line is what is worth a line; "" for nothing.
func line(r query.Rollout) string {
	if u := r.Unread; u != nil {
		return fmt.Sprintf("rollout %s: %s%s: %s", r.Policy, u.Reason, unreadIn(*u), u.Text)
	}
	if n := len(r.Bad); n > 0 {
		b := r.Bad[n-1]
		return fmt.Sprintf("rollout %s: %s failed and is held back: %s; see `drover rollout %[1]s`", r.Policy,
			target(b.Target, b.Subject), b.Why)
	}
	if n := len(r.Behind); n > 0 {
		return fmt.Sprintf("rollout %s: %d of %d clusters have yet to get what Git asks for; see `drover rollout why "+
			"%[1]s`", r.Policy,
			n, r.Clusters)
	}
	return ""
}

// unreadIn names clusters for which alone something cannot be read.
func unreadIn(u query.Unread) string {
	if len(u.Clusters) == 0 {
		return ""
	}
	text := " in " + strings.Join(u.Clusters[:min(len(u.Clusters), maxPins)], ", ")
	if n := len(u.Clusters) - maxPins; n > 0 {
		text += fmt.Sprintf(" and %d more", n)
	}
	return text
}

// table has a line for each wave.
func table(w io.Writer, all []query.Rollout, now time.Time) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "POLICY\tWAVE\tTARGET\tSTATE\tSETTLED\tFAILED\tOFFLINE\tAGE")
	for _, r := range all {
		name := r.Policy
		if r.Gone {
			name += " (gone from Git)"
		}
		if len(r.Waves) == 0 {
			fmt.Fprintf(t, "%s\t-\t-\tbounds deletions\t-\t-\t-\t-\n", cell(name))
		}
		for _, v := range r.Waves {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d/%d\t%d/%d\t%d\t%s\n", cell(name), cell(v.Name), cell(target(v.Target, v.Subject)),
				cell(cmp.Or(v.Text, "begins")), v.Settled, v.Clusters, v.Failed, v.Budget, v.Offline, since(v.Since, now))
			name = ""
		}
	}
	_ = t.Flush()
}

func since(t, now time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return show.Ago(t, now)
}

// detail is what else is known of a policy.
func detail(w io.Writer, r query.Rollout, now time.Time) {
	if r.From != "" {
		show.Sayf(w, "\nRead from %s: a RolloutPolicy takes precedence.", r.From)
	}
	if u := r.Unread; u != nil {
		show.Sayf(w, "\n%s%s: %s", u.Reason, unreadIn(*u), u.Text)
	}
	for _, b := range r.Bad {
		fmt.Fprintln(w)
		show.Sayf(w, "%s failed %s ago: %s", target(b.Target, b.Subject), show.Ago(b.Since, now), b.Why)
		show.Sayf(w, "  no wave takes it any more; after the cause is repaired elsewhere: drover rollout resume %s@%s",
			r.Policy,
			Short(b.Target))
	}
	if len(r.Failures) > 0 {
		fmt.Fprintln(w, "\nFailed:")
	}
	for _, f := range r.Failures {
		back := ""
		if f.Back {
			back = ", and was taken back"
		}
		show.Sayf(w, "  %s with %s: %s %s%s; see drover status %[1]s", f.Cluster, Short(f.Target), strings.Join(f.Apps, ", "),
			f.Cause,
			back)
	}
	for _, v := range r.Reverts {
		fmt.Fprintln(w)
		show.Sayf(w, "%s", reverted(v, now))
	}
	for _, s := range r.Stays {
		fmt.Fprintln(w)
		show.Sayf(w, "Not taken back: %s, because of %s, by the annotation drover.dev/rollback: never: repair it by a "+
			"commit, or take other apps back with drover rollout rollback %s@TARGET --app KEY --reason …", s.Cluster,
			strings.Join(s.Apps, ", "), r.Policy)
	}
	if n := len(r.Behind); n > 0 {
		names := r.Behind[:min(n, 10)]
		more := ""
		if n > len(names) {
			more = fmt.Sprintf(" and %d more", n-len(names))
		}
		fmt.Fprintln(w)
		show.Sayf(w, "Other than Git asks for in %d of %d clusters: %s%s", n, r.Clusters, strings.Join(names, ", "), more)
	}
	for _, h := range r.Halts {
		fmt.Fprintln(w)
		show.Sayf(w, "Halted: %s%s by %s: %s", cmp.Or(h.Wave, "all waves"), until(h.Until), cmp.Or(h.By, "a user"), h.Reason)
	}
	for _, p := range r.Pinned {
		fmt.Fprintln(w)
		show.Sayf(w, "%s", pinned(p))
	}
}

// reverted says what became of a revert.
func reverted(v query.Revert, now time.Time) string {
	of := "what a person named"
	if v.Target != "" {
		of = Short(v.Target)
	}
	switch {
	case v.Commit != "":
		return fmt.Sprintf("The revert of %s is on the branch %s, as %s: merge it, and Git asks for what runs.", of, v.Branch,
			Short(v.Commit))
	case v.Ended:
		return fmt.Sprintf("%s is not reverted: %s", of, v.Text)
	case v.Text != "":
		return fmt.Sprintf("The revert of %s could not be pushed to the branch %s, retrying in %s: %s", of, v.Branch,
			show.Ago(now, v.Next), v.Text)
	}
	return fmt.Sprintf("The revert of %s is being pushed to the branch %s.", of, v.Branch)
}

func until(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return " until " + t.UTC().Format(time.RFC3339)
}

// why is `drover rollout why`.
func (m command) why() *cobra.Command {
	conn := m.connection()
	cmd := &cobra.Command{
		Use: "why POLICY[/WAVE]", Short: "Say what a wave waits for, and what would let it go on",
		Example: "  drover rollout why production/rest",
		Args:    m.one("a policy, and a wave after a slash"),
		RunE: func(cmd *cobra.Command, args []string) error {
			policy, wave, _, err := place(args[0])
			if err != nil {
				return m.usage(err)
			}
			c, err := conn.Client()
			if err != nil {
				return err
			}
			all, err := c.Rollouts(cmd.Context())
			if err != nil {
				return err
			}
			r, err := choose(all, policy)
			if err != nil {
				return err
			}
			return explain(cmd.OutOrStdout(), *r, wave, time.Now())
		},
	}
	conn.Flags(cmd)
	return cmd
}

// explain says of each wave up to one what it waits for.
func explain(w io.Writer, r query.Rollout, wave string, now time.Time) error {
	last := len(r.Waves) - 1
	if wave != "" {
		if last = slices.IndexFunc(r.Waves, func(v query.Wave) bool { return v.Name == wave }); last < 0 {
			return fmt.Errorf("the policy %s has no wave %.80q", r.Policy, wave)
		}
	}
	for _, v := range r.Waves[:last+1] {
		show.Sayf(w, "%s/%s is at %s: %s", r.Policy, v.Name, cmp.Or(target(v.Target, v.Subject), "nothing yet"),
			cmp.Or(v.Text,
				"begins"))
		switch rollout.Reason(v.Reason) {
		case rollout.AwaitingApproval:
			show.Sayf(w, "  drover rollout approve %s/%s", r.Policy, v.Name)
		case rollout.Frozen:
			show.Sayf(w, "  drover rollout unfreeze --reason …")
		case rollout.Halted, rollout.Unreadable:
			show.Sayf(w, "  drover rollout resume %s --reason …", r.Policy)
		case rollout.AwaitingGate, rollout.Unproven, rollout.AwaitingQuorum:
			show.Sayf(w, "  to go on without: drover rollout skip %s/%s --reason …", r.Policy, v.Name)
		}
	}
	detail(w, r, now)
	return nil
}

// history is `drover rollout history`.
func (m command) history() *cobra.Command {
	var output string
	conn := m.connection()
	cmd := &cobra.Command{
		Use: "history POLICY", Short: "Show what a rollout has done and people had it do, the newest last",
		Example: "  drover rollout history production", Args: m.one("a policy"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := conn.Client()
			if err != nil {
				return err
			}
			events, err := c.RolloutHistory(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			switch output {
			case "json":
				return show.JSON(cmd.OutOrStdout(), events)
			case "":
			default:
				return m.usage(fmt.Errorf("-o %s: use json", output))
			}
			t := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(t, "TIME\tWHAT\tWAVE\tTARGET\tBY\tWHY")
			for _, e := range events {
				fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", e.Time.UTC().Format(time.RFC3339), cell(e.Kind), cell(e.Wave),
					cell(Short(e.Target)), cell(e.By), cell(e.Text))
			}
			return t.Flush()
		},
	}
	conn.Flags(cmd)
	cmd.Flags().StringVarP(&output, "output", "o", "", "json")
	return cmd
}

// Short is the id of a target for people.
func Short(id string) string {
	commit, number, more := strings.Cut(id, "+")
	commit = commit[:min(8, len(commit))]
	if more {
		return commit + "+" + number
	}
	return commit
}

// target is a target for people, with its subject.
func target(id, subject string) string {
	if id == "" {
		return ""
	}
	if runes := []rune(subject); len(runes) > 32 {
		subject = string(runes[:31]) + "…"
	}
	if subject == "" {
		return Short(id)
	}
	return fmt.Sprintf("%s %q", Short(id), subject)
}

func cell(s string) string { return strings.ReplaceAll(show.OneLine(s), "\t", " ") }
