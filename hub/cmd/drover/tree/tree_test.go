package tree

import (
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/resolve"
)

func TestFoldersOfClustersAreNamed(t *testing.T) {
	t.Parallel()
	for args, want := range map[string][]string{
		"":                                  {"clusters"},
		"--path fleet":                      {"fleet"},
		"--path clusters/*/*,!clusters/old": {"clusters/*/*", "!clusters/old"},
		"--path a --path b=c":               {"a", "b=c"},
	} {
		var got []string
		f := pflag.NewFlagSet("", pflag.ContinueOnError)
		PathFlag(f, &got)
		if err := f.Parse(strings.Fields(args)); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v", args, got, err)
		}
	}
}

// Who names a cluster that is not there is told which are.
func TestAClusterIsFoundAmongOthers(t *testing.T) {
	t.Parallel()
	sites := []model.Site{{Name: "edge", Folder: "clusters/edge"}, {Name: "prod", Folder: "clusters/prod",
		Wrong: "clusters/prod: two clusters have this name"}}
	listing := resolve.Listing{Sites: model.Sites{Sites: sites}}
	if site, err := Among(listing, "edge", "HEAD"); err != nil || site.Folder != "clusters/edge" {
		t.Errorf("edge is %+v, %v", site, err)
	}
	if site, err := Among(listing, "prod", "HEAD"); err == nil || err.Error() != sites[1].Wrong ||
		site.Folder != "clusters/prod" {
		t.Errorf("a cluster with which something is wrong is %+v, %v", site, err)
	}
	if _, err := Among(listing, "nosuch", "v1"); err == nil ||
		err.Error() != `there is no cluster "nosuch" at v1: there are [edge prod]` {
		t.Errorf("a cluster that is not there: %v", err)
	}
}
