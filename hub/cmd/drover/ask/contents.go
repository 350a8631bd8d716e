package ask

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/drover-dev/drover/fleet/query/ask"
	"github.com/drover-dev/drover/hub/api"
	"github.com/drover-dev/drover/hub/cmd/drover/show"
)

// whatIsKnown is said of each of these questions.
const whatIsKnown = `

What is known is what Drover delivers, as it is rendered: images of containers in any pod template, the label
helm.sh/chart, and kinds. PENDING counts clusters that have not applied it yet. What other tools or people have put into
the clusters, and what controllers make of objects, is not known.`

// usage columns say where something is.
func places[R any](uses func(R) ask.Uses) []column[R] {
	return []column[R]{
		{"CLUSTERS", false, func(r R) string { return strconv.Itoa(uses(r).Clusters) }},
		{"APPS", false, func(r R) string { return strconv.Itoa(uses(r).Apps) }},
		{"PENDING", false, func(r R) string { return strconv.Itoa(uses(r).Pending) }},
		{"WHERE", false, func(r R) string { return where(uses(r)) }},
	}
}

// where names all places if they were asked for, and otherwise the first clusters.
func where(u ask.Uses) string {
	if len(u.Places) == 0 {
		text := strings.Join(u.Sample, ", ")
		if more := u.Clusters - len(u.Sample); more > 0 {
			text += fmt.Sprintf(" and %d more", more)
		}
		return text
	}
	var out []string
	for _, p := range u.Places {
		text := p.Cluster + "/" + p.App
		if !p.Applied {
			text += " (pending)"
		}
		out = append(out, text)
	}
	return strings.Join(out, ", ")
}

// grouped asks for groups and prints them.
func grouped[R any](ctx context.Context, c api.Client, o options, w io.Writer, question string, q map[string]string,
	none string, name func(R) string, columns []column[R]) error {
	if o.format != "" && o.format != "table" {
		q["places"] = "true"
	}
	p, err := pages[R](ctx, c, o, question, q)
	if err != nil {
		return err
	}
	if len(p.Items) == 0 && o.table() {
		fmt.Fprintln(w, none)
		return nil
	}
	err = print(w, o.printer, p, p.Items, name, columns)
	left(w, o, p)
	return err
}

func (a asker) images() *cobra.Command {
	return a.command(&cobra.Command{
		Use: "images [NAME][:TAG][@DIGEST]", Short: "Show which clusters run an image",
		Long: `Shows the images that are delivered, and the clusters that run each. The name may lack the registry, and
what else stands before a slash: payment means ghcr.io/acme/payment, too. Of a digest the first seven digits are enough.
With -o wide it names all clusters and apps.` + whatIsKnown,
		Example: `  drover images
  drover images nginx
  drover images ghcr.io/acme/payment:1.4.2 -o wide
  drover images @sha256:4f1c8a2 -l env=production
  drover images :latest`,
	}, 1, func(ctx context.Context, c api.Client, o options, w io.Writer, args []string) error {
		type row = ask.ImageGroup
		return grouped(ctx, c, o, w, "images", map[string]string{"image": first(args)}, "No such image is delivered.",
			func(r row) string { return "image/" + r.Image },
			append([]column[row]{{"IMAGE", false, func(r row) string { return r.Image }}},
				places(func(r row) ask.Uses { return r.Uses })...))
	})
}

func (a asker) charts() *cobra.Command {
	var older string
	cmd := a.command(&cobra.Command{
		Use: "charts [NAME]", Short: "Show which clusters run a chart, or one that is older than a version",
		Long: `Shows the versions of Helm charts that are delivered, and the clusters that run each. Charts are known by
the label helm.sh/chart of their objects, which almost all charts have.` + whatIsKnown,
		Example: `  drover charts
  drover charts ingress-nginx --older-than 4.11.0
  drover charts ingress-nginx -o wide`,
	}, 1, func(ctx context.Context, c api.Client, o options, w io.Writer, args []string) error {
		type row = ask.ChartGroup
		return grouped(ctx, c, o, w, "charts", map[string]string{"chart": first(args), "olderThan": older},
			"No such chart is delivered.", func(r row) string { return "chart/" + r.Name + "/" + r.Version },
			append([]column[row]{
				{"CHART", false, func(r row) string { return r.Name }},
				{"VERSION", false, func(r row) string { return r.Version }},
			}, places(func(r row) ask.Uses { return r.Uses })...))
	})
	cmd.Flags().StringVar(&older, "older-than", "", "only versions before this one, as Semantic Versioning orders them")
	return cmd
}

func (a asker) objects() *cobra.Command {
	var kind, version string
	cmd := a.command(&cobra.Command{
		Use: "objects", Short: "Show which clusters have objects of a kind, in a version of its API",
		Long: `Shows the kinds of objects that are delivered, how many there are, and the clusters that have them: before
an upgrade of Kubernetes, who uses a version of an API that it removes.` + whatIsKnown,
		Example: `  drover objects
  drover objects --kind PodDisruptionBudget --api-version policy/v1beta1
  drover objects --api-version networking.k8s.io -o wide`,
	}, 0, func(ctx context.Context, c api.Client, o options, w io.Writer, _ []string) error {
		type row = ask.KindGroup
		return grouped(ctx, c, o, w, "objects", map[string]string{"kind": kind, "apiVersion": version},
			"No such objects are delivered.", func(r row) string { return r.Kind + "." + r.APIVersion },
			append([]column[row]{
				{"API VERSION", false, func(r row) string { return r.APIVersion }},
				{"KIND", false, func(r row) string { return r.Kind }},
				{"OBJECTS", false, func(r row) string { return strconv.Itoa(r.Objects) }},
			}, places(func(r row) ask.Uses { return r.Uses })...))
	})
	cmd.Flags().StringVar(&kind, "kind", "", "only this kind, in any letter case")
	cmd.Flags().StringVar(&version, "api-version", "", "only this version of an API, as apps/v1, or all of a group, as "+
		"apps")
	return cmd
}

func (a asker) causes() *cobra.Command {
	var app string
	cmd := a.command(&cobra.Command{
		Use: "causes", Short: "Show what failed, with a line for all clusters that have a cause in common",
		Long: `Shows what is wrong in apps that failed or are degraded, the most frequent first: 400 clusters whose pods miss
the same image are one line, with since when, at which commits, and the first clusters. Names of clusters in messages
are replaced by CLUSTER, times and counts by ….`,
		Example: `  drover causes
  drover causes --app payment -o wide
  drover causes -l env=production -o json`,
	}, 0, func(ctx context.Context, c api.Client, o options, w io.Writer, _ []string) error {
		type row = ask.Failure
		return grouped(ctx, c, o, w, "causes", map[string]string{"app": app}, "No app has failed or is degraded.",
			func(r row) string { return r.App + "/" + r.Object },
			[]column[row]{
				{"CLUSTERS", false, func(r row) string { return strconv.Itoa(r.Clusters) }},
				{"APP", false, func(r row) string { return r.App }},
				{"OBJECT", false, func(r row) string { return r.Object }},
				{"REASON", false, func(r row) string { return string(r.Reason) }},
				{"FIRST SEEN", false, firstSeen},
				{"REVISION", false, func(r row) string { return show.Few(r.Revisions) }},
				{"WHERE", false, func(r row) string { return where(r.Uses) }},
				{"MESSAGE", false, func(r row) string { return r.Message }},
			})
	})
	cmd.Flags().StringVar(&app, "app", "", "only this app")
	return cmd
}

func firstSeen(f ask.Failure) string {
	if f.Since.IsZero() {
		return ""
	}
	return f.Since.UTC().Format("2006-01-02 15:04Z") + " in " + f.First
}
