package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/pflag"

	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/hub/envsubst"
	"github.com/drover-dev/drover/hub/git"
	"github.com/drover-dev/drover/hub/kustomize"
	"github.com/drover-dev/drover/hub/layout"
)

// treeOptions choose a revision of a repository on this machine.
type treeOptions struct {
	repo, revision, path string
	alias                []string
}

func (o *treeOptions) addTo(f *pflag.FlagSet) {
	f.StringVar(&o.repo, "repo", ".", "path of the Git repository")
	f.StringVar(&o.revision, "revision", "HEAD", "branch, tag or commit; what is not committed is not seen")
	addLayout(f, &o.path, &o.alias)
}

// addLayout adds the flags that say how a repository is read, which the hub and the commands without a hub share.
func addLayout(f *pflag.FlagSet, path *string, alias *[]string) {
	f.StringVar(path, "path", layout.DefaultRoot, "folder of the repository that holds the clusters' folders")
	f.StringArrayVar(alias, "alias", nil, "another address of the repository, by which a GitRepository in it may name it (may be repeated)")
}

// open opens the repository, and resolves like the hub.
func (o *treeOptions) open(ctx context.Context) (hub.Snapshot, *hub.Resolver, error) {
	snap, err := git.At(ctx, o.repo, o.revision)
	if err != nil {
		return nil, nil, err
	}
	return snap, newResolver(o.path, append(git.Addresses(o.repo), o.alias...), hub.Volatile{}, make([]byte, 32)), nil
}

// newResolver puts a resolver together. addresses are those of the repository.
func newResolver(path string, addresses []string, store hub.Store, secret []byte) *hub.Resolver {
	renderer := kustomize.New()
	r := hub.NewResolver(&layout.Layout{Root: path, Renderer: renderer}, renderer, envsubst.Replace, store, secret)
	r.Repository = addresses
	return r
}

// among says that there is no such cluster, if so.
func among(names []string, name, revision string) error {
	if slices.Contains(names, name) {
		return nil
	}
	return fmt.Errorf("there is no cluster %q at %s: there are %v", name, revision, names)
}
