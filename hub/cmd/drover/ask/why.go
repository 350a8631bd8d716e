package ask

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/drover-dev/drover/fleet/query/why"
	"github.com/drover-dev/drover/hub/api"
	"github.com/drover-dev/drover/hub/cmd/drover/show"
)

func (a asker) why() *cobra.Command {
	conn, p := a.connection(), printer{}
	cmd := &cobra.Command{
		Use: "why CLUSTER[/APP[/OBJECT]]", Short: "Follow what is wrong down to the one thing to do",
		Long: `Shows the chain of causes of what is wrong with a cluster, an app or an object: an app waits for another one,
whose hook failed, because an image is not found. The last lines say what to do, with the command to run or the file to
change.

An app that another tool declares is named with its namespace and name, as production/media/plex, or by its key. An
object is named as Kind/namespace/name, Kind/name or name.`,
		Example: `  drover why production
  drover why production/payment
  drover why production/payment/Deployment/shop/web
  drover why production -o json`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return a.usage(errors.New("it takes what is to be explained, as CLUSTER, CLUSTER/APP or CLUSTER/APP/OBJECT"))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := p.check(); err != nil {
				return a.usage(err)
			}
			c, err := conn.Client()
			if err != nil {
				return err
			}
			answer, err := explain(cmd.Context(), c, args[0])
			if err != nil {
				return err
			}
			if !p.table() {
				return print(cmd.OutOrStdout(), p, answer, []why.Answer{answer},
					func(r why.Answer) string { return r.Chain[len(r.Chain)-1].Subject }, nil)
			}
			return chain(cmd.OutOrStdout(), answer)
		},
	}
	conn.Flags(cmd)
	cmd.Flags().StringVarP(&p.format, "output", "o", "", "json, yaml, name, jsonpath=TEMPLATE or go-template=TEMPLATE")
	return cmd
}

// explain asks. Where an app ends and an object begins, only the hub knows: names of both may have slashes.
func explain(ctx context.Context, c api.Client, what string) (answer why.Answer, err error) {
	err = api.Ask(ctx, c, "why", url.Values{"what": {what}}, &answer)
	if err == nil && len(answer.Chain) == 0 {
		err = fmt.Errorf("the hub's answer about %.80q names no cause, so one of the two is of another release: use the "+
			"drover of the hub's release", what)
	}
	return answer, err
}

// chain prints an answer for people.
func chain(w io.Writer, a why.Answer) error {
	for i, l := range a.Chain {
		arrow := ""
		if i > 0 {
			arrow = strings.Repeat("  ", i-1) + "← "
		}
		text := l.Subject
		var words []string
		for _, word := range []string{l.State, l.Reason} {
			if word != "" {
				words = append(words, word)
			}
		}
		if !l.Since.IsZero() {
			words = append(words, "for "+show.Ago(l.Since, a.Time))
		}
		if len(words) > 0 {
			text += " (" + strings.Join(words, ", ") + ")"
		}
		if l.Message != "" {
			text += ": " + l.Message
		}
		show.Sayf(w, "%s%s", arrow, text)
	}
	if a.Stale != "" {
		fmt.Fprintln(w)
		show.Sayf(w, "%s", a.Stale)
	}
	if a.Well {
		_, err := fmt.Fprintln(w, "\nNothing is to be done.")
		return err
	}
	fmt.Fprintln(w)
	show.Sayf(w, "What to do: %s", a.Do.Text)
	if a.Do.Command != "" {
		show.Sayf(w, "  run   %s", a.Do.Command)
	}
	if a.Do.File != "" {
		at := a.Do.File
		if a.Do.Line > 0 {
			at = fmt.Sprintf("%s:%d", at, a.Do.Line)
		}
		show.Sayf(w, "  file  %s", at)
	}
	if len(a.Also) > 0 {
		fmt.Fprintln(w, "\nWrong, too:")
	}
	for _, text := range a.Also {
		show.Sayf(w, "  %s", text)
	}
	return nil
}
