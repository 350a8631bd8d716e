package deliver

import (
	"cmp"
	"strings"
	"time"

	"github.com/drover-dev/drover/agent/report"
	"github.com/drover-dev/drover/protocol"
)

// report is the whole account of the cluster, as JSON that fits into one message.
func (s *session) report(self protocol.Agent, seq uint64) []byte {
	who := s.Who.Credential()
	self.Trust, self.Expires = who.Trust.ID(), who.Expires
	self.APIs = s.Cluster.APIsDigest()
	acc := s.InForce()
	r := protocol.Report{Version: protocol.Version, Cluster: s.ClusterName, Seq: seq, Time: time.Now(), Agent: self,
		Epoch: acc.Bundle.Epoch, Generation: acc.Bundle.Generation, Digest: acc.Digest, Revision: acc.Bundle.Revision,
		Suspended: acc.Bundle.Suspend}
	also := ""
	s.Notes.With(func() {
		r.Refused, r.Message, r.Drift, also = s.Notes.Refused, s.Notes.Message, s.Notes.Drift, s.Notes.Version
	})
	r.Message = away(r.Message, s.Watches.LostSince(), r.Time)
	searching, unread, found := s.search.Says()
	r.Searching = searching
	for _, text := range [...]string{also, s.installed, cmp.Or(searching, unread)} {
		if text != "" {
			r.Message = strings.TrimPrefix(r.Message+"; "+text, "; ")
		}
	}
	apps := s.Board.All()
	r.Apps = make([]protocol.AppReport, 0, len(apps))
	for _, a := range apps {
		a.Do(func() {
			ar, held := a.Report()
			r.Apps, r.Held = append(r.Apps, ar), append(r.Held, held...)
		})
	}
	r.Held = append(r.Held, found...)
	if s.tellAPIs.Swap(false) {
		r.APIs = s.Cluster.APIs()
	}
	return report.Fit(r)
}

// awayAfter is how long the API server may be silent before a report says so.
const awayAfter = 5 * time.Second

// away adds to a message that what is said of the apps is old.
func away(message string, since, now time.Time) string {
	if since.IsZero() || now.Sub(since) < awayAfter {
		return message
	}
	return strings.TrimPrefix(message+"; some kinds could not be watched since "+since.UTC().Format(time.RFC3339)+
		": what is said of their objects is from before", "; ")
}

// versionFacts are what decides about the agent's own version: the image that the bundle asks for, and whether the hub
// can be reached.
func (s *session) versionFacts() (wanted string, online bool) {
	online, _ = s.Online.Get()
	return s.InForce().Bundle.AgentImage, online
}

// sayVersion has a message about the agent's version reported, if it is news, and put into the journal if an upgrade
// failed.
func (s *session) sayVersion(message string, failed bool) {
	if failed {
		s.journal.Record(protocol.Event{Kind: protocol.EventFailed, Message: message})
	}
	news := false
	s.Notes.With(func() { news, s.Notes.Version = s.Notes.Version != message, message })
	if news {
		s.Out.Changed(true)
	}
}
