package deletions

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/drover-dev/drover/protocol"
)

func configMaps(names ...string) (out []protocol.ObjectRef) {
	for _, n := range names {
		out = append(out, protocol.ObjectRef{Kind: "ConfigMap", Namespace: "web", Name: n})
	}
	return out
}

func someConfigMaps(n int) []protocol.ObjectRef {
	var names []string
	for i := range n {
		names = append(names, fmt.Sprint("c", i))
	}
	return configMaps(names...)
}

func TestGuardHoldsWhatIsTooMuch(t *testing.T) {
	one := func(n, app, cluster int) Loss {
		return Loss{Apps: []AppLoss{{App: "web", Deletes: someConfigMaps(n), Had: app}}, Had: cluster}
	}
	with := func(l Loss, edit func(*Loss)) Loss {
		edit(&l)
		return l
	}
	data := func(kind string) Loss {
		return Loss{Apps: []AppLoss{{App: "web", Deletes: []protocol.ObjectRef{{Kind: "ConfigMap", Name: "c"}, {Group: "apps", Kind: kind, Name: "db"}}, Had: 1000}}, Had: 1000}
	}
	for name, c := range map[string]struct {
		loss Loss
		want string
	}{
		"nothing":                                        {one(0, 10, 10), ""},
		"nothing of nothing":                             {one(0, 0, 0), ""},
		"one object, all there is":                       {one(1, 1, 1), ""},
		"four objects, all there is":                     {one(4, 4, 4), ""},
		"five objects, all of the app":                   {one(5, 5, 1000), "web: app"},
		"five objects, half of the app":                  {one(5, 10, 1000), ""},
		"six objects, half of the app":                   {one(6, 12, 1000), ""},
		"five objects, just more than half":              {one(5, 9, 1000), "web: app"},
		"51 of 101":                                      {one(51, 101, 1000), "web: app"},
		"50 of 101":                                      {one(50, 101, 1000), ""},
		"five objects, a fifth of the cluster":           {one(5, 1000, 25), ""},
		"five objects, just more than a fifth of it":     {one(5, 1000, 24), "web: cluster"},
		"four objects, more than a fifth of it":          {one(4, 1000, 5), ""},
		"21 of 100":                                      {one(21, 1000, 100), "web: cluster"},
		"20 of 100":                                      {one(20, 1000, 100), ""},
		"more than half, and more than a fifth":          {one(180, 200, 200), "web: app cluster"},
		"five objects of an app whose size is not known": {one(5, 0, 1000), "web: app"},
		"a StatefulSet":                                  {data("StatefulSet"), "web: data"},
		"a PersistentVolumeClaim":                        {data("PersistentVolumeClaim"), "web: data"},
		"a Deployment":                                   {data("Deployment"), ""},
		"everywhere, five":                               {with(one(5, 1000, 1000), func(l *Loss) { l.Apps[0].Everywhere = true }), "web: everywhere"},
		"everywhere, four":                               {with(one(4, 1000, 1000), func(l *Loss) { l.Apps[0].Everywhere = true }), ""},
		"everywhere, none":                               {with(one(0, 1000, 1000), func(l *Loss) { l.Apps[0].Everywhere = true }), ""},
		"one, with fleet/ gone":                          {with(one(1, 1000, 1000), func(l *Loss) { l.Apps[0].FleetGone = true }), "web: fleet"},
		"none, with fleet/ gone":                         {with(one(0, 1000, 1000), func(l *Loss) { l.Apps[0].FleetGone = true }), ""},
		"one, with cluster.yaml gone":                    {with(one(1, 1000, 1000), func(l *Loss) { l.Apps[0].FileGone = true }), "web: file"},
		"none, with cluster.yaml gone":                   {with(one(0, 1000, 1000), func(l *Loss) { l.Apps[0].FileGone = true }), ""},
		"everything at once": {with(data("StatefulSet"), func(l *Loss) {
			l.Had, l.Apps[0].FleetGone, l.Apps[0].FileGone = 10, true, true
			l.Apps[0].Deletes = append(l.Apps[0].Deletes, someConfigMaps(9)...)
			l.Apps[0].Had, l.Apps[0].Everywhere = 11, true
		}), "web: data fleet file app cluster everywhere"},
		"the objects of a cluster count together, and the share of each app for itself": {Loss{Had: 1000, Apps: []AppLoss{
			{App: "a", Deletes: someConfigMaps(3), Had: 3}, {App: "b", Deletes: someConfigMaps(2), Had: 100}, {App: "c", Had: 100}}}, "a: app"},
		"four of several apps": {Loss{Had: 10, Apps: []AppLoss{
			{App: "a", Deletes: someConfigMaps(3), Had: 3}, {App: "b", Deletes: someConfigMaps(1), Had: 1}}}, ""},
		"a cluster's share holds every app that loses something": {Loss{Had: 24, Apps: []AppLoss{
			{App: "a", Deletes: someConfigMaps(3), Had: 10}, {App: "b", Deletes: someConfigMaps(2), Had: 10}, {App: "c", Had: 4}}}, "a: cluster, b: cluster"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := told(Guard(c.loss)); got != c.want {
				t.Errorf("held: %q, want %q", got, c.want)
			}
		})
	}
}

// told is what is held, in short words.
func told(held map[string][]Reason) string {
	words := map[Reason]string{Data: "data", FleetGone: "fleet", FileGone: "file", AppShare: "app",
		ClusterShare: "cluster", Everywhere: "everywhere"}
	var out []string
	for app, reasons := range held {
		text := app + ":"
		for _, r := range reasons {
			text += " " + words[r]
		}
		out = append(out, text)
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

func TestReasonsAreSaidToPeople(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range []Reason{Data, FleetGone, FileGone, AppShare, ClusterShare, Everywhere} {
		text := r.Text(Limits{})
		if seen[text] || text == string(r) {
			t.Errorf("%s is said as %q", r, text)
		}
		seen[text] = true
	}
	if got := Reason("Later").Text(Limits{}); got != "Later" {
		t.Errorf("a reason of a later release is said as %q", got)
	}
}

func TestTheShareOfClustersIsSaidInNumbers(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{1: "1 object or more go from each of more than 10 % of the clusters",
		2: "2 objects or more go from each of more than 10 % of the clusters"} {
		if got := Everywhere.Text(Limits{Fleet: 10, AtLeast: n}); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

// A kind may be named with its group, and then an object of the same kind in another group is not meant.
func TestAProtectedKindMayHaveAGroup(t *testing.T) {
	t.Parallel()
	limits := Limits{Kinds: []string{"Database.example.com", "Topic"}}
	for _, c := range []struct {
		group, kind string
		want        bool
	}{
		{"example.com", "Database", true}, {"other.example.com", "Database", false}, {"", "Database", false},
		{"example.com", "Databases", false}, {"example.com", "Topic", true}, {"", "Topic", true},
		{"apps", "StatefulSet", false},
	} {
		if got := limits.precious(protocol.ObjectRef{Group: c.group, Kind: c.kind, Name: "x"}); got != c.want {
			t.Errorf("%s of %q is protected: %t", c.kind, c.group, got)
		}
	}
}

func TestTooManyClusters(t *testing.T) {
	for _, c := range []struct {
		losing, clusters int
		want             bool
	}{
		{0, 0, false}, {2, 2, false}, {2, 10, false}, {3, 3, true}, {3, 29, true}, {3, 30, false}, {3, 31, false}, {4, 30, true}, {10, 100, false}, {11, 100, true},
		{1000, 10000, false}, {1001, 10000, true},
	} {
		if got := Default.tooMany(c.losing, c.clusters); got != c.want {
			t.Errorf("%d of %d clusters: %t", c.losing, c.clusters, got)
		}
	}
}

func TestGoneAndDeleted(t *testing.T) {
	owned := func(refs ...protocol.ObjectRef) (out []Owned) {
		for _, r := range refs {
			out = append(out, Owned{Ref: r})
		}
		return out
	}
	claim := protocol.ObjectRef{Kind: "PersistentVolumeClaim", Namespace: "web", Name: "data-2456789bcd"}
	successor := claim
	successor.Name = "data-fghkmt2456"
	secret := protocol.ObjectRef{Kind: "Secret", Namespace: "web", Name: "cfg-fghkmt2456"}
	other := protocol.ObjectRef{Kind: "ConfigMap", Namespace: "other", Name: "cfg-fghkmt2456"}
	group := protocol.ObjectRef{Group: "example.com", Kind: "ConfigMap", Namespace: "web", Name: "cfg-fghkmt2456"}
	nowhere := func(protocol.ObjectRef) bool { return false }
	for name, c := range map[string]struct {
		had           []Owned
		wants         []protocol.ObjectRef
		elsewhere     func(protocol.ObjectRef) bool
		leaves        bool
		gone, deletes []protocol.ObjectRef
	}{
		"nothing changes":        {had: owned(configMaps("a", "b")...), wants: configMaps("b", "a", "c")},
		"one leaves":             {had: owned(configMaps("b", "a", "c")...), wants: configMaps("a"), gone: configMaps("b", "c"), deletes: configMaps("b", "c")},
		"the app is gone":        {had: owned(configMaps("a")...), gone: configMaps("a"), deletes: configMaps("a")},
		"it moves":               {had: owned(configMaps("a", "b")...), elsewhere: func(r protocol.ObjectRef) bool { return r.Name == "a" }, gone: configMaps("b"), deletes: configMaps("b")},
		"it is never pruned":     {had: []Owned{{Ref: configMaps("a")[0], Keep: true}, {Ref: configMaps("b")[0]}}, gone: configMaps("a", "b"), deletes: configMaps("b")},
		"the app does not prune": {had: owned(configMaps("a")...), leaves: true, gone: configMaps("a")},
		"another hash":           {had: owned(configMaps("cfg-2456789bcd")...), wants: configMaps("cfg-fghkmt2456"), gone: configMaps("cfg-2456789bcd")},
		"several other hashes":   {had: owned(configMaps("cfg-2456789bcd", "cfg-2456789bcf")...), wants: configMaps("cfg-fghkmt2456"), gone: configMaps("cfg-2456789bcd", "cfg-2456789bcf")},
		"a hash that goes":       {had: owned(configMaps("cfg-2456789bcd")...), wants: configMaps("cfg"), gone: configMaps("cfg-2456789bcd")},
		"a hash that comes":      {had: owned(configMaps("cfg")...), wants: configMaps("cfg-2456789bcd"), gone: configMaps("cfg")},
		"a hash of another name": {had: owned(configMaps("cfg-2456789bcd")...), wants: configMaps("cfh-fghkmt2456"), gone: configMaps("cfg-2456789bcd"), deletes: configMaps("cfg-2456789bcd")},
		"a successor of another kind": {had: owned(configMaps("cfg-2456789bcd")...), wants: []protocol.ObjectRef{secret}, gone: configMaps("cfg-2456789bcd"),
			deletes: configMaps("cfg-2456789bcd")},
		"a successor in another namespace": {had: owned(configMaps("cfg-2456789bcd")...), wants: []protocol.ObjectRef{other}, gone: configMaps("cfg-2456789bcd"),
			deletes: configMaps("cfg-2456789bcd")},
		"a successor of another group": {had: owned(configMaps("cfg-2456789bcd")...), wants: []protocol.ObjectRef{group}, gone: configMaps("cfg-2456789bcd"),
			deletes: configMaps("cfg-2456789bcd")},
		"data are never replaced": {had: owned(claim), wants: []protocol.ObjectRef{successor}, gone: []protocol.ObjectRef{claim}, deletes: []protocol.ObjectRef{claim}},
	} {
		t.Run(name, func(t *testing.T) {
			if c.elsewhere == nil {
				c.elsewhere = nowhere
			}
			gone, deletes := Gone(c.had, c.wants, c.elsewhere, !c.leaves)
			if !slices.Equal(gone, c.gone) || !slices.Equal(deletes, c.deletes) {
				t.Errorf("gone %v, deletes %v; want %v and %v", gone, deletes, c.gone, c.deletes)
			}
		})
	}
}

func TestTheHashOfKustomize(t *testing.T) {
	got := map[string]string{}
	for _, name := range []string{"cfg-2456789bcd", "a-cfg-fghkmt2456", "cfg-2456789bc", "cfg-2456789bcde", "cfg-2456789bca", "cfg-2456789bc0", "cfg2456789bcdf", "-2456789bcd", "2456789bcd", ""} {
		got[name] = WithoutHash(protocol.ObjectRef{Name: name}).Name
	}
	want := map[string]string{"cfg-2456789bcd": "cfg", "a-cfg-fghkmt2456": "a-cfg", "cfg-2456789bc": "cfg-2456789bc", "cfg-2456789bcde": "cfg-2456789bcde",
		"cfg-2456789bca": "cfg-2456789bca", "cfg-2456789bc0": "cfg-2456789bc0", "cfg2456789bcdf": "cfg2456789bcdf", "-2456789bcd": "-2456789bcd", "2456789bcd": "2456789bcd", "": ""}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
}
