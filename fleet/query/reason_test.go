package query

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/protocol"
)

// TestReasonsOfClustersAreDocumented: the page has each reason once, and no other.
func TestReasonsOfClustersAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/reasons.md")
	if err != nil {
		t.Fatal(err)
	}
	_, clusters, _ := strings.Cut(string(page), "## Clusters")
	var documented []Reason
	for line := range strings.Lines(clusters) {
		if cell, _, ok := strings.Cut(strings.TrimPrefix(line, "| "), " |"); ok && strings.HasPrefix(line, "| `") {
			for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cell, -1) {
				documented = append(documented, Reason(m[1]))
			}
		}
	}
	listed := Reasons()
	slices.Sort(documented)
	slices.Sort(listed)
	if !slices.Equal(documented, listed) {
		t.Errorf("docs/reasons.md has %q\nand Reasons() %q", documented, listed)
	}
	for _, r := range protocol.Reasons() {
		if slices.Contains(listed, Reason(r)) {
			t.Errorf("%s has two meanings", r)
		}
	}
}

// TestReasonOfARow: the reason goes with the message.
func TestReasonOfARow(t *testing.T) {
	at := time.Date(2026, 11, 3, 12, 0, 0, 0, time.UTC)
	apps := func(apps ...protocol.AppReport) func(*Cluster) { return func(c *Cluster) { c.Report.Apps = apps } }
	web := protocol.AppReport{Name: "web", Phase: protocol.PhaseWaiting, Health: protocol.HealthPaused, Reason: protocol.ReasonPaused, Message: "asks"}
	for name, c := range map[string]struct {
		with func(*Cluster)
		want Reason
	}{
		"healthy":             {apps(protocol.AppReport{Name: "web", Phase: protocol.PhaseHealthy, Health: protocol.HealthCurrent}), ""},
		"the worst app":       {apps(web, protocol.AppReport{Name: "a", Phase: protocol.PhaseHealthy}), "Paused"},
		"an unknown reason":   {apps(protocol.AppReport{Name: "web", Phase: protocol.PhaseFailed, Reason: "StarsMisaligned", Message: "oh"}), "StarsMisaligned"},
		"an older agent":      {apps(protocol.AppReport{Name: "web", Phase: protocol.PhaseFailed, Message: "oh"}), ""},
		"rendered by the hub": {func(c *Cluster) { c.Desired.Apps = []DesiredApp{{Name: "web", Error: "no"}} }, "RenderFailed"},
		"fetched by the hub":  {func(c *Cluster) { c.Desired.Apps = []DesiredApp{{Name: "web", Error: "no", Reason: "FetchFailed"}} }, "FetchFailed"},
		"removed":             {func(c *Cluster) { c.Released = at }, ReasonRemoved},
		"held": {func(c *Cluster) {
			c.Held = &Hold{Revision: protocol.Revision{Hash: "4b825dc642cb6eb9a060e54bf8d69288fbee4904"}}
		}, ReasonRemovalHeld},
		"copied":        {func(c *Cluster) { c.Copy = &Copy{} }, ReasonCopied},
		"withheld":      {func(c *Cluster) { c.Withheld = &Withheld{Reason: ReasonOtherHub} }, ReasonOtherHub},
		"its folder":    {func(c *Cluster) { c.Problems = []string{"no"} }, ReasonFolderInvalid},
		"being built":   {func(c *Cluster) { c.Problems = []string{FolderBuilding, FleetBuilding} }, "Rendering"},
		"built in part": {func(c *Cluster) { c.Problems = []string{FolderBuilding, "no"} }, ReasonFolderInvalid},
		"built, unjoined": {func(c *Cluster) { c.Problems, c.Joined, c.Link.Connected = []string{FolderBuilding}, false, false },
			ReasonAwaitingAgent},
		"revoked":        {func(c *Cluster) { c.Revoked, c.Link.Connected = true, false }, ReasonRevoked},
		"expired":        {func(c *Cluster) { c.Expired, c.Link.Connected = true, false }, ReasonExpired},
		"never reported": {func(c *Cluster) { c.Report, c.Link.Connected = nil, false }, ReasonNoReport},
		"distrusted": {func(c *Cluster) { c.Joined, c.Link.Connected, c.Distrusted = false, false, true },
			ReasonDistrusted},
		"awaiting": {func(c *Cluster) { c.Joined, c.Link.Connected = false, false }, ReasonAwaitingAgent},
		"not taken": {func(c *Cluster) {
			c.Untaken = Untaken{Count: 1,
				Last: c.Received.Add(time.Second)}
		}, ReasonNotTaken},
		"refused":              {func(c *Cluster) { c.Report.Refused = &protocol.Refusal{Reason: "old"} }, ReasonBundleRefused},
		"urged":                {func(c *Cluster) { c.Urged, c.Report.Generation = Urged{Times: 2, Generation: 2}, 1 }, ReasonNotAccepted},
		"not accepted":         {func(c *Cluster) { c.Report.Generation = 1 }, ReasonNotAccepted},
		"the agent's":          {func(c *Cluster) { c.Report.Message = "slow" }, ReasonAgentTrouble},
		"suspended":            {func(c *Cluster) { c.Suspended = true }, "Suspended"},
		"offline":              {func(c *Cluster) { c.Link.Connected = false }, ReasonOffline},
		"deletions are held":   {func(c *Cluster) { c.Waiting = []Hold{{ID: "1"}} }, "PruneHeld"},
		"held, and worse else": {func(c *Cluster) { c.Waiting, c.Report.Message = []Hold{{ID: "1"}}, "slow" }, ReasonAgentTrouble},
	} {
		row := Cluster{Name: "staging", Joined: true, Link: Link{Connected: true, Since: at}, Desired: Desired{Generation: 2, Digest: "d"},
			Report: &protocol.Report{Generation: 2, Digest: "d"}}
		c.with(&row)
		if got := row.Row(); got.Reason != c.want || (got.Reason == "") != (got.Message == "") && name != "an older agent" {
			t.Errorf("%s: the reason is %q: %s", name, got.Reason, got.Message)
		}
	}
	if ClusterHealth(protocol.Report{Generation: 1, Apps: []protocol.AppReport{web}}) != protocol.HealthPaused {
		t.Error("a cluster whose app is paused is not paused")
	}
}
