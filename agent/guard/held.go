package guard

import (
	"slices"
	"strings"

	"github.com/drover-dev/drover/internal/order"
	"github.com/drover-dev/drover/internal/phrase"
	"github.com/drover-dev/drover/protocol"
)

// Held is a hold of some objects, without its message.
func Held(kind protocol.HoldKind, cluster, app string, refs []protocol.ObjectRef, also ...string) protocol.Held {
	order.Sort(refs, protocol.ObjectRef.Compare)
	lines := also
	for _, ref := range refs {
		lines = append(lines, ref.Group+" "+ref.String())
	}
	return protocol.Held{ID: protocol.HoldID(kind, cluster+"/"+app, lines...), Kind: kind, App: app, Count: len(refs),
		Objects: slices.Clone(refs[:min(len(refs), protocol.MaxHeldObjects)])}
}

// Some names the first of n objects.
func Some(refs []protocol.ObjectRef, n int) string {
	const named = 3
	names := make([]string, 0, named)
	for _, ref := range refs[:min(len(refs), named)] {
		names = append(names, ref.String())
	}
	return strings.Join(names, ", ") + phrase.More(n-len(names))
}
