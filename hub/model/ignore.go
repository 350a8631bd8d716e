package model

import (
	"context"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// Ignore makes out which fields of rendered objects ignore rules mean. namespace is of objects that name none. The
// result depends on the arguments alone, so that it may be remembered. The notes say which rules ask for what cannot
// be.
type Ignore func(ctx context.Context, rules []IgnoreRule, namespace string, objects []Rendered) (
	[]protocol.Ignored, []fleet.Note, error)
