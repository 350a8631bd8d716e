package deliver

import (
	"slices"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/access"
	"github.com/drover-dev/drover/agent/app"
	"github.com/drover-dev/drover/agent/asks"
)

// known are the apps of a session, for questions about them.
type known struct{ *app.Env }

var _ asks.Apps = known{}

// Names implements asks.Apps.
func (k known) Names() (out []string) {
	for _, a := range k.Board.All() {
		out = append(out, a.Name)
	}
	slices.Sort(out)
	return out
}

// Wishes implements asks.Apps.
func (k known) Wishes(name string, lines bool) ([]agent.Wish, bool, error) {
	a := k.Board.App(name)
	if a == nil {
		return nil, false, nil
	}
	wishes, err := a.Wishes(lines)
	return wishes, true, err
}

// Secretive implements asks.Apps.
func (k known) Secretive(name string) bool {
	e, ok := k.Board.Entry(name)
	return !ok || access.Of(e.Order.Spec.Handling).Secret
}
