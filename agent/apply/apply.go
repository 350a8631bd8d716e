package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/guard"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// Objects is what a Task needs of the cluster, with the rights of the app.
type Objects interface {
	agent.Applier
	Get(ctx context.Context, res agent.Resource, ref protocol.ObjectRef) (agent.Live, error)
	Delete(ctx context.Context, res agent.Resource, live agent.Live) (gone bool, err error)
}

// Task is one object that is to be applied.
type Task struct {
	At        Objects
	Resource  agent.Resource
	Ref       protocol.ObjectRef
	Patch     agent.Patch
	Mode      fleet.Mode
	First     bool // Drover has never applied it
	Heal      bool // it was applied as it is
	Recreate  bool // it may be deleted and recreated
	Protected bool // it is a part of the agent, which is never deleted
	Recreated func(message string)
}

// deleteTries is how often an object is looked at again that changes while it is about to be deleted.
const deleteTries = 3

// Put applies the object in its mode.
func (t Task) Put(ctx context.Context) (agent.Live, error) {
	if t.Mode == fleet.ModeIfNotPresent {
		live, err := t.At.Get(ctx, t.Resource, t.Ref)
		if r := agent.ReasonOf(err); err == nil || r != agent.ReasonMissing && r != agent.ReasonNamespace {
			live.Left = err == nil
			return live, err
		}
	}
	live, err := t.At.Apply(ctx, t.Resource, t.Ref, t.Patch)
	if agent.ReasonOf(err) == agent.ReasonManaged { // it was made before, and may ask to be left alone
		there, getErr := t.At.Get(ctx, t.Resource, t.Ref)
		if getErr == nil && there.Paused {
			there.Left = true
			return there, nil
		}
		t.Patch.Polite = false
		live, err = t.At.Apply(ctx, t.Resource, t.Ref, t.Patch)
	}
	if agent.ReasonOf(err) == agent.ReasonImmutable && t.Recreate {
		return t.remake(ctx, err)
	}
	if err != nil || live.Created || t.Heal && !t.First || t.Mode != fleet.ModeOverride || !live.Formerly(t.First,
		t.Patch.Leave.Managers) {
		return live, err
	}
	took, err := t.At.TakeOver(ctx, t.Resource, t.Ref, t.First, t.Patch.Leave.Managers)
	if err != nil || !took {
		return live, err
	}
	t.Patch.Strings = true
	return t.At.Apply(ctx, t.Resource, t.Ref, t.Patch)
}

// remake deletes an object and recreates it. If the agent ends in between, the object is due and not there, and the
// next one creates it. why is the refusal to change it.
func (t Task) remake(ctx context.Context, why error) (agent.Live, error) {
	if guard.Container(t.Ref) {
		return agent.Live{}, fmt.Errorf("%w. A %s is never deleted to be created again, because what it holds would go "+
			"with it: "+
			"undo the change in Git, or delete it yourself", why, t.Ref.Kind)
	}
	if t.Protected {
		return agent.Live{}, fmt.Errorf("%w. It is never deleted to be recreated, because the agent itself lives by it: "+
			"undo the change in Git, or run `drover agent install`", why)
	}
	if err := t.rehearse(ctx); err != nil {
		return agent.Live{}, &agent.Failure{Reason: agent.ReasonOf(why),
			Text: fmt.Sprintf("%s, and it was not deleted to be recreated, because that would fail: %v", brief(why), err)}
	}
	gone, err := t.discard(ctx)
	if err != nil {
		return agent.Live{}, fmt.Errorf("delete it, to recreate it: %w", err)
	}
	if !gone {
		return agent.Live{}, &agent.Failure{Reason: agent.ReasonEnding,
			Text: "it is being deleted, and recreated when its finalizers are removed"}
	}
	live, err := t.At.Apply(ctx, t.Resource, t.Ref, t.Patch)
	if err != nil {
		return live, fmt.Errorf("recreate it, after it was deleted because an immutable field changed: %w", err)
	}
	t.Recreated("deleted and recreated, as Git asks: " + brief(why))
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
func (t Task) discard(ctx context.Context) (gone bool, err error) {
	for try := 1; ; try++ {
		live, err := t.At.Get(ctx, t.Resource, t.Ref)
		switch {
		case agent.ReasonOf(err) == agent.ReasonMissing:
			return true, nil
		case err != nil:
			return false, err
		case live.Deleting:
			return false, nil
		}
		gone, err = t.At.Delete(ctx, t.Resource, live)
		if agent.ReasonOf(err) != agent.ReasonConflict || try == deleteTries {
			return gone, err
		}
	}
}

// rehearse asks whether the object could be created if it were not there, by asking the same of another name. Where
// the name cannot be another, nobody can tell. That a quota is used up, or an address taken, may be because of the
// object itself.
func (t Task) rehearse(ctx context.Context) error {
	if slices.Contains(guard.Named, t.Ref.Group+"/"+t.Ref.Kind) {
		return nil
	}
	t.Ref.Name = strings.TrimRight(t.Ref.Name[:min(len(t.Ref.Name), 40)], "-.") + "-rehearsal"
	t.Patch.Try, t.Patch.Leave, t.Patch.Polite = true, agent.Leave{}, false
	_, err := t.At.Apply(ctx, t.Resource, t.Ref, t.Patch)
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
