package deliver

import (
	"github.com/drover-dev/drover/protocol"
)

// versionFacts are what decides about the agent's own version: the image that the bundle asks for, and whether the hub
// can be reached.
func (s *session) versionFacts() (wanted string, online bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accepted.bundle.AgentImage, s.isOnline()
}

// sayVersion has a message about the agent's version reported, if it is news, and put into the journal if an upgrade
// failed.
func (s *session) sayVersion(message string, failed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if failed {
		s.emit(protocol.Event{Kind: protocol.EventFailed, Message: message})
	}
	if s.versionMessage == message {
		return
	}
	s.versionMessage = message
	s.out.Changed(true)
}

// isOnline says whether the hub can be reached. s.mu is held.
func (s *session) isOnline() bool {
	select {
	case <-s.online:
		return true
	default:
		return false
	}
}
