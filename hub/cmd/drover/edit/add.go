package edit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/drover-dev/drover/hub/api"
	"github.com/drover-dev/drover/hub/cmd/drover/clusterfile"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/protocol"
)

// addOptions are the flags of `drover cluster add`.
type addOptions struct {
	gitOptions
	labels       []string
	from, folder string
}

// addition is a cluster that is being added.
type addition struct {
	name, folder string
	from         string // folder that is copied; "" for none
}

// Add is `drover cluster add`.
func (c Commands) Add() *cobra.Command {
	o := addOptions{gitOptions: c.options()}
	cmd := &cobra.Command{
		Use: "add NAME", Short: "Add a cluster: write its folder, commit, push, and say how to install its agent",
		Long: `Writes clusters/NAME/cluster.yaml, or with --from a copy of another cluster's folder, commits only that,
and pushes it if the branch has an upstream. It runs git, with your hooks, signing and credential helpers.

The folder may be another one, with --folder; then its cluster.yaml names the cluster.`,
		Example: `  drover cluster add staging --label env=staging
  drover cluster add production-eu-2 --from production-eu-1 --label region=eu-2 --branch add-production-eu-2
  drover cluster add eu-prod --path 'clusters/*/*' --folder clusters/eu/prod
  drover cluster add edge --repo git@git.example.com:platform/fleet.git`,
		Args: o.wrong.Exactly(1, "the name of the new cluster"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.run(cmd.Context(), args[0], cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	o.flags(cmd)
	f := cmd.Flags()
	f.StringArrayVar(&o.labels, "label", nil, "a label, as env=staging; may be given several times")
	f.StringVar(&o.from, "from", "", "copy the folder of this cluster")
	f.StringVar(&o.folder, "folder", "",
		"the new folder, seen from the repository's root (default: NAME in the first folder of --path)")
	_ = cmd.RegisterFlagCompletionFunc("from", o.Completion(1))
	return cmd
}

// label is how a label may look. Values are free of quotes and spaces, so that selectors can name them.
var label = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9._/-]*[A-Za-z0-9])?)=([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)?$`)

func (o *addOptions) check(name string) error {
	if err := protocol.CheckName(name); err != nil {
		return o.wrong(fmt.Errorf("the cluster's name: %w", err))
	}
	if o.from != "" {
		if err := protocol.CheckName(o.from); err != nil {
			return o.wrong(fmt.Errorf("--from: %w", err))
		}
	}
	for _, l := range o.labels {
		if !label.MatchString(l) {
			return o.wrong(fmt.Errorf("--label %q: write it as env=staging", l))
		}
	}
	return nil
}

func (o *addOptions) run(ctx context.Context, name string, stdout, stderr io.Writer) error {
	if err := o.check(name); err != nil {
		return err
	}
	w, err := o.open(ctx, stderr)
	if err != nil {
		return err
	}
	defer w.close()
	a, err := o.place(w, name)
	if err != nil {
		return err
	}
	folder := a.folder
	files, err := a.files(ctx, w)
	if err != nil {
		return err
	}
	var named []string
	made, err := o.commit(ctx, w, change{"add cluster " + name, "add-" + name}, files, func() error {
		err := o.write(w, a, files)
		named = stillNaming(w, files, o.from)
		return err
	})
	if made.hash == "" || err != nil {
		return err
	}
	fmt.Fprintf(stdout, "%s is %s\n", folder, made)
	for _, place := range named {
		fmt.Fprintf(stdout, "  %s still names %s: see whether that is right\n", place, o.from)
	}
	fmt.Fprintf(stdout, "\nInstall its agent, with kubectl pointed at that cluster:\n  drover agent manifest --cluster "+
		"%s | kubectl apply -f -\n", name)
	o.awaitHub(ctx, w, stdout, name, made)
	return nil
}

// place says where the new cluster is to be.
func (o *addOptions) place(w *workTree, name string) (a addition, err error) {
	a = addition{name: name, folder: path.Clean(o.folder)}
	if o.folder == "" {
		if a.folder, err = w.paths.New(name); err != nil {
			return a, err
		}
	}
	if !fs.ValidPath(a.folder) || !w.paths.Covers(a.folder) {
		return a, o.wrong(fmt.Errorf("--folder %s: with --path %s it would be no cluster's folder: choose another, or "+
			"another --path",
			a.folder, w.paths))
	}
	if _, err := os.Lstat(w.file(a.folder)); err == nil {
		return a, fmt.Errorf("%s exists already in %s: choose another name, or commit what is there", a.folder, w.top)
	}
	if there, err := w.folder(name); err == nil {
		return a, fmt.Errorf("there is a cluster %s already in %s: choose another name", name, there)
	}
	if o.from != "" {
		if a.from, err = w.folder(o.from); err != nil {
			return a, fmt.Errorf("--from %s: %w", o.from, err)
		}
	}
	return a, nil
}

// files are the paths of the files that the new folder is to have.
func (a addition) files(ctx context.Context, w *workTree) ([]string, error) {
	own := path.Join(a.folder, planning.ClusterFile)
	if a.from == "" {
		return []string{own}, nil
	}
	tracked, err := w.tracked(ctx, a.from)
	if err != nil {
		return nil, err
	}
	if len(tracked) == 0 || len(tracked) == 1 && tracked[0] == a.from {
		return nil, fmt.Errorf("%s is no folder that is committed in %s: see `git status`", a.from, w.top)
	}
	if err := w.clean(ctx, a.from); err != nil {
		return nil, err
	}
	var out []string
	for _, f := range tracked {
		out = append(out, a.folder+strings.TrimPrefix(f, a.from))
	}
	if !slices.Contains(out, own) {
		out = append(out, own)
	}
	return out, nil
}

// write writes the files of the new folder.
func (o *addOptions) write(w *workTree, a addition, files []string) error {
	own := path.Join(a.folder, planning.ClusterFile)
	for _, f := range files {
		if err := os.MkdirAll(filepath.Dir(w.file(f)), 0o755); err != nil {
			return err
		}
		if a.from == "" {
			continue
		}
		from := a.from + strings.TrimPrefix(f, a.folder)
		if err := copyFile(w.file(from), w.file(f)); err != nil && (f != own || !errors.Is(err, os.ErrNotExist)) {
			return err
		}
	}
	c, err := clusterfile.Read(w.file(own), own)
	if err != nil {
		return err
	}
	c.Begin(fmt.Sprintf("# The cluster %s. What lies beside this file is delivered to it.\n", a.name))
	for _, l := range o.labels {
		key, value, _ := strings.Cut(l, "=")
		if err := c.Set(value, "metadata", "labels", key); err != nil {
			return err
		}
	}
	if c.IsObject() && c.Get("metadata", "name") != "" {
		if err := c.Set(a.name, "metadata", "name"); err != nil {
			return err
		}
	}
	if c.Get("spec", "name") != "" || !w.paths.Names(a.folder, a.name) {
		if err := c.Set(a.name, "spec", "name"); err != nil {
			return err
		}
	}
	return c.Write(w.file(own))
}

// copyFile copies a file, or a link as a link.
func copyFile(from, to string) error {
	info, err := os.Lstat(from)
	if err != nil {
		return err
	}
	if info.Mode()&os.ModeSymlink != 0 {
		at, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return os.Symlink(at, to)
	}
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, info.Mode().Perm())
}

// stillNaming are the places, as file:line, that have a word in them.
func stillNaming(w *workTree, files []string, word string) (places []string) {
	if word == "" {
		return nil
	}
	name := regexp.MustCompile(`(^|[^a-z0-9-])` + regexp.QuoteMeta(word) + `($|[^a-z0-9-])`)
	for _, f := range files {
		data, err := os.ReadFile(w.file(f))
		if err != nil {
			continue // a link to what is not there has no text
		}
		n := 0
		for line := range strings.Lines(string(data)) {
			if n++; name.MatchString(strings.TrimRight(line, "\n")) {
				places = append(places, fmt.Sprintf("%s:%d", f, n))
			}
		}
	}
	return places
}

// hubPatience is how long a command waits for the hub to see its commit.
const hubPatience = 5 * time.Second

// awaitHub says whether the hub has seen the new cluster. Without a hub it says nothing: the cluster is added all the
// same.
func (o *addOptions) awaitHub(ctx context.Context, w *workTree, stdout io.Writer, name string, made committed) {
	c, err := o.Client()
	if err != nil || c.Poke(ctx) != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, hubPatience)
	defer cancel()
	said := errors.New("said")
	err = c.Watch(ctx, "", func(f api.Fleet) error {
		if made.remote == "" && f.Source.Repository != w.top {
			return said // it cannot know
		}
		if b := f.Source.Branch; b != "" && b != made.branch {
			fmt.Fprintf(stdout, "\nThe hub follows %s: it will know the cluster when %s is merged there.\n", b, made.branch)
			return said
		}
		for _, r := range f.Clusters {
			if r.Name == name {
				fmt.Fprintf(stdout, "\nThe hub knows it: %s.\n", cmp.Or(string(r.State), "it is there"))
				return said
			}
		}
		return nil
	})
	if !errors.Is(err, said) {
		fmt.Fprintf(stdout, "\nThe hub does not show it yet: see `drover status %s`.\n", name)
	}
}
