package orders

import (
	"bytes"
	"encoding/json"
	"maps"
)

// Status is how an app is, as Flux would say it of its objects.
type Status struct {
	Attempted     string // revision that the bundle asks for
	Applied       string // revision of the content in force; "" if there is none
	InForce       bool   // there is content in force
	Generation    uint64 // of the bundle that it is from
	Settled       bool   // what the bundle wants the app to be is in force
	Ready, Reason string
	Message       string
}

// Object is an app in the shape that Flux' objects have, over what Git says of it; nil stands for an app that is not
// there. Its generation is that of the bundle.
func (st *Status) Object(acc Accepted, inGit json.RawMessage) map[string]any {
	var out struct{ Metadata, Spec map[string]any }
	dec := json.NewDecoder(bytes.NewReader(inGit))
	dec.UseNumber()
	_ = dec.Decode(&out) // what does not decode is not there, and the condition says what it misses
	metadata := map[string]any{"generation": int64(acc.Bundle.Generation)}
	maps.Copy(metadata, out.Metadata)
	status := map[string]any{}
	obj := map[string]any{"metadata": metadata, "spec": orEmpty(out.Spec), "status": status}
	if st == nil {
		return obj
	}
	revision := func(hash string) string { return acc.Bundle.Revision.Branch + "@sha1:" + hash }
	status["lastAttemptedRevision"] = revision(st.Attempted)
	if st.InForce {
		status["lastAppliedRevision"], status["observedGeneration"] = revision(st.Applied), int64(st.Generation)
	}
	if st.Settled {
		status["observedGeneration"] = metadata["generation"]
	}
	conditions := []any{}
	for _, kind := range [...]string{"Ready", "Healthy"} {
		conditions = append(conditions, map[string]any{"type": kind, "status": st.Ready, "reason": st.Reason, "message": st.Message,
			"observedGeneration": status["observedGeneration"]})
	}
	status["conditions"] = conditions
	return obj
}

func orEmpty(m map[string]any) map[string]any {
	if m == nil {
		return map[string]any{}
	}
	return m
}
