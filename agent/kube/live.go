package kube

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/kube/ended"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/fleet/health"
	"github.com/drover-dev/drover/protocol"
)

// metadata is what is read of an object's metadata.
type metadata struct {
	Name              string
	Namespace         string
	UID               string
	ResourceVersion   string
	Generation        int64
	DeletionTimestamp string
	Labels            map[string]string
	Annotations       map[string]string
	Finalizers        []string
	OwnerReferences   []agent.Owner
	ManagedFields     []managedEntry
}

// managedEntry is an entry of managedFields, whole, so that it can be written back.
type managedEntry struct {
	Manager     string          `json:"manager,omitempty"`
	Operation   string          `json:"operation,omitempty"`
	APIVersion  string          `json:"apiVersion,omitempty"`
	Time        string          `json:"time,omitempty"`
	FieldsType  string          `json:"fieldsType,omitempty"`
	FieldsV1    json.RawMessage `json:"fieldsV1,omitempty"`
	Subresource string          `json:"subresource,omitempty"`
}

func (e managedEntry) ours() bool {
	return e.Manager == agent.Manager && e.Operation == "Apply" && e.Subresource == ""
}

type partial struct{ Metadata metadata }

// live picks what the agent wants to know.
func (m *metadata) live(res agent.Resource) agent.Live {
	l := agent.Live{
		Ref:      protocol.ObjectRef{Group: res.Group, Kind: res.Kind, Namespace: m.Namespace, Name: m.Name},
		UID:      m.UID,
		Version:  parseVersion(m.ResourceVersion),
		App:      m.Labels[fleet.LabelApp],
		KeptBy:   fleet.KeptBy(m.Annotations, m.Labels),
		Paused:   fleet.Paused(m.Annotations, m.Labels),
		Deleting: m.DeletionTimestamp != "",
		Hook:     fleet.IsHook(m.Annotations),
		HookRun:  m.Annotations[fleet.AnnotationHookRun],
		Held:     m.Finalizers,
		Owners:   m.OwnerReferences,
		Managed:  make([]agent.Managed, 0, len(m.ManagedFields)),
	}
	l.Generation = m.Generation
	for _, e := range m.ManagedFields {
		entry := agent.Managed{Manager: e.Manager, Operation: e.Operation, Subresource: e.Subresource, Time: e.Time, Fields: e.FieldsV1}
		l.Managed = append(l.Managed, entry)
		if ours(entry) {
			l.Fields = agent.SumOf(e.FieldsV1)
		}
	}
	return l
}

// ours says whether an entry is that of Drover's server-side apply. There is at most one.
func ours(e agent.Managed) bool {
	return e.Manager == agent.Manager && e.Operation == "Apply" && e.Subresource == ""
}

// judged is an object of a kind with health: its metadata, and what its health is judged by.
type judged struct {
	Metadata     metadata
	Spec, Status map[string]any
}

// sighting decodes one object, in full if its kind has a health. Nothing of it is retained but what the sighting
// holds.
func sighting(res agent.Resource, raw []byte) (agent.Sighting, error) {
	s := agent.Sighting{Kind: agent.SightObject, Resource: res, Verdict: fleet.Verdict{Health: protocol.HealthCurrent, Message: "it is there"}}
	if !hasHealth(res) {
		var p partial
		if err := json.Unmarshal(raw, &p); err != nil {
			return s, fmt.Errorf("decode a %s: %w", res.Kind, err)
		}
		s.Live = p.Metadata.live(res)
		if s.Live.Deleting {
			s.Verdict = fleet.Verdict{Health: protocol.HealthProgressing, Message: "it is being deleted"}
		}
		return s, nil
	}
	var o judged
	if err := json.Unmarshal(raw, &o); err != nil {
		return s, fmt.Errorf("decode a %s: %w", res.Kind, err)
	}
	s.Live = o.Metadata.live(res)
	if s.Verdict = fleet.ObjectHealth(o.health(res)); s.Live.HookRun != "" {
		s.Verdict = fleet.HookHealth(o.health(res))
	}
	return s, nil
}

// ruled is the sighting of an object of a kind that there may be rules for, and that may have ended.
func ruled(res agent.Resource, rules agent.Rules, raw []byte) (agent.Sighting, error) {
	s, err := byRules(res, rules, raw)
	s.Live.Outcome = ended.Outcome(res, raw)
	return s, err
}

func byRules(res agent.Resource, rules agent.Rules, raw []byte) (agent.Sighting, error) {
	if rules.None() {
		return sighting(res, raw)
	}
	var p struct {
		Metadata struct{ Labels map[string]string }
	}
	if err := json.Unmarshal(raw, &p); err != nil {
		return agent.Sighting{}, fmt.Errorf("decode a %s: %w", res.Kind, err)
	}
	return judgedBy(rules.For(p.Metadata.Labels[fleet.LabelApp]), res, raw)
}

// judgedBy is the sighting of an object whose health is judged by a rule; nil for the agent's own way.
func judgedBy(rule *health.Rule, res agent.Resource, raw []byte) (agent.Sighting, error) {
	if rule == nil {
		return sighting(res, raw)
	}
	var p partial
	var o map[string]any
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber() // whole numbers are whole, as in Kubernetes
	if err := errors.Join(json.Unmarshal(raw, &p), dec.Decode(&o)); err != nil {
		return agent.Sighting{}, fmt.Errorf("decode a %s: %w", res.Kind, err)
	}
	o["apiVersion"], o["kind"] = res.APIVersion(), res.Kind // which lists leave out
	return agent.Sighting{Kind: agent.SightObject, Resource: res, Live: p.Metadata.live(res), Verdict: rule.Judge(o)}, nil
}

// health is the object as fleet.ObjectHealth reads it.
func (o *judged) health(res agent.Resource) map[string]any {
	meta := map[string]any{"name": o.Metadata.Name, "namespace": o.Metadata.Namespace, "deletionTimestamp": o.Metadata.DeletionTimestamp}
	if o.Metadata.Generation != 0 {
		meta["generation"] = o.Metadata.Generation
	}
	return map[string]any{"apiVersion": res.APIVersion(), "kind": res.Kind, "metadata": meta, "spec": o.Spec, "status": o.Status}
}

func hasHealth(res agent.Resource) bool {
	return fleet.HasHealth(protocol.ObjectRef{Group: res.Group, Kind: res.Kind})
}
