package kube

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// The fields of a Secret by which adoptStrings goes.
var (
	stringDataField = "stringData"
	dataField       = "data"
)

// adoptStrings gives Drover the keys of a Secret that it applied as stringData. The API server stores them in data,
// where they have no owner, so the next apply would not remove those that Git no longer has. Nobody else leaves keys
// without an owner: what is created or updated otherwise is owned in data.
func (c *Client) adoptStrings(ctx context.Context, res agent.Resource, ref protocol.ObjectRef, l agent.Leave) error {
	for try := 1; ; try++ {
		var p partial
		var o struct {
			Metadata  metadata
			Data      map[string]json.RawMessage // only the keys are looked at
			Immutable bool
		}
		k := call{method: http.MethodGet, path: objectPath(res, ref), accept: acceptMetadata, secret: true}
		_, err := c.do(ctx, k, &p)
		if err == nil {
			if !ownsStrings(p.Metadata.ManagedFields) {
				return nil
			}
			k.accept = acceptJSON
			_, err = c.do(ctx, k, &o)
		}
		switch agent.ReasonOf(err) {
		case agent.ReasonMissing, agent.ReasonNamespace:
			return nil
		case agent.ReasonForbidden: // what cannot be read cannot be adopted, and is applied all the same
			return nil
		}
		if err != nil {
			return err
		}
		entries, changed := withStrings(o.Metadata.ManagedFields, o.Data, ref, l)
		if !changed || !ownsStrings(o.Metadata.ManagedFields) || o.Immutable { // whose keys cannot change
			return nil
		}
		err = c.rewrite(ctx, res, ref, o.Metadata.ResourceVersion, entries)
		if agent.ReasonOf(err) != agent.ReasonConflict || try == rewriteTries {
			return err
		}
	}
}

// ownsStrings says whether Drover owns stringData.
func ownsStrings(managed []managedEntry) bool {
	for _, e := range managed {
		if e.ours() {
			set := decodeSet(e.FieldsV1)
			at := fieldpath.PathElement{FieldName: &stringDataField}
			return set.Members.Has(at) || !set.WithPrefix(at).Empty()
		}
	}
	return false
}

// withStrings gives the managedFields in which Drover owns those keys of the data that nobody does. Keys that are
// left to others stay without an owner.
func withStrings(managed []managedEntry, data map[string]json.RawMessage, ref protocol.ObjectRef,
	l agent.Leave) (out []managedEntry, changed bool) {
	var own managedEntry
	mine, owned := fieldpath.NewSet(), fieldpath.NewSet()
	for _, e := range managed {
		set := decodeSet(e.FieldsV1)
		if e.ours() {
			own, mine = e, set
			owned = owned.Union(set.WithPrefix(fieldpath.PathElement{FieldName: &dataField}))
			continue
		}
		owned = owned.Union(set.WithPrefix(fieldpath.PathElement{FieldName: &dataField}))
		owned = owned.Union(set.WithPrefix(fieldpath.PathElement{FieldName: &stringDataField}))
		out = append(out, e)
	}
	left := map[string]bool{}
	for i := range l.Paths {
		parts := pointers([]string{fleet.CanonicalPointer(ref, l.Paths[i])})
		if len(parts) == 0 || parts[0][0] != dataField {
			continue
		}
		if len(parts[0]) == 1 {
			return managed, false
		}
		left[parts[0][1]] = true
	}
	for key := range data {
		if !left[key] && !owned.Has(fieldpath.MakePathOrDie(key)) {
			mine.Insert(fieldpath.MakePathOrDie(dataField, key))
			changed = true
		}
	}
	return withSet(out, own, mine), changed
}
