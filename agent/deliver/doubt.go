package deliver

import (
	"encoding/json"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// parentOf is the parent that an app had when it was accepted last. s.mu is held.
func (s *session) parentOf(app string) string {
	if a := s.apps[app]; a != nil {
		return a.spec.Parent
	}
	return ""
}

// doubted keeps an app that is not in the bundle although it may still be wanted. An app that was being removed before the doubt came up
// goes on to be removed when the doubt is gone: nothing is deleted until then.
func (a *app) doubted(doubt string) {
	if !a.leaving {
		a.spec.Error, a.spec.Reason = fleet.Doubted(doubt), ""
	}
}

// withKnownFlags gives a bundle whose flags the hub does not know those that were accepted last. Without them the bundle's own are taken.
func withKnownFlags(b protocol.Bundle, last accepted) protocol.Bundle {
	if b.FlagsUnknown != "" && last.known {
		b.Suspend, b.AgentImage = last.bundle.Suspend, last.bundle.AgentImage
	}
	return b
}

// remembered is what stays in force although the accepted bundle does not say it. It is stored in a field of the bundle's envelope. Readers
// of an envelope ignore fields that they do not know, so an older agent can read what a newer one stored.
type remembered struct {
	Flags bool `json:"flags,omitempty"` // Suspend and AgentImage are known
	// Suspend and AgentImage are those of a bundle with FlagsUnknown.
	Suspend    bool   `json:"suspend,omitempty"`
	AgentImage string `json:"agentImage,omitempty"`
	// Apps are those that the bundle has without a blob, or lacks although they may be wanted.
	Apps []protocol.App `json:"apps,omitempty"`
}

// knownField is the field of the stored envelope that holds it, if there is anything in it.
const knownField = "known"

// knownBeside is what stays in force beside a bundle that is about to be accepted. s.mu is held.
func (s *session) knownBeside(b protocol.Bundle) remembered {
	var k remembered
	if b.FlagsUnknown != "" && s.accepted.known {
		k.Flags, k.Suspend, k.AgentImage = true, s.accepted.bundle.Suspend, s.accepted.bundle.AgentImage
	}
	present := make(map[string]bool, len(b.Apps))
	for _, spec := range b.Apps {
		present[spec.Name] = true
		if a := s.apps[spec.Name]; a != nil && spec.Error != "" && spec.Blob == nil {
			k.Apps = append(k.Apps, a.spec)
		}
	}
	for _, a := range s.ordered() {
		if !present[a.name] && !a.leaving && fleet.WhyKept(b, a.name, s.parentOf) != "" {
			k.Apps = append(k.Apps, a.spec)
		}
	}
	return k
}

// with is an envelope as it is stored: with what stays in force beside it.
func (k remembered) with(envelope []byte) []byte {
	var fields map[string]json.RawMessage
	if !k.Flags && len(k.Apps) == 0 || json.Unmarshal(envelope, &fields) != nil {
		return envelope
	}
	data, err := json.Marshal(k)
	if err != nil {
		return envelope
	}
	fields[knownField] = data
	out, err := json.Marshal(fields)
	if err != nil {
		return envelope
	}
	return out
}

// restoreKnown takes up what stayed in force beside the stored bundle, and gives that bundle with the flags in force. s.mu is held.
func (s *session) restoreKnown(envelope []byte, b protocol.Bundle) protocol.Bundle {
	var stored struct {
		Known remembered `json:"known"`
	}
	if json.Unmarshal(envelope, &stored) != nil {
		return b
	}
	for _, spec := range stored.Known.Apps {
		a := s.apps[spec.Name]
		if a == nil {
			a = &app{name: spec.Name, scope: s.scope}
			s.apps[spec.Name] = a
		}
		a.spec = spec
	}
	last := accepted{known: stored.Known.Flags}
	last.bundle.Suspend, last.bundle.AgentImage = stored.Known.Suspend, stored.Known.AgentImage
	return withKnownFlags(b, last)
}
