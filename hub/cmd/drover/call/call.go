// Package call is what the commands of the packages below hub/cmd/drover are made with: how they find the hub, which
// arguments they take, and how they ask the user.
//
// It may import hub/api, cobra and the standard library.
package call

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/drover-dev/drover/hub/api"
)

// Connection finds the hub, by flags of a command.
type Connection struct {
	Flags   func(cmd *cobra.Command)
	Client  func() (api.Client, error)
	DataDir func() string // of a hub on this machine
}

// Fleet asks the hub for all clusters.
func (c Connection) Fleet(ctx context.Context) (api.Fleet, error) {
	client, err := c.Client()
	if err != nil {
		return api.Fleet{}, err
	}
	return client.Clusters(ctx, "")
}

// Completion completes the names of up to n clusters, of any number if n is negative.
func (c Connection) Completion(n int) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		var out []string
		if f, err := c.Fleet(cmd.Context()); err == nil && (n < 0 || len(args) < n) {
			for _, r := range f.Clusters {
				out = append(out, r.Name)
			}
		}
		return out, cobra.ShellCompDirectiveNoFileComp
	}
}

// Wrong marks an error about how a command was called.
type Wrong func(error) error

// Exactly is cobra.ExactArgs with an error that names what is missing.
func (w Wrong) Exactly(n int, what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != n {
			return w(fmt.Errorf("it takes %s", what))
		}
		return nil
	}
}

// AtLeastOne wants one argument or more.
func (w Wrong) AtLeastOne(what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) == 0 {
			return w(fmt.Errorf("it takes %s", what))
		}
		return nil
	}
}

// Confirm asks the user, unless that was answered before with --yes.
func (w Wrong) Confirm(in io.Reader, out io.Writer, yes bool, question string) error {
	if yes {
		return nil
	}
	if f, is := in.(*os.File); is {
		if info, err := f.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
			return w(errors.New("nobody can be asked here, because standard input is no terminal: say --yes if you mean it"))
		}
	}
	fmt.Fprintf(out, "%s [y/N] ", question)
	var answer string
	if _, err := fmt.Fscanln(in, &answer); errors.Is(err, io.EOF) {
		return errors.New("nothing was done, because there was no answer: say --yes if you mean it")
	}
	switch strings.ToLower(answer) {
	case "y", "yes":
		return nil
	}
	return errors.New("nothing was done")
}

// Redact takes the password out of a repository's URL, for showing it.
func Redact(repo string) string {
	if u, err := url.Parse(repo); err == nil && u.User != nil {
		return u.Redacted()
	}
	return repo
}
