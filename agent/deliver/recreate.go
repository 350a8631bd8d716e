package deliver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/guard"
	"github.com/drover-dev/drover/protocol"
)

// remake deletes an object and recreates it. If the agent ends in between, the object is due and not there, and the
// next one creates it. why is the refusal to change it.
func (e errand) remake(ctx context.Context, why error) (agent.Live, error) {
	if guard.Container(e.ref) {
		return agent.Live{}, fmt.Errorf("%w. A %s is never deleted to be created again, because what it holds would go with it: undo the change in Git, or delete it yourself", why, e.ref.Kind)
	}
	if e.env.protected(e.ref) {
		return agent.Live{}, fmt.Errorf("%w. It is never deleted to be recreated, because the agent itself lives by it: "+
			"undo the change in Git, or run `drover agent install`", why)
	}
	if err := e.rehearse(ctx); err != nil {
		return agent.Live{}, &agent.Failure{Reason: agent.ReasonOf(why),
			Text: fmt.Sprintf("%s, and it was not deleted to be recreated, because that would fail: %v", brief(why), err)}
	}
	gone, err := e.discard(ctx)
	if err != nil {
		return agent.Live{}, fmt.Errorf("delete it, to recreate it: %w", err)
	}
	if !gone {
		return agent.Live{}, &agent.Failure{Reason: agent.ReasonEnding, Text: "it is being deleted, and recreated when its finalizers are removed"}
	}
	live, err := e.at.Apply(ctx, e.res, e.ref, e.patch)
	if err != nil {
		return live, fmt.Errorf("recreate it, after it was deleted because an immutable field changed: %w", err)
	}
	e.app.do(func() {
		e.app.emit(protocol.Event{Kind: protocol.EventRecreated, App: e.name, Object: &e.ref, Message: "deleted and recreated, as Git asks: " + brief(why)})
	})
	return live, nil
}

// brief is what is wrong, without what to do about it.
func brief(err error) string {
	var f *agent.Failure
	if errors.As(err, &f) && f.Brief != "" {
		return f.Brief
	}
	return err.Error()
}

// discard deletes the object that is there now, and no other of its name.
func (e errand) discard(ctx context.Context) (gone bool, err error) {
	for try := 1; ; try++ {
		live, err := e.at.Get(ctx, e.res, e.ref)
		switch {
		case agent.ReasonOf(err) == agent.ReasonMissing:
			return true, nil
		case err != nil:
			return false, err
		case live.Deleting:
			return false, nil
		}
		gone, err = e.at.Delete(ctx, e.res, live)
		if agent.ReasonOf(err) != agent.ReasonConflict || try == pruneTries {
			return gone, err
		}
	}
}

// rehearse asks whether the object could be created if it were not there, by asking the same of another name. Where
// the name cannot be another, nobody can tell. That a quota is used up, or an address taken, may be because of the
// object itself.
func (e errand) rehearse(ctx context.Context) error {
	if slices.Contains(guard.Named, e.ref.Group+"/"+e.ref.Kind) {
		return nil
	}
	e.ref.Name = strings.TrimRight(e.ref.Name[:min(len(e.ref.Name), 40)], "-.") + "-rehearsal"
	e.patch.Try, e.patch.Leave, e.patch.Polite = true, agent.Leave{}, false
	_, err := e.at.Apply(ctx, e.res, e.ref, e.patch)
	switch agent.ReasonOf(err) {
	case agent.ReasonDenied, agent.ReasonForbidden, agent.ReasonWebhook, agent.ReasonNamespaceEnding:
		return err
	case agent.ReasonInvalid:
		if !strings.Contains(err.Error(), "already allocated") {
			return err
		}
	}
	return nil
}
