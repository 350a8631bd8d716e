package asks

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/internal/order"
	"github.com/drover-dev/drover/protocol"
)

// maxEvents is how many events are told, the newest.
const maxEvents = 500

var eventKind = agent.Resource{Version: "v1", Kind: "Event", Plural: "events", Namespaced: true}

// events answers with the events about an app's objects and what they own, the oldest first.
func (d *answers) events(ctx context.Context, q protocol.Question, w *writer) error {
	f, err := d.forest(ctx, q.App, w)
	if err != nil {
		return err
	}
	about, namespaces := map[protocol.ObjectRef]bool{}, []string{}
	_ = f.walk(func(n protocol.TreeNode) error { // which cannot fail
		about[n.Object] = true
		if ns := cmp.Or(n.Object.Namespace, "default"); !slices.Contains(namespaces, ns) && !d.scope.Outside(
			protocol.ObjectRef{Namespace: ns}) {
			namespaces = append(namespaces, ns)
		}
		return nil
	})
	var found []protocol.ObjectEvent
	for _, ns := range namespaces {
		more, err := d.reader.List(ctx, eventKind, ns, maxListed, func(raw json.RawMessage) {
			if e, ok := readEvent(raw); ok && about[e.Object] {
				found = append(found, e)
			}
		})
		if err != nil {
			return err
		}
		if more {
			w.leaveOutOf("namespace " + ns + " has more events than are looked through; some may be missing")
		}
	}
	order.Stable(found, func(a, b protocol.ObjectEvent) int { return a.Time.Compare(b.Time) })
	if len(found) > maxEvents {
		found = found[len(found)-maxEvents:]
		w.leaveOutOf("older events were left out")
	}
	for _, e := range found {
		if err := w.line(e); err != nil {
			return err
		}
	}
	return nil
}

// readEvent reads an event of the core API.
func readEvent(raw json.RawMessage) (out protocol.ObjectEvent, ok bool) {
	var e struct {
		InvolvedObject struct{ APIVersion, Kind, Namespace, Name string }
		Type, Reason   string
		Message        string
		Count          int
		LastTimestamp  time.Time
		EventTime      time.Time
		Series         *struct {
			Count            int
			LastObservedTime time.Time
		}
		Metadata struct{ CreationTimestamp time.Time }
	}
	if json.Unmarshal(raw, &e) != nil {
		return out, false
	}
	o := e.InvolvedObject
	out = protocol.ObjectEvent{Type: e.Type, Reason: e.Reason, Message: brief(e.Message), Count: e.Count,
		Object: protocol.ObjectRef{Group: fleet.GroupOf(o.APIVersion), Kind: o.Kind, Namespace: o.Namespace, Name: o.Name}}
	times := []time.Time{e.LastTimestamp, e.EventTime}
	if e.Series != nil {
		out.Count, times = e.Series.Count, append(times, e.Series.LastObservedTime)
	}
	for _, t := range times {
		if t.After(out.Time) {
			out.Time = t
		}
	}
	if out.Time.IsZero() {
		out.Time = e.Metadata.CreationTimestamp
	}
	return out, true
}
