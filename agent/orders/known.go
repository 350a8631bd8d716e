package orders

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// WithKnownFlags gives a bundle whose flags the hub does not know those that were accepted last. Without them the
// bundle's own are taken.
func WithKnownFlags(b protocol.Bundle, last Accepted) protocol.Bundle {
	if b.FlagsUnknown != "" && last.Known {
		b.Suspend, b.AgentImage = last.Bundle.Suspend, last.Bundle.AgentImage
	}
	return b
}

// Remembered is what stays in force although the accepted bundle does not say it. It is stored in a field of the
// bundle's envelope. Readers of an envelope ignore fields that they do not know, so an older agent can read what a
// newer one stored.
type Remembered struct {
	Flags bool `json:"flags,omitempty"` // Suspend and AgentImage are known
	// Suspend and AgentImage are those of a bundle with FlagsUnknown.
	Suspend    bool   `json:"suspend,omitempty"`
	AgentImage string `json:"agentImage,omitempty"`
	// Apps are those that the bundle has without a blob, or lacks although they may be wanted.
	Apps []protocol.App `json:"apps,omitempty"`
}

// knownField is the field of the stored envelope that holds it, if there is anything in it.
const knownField = "known"

// KnownBeside is what stays in force beside a bundle that is about to be accepted.
func KnownBeside(b protocol.Bundle, acc Accepted, orders map[string]Order) Remembered {
	var k Remembered
	if b.FlagsUnknown != "" && acc.Known {
		k.Flags, k.Suspend, k.AgentImage = true, acc.Bundle.Suspend, acc.Bundle.AgentImage
	}
	present := make(map[string]bool, len(b.Apps))
	for _, spec := range b.Apps {
		present[spec.Name] = true
		if o, ok := orders[spec.Name]; ok && spec.Error != "" && spec.Blob == nil {
			k.Apps = append(k.Apps, o.Spec)
		}
	}
	parentOf := func(app string) string { return orders[app].Spec.Parent }
	for _, name := range slices.Sorted(maps.Keys(orders)) {
		if o := orders[name]; !present[name] && !o.Leaving && fleet.WhyKept(b, name, parentOf) != "" {
			k.Apps = append(k.Apps, o.Spec)
		}
	}
	return k
}

// With is an envelope as it is stored: with what stays in force beside it.
func (k Remembered) With(envelope []byte) []byte {
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

// RestoreKnown gives a stored bundle with the flags in force, and the specs that stayed in force beside it.
func RestoreKnown(envelope []byte, b protocol.Bundle) (protocol.Bundle, []protocol.App) {
	var stored struct {
		Known Remembered `json:"known"`
	}
	if json.Unmarshal(envelope, &stored) != nil {
		return b, nil
	}
	last := Accepted{Known: stored.Known.Flags}
	last.Bundle.Suspend, last.Bundle.AgentImage = stored.Known.Suspend, stored.Known.AgentImage
	return WithKnownFlags(b, last), stored.Known.Apps
}
