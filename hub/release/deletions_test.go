package release

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/drover-dev/drover/fleet/deletions"
	"github.com/drover-dev/drover/protocol"
)

// TestWhatAnAgentAcknowledges: of an app that is told of in full, and that neither side holds, nothing older is remembered.
func TestWhatAnAgentAcknowledges(t *testing.T) {
	t.Parallel()
	last := protocol.Bundle{Generation: 3, Apps: []protocol.App{{Name: "web"}}, Deletions: &protocol.Deletions{Approved: []string{"1", "2"}}}
	given := []Given{{Blob: protocol.Blob{Digest: "d"}}}
	held := []protocol.Held{{ID: "2", Kind: protocol.HoldContents, App: "web"}}
	over := []protocol.Held{{ID: "2", Kind: protocol.HoldDeletions, App: "web"}}
	for name, c := range map[string]struct {
		app    string
		hold   *AppHold
		report *protocol.Report
		want   string // total, what the agent reported, blobs, ids
	}{
		"nothing was heard":          {"web", nil, nil, "5 1 1 [1 2 3]"},
		"another generation":         {"web", nil, &protocol.Report{Generation: 2, Digest: "x", Apps: []protocol.AppReport{{Name: "web", Deleted: 4}}}, "5 4 1 [1 2 3]"},
		"another digest":             {"web", nil, &protocol.Report{Generation: 3, Digest: "y", Apps: []protocol.AppReport{{Name: "web", Deleted: 9}}}, "9 9 1 [1 2 3]"},
		"acknowledged":               {"web", nil, &protocol.Report{Generation: 3, Digest: "x", Apps: []protocol.AppReport{{Name: "web", Deleted: 4}}, Held: held}, "5 4 0 [2 3]"},
		"acknowledged, without it":   {"web", nil, &protocol.Report{Generation: 3, Digest: "x"}, "5 1 0 [3]"},
		"the agent holds it":         {"web", nil, &protocol.Report{Generation: 3, Digest: "x", Held: over}, "5 1 1 [2 3]"},
		"the agent holds another":    {"web", nil, &protocol.Report{Generation: 3, Digest: "x", Held: []protocol.Held{{Kind: protocol.HoldDeletions, App: "db"}}}, "5 1 0 [3]"},
		"the hub holds it":           {"web", &AppHold{}, &protocol.Report{Generation: 3, Digest: "x"}, "5 1 1 [3]"},
		"it has left, and objects":   {"old", nil, &protocol.Report{Generation: 3, Digest: "x", Apps: []protocol.AppReport{{Name: "old", Leaving: true}}}, "5 0 1 [3]"},
		"it has left, and is told":   {"old", nil, &protocol.Report{Generation: 3, Digest: "x", Apps: []protocol.AppReport{{Name: "old"}}}, "5 0 1 [3]"},
		"it has left, and is gone":   {"old", nil, &protocol.Report{Generation: 3, Digest: "x"}, "0 0 0 [3]"},
		"it was held, and is gone":   {"old", &AppHold{}, &protocol.Report{Generation: 3, Digest: "x"}, "0 0 0 [3]"},
		"it is leaving, and is back": {"web", nil, &protocol.Report{Generation: 3, Digest: "x", Apps: []protocol.AppReport{{Name: "web", Leaving: true}}}, "5 0 1 [3]"},
	} {
		before := Deletions{Apps: map[string]AppDeletions{c.app: {Total: 5, Reported: 1, Given: given, Hold: c.hold}}, Approved: []string{"1", "2", "3"}}
		d := before.heard(last, "x", c.report)
		a := d.Apps[c.app]
		if got := fmt.Sprint(a.Total, a.Reported, len(a.Given), d.Approved); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
		if was := before.Apps[c.app]; was.Total != 5 || len(was.Given) != 1 || len(before.Approved) != 3 {
			t.Errorf("%s: what was remembered before is changed: %+v", name, before)
		}
	}
}

func TestOfAHeldAppNoMoreIsPermittedThanWasDone(t *testing.T) {
	t.Parallel()
	d := Deletions{Approved: []string{"1"}, Apps: map[string]AppDeletions{
		"free": {Total: 5, Reported: 1}, "held": {Total: 5, Reported: 1, Hold: &AppHold{}}, "new": {Total: 5, Hold: &AppHold{}}, "ahead": {Total: 2, Reported: 3, Hold: &AppHold{}},
		"none": {Given: []Given{{}}}}}
	if got := d.Wire(); fmt.Sprint(got.Apps, got.Approved) != "map[ahead:2 free:5 held:1] [1]" {
		t.Errorf("the bundle says %+v", got)
	}
	if got := (Deletions{}).Wire(); got == nil || got.Apps != nil {
		t.Errorf("with nothing to permit it says %+v", got)
	}
}

func TestApprovalsAreRemembered(t *testing.T) {
	t.Parallel()
	var d Deletions
	for i := range MaxApprovals + 2 {
		d.Remember(Approval{ID: fmt.Sprint(i)})
	}
	if ids := d.Lately(); len(ids) != MaxApprovals || ids[0] != fmt.Sprint(MaxApprovals+1) {
		t.Errorf("remembered are %v", ids)
	}
}

// An agent that names ever new apps must not make a bundle that is too large to be published.
func TestAppsThatOnlyTheAgentNamesAreBounded(t *testing.T) {
	t.Parallel()
	var d Deletions
	last := protocol.Bundle{Generation: 1, Apps: []protocol.App{{Name: "web"}}}
	for round := range 30 {
		r := &protocol.Report{Generation: 2}
		for i := range 9000 {
			r.Apps = append(r.Apps, protocol.AppReport{Name: fmt.Sprintf("x-%d-%d", round, i), Deleted: 1})
		}
		r.Apps = append(r.Apps, protocol.AppReport{Name: "No name\n", Deleted: 1}, protocol.AppReport{Name: "web", Deleted: math.MaxUint64})
		d = d.heard(last, "", r)
	}
	if len(d.Apps) > maxStrange+1 {
		t.Errorf("%d apps are remembered", len(d.Apps))
	}
	if a := d.Apps["web"]; a.Total+1_000_000 < a.Total || a.Total == 0 {
		t.Errorf("the total of an app that is there is %d", a.Total)
	}
	if _, there := d.Apps["No name\n"]; there {
		t.Error("an app is remembered that can have no such name")
	}
}

// What is remembered is in stores of other releases: a field has the same name and form for ever.
func TestTheStoredFormIsKept(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	ref := protocol.ObjectRef{Kind: "ConfigMap", Namespace: "ns", Name: "one"}
	d := Deletions{HadFleet: true, HadFile: true, Approved: []string{"1"},
		Approvals: []Approval{{ID: "2", Kind: protocol.HoldDeletions, Time: at, Apps: []string{"web"}, Count: 3}},
		Apps: map[string]AppDeletions{"web": {Total: 4, Reported: 5, Counted: []protocol.ObjectRef{ref},
			Given: []Given{{Blob: protocol.Blob{Digest: "d"}, Namespace: "ns", Keep: true}},
			Hold: &AppHold{ID: "6", Revision: protocol.Revision{Hash: "rev"}, Since: at,
				Reasons: []deletions.Reason{deletions.Data}, Count: 7, Objects: []protocol.ObjectRef{ref}, Had: 8}}}}
	got, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	blob, _ := json.Marshal(protocol.Blob{Digest: "d"})
	revision, _ := json.Marshal(protocol.Revision{Hash: "rev"})
	object := `{"kind":"ConfigMap","namespace":"ns","name":"one"}`
	want := `{"apps":{"web":{"total":4,"reported":5,"given":[{"blob":` + string(blob) + `,"namespace":"ns","keep":true}],` +
		`"hold":{"id":"6","revision":` + string(revision) + `,"since":"2026-01-02T03:04:05Z","reasons":["Data"],"count":7,` +
		`"objects":[` + object + `],"had":8},"counted":[` + object + `]}},"hadFleet":true,"hadFile":true,"approved":["1"],` +
		`"approvals":[{"id":"2","kind":"DeletionsOverBudget","time":"2026-01-02T03:04:05Z","apps":["web"],"count":3}]}`
	if string(got) != want {
		t.Errorf("it is stored as\n%s, want\n%s", got, want)
	}
}
