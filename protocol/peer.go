package protocol

import "time"

// PresenceType is the payload type of the envelope of a Presence.
const PresenceType = "application/vnd.drover.presence+json"

// HubSubject is where the hubs of a fleet ask each other who is there. Only the hub's own NATS user may use it.
const HubSubject = "drover.hub"

// HubState is what a hub does with the fleet.
type HubState string

// The states of a hub. A reader treats states it does not know like HubActive: such a hub is not ignored.
const (
	HubDeciding HubState = "deciding" // it has started, and has not found out yet whether it may publish
	HubActive   HubState = "active"   // it publishes
	HubStandby  HubState = "standby"  // another hub publishes
	HubFenced   HubState = "fenced"   // a newer epoch is in force
)

// Presence is what a hub says of itself when it asks which hubs there are, and when it answers. It is signed by the
// hub's key, so that nobody else on the bus can make a hub stand back.
type Presence struct {
	Version int    `json:"version"`
	Fleet   string `json:"fleet"` // public key of the fleet's NATS account
	// Nonce is chosen by the hub that asks; an answer repeats it, so that an old answer is worth nothing.
	Nonce    string    `json:"nonce"`
	Answer   bool      `json:"answer,omitempty"`
	Instance string    `json:"instance"` // random, of the process
	Host     string    `json:"host,omitempty"`
	Started  time.Time `json:"started"`
	Epoch    uint64    `json:"epoch"`
	// Claim: the hub's data directory may be older than the fleet, so it gives way to one that is not.
	Claim bool     `json:"claim,omitempty"`
	State HubState `json:"state"`
}
