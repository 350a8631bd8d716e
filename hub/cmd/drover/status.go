package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/fleet/selector"
	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/hub/api"
	"github.com/drover-dev/drover/hub/cmd/drover/show"
	"github.com/drover-dev/drover/hub/cmd/drover/waves"
	"github.com/drover-dev/drover/protocol"
)

// statusOptions are the flags of `drover status`.
type statusOptions struct {
	connection
	output, selector string
	watch, exitCode  bool
	all              bool
}

func newStatusCommand() *cobra.Command {
	var o statusOptions
	cmd := &cobra.Command{
		Use: "status [CLUSTER]", Short: "Show the state of all clusters, or of one",
		Long: `Shows a line for every cluster: whether its agent is connected and since when, its health, how many apps
and objects are healthy, which revision it runs, and its most severe problem with what to do about it. With the name of
a cluster it shows that cluster's apps, their problems, and the latest events.

Of more than 50 clusters it shows how many are how, what is wrong, with a line for all clusters that have it in common,
and lines for some of those that are not well; --all shows a line for every cluster.

An offline cluster is not a failed one: its line shows the last report, and how old it is.`,
		Example: `  drover status
  drover status production-us-east-1
  drover status -l 'env=production,region notin (us)' -o wide
  drover status --watch
  drover status --exit-code >/dev/null || echo "something is wrong"`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usageError{fmt.Errorf("it takes at most one cluster; choose several with -l")}
			}
			return nil
		},
		RunE:              func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), cmd.OutOrStdout(), args) },
		ValidArgsFunction: o.completion(1),
	}
	o.flags(cmd)
	f := cmd.Flags()
	f.StringVarP(&o.output, "output", "o", "", "wide, json or yaml")
	f.StringVarP(&o.selector, "selector", "l", "", "only clusters with these labels, as kubectl's -l")
	f.BoolVar(&o.all, "all", false, "a line for every cluster, however many there are")
	f.BoolVarP(&o.watch, "watch", "w", false, "stay, and show every change")
	f.BoolVar(&o.exitCode, "exit-code", false, "exit with 1 unless everything shown is connected, in sync and healthy, and no rollout holds anything back")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"wide", "json", "yaml"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (o *statusOptions) check(args []string) error {
	switch o.output {
	case "", "wide", "json", "yaml":
	default:
		return usageError{fmt.Errorf("-o %s: use wide, json or yaml", o.output)}
	}
	if _, err := selector.Parse(o.selector); err != nil {
		return usageError{err}
	}
	if len(args) == 1 && (o.selector != "" || o.watch) {
		return usageError{fmt.Errorf("name a cluster, or use -l and --watch for several; not both")}
	}
	return nil
}

func (o *statusOptions) run(ctx context.Context, w io.Writer, args []string) error {
	if err := o.check(args); err != nil {
		return err
	}
	c, err := o.client()
	if err != nil {
		return err
	}
	switch {
	case len(args) == 1:
		return o.one(ctx, w, c, args[0])
	case o.watch:
		return o.follow(ctx, w, c)
	}
	f, err := c.Clusters(ctx, o.selector)
	if err != nil {
		return err
	}
	if err := o.printFleet(w, f); err != nil {
		return err
	}
	return o.verdict(f.Source, f.Clusters...)
}

// verdict is bad news unless all is well, where that was asked for.
func (o *statusOptions) verdict(source hub.SourceStatus, rows ...query.Row) error {
	bad := source.Error != "" || source.Stalled != "" || len(source.Problems) > 0 || len(source.Held) > 0 || source.Withheld != nil ||
		waves.HeldBack(source.Rollouts) || source.Frozen != nil
	for _, r := range rows {
		bad = bad || r.State != query.StateConnected || !r.Synced || r.Health != protocol.HealthCurrent
	}
	if bad && o.exitCode {
		return errBadNews
	}
	return nil
}

func (o *statusOptions) follow(ctx context.Context, w io.Writer, c api.Client) error {
	first := true
	return c.Watch(ctx, o.selector, func(f api.Fleet) error {
		if !first && o.output != "json" && o.output != "yaml" {
			fmt.Fprintf(w, "\n%s\n", f.Time.Local().Format(time.TimeOnly))
		}
		first = false
		return o.printFleet(w, f)
	})
}

func (o *statusOptions) one(ctx context.Context, w io.Writer, c api.Client, name string) error {
	d, err := c.Cluster(ctx, name)
	if err != nil {
		return err
	}
	if done, err := o.printData(w, d); done || err != nil {
		if err != nil {
			return err
		}
		return o.verdict(d.Source, d.Row)
	}
	printDetail(w, d)
	return o.verdict(d.Source, d.Row)
}

// printData prints an answer as data, where that was asked for.
func (o *statusOptions) printData(w io.Writer, answer any) (bool, error) {
	var data []byte
	var err error
	switch o.output {
	case "json":
		data, err = json.MarshalIndent(answer, "", "  ")
		data = append(data, '\n')
	case "yaml":
		data, err = yaml.Marshal(answer)
		if o.watch {
			data = append([]byte("---\n"), data...)
		}
	default:
		return false, nil
	}
	if err != nil {
		return true, err
	}
	_, err = w.Write(data)
	return true, err
}

func (o *statusOptions) printFleet(w io.Writer, f api.Fleet) error {
	if done, err := o.printData(w, f); done {
		return err
	}
	printSource(w, f.Source, f.Time)
	return o.printRows(w, f)
}

// printRows prints a line for every cluster.
func (o *statusOptions) printRows(w io.Writer, f api.Fleet) error {
	if len(f.Clusters) == 0 {
		if o.selector != "" {
			fmt.Fprintf(w, "No cluster has the labels %s.\n", o.selector)
		} else {
			fmt.Fprintln(w, "No clusters yet: add one with `drover cluster add NAME`, or a folder clusters/<name>/ to the repository.")
		}
		return nil
	}
	rows, more := f.Clusters, 0
	if len(rows) > show.Large && !o.all {
		var err error
		if rows, more, err = show.Summary(w, f.Clusters); err != nil || len(rows) == 0 {
			return err
		}
	}
	t := show.NewTable(w)
	wide := o.output == "wide"
	header := "CLUSTER\tAGENT\tHEALTH\tAPPS\tOBJECTS\tREVISION\tHEARD\t"
	if wide {
		header += "REASON\tGENERATION\tDRIFT\tKUBERNETES\tVERSION\tLABELS\t"
	}
	fmt.Fprintln(t, header+"MESSAGE")
	for _, r := range rows {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t", show.OneLine(r.Name), show.OneLine(agentState(r, f.Time)), healthWord(r), r.Apps, r.Objects,
			show.OneLine(revision(r)), heard(r, f.Time))
		if wide {
			fmt.Fprintf(t, "%s\t%d/%d\t%d\t%s\t%s\t%s\t", show.OrDash(string(r.Reason)), r.Accepted, r.Generation,
				r.Drift, show.OrDash(r.Agent.Kubernetes), show.OrDash(r.Agent.Version), show.OrDash(show.Labels(r.Labels)))
		}
		fmt.Fprintln(t, show.OneLine(r.Message))
	}
	if err := t.Flush(); err != nil || more == 0 {
		return err
	}
	_, err := fmt.Fprintf(w, "… and %d more that are not well: choose some with -l, or see all clusters with --all\n",
		more)
	return err
}

// maxReleases is how many holds of newer content are shown, one for each Application or ApplicationSet.
const maxReleases = 15

func printSource(w io.Writer, s hub.SourceStatus, now time.Time) {
	at := "not read yet"
	if s.Revision.Hash != "" {
		at = fmt.Sprintf("%s %q, resolved %s ago", s.Revision.Short(), s.Revision.Subject, show.Ago(s.Resolved, now))
	}
	branch := ""
	if s.Branch != "" {
		branch = " (" + s.Branch + ")"
	}
	fmt.Fprintf(w, "%s\n", show.OneLine(fmt.Sprintf("%s%s at %s", s.Repository, branch, at)))
	if s.Error != "" {
		show.Sayf(w, "  cannot be followed since %s: %s", show.Ago(s.ErrorSince, now), show.OneLine(s.Error))
	}
	if s.Stalled != "" {
		show.Sayf(w, "  nothing can be published since %s, and it is tried again; agents keep their clusters as they are: %s",
			show.Ago(s.StalledSince, now), s.Stalled)
	}
	if !s.Hub.Acts() {
		show.Sayf(w, "  this hub does not act for the fleet: its state is %s, with epoch %d", s.Hub.State, s.Hub.Epoch)
	}
	if s.Withheld != nil {
		show.Sayf(w, "  since %s %s", show.Ago(s.Withheld.Since, now), show.OneLine(s.Withheld.String()))
	}
	for _, p := range s.Problems {
		show.Sayf(w, "  %s", show.OneLine(p))
	}
	for _, from := range s.Sources {
		switch {
		case from.Error != "" && from.Revision != "":
			show.Sayf(w, "  a source cannot be fetched since %s, and is used as it was at %s: %s", show.Ago(from.Since, now), from.Revision, show.OneLine(from.Error))
		case from.Error != "":
			show.Sayf(w, "  a source cannot be fetched since %s: %s", show.Ago(from.Since, now), show.OneLine(from.Error))
		}
	}
	releases := 0
	for _, h := range s.Held {
		if h.Kind == protocol.HoldRelease {
			if releases++; releases > maxReleases {
				continue
			}
		}
		since := ""
		if !h.Since.IsZero() {
			since = " since " + show.Ago(h.Since, now)
		}
		back := ""
		if h.Revision.Hash != "" && h.Kind != protocol.HoldRelease {
			back = ", or bring it back in Git"
		}
		show.Sayf(w, "  held%s: %s; let it through with `drover approve %s`%s", since, show.OneLine(h.Text()), h.Name(), back)
	}
	if more := releases - maxReleases; more > 0 {
		show.Sayf(w, "  held: newer content of %d more %s; -o json has all", more, show.Plural(more, "declaration"))
	}
	for _, text := range append(waves.Frozen(s.Frozen), waves.Lines(s.Rollouts)...) {
		show.Sayf(w, "  %s", text)
	}
	printJoins(w, s, now)
	fmt.Fprintln(w)
}

func printDetail(w io.Writer, d api.Detail) {
	printSource(w, d.Source, d.Time)
	t := show.NewTable(w)
	line := func(key, format string, args ...any) {
		fmt.Fprintf(t, "%s:\t%s\n", key, show.OneLine(fmt.Sprintf(format, args...)))
	}
	line("Cluster", "%s", d.Name)
	if len(d.Labels) > 0 {
		line("Labels", "%s", show.Labels(d.Labels))
	}
	for _, text := range waves.Holding(d.Source.Rollouts, d.Name) {
		line("Held back", "%s", text)
	}
	line("Agent", "%s %s", agentState(d.Row, d.Time), describeAgent(d.Agent))
	if !d.Since.IsZero() {
		line("Since", "%s (%s ago)", d.Since.Local().Format(time.DateTime), show.Ago(d.Since, d.Time))
	}
	line("Heard", "%s", heard(d.Row, d.Time))
	line("Health", "%s", healthWord(d.Row))
	line("Revision", "%s (generation %d, accepted %d)", revision(d.Row), d.Generation, d.Accepted)
	line("Credential", "%s", credential(d.Identity))
	line("Drift", "%d corrected since the agent started", d.Drift)
	if d.Message != "" {
		line("Message", "%s", show.OneLine(d.Message))
	}
	if d.Untaken.Count > 0 {
		line("Not taken", "%s (%s ago)", d.Untaken, show.Ago(d.Untaken.Last, d.Time))
	}
	_ = t.Flush()
	for _, p := range d.Problems {
		show.Sayf(w, "  %s", show.OneLine(p))
	}
	for _, h := range d.Holds {
		fmt.Fprintf(w, "\nHeld as %s: %s\n", show.OneLine(h.Name()), show.OneLine(h.Text()))
		printObjects(w, h)
	}
	printApps(w, d)
	if len(d.Notes) > 0 {
		fmt.Fprintln(w, "\nAsked for in Git and not done:")
	}
	for _, n := range d.Notes {
		show.Sayf(w, "  %s", n)
	}
	printEvents(w, d)
}

func describeAgent(a protocol.Agent) string {
	if a.Identity == "" {
		return ""
	}
	return fmt.Sprintf("(%s, version %s, Kubernetes %s)", a.Identity, show.OrDash(a.Version), show.OrDash(a.Kubernetes))
}

func printApps(w io.Writer, d api.Detail) {
	if len(d.AppRows) == 0 {
		fmt.Fprintln(w, "\nNo apps.")
		return
	}
	fmt.Fprintln(w)
	t := show.NewTable(w)
	fmt.Fprintln(t, "APP\tPHASE\tREASON\tHEALTH\tOBJECTS\tREVISION\tSINCE\tMESSAGE")
	for _, a := range d.AppRows {
		rev := protocol.Revision{Hash: a.Revision}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", show.OneLine(a.Name), show.OneLine(string(a.Phase)), show.OrDash(string(a.Reason)),
			show.OneLine(string(a.Health)), query.Count{Good: a.Current, All: a.Objects}, show.OrDash(rev.Short()), show.Ago(a.Since, d.Time), show.OneLine(a.Message))
	}
	_ = t.Flush()
	for _, a := range d.AppRows {
		for _, p := range a.Problems {
			if strings.Contains(a.Message, p.Object.String()+": "+p.Message) {
				continue // it stands above
			}
			show.Sayf(w, "  %s", show.OneLine(fmt.Sprintf("%s: %s is %s: %s", a.Name, p.Object, p.Health, p.Message)))
		}
		if a.More > 0 {
			show.Sayf(w, "  %s: and %d more", show.OneLine(a.Name), a.More)
		}
	}
}

func printEvents(w io.Writer, d api.Detail) {
	if len(d.Events) == 0 {
		return
	}
	fmt.Fprintln(w, "\nWhat happened, newest first:")
	t := show.NewTable(w)
	for _, e := range d.Events {
		what := e.App
		if e.Object != nil {
			what = strings.TrimPrefix(e.App+" "+e.Object.String(), " ")
		}
		text := e.Message
		if e.Kind == protocol.EventDrift {
			text = fmt.Sprintf("%s (%.0f ms)", e.Message, float64(e.Took))
		}
		fmt.Fprintf(t, "  %s\t%s\t%s\t%s\n", show.Ago(e.Time, d.Time), show.OneLine(string(e.Kind)), show.OneLine(what), show.OneLine(text))
	}
	_ = t.Flush()
}

// agentState says how the hub stands to the agent, and since when where that matters.
func agentState(r query.Row, now time.Time) string {
	if (r.State == query.StateOffline || r.State == query.StateReleased) && !r.Since.IsZero() {
		return fmt.Sprintf("%s %s", r.State, show.Ago(r.Since, now))
	}
	return string(r.State)
}

// heard says how old the knowledge of a cluster is. An agent that is connected reports what changes when it changes, so what
// is known of it is so now, however long ago it was said.
func heard(r query.Row, now time.Time) string {
	if r.State == query.StateConnected && !r.Received.IsZero() {
		return "live"
	}
	return show.Ago(r.Received, now)
}

// healthWord is the health, marked where it is as old as the last report of an agent that is away.
func healthWord(r query.Row) string {
	switch {
	case r.Suspended:
		return "suspended"
	case r.State != query.StateConnected && r.Health != protocol.HealthUnknown:
		return show.OneLine(string(r.Health)) + " (old)"
	}
	return show.OneLine(string(r.Health))
}

func revision(r query.Row) string {
	switch {
	case r.Generation == 0 && r.Applied.Hash == "":
		return "-"
	case r.Synced:
		return r.Applied.Short()
	case r.Applied.Hash == "":
		return "- → " + r.Desired.Short()
	}
	return r.Applied.Short() + " → " + r.Desired.Short()
}
