package plan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// Hook is a hook as a plan wants it.
type Hook struct {
	Want
	Hook         fleet.Hook
	generateName string // prefix of the name that each run completes; "" if the hook has a name
}

// Named is the object of a hook in the run that a mark is of. A generated name follows from the mark, so that an agent
// which creates the object again after a crash creates the same one.
func (h *Hook) Named(mark string) protocol.ObjectRef {
	ref := h.Ref
	if h.generateName != "" {
		sum, _ := agent.SumOf(fmt.Appendf(nil, "%s %s", mark, h.Line)).MarshalText() // never fails
		// 63 bytes at most, the limit of labels whose value is the name
		ref.Name = h.generateName[:min(len(h.generateName), 52)] + string(sum[:10])
	}
	return ref
}

// DeliveredBy reports whether a run delivers the plan.
func (p *Plan) DeliveredBy(r *agent.Run) bool {
	return r != nil && p != nil && !r.Leaving && r.Digest == p.Digest && r.Home == p.Home
}

// GoesBack reports whether a plan goes back from content that was taken back: that of the plan in force, nil if there
// is none, or that which a run was about to deliver.
func GoesBack(next, inForce *Plan, run *agent.Run) bool {
	taken := next.spec.Rollback
	return inForce != nil && slices.Contains(taken, inForce.Digest) ||
		run != nil && !run.Leaving && slices.Contains(taken, run.Digest)
}

// Ordered reports whether the objects of the plan are applied in more than one step.
func (p *Plan) Ordered() bool { return len(p.Hooks) > 0 || len(p.Waves()) > 1 }

// Waves are the waves of the plan's objects and Sync hooks, in their order.
func (p *Plan) Waves() (out []int) {
	for i := range p.Wants {
		if n := len(out); n == 0 || out[n-1] != p.Wants[i].Wave {
			out = append(out, p.Wants[i].Wave)
		}
	}
	for i := range p.Hooks {
		if h := &p.Hooks[i]; h.Hook.In(fleet.Sync, true) && !slices.Contains(out, h.Wave) {
			out = append(out, h.Wave)
		}
	}
	slices.Sort(out)
	return out
}

// Has reports whether the plan has hooks of one of some phases in a run; install is for the first run of an app.
func (p *Plan) Has(install bool, phases ...fleet.HookPhase) bool {
	return p != nil && slices.ContainsFunc(p.Hooks, func(h Hook) bool {
		return slices.ContainsFunc(phases, func(f fleet.HookPhase) bool { return h.Hook.In(f, install) })
	})
}

// Hooked reports whether an object is a hook of the plan.
func (p *Plan) Hooked(ref protocol.ObjectRef) bool {
	return p != nil && slices.ContainsFunc(p.Hooks, func(h Hook) bool { return h.Is(ref) })
}

// RunID identifies the run that delivers a plan among the runs of its app.
func RunID(p *Plan) string {
	sum, _ := agent.SumOf([]byte(p.Digest + "\n" + p.Home)).MarshalText() // never fails
	return fmt.Sprintf("%d-%s", p.Generation, sum[:8])
}

// HookLine is the line of a hook as it is applied: named, marked, and kept from being gone before it is known how it
// ended.
func HookLine(line []byte, h *agent.HookState, hold bool) ([]byte, error) {
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.UseNumber() // or large whole numbers would lose digits
	var obj map[string]any
	if err := dec.Decode(&obj); err != nil {
		return nil, &agent.Failure{Reason: agent.ReasonInvalid, Text: fmt.Sprintf("its line is no JSON: %v", err)}
	}
	meta, _ := obj["metadata"].(map[string]any)
	annotations, _ := meta["annotations"].(map[string]any)
	if annotations == nil {
		return nil, &agent.Failure{Reason: agent.ReasonInvalid, Text: "it has no annotations"} // and so was no hook when it was read
	}
	delete(meta, "generateName")
	meta["name"] = h.Ref.Name
	annotations[fleet.AnnotationHookRun] = h.Mark
	if hold {
		finalizers, _ := meta["finalizers"].([]any)
		meta["finalizers"] = append(finalizers, fleet.FinalizerHook)
	}
	return json.Marshal(obj)
}
