package agent

import (
	"github.com/drover-dev/drover/protocol"
)

// LastApplied is content that was applied and is no longer what Git has, of objects whose newer content the API
// server has not accepted. Drift from it is healed until it does.
type LastApplied struct {
	Handling  protocol.Handling `json:"handling,omitzero"` // by which the lines were made; only what sameMaking compares
	Namespace string            `json:"namespace,omitempty"`
	Objects   int               `json:"objects"`
	Size      int64             `json:"size"`
	Packed    []byte            `json:"packed"` // the lines as the hub made them, zstd
}
