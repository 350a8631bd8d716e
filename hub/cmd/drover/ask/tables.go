package ask

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/fleet/query/ask"
	"github.com/drover-dev/drover/hub/api"
	"github.com/drover-dev/drover/hub/cmd/drover/show"
)

func (a asker) clusters() *cobra.Command {
	var state string
	cmd := a.command(&cobra.Command{
		Use: "clusters", Short: "List clusters by state: behind, degraded, offline, drifting, held, awaiting, …",
		Long: `Lists the clusters that have some labels and are in one of some states:

  healthy    connected, in sync, and all of it current
  behind     it has not accepted what was published for it last
  degraded   something in it is degraded or failed
  offline    its agent is not connected
  drifting   drift was corrected in the last hour
  held       something waits for a person, or a RolloutPolicy holds back what Git asks for
  awaiting   no agent has joined
  suspended  Git suspends it
  removed    its folder is gone from Git`,
		Example: `  drover clusters --state behind,offline
  drover clusters -l env=production --state degraded -o wide
  drover clusters --state held -o name
  drover clusters --sort-by .drift --no-headers
  drover clusters -o jsonpath='{range .items[*]}{.name}{"\t"}{.reason}{"\n"}{end}'`,
	}, 0, func(ctx context.Context, c api.Client, o options, w io.Writer, _ []string) error {
		if _, err := ask.ParseConditions(state); err != nil {
			return a.usage(err)
		}
		p, err := pages[ask.ClusterRow](ctx, c, o, "clusters", map[string]string{"state": state})
		if err != nil {
			return err
		}
		if len(p.Items) == 0 && o.table() {
			fmt.Fprintln(w, "No cluster is like that.")
			return nil
		}
		err = print(w, o.printer, p, p.Items, func(r ask.ClusterRow) string { return "cluster/" + r.Name }, clusterColumns(p))
		left(w, o, p)
		return err
	})
	cmd.Flags().StringVar(&state, "state", "", "only clusters in one of these states, with commas between them")
	var words []string
	for _, c := range ask.Conditions() {
		words = append(words, string(c))
	}
	_ = cmd.RegisterFlagCompletionFunc("state", cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func clusterColumns(p ask.Page[ask.ClusterRow]) []column[ask.ClusterRow] {
	type row = ask.ClusterRow
	return []column[row]{
		{"CLUSTER", false, func(r row) string { return r.Name }},
		{"STATE", false, func(r row) string { return string(r.State) }},
		{"HEALTH", false, func(r row) string { return string(r.Health) }},
		{"APPS", false, func(r row) string { return r.Apps.String() }},
		{"APPLIED", false, func(r row) string { return r.Applied.Short() }},
		{"DESIRED", false, func(r row) string { return r.Desired.Short() }},
		{"REASON", false, func(r row) string { return string(r.Reason) }},
		{"SINCE", true, func(r row) string { return show.Ago(r.Since, p.Time) }},
		{"HEARD", true, func(r row) string { return show.Ago(r.Received, p.Time) }},
		{"GENERATION", true, func(r row) string { return fmt.Sprintf("%d/%d", r.Accepted, r.Generation) }},
		{"DRIFT", true, func(r row) string { return strconv.FormatUint(r.Drift, 10) }},
		{"KUBERNETES", true, func(r row) string { return r.Agent.Kubernetes }},
		{"LABELS", true, func(r row) string { return show.Labels(r.Labels) }},
		{"MESSAGE", false, message},
	}
}

func message(r ask.ClusterRow) string {
	text := r.Message
	for _, policy := range r.HeldBy {
		text = strings.TrimPrefix(text+fmt.Sprintf("; held back by the policy %s: see `drover rollout why %[1]s`", policy),
			"; ")
	}
	return text
}

func (a asker) apps() *cobra.Command {
	var phase string
	cmd := a.command(&cobra.Command{
		Use: "apps [APP]", Short: "Show where apps run, in which version, and how healthy they are",
		Long: `Without an app it shows a line for each app of the fleet: in how many clusters it is, in how many of them it
is healthy, and at which versions. With one it shows a line for each cluster that has it.

The version is that of the chart that its objects are labelled with (helm.sh/chart), or the commit that is applied.`,
		Example: `  drover apps
  drover apps payment
  drover apps media/plex -l region=eu --phase failed,degraded
  drover apps payment -o json`,
	}, 1, func(ctx context.Context, c api.Client, o options, w io.Writer, args []string) error {
		if len(args) == 0 {
			return appGroups(ctx, c, o, w)
		}
		p, err := pages[ask.AppRow](ctx, c, o, "apps", map[string]string{"app": args[0], "phase": phase})
		if err != nil {
			return err
		}
		if len(p.Items) == 0 && o.table() {
			fmt.Fprintf(w, "No cluster has %s like that.\n", show.OneLine(args[0]))
			return nil
		}
		err = print(w, o.printer, p, p.Items, func(r ask.AppRow) string { return "app/" + r.Cluster + "/" + r.App },
			appColumns(p))
		left(w, o, p)
		return err
	})
	cmd.Flags().StringVar(&phase, "phase", "", "of an app: only where it is in one of these phases, with commas between "+
		"them")
	return cmd
}

func appColumns(p ask.Page[ask.AppRow]) []column[ask.AppRow] {
	type row = ask.AppRow
	return []column[row]{
		{"CLUSTER", false, func(r row) string { return r.Cluster }},
		{"APP", false, func(r row) string { return r.App }},
		{"PHASE", false, func(r row) string { return string(r.Phase) }},
		{"HEALTH", false, func(r row) string {
			if r.State != query.StateConnected {
				return string(r.Health) + " (" + string(r.State) + ")"
			}
			return string(r.Health)
		}},
		{"OBJECTS", false, func(r row) string { return r.Objects.String() }},
		{"REVISION", false, func(r row) string { return fmt.Sprintf("%.8s", r.Revision) }},
		{"CHART", false, chartText},
		{"SINCE", true, func(r row) string { return show.Ago(r.Since, p.Time) }},
		{"DECLARED", true, func(r row) string { return r.Declared }},
		{"REASON", false, func(r row) string { return string(r.Reason) }},
		{"MESSAGE", false, func(r row) string { return r.Message }},
	}
}

// chartText names the charts of an app, marked where the cluster has not got so far.
func chartText(r ask.AppRow) string {
	var out []string
	for _, c := range r.Charts {
		out = append(out, c.Name+" "+c.Version)
	}
	text := show.Few(out)
	if text != "" && !r.Applied {
		text += " (asked for)"
	}
	return text
}

func appGroups(ctx context.Context, c api.Client, o options, w io.Writer) error {
	p, err := pages[ask.AppGroup](ctx, c, o, "apps", nil)
	if err != nil {
		return err
	}
	if len(p.Items) == 0 && o.table() {
		fmt.Fprintln(w, "No cluster has an app.")
		return nil
	}
	type row = ask.AppGroup
	err = print(w, o.printer, p, p.Items, func(r row) string { return "app/" + r.App }, []column[row]{
		{"APP", false, func(r row) string { return r.App }},
		{"CLUSTERS", false, func(r row) string { return strconv.Itoa(r.Clusters) }},
		{"HEALTHY", false, func(r row) string { return strconv.Itoa(r.Healthy) }},
		{"PENDING", false, func(r row) string { return strconv.Itoa(r.Pending) }},
		{"VERSIONS", false, func(r row) string { return counted(r.Versions) }},
		{"PHASES", true, func(r row) string { return counted(r.Phases) }},
		{"DECLARED", true, func(r row) string { return r.Declared }},
	})
	left(w, o, p)
	return err
}

// counted lists what was counted, the most frequent first.
func counted(m map[string]int) string {
	keys := slices.SortedFunc(maps.Keys(m), func(a, b string) int {
		if m[a] != m[b] {
			return m[b] - m[a]
		}
		return strings.Compare(a, b)
	})
	var out []string
	for _, k := range keys {
		name := k
		if name == "" {
			name = "nothing"
		}
		out = append(out, fmt.Sprintf("%s (%d)", name, m[k]))
	}
	return show.Few(out)
}
