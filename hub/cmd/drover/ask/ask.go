// Package ask has the commands that ask questions over the fleet: `drover clusters`, `apps`, `images`, `charts`,
// `objects`, `causes` and `why`.
//
// It may import the API's client, package show, fleet/query and what these need, and the printers' JSONPath.
package ask

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/drover-dev/drover/fleet/query/ask"
	"github.com/drover-dev/drover/fleet/selector"
	"github.com/drover-dev/drover/hub/api"
	"github.com/drover-dev/drover/hub/cmd/drover/waves"
)

// asker makes the commands.
type asker struct {
	connection func() waves.Connection
	usage      func(error) error
}

// Commands makes the commands. connection makes what finds the hub, for one command; wrong marks an error about how a
// command was called.
func Commands(connection func() waves.Connection, wrong func(error) error) []*cobra.Command {
	a := asker{connection, wrong}
	return []*cobra.Command{a.clusters(), a.apps(), a.images(), a.charts(), a.objects(), a.causes(), a.why()}
}

// options are the flags that all questions have.
type options struct {
	printer
	selector string
	limit    int
	from     string
}

// pageSize is how many rows are asked for at once.
const pageSize = 1000

// command makes a command that asks a question with up to args arguments.
func (a asker) command(cmd *cobra.Command, args int, run func(ctx context.Context, c api.Client, o options, w io.Writer,
	args []string) error) *cobra.Command {
	conn, o := a.connection(), options{}
	cmd.Args = func(_ *cobra.Command, given []string) error {
		if len(given) > args {
			return a.usage(fmt.Errorf("it takes %d %s at most", args, plural(args, "argument")))
		}
		return nil
	}
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		if err := o.check(); err != nil {
			return a.usage(err)
		}
		if _, err := selector.Parse(o.selector); err != nil {
			return a.usage(err)
		}
		if o.limit < 0 {
			return a.usage(fmt.Errorf("--limit %d: write a number from 1, or 0 for all", o.limit))
		}
		c, err := conn.Client()
		if err != nil {
			return err
		}
		return run(cmd.Context(), c, o, cmd.OutOrStdout(), given)
	}
	conn.Flags(cmd)
	f := cmd.Flags()
	f.StringVarP(&o.selector, "selector", "l", "", "only clusters with these labels, as kubectl's -l")
	f.IntVar(&o.limit, "limit", 0, "show so many rows at most; 0 shows all")
	f.StringVar(&o.from, "continue", "", "go on where the answer before ended, as it says")
	o.printer.flags(cmd)
	return cmd
}

func plural(n int, what string) string {
	if n == 1 {
		return what
	}
	return what + "s"
}

// pages asks for all pages of an answer, up to the limit.
func pages[R any](ctx context.Context, c api.Client, o options, question string,
	parameters map[string]string) (ask.Page[R],
	error) {
	q := url.Values{}
	for key, value := range parameters {
		if value != "" {
			q.Set(key, value)
		}
	}
	if o.selector != "" {
		q.Set("selector", o.selector)
	}
	all := ask.Page[R]{Continue: o.from}
	for {
		size := pageSize
		if o.limit > 0 {
			size = min(size, o.limit-len(all.Items))
		}
		q.Set("limit", strconv.Itoa(size))
		if all.Continue != "" {
			q.Set("continue", all.Continue)
		}
		var page ask.Page[R]
		if err := api.Ask(ctx, c, question, q, &page); err != nil {
			return all, err
		}
		if page.Continue != "" && page.Continue == all.Continue {
			return all, fmt.Errorf("the hub gives the same page again, after %d of %d: ask it again, with --limit %d",
				len(all.Items), page.Total, max(len(all.Items), 1))
		}
		page.Items = append(all.Items, page.Items...)
		all = page
		if all.Continue == "" || o.limit > 0 && len(all.Items) >= o.limit {
			return all, nil
		}
	}
}

// left says that there is more than was shown.
func left[R any](w io.Writer, o options, p ask.Page[R]) {
	if n := p.Total - len(p.Items); n > 0 && p.Continue != "" && o.table() {
		fmt.Fprintf(w, "… of %d: go on with --continue %s\n", p.Total, strconv.Quote(p.Continue))
	}
}

// first is the first argument; "" for none.
func first(args []string) string { return strings.Join(args[:min(len(args), 1)], "") }
