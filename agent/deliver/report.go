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
	who := s.who.Credential()
	self.Trust, self.Expires = who.Trust.ID(), who.Expires
	self.APIs = s.cluster.APIsDigest()
	s.mu.Lock()
	r := protocol.Report{Version: protocol.Version, Cluster: s.name, Seq: seq, Time: time.Now(), Agent: self,
		Epoch: s.accepted.bundle.Epoch, Generation: s.accepted.bundle.Generation, Digest: s.accepted.digest, Revision: s.accepted.bundle.Revision,
		Suspended: s.accepted.bundle.Suspend, Refused: s.refused, Message: s.message, Drift: s.drift, Held: s.held(), Searching: s.search.reason, Apps: make([]protocol.AppReport, 0, len(s.apps))}
	r.Message = s.away(r.Message, r.Time)
	if s.versionMessage != "" {
		r.Message = strings.TrimPrefix(r.Message+"; "+s.versionMessage, "; ")
	}
	if s.installed != "" {
		r.Message = strings.TrimPrefix(r.Message+"; "+s.installed, "; ")
	}
	if text := cmp.Or(s.search.reason, s.search.unread); text != "" {
		r.Message = strings.TrimPrefix(r.Message+"; "+text, "; ")
	}
	for _, a := range s.ordered() {
		ar := a.report()
		if fight := s.fighting(a); fight != "" {
			ar.Message = fight
		}
		r.Apps = append(r.Apps, ar)
	}
	s.mu.Unlock()
	if s.tellAPIs.Swap(false) {
		r.APIs = s.cluster.APIs()
	}
	return report.Fit(r)
}

// awayAfter is how long the API server may be silent before a report says so.
const awayAfter = 5 * time.Second

// away adds to a message that what is said of the apps is old. s.mu is held.
func (s *session) away(message string, now time.Time) string {
	var since time.Time
	for _, k := range s.kinds {
		if !k.lost.IsZero() && (since.IsZero() || k.lost.Before(since)) {
			since = k.lost
		}
	}
	if since.IsZero() || now.Sub(since) < awayAfter {
		return message
	}
	return strings.TrimPrefix(message+"; some kinds could not be watched since "+since.UTC().Format(time.RFC3339)+
		": what is said of their objects is from before", "; ")
}
