package query

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/fleet/identity"
	"github.com/drover-dev/drover/protocol"
)

var (
	monday  = time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	tuesday = monday.Add(24 * time.Hour)
	older   = protocol.Revision{Hash: "aaaaaaaa11", Subject: "older"}
	newer   = protocol.Revision{Hash: "bbbbbbbb22", Subject: "newer"}
)

// cluster builds what the hub knows of a cluster: well, connected and in step with Git, and then as the edits say.
func cluster(edits ...func(*Cluster)) Cluster {
	c := Cluster{
		Name: "staging", Labels: map[string]string{"env": "staging"}, Joined: true,
		Desired: Desired{Generation: 7, Digest: "d7", Revision: newer, Published: monday, Apps: []DesiredApp{
			{Name: "payment", Path: "apps/payment", Objects: 3}, {Name: "root", Path: "clusters/staging", Objects: 1},
		}},
		Link: Link{Connected: true, Since: monday},
		Report: &protocol.Report{
			Cluster: "staging", Generation: 7, Digest: "d7", Revision: older, Agent: protocol.Agent{Version: "v0.1.0"},
			Drift: protocol.Drift{Corrected: 2},
			Apps: []protocol.AppReport{
				{Name: "payment", Phase: protocol.PhaseHealthy, Health: protocol.HealthCurrent, Objects: 3, Current: 3},
				{Name: "root", Phase: protocol.PhaseHealthy, Health: protocol.HealthCurrent, Objects: 1, Current: 1},
			},
		},
		Received: tuesday,
	}
	for _, edit := range edits {
		edit(&c)
	}
	return c
}

func noReport(c *Cluster)     { c.Report, c.Received = nil, time.Time{} }
func neverLinked(c *Cluster)  { c.Link = Link{} }
func notJoined(c *Cluster)    { c.Joined = false }
func disconnected(c *Cluster) { c.Link = Link{Since: tuesday} }
func released(c *Cluster)     { c.Released = tuesday }
func pruned(c *Cluster)       { c.Pruning = true }
func behind(c *Cluster)       { c.Report.Generation, c.Report.Digest = 6, "d6" }

// reported edits the report on the app payment.
func reported(edit func(*protocol.AppReport)) func(*Cluster) {
	return func(c *Cluster) { edit(&c.Report.Apps[0]) }
}

func payment(phase protocol.Phase, health protocol.Health, message string) func(*Cluster) {
	return reported(func(a *protocol.AppReport) { a.Phase, a.Health, a.Message, a.Current = phase, health, message, 2 })
}

// TestRowSaysWhatIsKnown is a row for every way in which the hub can stand to a cluster, with the words that the person on call reads.
func TestRowSaysWhatIsKnown(t *testing.T) {
	const (
		healing = "its agent keeps healing from what it has, and takes the newest bundle when it is back"
		pending = "generation 7 was published and not accepted yet"
		gone    = "its folder is gone from Git: "
		build   = "apps/payment/kustomization.yaml:3: resources[1] does not exist"
	)
	hubError := func(c *Cluster) { c.Desired.Apps[0].Error = build }
	for name, c := range map[string]struct {
		cluster Cluster
		state   State
		health  protocol.Health
		synced  bool
		apps    string
		objects string
		message string
	}{
		"all is well": {cluster(), StateConnected, protocol.HealthCurrent, true, "2/2", "4/4", ""},
		"no agent was ever heard of": {cluster(noReport, neverLinked, notJoined), StateAwaiting, protocol.HealthUnknown, false, "0/2", "0/4",
			"run: drover agent manifest --cluster staging | kubectl apply -f - (or drover agent install --cluster staging)"},
		"no agent was ever heard of, and agents refuse the hub": {cluster(noReport, neverLinked, notJoined,
			func(c *Cluster) { c.Distrusted = true }), StateAwaiting,
			protocol.HealthUnknown, false, "0/2", "0/4", "agents refuse this hub, because they joined one with other " +
				"keys: if this cluster had joined that one, stop this " +
				"hub and bring the keys back with `drover hub restore`; if not, run: drover agent manifest --cluster " +
				"staging | kubectl apply -f -"},
		"its agent has joined, and no report was read yet": {cluster(noReport, neverLinked), StateOffline, protocol.HealthUnknown, false, "0/2", "0/4",
			"no agent has reported yet: see `kubectl -n drover-system logs ds/drover-agent` in that cluster"},
		"connected, and nothing said yet":  {cluster(noReport), StateConnected, protocol.HealthUnknown, false, "0/2", "0/4", pending},
		"offline, well when last heard of": {cluster(disconnected), StateOffline, protocol.HealthCurrent, true, "2/2", "4/4", healing},
		"offline, not well when last heard of": {cluster(disconnected, payment(protocol.PhaseDegraded, protocol.HealthDegraded, "1 of 2 pods are ready")),
			StateOffline, protocol.HealthDegraded, true, "1/2", "3/4", "app payment: 1 of 2 pods are ready"},
		"offline, and something new was published":          {cluster(disconnected, behind), StateOffline, protocol.HealthProgressing, false, "2/2", "4/4", healing},
		"offline since before the hub began, by its report": {cluster(neverLinked), StateOffline, protocol.HealthCurrent, true, "2/2", "4/4", healing},
		"released": {cluster(released, notJoined), StateReleased, protocol.HealthCurrent, true, "2/2", "4/4",
			gone + "what runs there is left running; remove its agent, and then: drover cluster forget staging; or bring the folder back"},
		"released, and still trusted": {cluster(released), StateReleased, protocol.HealthCurrent, true, "2/2", "4/4",
			gone + "what runs there is left running, but its credential is not revoked yet: see the hub's log"},
		"released, and being pruned": {cluster(released, pruned), StateReleased, protocol.HealthCurrent, true, "2/2", "4/4",
			gone + "what Drover delivered there is being deleted, then its credential is revoked; left is app payment, healthy (and 1 more)"},
		"released, and being pruned, with an app that is left as it is": {cluster(released, pruned, payment(protocol.PhaseSuspended, protocol.HealthCurrent,
			"suspended in Git: nothing is applied, healed or deleted"), func(c *Cluster) { c.Report.Apps = c.Report.Apps[:1]; c.Desired.Apps = nil }),
			StateReleased, protocol.HealthCurrent, true, "1/1", "2/3",
			gone + "what Drover delivered there is being deleted, then its credential is revoked; left is app payment, suspended: suspended in Git: nothing is applied, healed or deleted"},
		"released, to be pruned when it is back": {cluster(released, pruned, disconnected), StateReleased, protocol.HealthCurrent, true, "2/2", "4/4",
			gone + "what Drover delivered there is deleted as soon as its agent is back (offline since 2026-11-03T09:00:00Z); to give that up: drover cluster forget staging"},
		"released, to be pruned, by its last report": {cluster(released, pruned, neverLinked), StateReleased, protocol.HealthCurrent, true, "2/2", "4/4",
			gone + "what Drover delivered there is deleted as soon as its agent is back (last heard of at 2026-11-03T09:00:00Z); to give that up: drover cluster forget staging"},
		"released, and pruned": {cluster(released, notJoined, func(c *Cluster) { c.Report.Apps, c.Desired.Apps = nil, nil }), StateReleased,
			protocol.HealthCurrent, true, "0/0", "0/0",
			gone + "nothing of Drover's runs there any more; remove its agent, and then: drover cluster forget staging"},
		"held": {cluster(func(c *Cluster) {
			c.Held = &Hold{Revision: newer, Since: tuesday, Clusters: []string{"other", "staging"}}
		}), StateConnected, protocol.HealthCurrent, true, "2/2", "4/4",
			"its folder is gone from Git since revision bbbbbbbb, with 1 more: held, so nothing changes there; let it go with `drover approve bbbbbbbb`, or bring the folder back"},
		"its credential was revoked": {cluster(notJoined, disconnected, func(c *Cluster) { c.Revoked = true }), StateAwaiting, protocol.HealthCurrent, true, "2/2", "4/4",
			"its credential was revoked, and what runs there is left running; to let it join again, run: drover agent manifest --cluster staging | kubectl apply -f -"},
		"not in step": {cluster(behind), StateConnected, protocol.HealthProgressing, false, "2/2", "4/4", pending},
		"another bundle of the same generation": {cluster(func(c *Cluster) { c.Report.Digest = "d8" }), StateConnected, protocol.HealthProgressing, false,
			"2/2", "4/4", pending},
		"nothing published yet": {cluster(func(c *Cluster) { c.Desired = Desired{}; c.Report.Generation, c.Report.Digest = 0, "" }),
			StateConnected, protocol.HealthUnknown, false, "2/2", "4/4", ""},
		"a refused bundle": {cluster(behind, func(c *Cluster) { c.Report.Refused = &protocol.Refusal{Reason: "not signed by this fleet's hub"} }),
			StateConnected, protocol.HealthDegraded, false, "2/2", "4/4", "its agent refused a bundle: not signed by this fleet's hub"},
		"a problem of its folder": {cluster(func(c *Cluster) { c.Problems = []string{"clusters/staging/x.yaml:3: invalid YAML"} }),
			StateConnected, protocol.HealthDegraded, true, "2/2", "4/4", "clusters/staging/x.yaml:3: invalid YAML"},
		"three problems of its folder": {cluster(func(c *Cluster) { c.Problems = []string{"one", "two", "three"} }),
			StateConnected, protocol.HealthDegraded, true, "2/2", "4/4", "one (and 2 more)"},
		"a problem before its agent has come": {cluster(noReport, neverLinked, notJoined, func(c *Cluster) { c.Problems = []string{"one"} }),
			StateAwaiting, protocol.HealthUnknown, false, "0/2", "0/4", "one"},
		"an app that does not build": {cluster(hubError), StateConnected, protocol.HealthDegraded, true, "1/2", "4/4", "app payment: " + build},
		"an app that does not build, before its agent has reported": {cluster(noReport, neverLinked, hubError), StateOffline, protocol.HealthUnknown, false, "0/2", "0/4",
			"no agent has reported yet: see `kubectl -n drover-system logs ds/drover-agent` in that cluster"},
		"an app that waits": {cluster(payment(protocol.PhaseWaiting, protocol.HealthProgressing, "0 of 2 pods are ready")), StateConnected,
			protocol.HealthProgressing, true, "1/2", "3/4", "app payment: 0 of 2 pods are ready"},
		"an app that is well has nothing to say": {cluster(reported(func(a *protocol.AppReport) { a.Message = "3 objects applied" })), StateConnected,
			protocol.HealthCurrent, true, "2/2", "4/4", ""},
		"two apps that are not well, the worse first": {cluster(payment(protocol.PhaseDegraded, protocol.HealthDegraded, "1 of 2 pods are ready"), func(c *Cluster) {
			c.Report.Apps[1].Phase, c.Report.Apps[1].Health, c.Report.Apps[1].Message = protocol.PhaseFailed, protocol.HealthDegraded, "forbidden"
		}), StateConnected, protocol.HealthDegraded, true, "0/2", "3/4", "app root: forbidden (and 1 more)"},
		"a suspended app counts as good": {cluster(payment(protocol.PhaseSuspended, protocol.HealthCurrent, "suspended in Git")), StateConnected,
			protocol.HealthCurrent, true, "2/2", "3/4", ""},
		"suspended": {cluster(func(c *Cluster) { c.Suspended = true }), StateConnected, protocol.HealthCurrent, true, "2/2", "4/4",
			"suspended in Git: nothing is applied, healed or deleted"},
		"its agent searches for what it lost": {cluster(func(c *Cluster) {
			c.Report.Searching, c.Report.Message = "the inventory is not complete", "the inventory is not complete"
		}), StateConnected, protocol.HealthProgressing, false, "2/2", "4/4", "the inventory is not complete"},
		"a word from the agent itself": {cluster(func(c *Cluster) { c.Report.Message = "its credential ends in 3 days" }), StateConnected,
			protocol.HealthCurrent, true, "2/2", "4/4", "its credential ends in 3 days"},
	} {
		t.Run(name, func(t *testing.T) {
			r := c.cluster.Row()
			if r.State != c.state || r.Health != c.health || r.Synced != c.synced {
				t.Errorf("%s, %s, synced %t; want %s, %s, synced %t", r.State, r.Health, r.Synced, c.state, c.health, c.synced)
			}
			if r.Apps.String() != c.apps || r.Objects.String() != c.objects {
				t.Errorf("apps %s, objects %s; want %s, %s", r.Apps, r.Objects, c.apps, c.objects)
			}
			if r.Message != c.message {
				t.Errorf("message %q\nwant    %q", r.Message, c.message)
			}
			if strings.Contains(r.Message, "\n") {
				t.Error("the message is more than a line")
			}
		})
	}
}

// TestRowCarriesItsAge: how old the knowledge is goes with it, whatever the state.
func TestRowCarriesItsAge(t *testing.T) {
	r := cluster(disconnected, behind).Row()
	want := Row{
		Name: "staging", Labels: map[string]string{"env": "staging"}, State: StateOffline, Since: tuesday,
		Health: protocol.HealthProgressing, Generation: 7, Accepted: 6, Desired: newer, Applied: older,
		Apps: Count{2, 2}, Objects: Count{4, 4}, Drift: 2, Received: tuesday, Agent: protocol.Agent{Version: "v0.1.0"}, Message: r.Message,
		Reason: ReasonOffline,
	}
	if !reflect.DeepEqual(r, want) {
		t.Errorf("got  %+v\nwant %+v", r, want)
	}
}

// TestANewerCommitThatAsksForTheSameIsApplied: most commits change nothing for most clusters, and those are not published.
func TestANewerCommitThatAsksForTheSameIsApplied(t *testing.T) {
	if r := cluster().Row(); r.Applied != newer {
		t.Errorf("in step, and %s is shown as applied instead of %s", r.Applied.Short(), newer.Short())
	}
	if r := cluster(behind).Row(); r.Applied != older {
		t.Errorf("not in step, and %s is shown as applied instead of %s", r.Applied.Short(), older.Short())
	}
}

func TestAppsInTroubleComeFirst(t *testing.T) {
	c := cluster(func(c *Cluster) {
		c.Report.Apps = []protocol.AppReport{
			{Name: "b-well", Phase: protocol.PhaseHealthy}, {Name: "a-well", Phase: protocol.PhaseHealthy},
			{Name: "waits", Phase: protocol.PhaseWaiting}, {Name: "degraded", Phase: protocol.PhaseDegraded},
			{Name: "tomorrow", Phase: "migrating"}, {Name: "failed", Phase: protocol.PhaseFailed, Message: "forbidden"},
			{Name: "unbuilt", Phase: protocol.PhaseHealthy, Health: protocol.HealthCurrent, Digest: "good", Objects: 2, Current: 2},
		}
		c.Desired.Apps = []DesiredApp{
			{Name: "a-well", Path: "apps/a", Objects: 9}, {Name: "new", Path: "apps/new", Objects: 4}, {Name: "unbuilt", Path: "apps/u", Error: "it does not build"},
		}
	})
	var names []string
	rows := map[string]AppRow{}
	for _, a := range c.Apps() {
		names = append(names, a.Name)
		rows[a.Name] = a
	}
	if got, want := strings.Join(names, " "), "failed unbuilt degraded tomorrow waits new a-well b-well"; got != want {
		t.Errorf("sorted to %s\nwant      %s", got, want)
	}
	wantNew := AppRow{AppReport: protocol.AppReport{Name: "new", Phase: protocol.PhasePending, Health: protocol.HealthUnknown, Objects: 4,
		Reason: protocol.ReasonInitializing}, Key: "new", Path: "apps/new"}
	if !reflect.DeepEqual(rows["new"], wantNew) {
		t.Errorf("an app that the agent has not named yet: %+v\nwant %+v", rows["new"], wantNew)
	}
	// It stays at its last good state: what is applied, and how that is, is still the agent's to say.
	wantUnbuilt := AppRow{AppReport: protocol.AppReport{Name: "unbuilt", Phase: protocol.PhaseFailed, Message: "it does not build",
		Reason: protocol.ReasonRenderFailed, Health: protocol.HealthCurrent, Digest: "good", Objects: 2, Current: 2}, Key: "unbuilt", Path: "apps/u", Error: "it does not build"}
	if !reflect.DeepEqual(rows["unbuilt"], wantUnbuilt) {
		t.Errorf("an app that does not build: %+v\nwant %+v", rows["unbuilt"], wantUnbuilt)
	}
	if rows["a-well"].Path != "apps/a" || rows["a-well"].Objects != 0 {
		t.Errorf("an app that both know: %+v; the path is Git's, the counts are the agent's", rows["a-well"])
	}
	if c.Report.Apps[6].Phase != protocol.PhaseHealthy {
		t.Error("asking changed the report")
	}
}

// Whatever an agent calls an app, people see one row of it, by the name that is known of its key, in the journal as well.
func TestAnAppIsOneRowWhateverItsAgentCallsIt(t *testing.T) {
	id := identity.ID{Kind: "HelmRelease", Namespace: "media", Name: "plex"}
	for name, c := range map[string]struct{ given, reported, key string }{
		"with keys":                       {id.Key(), id.Key(), id.Key()},
		"before it moves it":              {id.Key(), "media-plex", "media-plex"},
		"by a name with a digest":         {id.Key(), "media-plex-1a2b3c4d", "media-plex-1a2b3c4d"},
		"an agent of before keys":         {"media-plex", "media-plex", "media-plex"},
		"and it has not reported the app": {"media-plex", "", "media-plex"},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := Cluster{Report: &protocol.Report{}, Desired: Desired{Apps: []DesiredApp{
				{Name: c.given, Declared: id.String(), Formerly: []string{"media-plex", "media-plex-1a2b3c4d"}, Path: "apps/plex"},
				{Name: "web", Declared: "App web"}}}}
			if c.reported != "" {
				cluster.Report.Apps = []protocol.AppReport{{Name: c.reported}}
				cluster.Recent = []protocol.Event{{App: c.reported}}
			}
			rows := cluster.Apps()
			at := slices.IndexFunc(rows, func(a AppRow) bool { return a.Name == id.Key() })
			if len(rows) != 2 || at < 0 || rows[at].Key != c.key || rows[at].Path != "apps/plex" || rows[at].Declared != id.String() {
				t.Errorf("the rows are %+v", rows)
			}
			for _, e := range cluster.Journal() {
				if e.App != id.Key() {
					t.Errorf("the journal tells of %s", e.App)
				}
			}
		})
	}
	// A name that another app has now is that app's.
	cluster := Cluster{Recent: []protocol.Event{{App: "media-plex"}}, Desired: Desired{Apps: []DesiredApp{
		{Name: id.Key(), Declared: id.String(), Formerly: []string{"media-plex"}}, {Name: "media-plex", Declared: "App media-plex"}}}}
	if got := cluster.Journal()[0].App; got != "media-plex" || len(cluster.Apps()) != 2 {
		t.Errorf("the journal tells of %s, the rows are %+v", got, cluster.Apps())
	}
}
