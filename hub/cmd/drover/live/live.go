// Package live is the commands that ask the agent of a cluster: `drover get`, `drover tree`, `drover diff CLUSTER`, and
// `drover logs`.
package live

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/drover-dev/drover/hub/api"
	"github.com/drover-dev/drover/hub/cmd/drover/call"
	"github.com/drover-dev/drover/hub/cmd/drover/show"
	"github.com/drover-dev/drover/protocol"
)

// Command makes the commands. Its fields are what they need of the program.
type Command struct {
	Connection func() call.Connection // makes what finds the hub, for one command
	Usage      func(error) error      // marks an error about how a command was called
}

// Commands are all commands but Diff, which may be a part of another one.
func (m Command) Commands() []*cobra.Command {
	return []*cobra.Command{m.get(), m.tree(), m.logs(), m.events()}
}

// args checks how many there are.
func (m Command) args(n int, what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != n {
			return m.Usage(fmt.Errorf("it takes %s", what))
		}
		return nil
	}
}

// place splits CLUSTER/APP/OBJECT after the cluster.
func place(arg string) (cluster, path string) {
	cluster, path, _ = strings.Cut(arg, "/")
	return cluster, strings.Trim(path, "/")
}

// ask asks, and hands on the answer as it comes. What was left out of it is told beside it.
func (m Command) ask(cmd *cobra.Command, conn call.Connection, cluster string, q api.Question, each func(
	[]byte) error) error {
	if cluster == "" {
		return m.Usage(errors.New("which cluster? `drover status` lists them"))
	}
	c, err := conn.Client()
	if err != nil {
		return err
	}
	end, err := api.AskCluster(cmd.Context(), c, cluster, q, each)
	switch {
	case errors.Is(err, context.Canceled) && q.Follow:
		return nil // Ctrl-C is how it ends
	case err != nil:
		return err
	case end.Reason != "":
		return fmt.Errorf("%s (%s)", show.OneLine(end.Message), show.OneLine(string(end.Reason)))
	}
	if end.Cut != "" {
		fmt.Fprintln(cmd.ErrOrStderr(), "drover: "+show.OneLine(end.Cut))
	}
	return nil
}

// askLines asks for an answer of lines of JSON.
func askLines[T any](m Command, cmd *cobra.Command, conn call.Connection, cluster string, q api.Question,
	each func(T) error,
) error {
	lines := lines[T]{each: each}
	return m.ask(cmd, conn, cluster, q, lines.take)
}

// lines decodes lines of JSON that come in pieces.
type lines[T any] struct {
	rest []byte
	each func(T) error
}

// maxLine is more than any line has.
const maxLine = 1 << 20

func (l *lines[T]) take(data []byte) error {
	l.rest = append(l.rest, data...)
	for {
		line, rest, whole := bytes.Cut(l.rest, []byte("\n"))
		if !whole {
			if len(l.rest) > maxLine {
				return errors.New("a line of the answer is longer than any may be: the agent or the hub is of another version")
			}
			return nil
		}
		l.rest = rest
		var v T
		if err := json.Unmarshal(line, &v); err != nil {
			return fmt.Errorf("a line of the answer cannot be read: %w", err)
		}
		if err := l.each(v); err != nil {
			return err
		}
	}
}

// printJSON writes the lines of an answer as one list.
func printJSON[T any](w io.Writer, list []T) error {
	if list == nil {
		list = []T{}
	}
	return show.JSON(w, list)
}

// output checks -o.
func (m Command) output(o string, allowed ...string) error {
	for _, a := range allowed {
		if o == a {
			return nil
		}
	}
	return m.Usage(fmt.Errorf("-o %s: choose %s", o, strings.Trim(strings.Join(allowed, " or "), " or")))
}

// refName is an object as people write it.
func refName(r protocol.ObjectRef) string {
	if r.Namespace == "" {
		return r.Kind + "/" + r.Name
	}
	return r.Kind + "/" + r.Name + " in " + r.Namespace
}
