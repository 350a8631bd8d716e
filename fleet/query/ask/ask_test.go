package ask

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/fleet/facts"
	"github.com/drover-dev/drover/fleet/identity"
	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/protocol"
)

var now = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

type content struct{ f *facts.Facts }

func (c content) Facts() *facts.Facts { return c.f }

var plex = identity.ID{Kind: "HelmRelease", Namespace: "media", Name: "plex"}

// rows are what a content of an app delivers.
var (
	web14 = &facts.Facts{Images: []string{"ghcr.io/acme/web:1.4"}, Charts: []facts.Chart{{Name: "web", Version: "1.4.0"}},
		Kinds: []facts.Kind{{APIVersion: "apps/v1", Kind: "Deployment", Objects: 2}}}
	web15 = &facts.Facts{Images: []string{"ghcr.io/acme/web:1.5"}, Charts: []facts.Chart{{Name: "web", Version: "1.5.0"}},
		Kinds: []facts.Kind{{APIVersion: "apps/v1", Kind: "Deployment", Objects: 2}}}
	plex1 = &facts.Facts{Images: []string{"plex:1"}, Kinds: []facts.Kind{{APIVersion: "policy/v1beta1",
		Kind: "PodDisruptionBudget", Objects: 1}, {APIVersion: "apps/v1", Kind: "StatefulSet", Objects: 1}}}
)

// fleet is 6 clusters, each in a state of its own.
func fleet() Fleet {
	f := Fleet{Now: now, Former: func(digest string) *facts.Facts {
		if digest == "d14" {
			return web14
		}
		return nil
	}}
	for i, name := range []string{"bern", "kiev", "lima", "oslo", "rome", "wien"} {
		c := query.Cluster{Name: name, Joined: true, Link: query.Link{Connected: true, Since: now.Add(-time.Hour)},
			Labels: map[string]string{"n": fmt.Sprint(i)},
			Desired: query.Desired{Generation: 3, Digest: "g3", Apps: []query.DesiredApp{
				{Name: plex.Key(), Declared: plex.String(), Digest: "dp", Content: content{plex1}, Objects: 2},
				{Name: "web", Declared: "App web", Digest: "d15", Content: content{web15}, Objects: 2}}},
			Report: &protocol.Report{Generation: 3, Digest: "g3", Apps: []protocol.AppReport{
				{Name: plex.Key(), Phase: protocol.PhaseHealthy, Health: protocol.HealthCurrent, Digest: "dp", Objects: 2,
					Current: 2, Revision: "1111111122"},
				{Name: "web", Phase: protocol.PhaseHealthy, Health: protocol.HealthCurrent, Digest: "d15", Objects: 2,
					Current: 2, Revision: "2222222233", Since: now.Add(-time.Duration(i) * time.Hour)}}}}
		f.Clusters = append(f.Clusters, c)
	}
	return f
}

// failed makes an app of a cluster fail by an object.
func (f Fleet) failed(cluster int, message string) {
	a := &f.Clusters[cluster].Report.Apps[1]
	a.Phase, a.Health, a.Reason = protocol.PhaseDegraded, protocol.HealthDegraded, protocol.ReasonUnhealthy
	ref := protocol.ObjectRef{Group: "apps", Kind: "Deployment", Namespace: "shop", Name: "web"}
	a.Message = ref.String() + ": " + message
	a.Problems = []protocol.Problem{{Object: ref, Health: protocol.HealthDegraded, Message: message},
		{Object: protocol.ObjectRef{Kind: "Pod", Name: "p"}, Health: protocol.HealthProgressing, Message: "starts"}}
}

func names[R any](p Page[R], name func(R) string) string {
	var out []string
	for _, r := range p.Items {
		out = append(out, name(r))
	}
	return strings.Join(out, " ")
}

func clusterName(r ClusterRow) string { return r.Name }

// TestClustersAreFoundByState: each state finds the clusters that are in it, and no other.
func TestClustersAreFoundByState(t *testing.T) {
	t.Parallel()
	f := fleet()
	f.Clusters[0].Report.Generation = 2
	f.Clusters[1].Link.Connected = false
	f.failed(2, "the pods crash")
	f.Clusters[3].Report.Drift.Last = &protocol.Event{Time: now.Add(-time.Minute)}
	f.Clusters[3].Suspended = true
	f.Clusters[4].Waiting = []query.Hold{{ID: "0123456789", Kind: protocol.HoldDeletions, Clusters: []string{"rome"}}}
	f.Clusters[5] = query.Cluster{Name: "wien"}
	f.Rollouts = []query.Rollout{{Policy: "production", Behind: []string{"bern", "oslo"},
		Pinned: []query.Pin{{Cluster: "oslo"}, {Cluster: "lima"}}}}
	for text, want := range map[string]string{
		"":                 "bern kiev lima oslo rome wien",
		"behind":           "bern",
		"offline":          "kiev",
		"degraded":         "lima",
		"drifting":         "oslo",
		"held":             "bern lima oslo rome",
		"awaiting":         "wien",
		"suspended":        "oslo",
		"removed":          "",
		"healthy":          "oslo rome",
		"offline, behind,": "bern kiev",
	} {
		conditions, err := ParseConditions(text)
		if err != nil {
			t.Fatal(err)
		}
		p := f.InState(conditions, Paging{})
		if got := names(p, clusterName); got != want || p.Total != len(p.Items) {
			t.Errorf("%q: %q of %d, want %q", text, got, p.Total, want)
		}
	}
	f.Clusters[3].Report.Drift.Last.Time = now.Add(-2 * time.Hour)
	f.Clusters[4].Released = now
	if got := names(f.InState([]Condition{Drifting, Removed}, Paging{}), clusterName); got != "rome" {
		t.Errorf("later: %q", got)
	}
	if p := f.InState([]Condition{Held}, Paging{}); !slices.Equal(p.Items[2].HeldBy, []string{"production"}) {
		t.Errorf("oslo is held by %q", p.Items[2].HeldBy)
	}
	if _, err := ParseConditions("behind,ill"); err == nil || !strings.Contains(err.Error(),
		`"ill" of clusters: use healthy, behind`) {
		t.Errorf("a state that there is not: %v", err)
	}
}

// TestPagesMakeTheWhole, whatever their size.
func TestPagesMakeTheWhole(t *testing.T) {
	t.Parallel()
	f := fleet()
	for limit := range 9 {
		var clusters, apps, images, groups []string
		walk(t, limit, func(p Paging) (string, int) {
			page := f.InState(nil, p)
			clusters = append(clusters, strings.Fields(names(page, clusterName))...)
			return page.Continue, page.Total
		})
		walk(t, limit, func(p Paging) (string, int) {
			page, err := f.Where("plex", nil, p)
			if err != nil {
				t.Fatal(err)
			}
			apps = append(apps, strings.Fields(names(page, func(r AppRow) string { return r.Cluster }))...)
			return page.Continue, page.Total
		})
		walk(t, limit, func(p Paging) (string, int) {
			page := f.Images(facts.ImageMatch{}, false, p)
			images = append(images, strings.Fields(names(page, func(r ImageGroup) string { return r.Image }))...)
			return page.Continue, page.Total
		})
		walk(t, limit, func(p Paging) (string, int) {
			page := f.Apps(p)
			groups = append(groups, strings.Fields(names(page, func(r AppGroup) string { return r.Key }))...)
			return page.Continue, page.Total
		})
		all := "bern kiev lima oslo rome wien"
		if strings.Join(clusters, " ") != all || strings.Join(apps, " ") != all ||
			strings.Join(images, " ") != "ghcr.io/acme/web:1.5 plex:1" ||
			strings.Join(groups, " ") != plex.Key()+" web" {
			t.Errorf("in pages of %d: clusters %q, apps %q, images %q, groups %q", limit, clusters, apps, images, groups)
		}
	}
}

// walk asks for page after page.
func walk(t *testing.T, limit int, ask func(Paging) (next string, total int)) {
	t.Helper()
	p := Paging{Limit: limit}
	for range 100 {
		next, total := ask(p)
		if total == 0 {
			t.Error("a page says that there is nothing")
		}
		if next == "" {
			return
		}
		p.After = next
	}
	t.Fatal("the pages have no end")
}

// TestAppsAreFoundByWhatPeopleCallThem, in all clusters.
func TestAppsAreFoundByWhatPeopleCallThem(t *testing.T) {
	t.Parallel()
	f := fleet()
	f.Clusters[1].Link.Connected = false
	f.failed(2, "the pods crash")
	f.Clusters[3].Report.Apps[1].Digest = "d14"
	f.Clusters[4].Report.Apps[1].Digest = "d13"
	for _, asked := range []string{"media/plex", "plex", "helmrelease/media/plex", plex.Key()} {
		if p, err := f.Where(asked, nil, Paging{}); err != nil || p.Total != 6 || p.Items[0].Key != plex.Key() {
			t.Errorf("%s: %+v, %v", asked, p, err)
		}
	}
	p, err := f.Where("web", []protocol.Phase{protocol.PhaseDegraded, protocol.PhaseFailed}, Paging{})
	if err != nil || names(p, func(r AppRow) string { return r.Cluster }) != "lima" {
		t.Errorf("degraded: %+v, %v", p, err)
	}
	all, err := f.Where("web", nil, Paging{})
	if err != nil {
		t.Fatal(err)
	}
	versions := func(r AppRow) string { return fmt.Sprint(r.Charts[0].Version, ":", r.Applied, ":", r.State) }
	if got := names(all, versions); got != "1.5.0:true:connected 1.5.0:true:offline 1.5.0:true:connected "+
		"1.4.0:true:connected 1.5.0:false:connected 1.5.0:true:connected" {
		t.Errorf("versions %s", got)
	}
	_, err = f.Where("weeb", nil, Paging{})
	if !errors.Is(err, ErrUnknown) || !strings.Contains(err.Error(), "did you mean web?") {
		t.Errorf("a name with a mistake: %v", err)
	}
	_, err = f.Where("something", nil, Paging{})
	if !errors.Is(err, ErrUnknown) || !strings.Contains(err.Error(), "see `drover apps`") {
		t.Errorf("a name of nothing: %v", err)
	}
	groups := f.Apps(Paging{})
	if g := groups.Items[1]; g.App != "web" || g.Clusters != 6 || g.Healthy != 5 || g.Pending != 1 ||
		g.Versions["web 1.5.0"] != 5 || g.Versions["web 1.4.0"] != 1 || g.Phases["degraded"] != 1 {
		t.Errorf("the group %+v", g)
	}
	if g := groups.Items[0]; g.Versions["11111111"] != 6 {
		t.Errorf("an app without a chart is at %v", g.Versions)
	}
}

// TestContentIsFoundWhereItRuns: images, charts and kinds, with what is applied apart from what is only asked for.
func TestContentIsFoundWhereItRuns(t *testing.T) {
	t.Parallel()
	f := fleet()
	f.Clusters[3].Report.Apps[1].Digest = "d14"
	f.Clusters[4].Report.Apps[1].Digest = "d13"
	f.Clusters[5].Desired.Apps[1].Content = content{nil}
	match := func(text string) facts.ImageMatch {
		m, err := facts.ParseImageMatch(text)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	p := f.Images(match("web"), true, Paging{})
	uses := func(u Uses) string { return fmt.Sprint(u.Clusters, u.Apps, u.Pending, u.Sample, len(u.Places)) }
	if got := names(p, func(g ImageGroup) string { return g.Image + " " + uses(g.Uses) }); got !=
		"ghcr.io/acme/web:1.4 1 1 0 [oslo] 1 ghcr.io/acme/web:1.5 4 4 1 [bern kiev lima rome] 4" {
		t.Errorf("images %s", got)
	}
	if place := p.Items[1].Places[3]; place != (Place{"rome", "web", false}) {
		t.Errorf("the last place is %+v", place)
	}
	if q := f.Images(match("web"), false, Paging{}); q.Items[1].Places != nil {
		t.Error("places that nobody asked for")
	}
	if q := f.Images(match("web:1.6"), true, Paging{}); len(q.Items) != 0 || q.Items == nil {
		t.Errorf("an image that does not run: %+v", q)
	}
	old := f.Charts(ChartMatch{Name: "web", OlderThan: "1.5.0"}, false, Paging{})
	if got := names(old, func(g ChartGroup) string {
		return g.Name + " " + g.Version + " " +
			uses(g.Uses)
	}); got != "web 1.4.0 1 1 0 [oslo] 0" {
		t.Errorf("charts %s", got)
	}
	if n := len(f.Charts(ChartMatch{}, false, Paging{}).Items); n != 2 {
		t.Errorf("%d charts", n)
	}
	for text, m := range map[string]KindMatch{
		"apps/v1 Deployment 10, apps/v1 StatefulSet 6, policy/v1beta1 PodDisruptionBudget 6": {},
		"apps/v1 Deployment 10, apps/v1 StatefulSet 6":                                       {APIVersion: "apps"},
		"policy/v1beta1 PodDisruptionBudget 6": {Kind: "poddisruptionbudget",
			APIVersion: "policy/v1beta1"},
		"": {APIVersion: "policy/v1"},
	} {
		var got []string
		for _, g := range f.Kinds(m, false, Paging{}).Items {
			got = append(got, fmt.Sprint(g.APIVersion, " ", g.Kind, " ", g.Objects))
		}
		if strings.Join(got, ", ") != text {
			t.Errorf("%+v: %s, want %s", m, strings.Join(got, ", "), text)
		}
	}
	if n := f.Unknown(); n != 1 {
		t.Errorf("of %d apps the content is unknown", n)
	}
}

// TestOneCauseIsOneLine, however many clusters have it.
func TestOneCauseIsOneLine(t *testing.T) {
	t.Parallel()
	f := fleet()
	for i, name := range []string{"bern", "kiev", "lima"} {
		f.failed(i, "the quota of "+name+" is full since 2026-11-30 10:00:00")
	}
	f.failed(3, "another")
	f.Clusters[2].Report.Apps[1].Revision = "3333333344"
	f.Clusters[4].Desired.Apps[0].Error = "kustomization.yaml:3: no such file"
	p, err := f.Failures("", true, Paging{})
	if err != nil {
		t.Fatal(err)
	}
	got := names(p, func(x Failure) string {
		return fmt.Sprintln(x.Clusters, x.App, x.Object, x.Reason, x.Message, x.Since.Format(time.TimeOnly), x.First,
			x.Revisions,
			len(x.Places))
	})
	want := `3 web Deployment/shop/web Unhealthy the quota of CLUSTER is full since … 10:00:00 lima [22222222 33333333] 3
 1 ` + plex.Key() + `  RenderFailed kustomization.yaml:3: no such file 00:00:00 rome [11111111] 1
 1 web Deployment/shop/web Unhealthy another 09:00:00 oslo [22222222] 1
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if p, err := f.Failures("plex", false, Paging{}); err != nil || p.Total != 1 || p.Items[0].Places != nil {
		t.Errorf("of one app: %+v, %v", p, err)
	}
	if _, err := f.Failures("nothing-like-it", false, Paging{}); !errors.Is(err, ErrUnknown) {
		t.Errorf("of an app that there is not: %v", err)
	}
	if data, err := json.Marshal(Fleet{}.Apps(Paging{})); err != nil || !strings.Contains(string(data), `"items":[]`) {
		t.Errorf("of nothing: %s, %v", data, err)
	}
}

func TestNearNamesAreFound(t *testing.T) {
	t.Parallel()
	all := []string{"payment", "payments", "shipping", "web", "web", "media/plex"}
	for asked, want := range map[string]string{
		"paymant": "did you mean payment, payments?", "Payment": "did you mean payment, payments?",
		"ship": "did you mean shipping?", "wbe": "none", "weeb": "did you mean web?", "xyz": "none", "": "none",
		"plex": "did you mean media/plex?", strings.Repeat("x", 300): "none",
	} {
		if got := Nearest(all, asked, "none"); got != want {
			t.Errorf("%.20q: %q, want %q", asked, got, want)
		}
	}
}
