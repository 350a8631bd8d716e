package hookrun

import (
	"context"
	"log/slog"
	"slices"

	"github.com/drover-dev/drover/agent"
)

// Relabel gives the objects of hooks that are left of the app's runs its label, where they have that of a name that it
// had: an agent that does not know of that name would take them for another app's. It does so beside the app, until ctx
// ends.
func (h *Runner) Relabel(ctx context.Context, log *slog.Logger) {
	if h.Run == nil {
		return
	}
	hooks := slices.Concat(h.Run.Hooks, h.Run.Past, h.Run.Last)
	r := h.request()
	h.c.Actor.Spawn(func() {
		for _, st := range hooks {
			if err := r.relabel(ctx, st); err != nil {
				log.Debug("the object of a hook keeps the label of a name that its app had", "object", st.Ref.String(), "err", err)
			}
		}
	})
}

func (r request) relabel(ctx context.Context, st agent.HookState) error {
	res, err := r.env.Kinds.Resolve(ctx, st.APIVersion, st.Ref.Kind)
	if err != nil {
		return err
	}
	live, err := r.Objects.Get(ctx, res, st.Ref)
	if err != nil || !live.Hook || live.Deleting || !slices.Contains(r.Names, live.App) {
		return err
	}
	return r.Objects.Relabel(ctx, res, live, r.App)
}
