package query

import (
	"errors"
	"strings"
	"testing"

	"github.com/drover-dev/drover/protocol"
)

func TestAHoldIsFoundByItsIDOrItsCommitAlone(t *testing.T) {
	first, second := protocol.Revision{Hash: "aaaaaaaabbbb"}, protocol.Revision{Hash: "ccccccccdddd"}
	holds := []Hold{{ID: "0123456789", Revision: first}, {ID: "aaaaaaaa00", Revision: second}, {ID: "bbbbbbbb00", Revision: second}, {ID: "dddddddd00"}, {Revision: protocol.Revision{Hash: "eeeeeeeeeeee"}}}
	for name, want := range map[string]string{
		"0123456789": "0123456789", "AAAAAAAA00": "aaaaaaaa00", "aaaaaaa": "0123456789", "aaaaaaaabbbb": "0123456789", "dddddddd00": "dddddddd00", "eeeeeee": "eeeeeeee",
	} {
		if h, err := FindHold(holds, name); err != nil || h.Name() != want {
			t.Errorf("%s is %+v, %v; want %s", name, h, err, want)
		}
	}
	for name, say := range map[string]string{"": "nothing is held as", "aaaaaa": "nothing is held as", "012345678": "nothing is held as", "ccccccc": "names alone", "ffffffff": "0123456789 (revision aaaaaaaa)"} {
		if _, err := FindHold(holds, name); !errors.Is(err, ErrNotHeld) || !strings.Contains(err.Error(), say) {
			t.Errorf("%q: %v; want %q", name, err, say)
		}
	}
	if _, err := FindHold(nil, "0123456789"); !errors.Is(err, ErrNotHeld) || !strings.Contains(err.Error(), "nothing to approve") {
		t.Errorf("of none: %v", err)
	}
}

func TestWhatAnAgentHoldsIsShownOnce(t *testing.T) {
	held := func(id string, kind protocol.HoldKind, app string) protocol.Held {
		return protocol.Held{ID: id, Kind: kind, App: app, Count: 2, Objects: []protocol.ObjectRef{{Kind: "ConfigMap", Name: "c"}}, Object: &protocol.ObjectRef{Kind: "Namespace", Name: "n"}, Message: "why"}
	}
	c := Cluster{Name: "a", Guarded: []string{"web"}, Approved: []string{"3"}, Waiting: []Hold{{ID: "0"}}, Desired: Desired{Generation: 2, Digest: "d"}, Report: &protocol.Report{Generation: 1, Held: []protocol.Held{
		held("1", protocol.HoldDeletions, "web"), held("2", protocol.HoldDeletions, "data"), held("3", protocol.HoldContents, "web"), held("4", protocol.HoldOrphans, "")}}}
	ids := func() (out []string) {
		for _, h := range c.Holds() {
			out = append(out, h.ID)
		}
		return out
	}
	if got := strings.Join(ids(), " "); got != "0 2 4" {
		t.Errorf("held: %s", got)
	}
	c.Report.Generation, c.Report.Digest = 2, "d"
	if got := strings.Join(ids(), " "); got != "0 2 3 4" {
		t.Errorf("after the agent had the approval, and holds the same again: %s", got)
	}
	if row := c.Row(); strings.Join(row.Held, " ") != "0 2 3 4" || !strings.Contains(row.Message, "app data: held: why; approve with `drover approve 2`") {
		t.Errorf("the row: %v %s", row.Held, row.Message)
	}
	if h := c.Holds()[1]; h.Count != 2 || h.Objects[0] != "ConfigMap/c" || h.Object != "Namespace/n" || h.Apps[0] != "data" || !h.Reported {
		t.Errorf("the hold: %+v", h)
	}
}

func TestNewerContentThatWaitsIsOneLine(t *testing.T) {
	h := Hold{ID: "0123456789", Kind: protocol.HoldRelease, Revision: protocol.Revision{Hash: "aaaaaaaabbbb", Subject: "image 1.9"}, Clusters: []string{"a", "b", "c", "d"},
		Apps: []string{"web"}, Added: 1, Changed: 2, Removed: 3, With: []string{"db"}}
	if got := h.Text(); got != `revision aaaaaaaa "image 1.9" gives newer content to app web in 4 clusters (a, b, c and 1 more): 1 object added, 2 objects changed, 3 objects removed, and with it app db` {
		t.Error(got)
	}
	h.First, h.Added, h.Changed, h.Removed, h.With, h.Clusters = true, 0, 0, 0, nil, []string{"a"}
	if got := h.There(); got != "the first content of app web is held since revision aaaaaaaa: its objects are the same, and are delivered otherwise; approve with `drover approve 0123456789`" {
		t.Error(got)
	}
	c := Cluster{Name: "a", Joined: true, Waiting: []Hold{h}, Report: &protocol.Report{Generation: 2, Digest: "d"},
		Desired: Desired{Generation: 2, Digest: "d", Apps: []DesiredApp{{Name: "web", Error: "not yet", Reason: protocol.ReasonReleaseHeld}}}}
	row := c.Row()
	if row.Health == protocol.HealthDegraded || row.Held[0] != h.ID {
		t.Errorf("the row: %+v", row)
	}
	if apps := c.Apps(); apps[0].Phase != protocol.PhasePending || apps[0].Health != protocol.HealthPaused || apps[0].Reason != protocol.ReasonReleaseHeld {
		t.Errorf("the app: %+v", apps[0])
	}
}
