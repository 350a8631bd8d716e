package hub_test

import (
	"strings"
	"testing"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/protocol"
)

// problems are what is wrong with a cluster's folder.
func (r *rig) problems(name string) string {
	c, _ := r.hub.State().Get(name)
	return strings.Join(c.Problems, " ")
}

// A cluster that its file names is the same when its folder is renamed: no bundle, and nothing revoked.
func TestARenamedFolderOfANamedClusterIsNoChange(t *testing.T) {
	t.Parallel()
	files := nClusters("a", "b")
	files["clusters/b/cluster.yaml"], files["clusters/b/cm.yaml"] = "name: edge\n", configMap("x", "1")
	r := newRig(t, files)
	r.settle("a", "edge")
	before := r.await("edge", "complete", settled)
	r.push("the folder is renamed", map[string]string{"clusters/b": "", "clusters/Other_Name/cluster.yaml": "name: edge\n",
		"clusters/Other_Name/cm.yaml": configMap("x", "1"), "clusters/Other_Name/web.yaml": app("web", "./apps/web", "")})
	if row := r.row("edge"); row.State != query.StateConnected || !r.joined("edge") || row.Desired.Subject != "the folder is renamed" {
		t.Errorf("edge is %s at %q, %s; its credential is live: %t", row.State, row.Desired.Subject, row.Message, r.joined("edge"))
	}
	if now, _ := r.bundle("edge"); now.Generation != before.Generation || now.Incomplete != "" {
		t.Errorf("its bundle went from generation %d to %d, incomplete %q", before.Generation, now.Generation, now.Incomplete)
	}
	if len(r.hub.State().Source().Problems) > 0 {
		t.Errorf("problems %q", r.hub.State().Source().Problems)
	}
}

// While the file that may name a cluster is broken, no cluster is taken for gone: not the one that it named,
// and no other.
func TestAnUnknownNameReleasesNobody(t *testing.T) {
	t.Parallel()
	files := nClusters("a", "b", "c")
	files["clusters/b/cluster.yaml"] = "name: edge\nonRemove: prune\n"
	r := newRig(t, files)
	r.settle("a", "edge", "c")
	r.push("broken, and c leaves", map[string]string{"clusters/b/cluster.yaml": "name: edge\nvars: [\n", "clusters/c": "", "clusters/a/cm.yaml": configMap("new", "1")})
	b := r.await("a", "the others go on", func(b protocol.Bundle) bool { return appOf(b, "root") != nil })
	if b.Incomplete != "" {
		t.Errorf("a is incomplete: %s", b.Incomplete)
	}
	for _, name := range []string{"edge", "c"} {
		if row := r.row(name); row.State == query.StateReleased || !r.joined(name) {
			t.Errorf("%s is %s, and its credential is live: %t", name, row.State, r.joined(name))
		}
	}
	if got := r.problems("edge"); !strings.Contains(got, "clusters/b/cluster.yaml:2: invalid YAML") {
		t.Errorf("edge says %q", got)
	}
	// and after a restart, when nothing remembers which cluster the folder was
	r.restart(nil)
	for _, name := range []string{"edge", "c"} {
		if row := r.row(name); row.State == query.StateReleased || !r.joined(name) {
			t.Errorf("after a restart %s is %s, and its credential is live: %t", name, row.State, r.joined(name))
		}
	}
	r.push("corrected", map[string]string{"clusters/b/cluster.yaml": "name: edge\n"})
	r.until("c is released", func() bool { return r.row("c").State == query.StateReleased })
	if !r.joined("edge") || r.joined("c") {
		t.Errorf("credentials: edge %t, c %t; want c's alone revoked", r.joined("edge"), r.joined("c"))
	}
}

// Two folders with one name are an error of both. What the cluster has stays.
func TestTwoFoldersOfOneNameDeliverNothingNew(t *testing.T) {
	t.Parallel()
	r := newRig(t, nClusters("a", "b"))
	r.settle("a", "b")
	before := r.await("b", "complete", settled)
	r.push("a second b", map[string]string{"clusters/x/cluster.yaml": "name: b\n", "clusters/x/cm.yaml": configMap("x", "1"), "apps/web/config.yaml": configMap("web", "2")})
	r.await("a", "the others go on", func(b protocol.Bundle) bool { return b.Generation == 2 })
	row := r.row("b")
	if got := r.problems("b"); row.State == query.StateReleased || !strings.Contains(got, `clusters/b and clusters/x are both the cluster "b"`) {
		t.Errorf("b is %s and says %q", row.State, got)
	}
	now, _ := r.bundle("b")
	if len(now.Apps) != len(before.Apps) || appOf(now, "web").Blob.ID() != appOf(before, "web").Blob.ID() {
		t.Errorf("b gets %+v, and had %+v", now.Apps, before.Apps)
	}
	r.push("one of them goes", map[string]string{"clusters/x": ""})
	r.await("b", "it goes on", func(b protocol.Bundle) bool {
		return strings.Contains(r.lines("b", b, "web"), `"value":"2"`) && b.Incomplete == ""
	})
}
