// Package auth is `drover auth`: who the hub takes a client for, and what it may do.
package auth

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/drover-dev/drover/hub/api"
	"github.com/drover-dev/drover/hub/cmd/drover/call"
	"github.com/drover-dev/drover/hub/cmd/drover/show"
)

// command makes the subcommands.
type command struct {
	connection func() call.Connection
	wrong      call.Wrong
}

// denied ends a command with exit code 1, after it said why.
type denied struct{}

func (denied) Error() string { return "" }

// ExitCode is the code with which the program ends.
func (denied) ExitCode() int { return 1 }

// New makes `drover auth`.
func New(connection func() call.Connection, wrong call.Wrong) *cobra.Command {
	m := command{connection, wrong}
	cmd := &cobra.Command{
		Use: "auth", Short: "Show who the hub takes you for, and what you may do",
		Long: `Shows who the hub takes you for, and what you may do. Roles and RoleBindings are objects below fleet/ of the
repository: docs/access.md.`,
		Example: `  drover auth whoami
  drover auth can-i approve rollouts --cluster staging
  drover auth can-i --list`,
	}
	cmd.AddCommand(m.whoami(), m.canI())
	return cmd
}

func (m command) whoami() *cobra.Command {
	conn := m.connection()
	var output string
	cmd := &cobra.Command{
		Use: "whoami", Short: "Show who the hub takes you for", Example: "  drover auth whoami",
		Args: m.wrong.Exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if output != "" && output != "json" {
				return m.wrong(fmt.Errorf("-o %s: use json", output))
			}
			c, err := conn.Client()
			if err != nil {
				return err
			}
			who, err := api.WhoAmI(cmd.Context(), c)
			switch {
			case err != nil:
				return err
			case output == "json":
				return show.JSON(cmd.OutOrStdout(), who)
			}
			return show.Lines(cmd.OutOrStdout(), describe(who))
		},
	}
	conn.Flags(cmd)
	cmd.Flags().StringVarP(&output, "output", "o", "", "json")
	return cmd
}

// describe is an identity for people.
func describe(who api.Identity) []string {
	if who.Kind == "SharedToken" {
		return []string{"the shared token of the hub, which may do everything and stands for nobody"}
	}
	out := []string{strings.ToLower(who.Kind) + " " + who.Name}
	if len(who.Groups) > 0 {
		out = append(out, "groups   "+strings.Join(who.Groups, ", "))
	}
	if who.Email != "" {
		out = append(out, "email    "+who.Email)
	}
	if who.Role != "" {
		out = append(out, "role     "+who.Role)
	}
	out = append(out, "within   "+who.Limit)
	if !who.Expires.IsZero() {
		out = append(out, "until    "+who.Expires.UTC().Format(time.RFC3339))
	}
	if !who.Bindings {
		out = append(out, "The fleet has no RoleBinding: named tokens without a role have the rights of earlier releases.")
	}
	return out
}

func (m command) canI() *cobra.Command {
	conn := m.connection()
	var cluster, project, output string
	var list, quiet bool
	cmd := &cobra.Command{
		Use: "can-i VERB RESOURCE", Short: "Say whether you may do something",
		Long: `Says whether you may do something, and what allows it or is missing. Without --cluster it asks for the whole
fleet, with --cluster for a cluster with all of its apps, and with --project for the apps of a project in it.

The exit code is 0 for yes and 1 for no.`,
		Example: `  drover auth can-i approve decisions
  drover auth can-i get logs --cluster staging --project payment
  drover auth can-i --list`,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case list && len(args) > 0:
				return m.wrong(errors.New("--list shows everything: it takes no arguments"))
			case !list && len(args) != 2:
				return m.wrong(errors.New("it takes a verb and a resource, as in `drover auth can-i halt rollouts`, or --list"))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if output != "" && output != "json" {
				return m.wrong(fmt.Errorf("-o %s: use json", output))
			}
			c, err := conn.Client()
			if err != nil {
				return err
			}
			if list {
				return listed(cmd, c, output)
			}
			ask := url.Values{"verb": {args[0]}, "resource": {args[1]}, "cluster": {cluster}, "project": {project}}
			v, err := api.CanI(cmd.Context(), c, ask)
			if err != nil {
				return err
			}
			word := "no"
			if v.Allowed {
				word = "yes"
			}
			switch {
			case output == "json":
				err = show.JSON(cmd.OutOrStdout(), v)
			case !quiet && v.Role != "":
				show.Sayf(cmd.OutOrStdout(), "%s: role %s, by %s", word, v.Role, v.Why)
			case !quiet:
				show.Sayf(cmd.OutOrStdout(), "%s: %s", word, v.Why)
			}
			if err == nil && !v.Allowed {
				return denied{}
			}
			return err
		},
	}
	conn.Flags(cmd)
	f := cmd.Flags()
	f.StringVar(&cluster, "cluster", "", "in this cluster")
	f.StringVar(&project, "project", "", "for the apps of this project, in --cluster")
	f.BoolVar(&list, "list", false, "everything that there is, and where you may do it")
	f.BoolVarP(&quiet, "quiet", "q", false, "print nothing: the exit code says it")
	f.StringVarP(&output, "output", "o", "", "json")
	return cmd
}

// listed shows all rights.
func listed(cmd *cobra.Command, c api.Client, output string) error {
	all, err := api.RightsOf(cmd.Context(), c)
	switch {
	case err != nil:
		return err
	case output == "json":
		return show.JSON(cmd.OutOrStdout(), all)
	}
	t := show.NewTable(cmd.OutOrStdout())
	fmt.Fprintln(t, "RESOURCE\tVERB\tWHERE")
	for _, r := range all {
		fmt.Fprintf(t, "%s\t%s\t%s\n", r.Resource, r.Verb, show.OrDash(strings.Join(r.Where, "; ")))
	}
	return t.Flush()
}
