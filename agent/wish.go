package agent

import (
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// Wish is an object of an app, as the app would apply it now and as it was seen last.
type Wish struct {
	Ref        protocol.ObjectRef
	APIVersion string
	Access     Access
	Patch      Patch
	Once       bool // it is applied only where it does not exist
	Gone       bool // the app owns it and does not want it any more; Patch is empty
	Present    bool // it was seen
	Verdict    fleet.Verdict
}
