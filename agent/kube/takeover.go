package kube

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// rewriteTries is how often managedFields are written again that somebody else changed at the same time.
const rewriteTries = 3

// TakeOver gives Drover the fields that were applied with other tools before. They stay as they are until the next apply, which takes away
// those that it does not have. So whatever happens in between, nothing is lost that Git has.
func (c *Client) TakeOver(ctx context.Context, res agent.Resource, ref protocol.ObjectRef, first bool, but []string) (took bool, err error) {
	for try := 1; ; try++ {
		var p partial
		_, err := c.do(ctx, call{method: http.MethodGet, path: objectPath(res, ref), accept: acceptMetadata, secret: isSecret(res)}, &p)
		if err != nil {
			return false, err
		}
		entries, took := c.mergeFormer(ctx, res, &p.Metadata, first, but)
		if !took {
			return false, nil
		}
		err = c.rewrite(ctx, res, ref, p.Metadata.ResourceVersion, entries)
		if agent.ReasonOf(err) != agent.ReasonConflict || try == rewriteTries {
			return err == nil, err
		}
	}
}

// mergeFormer adds the fields of former managers to Drover's own.
func (c *Client) mergeFormer(ctx context.Context, res agent.Resource, m *metadata, first bool, but []string) (out []managedEntry, took bool) {
	mine, set := managedEntry{Manager: agent.Manager, Operation: "Apply", APIVersion: res.APIVersion(), FieldsType: "FieldsV1"}, fieldpath.NewSet()
	for _, e := range m.ManagedFields {
		tool := fleet.FormerManager(e.Manager, e.Operation, e.Subresource, first)
		switch {
		case e.ours():
			mine, set = e, set.Union(decodeSet(e.FieldsV1))
		case tool == fleet.ToolNone, slices.Contains(but, e.Manager), c.runs(ctx, tool, m):
			out = append(out, e)
		default:
			took = true
			if e.APIVersion == res.APIVersion() { // the fields of another version may not exist in this one: they are nobody's then
				set = set.Union(decodeSet(e.FieldsV1).Difference(tracking))
			}
		}
	}
	if !took {
		return nil, false
	}
	return withSet(out, mine, set), true
}

// tracking are the fields by which tools know their own again.
var tracking = func() *fieldpath.Set {
	set := fieldpath.NewSet()
	for field, names := range map[string][]string{"labels": fleet.TrackingLabels, "annotations": fleet.TrackingAnnotations} {
		for _, n := range names {
			set.Insert(fieldpath.MakePathOrDie("metadata", field, n))
		}
	}
	return set
}()

// withSet adds an entry with a set of fields, unless it is empty.
func withSet(entries []managedEntry, e managedEntry, set *fieldpath.Set) []managedEntry {
	if set.Empty() {
		return entries
	}
	fields, err := set.ToJSON()
	if err != nil {
		return entries // a set that was read can be written
	}
	e.FieldsV1 = fields
	return append(entries, e)
}

// change is one step of a JSON patch (RFC 6902).
type change struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value"`
}

// rewrite replaces the managedFields of an object, if it still is of the version.
func (c *Client) rewrite(ctx context.Context, res agent.Resource, ref protocol.ObjectRef, version string, entries []managedEntry) error {
	if len(entries) == 0 {
		entries = []managedEntry{{}} // which is how the API server is told that nobody has anything
	}
	body, err := json.Marshal([]change{{"replace", "/metadata/managedFields", entries}, {"replace", "/metadata/resourceVersion", version}})
	if err != nil {
		return err
	}
	_, err = c.do(ctx, call{method: http.MethodPatch, path: objectPath(res, ref), query: url.Values{"fieldManager": {agent.Manager}},
		accept: acceptMetadata, contentType: "application/json-patch+json", body: body, secret: isSecret(res)}, nil)
	return err
}

// toolKinds are the kinds by which tools deliver objects.
var toolKinds = map[fleet.Tool]struct{ apiVersion, kind string }{
	fleet.ToolFlux:    {"kustomize.toolkit.fluxcd.io/v1", "Kustomization"},
	fleet.ToolRelease: {"helm.toolkit.fluxcd.io/v2", "HelmRelease"},
	fleet.ToolArgo:    {"argoproj.io/v1alpha1", "Application"},
}

// toolTime is for how long it is remembered whether a tool runs: an app of many objects asks once.
const toolTime = 30 * time.Second

// tools remembers which deliveries of other tools go on.
type tools struct {
	mu   sync.Mutex // guards seen; held while the API server is asked, so that many ask once
	seen map[delivery]seen
}

type delivery struct {
	tool            fleet.Tool
	namespace, name string
}

type seen struct {
	runs bool
	at   time.Time
}

// runs says whether a tool still looks after an object: what delivers it is there, and not suspended. In doubt it does, for two that take
// fields from each other would never come to rest.
func (c *Client) runs(ctx context.Context, tool fleet.Tool, m *metadata) bool {
	if tool == fleet.ToolPerson {
		return false
	}
	ns, name := fleet.OwnerOf(tool, m.Labels, m.Annotations)
	d := delivery{tool, ns, name}
	c.tools.mu.Lock()
	defer c.tools.mu.Unlock()
	if s, ok := c.tools.seen[d]; ok && time.Since(s.at) < toolTime {
		return s.runs
	}
	own := *c // whose rights an object is applied with says nothing of what runs beside Drover
	own.access = agent.Access{}
	s := seen{own.delivers(ctx, d), time.Now()}
	if c.tools.seen == nil || len(c.tools.seen) > 1000 {
		c.tools.seen = map[delivery]seen{}
	}
	c.tools.seen[d] = s
	return s.runs
}

// delivers looks for the object by which a tool delivers others.
func (c *Client) delivers(ctx context.Context, d delivery) bool {
	k := toolKinds[d.tool]
	res, err := c.Resolve(ctx, k.apiVersion, k.kind)
	if err != nil {
		return agent.ReasonOf(err) != agent.ReasonKind
	}
	if d.name == "" {
		return true
	}
	found, suspended := false, false
	query := url.Values{"fieldSelector": {"metadata.name=" + d.name}} // Argo CD may be in any namespace
	_, err = c.list(ctx, call{method: http.MethodGet, path: collectionPath(res, d.namespace), query: query, accept: acceptJSON}, func(raw json.RawMessage) error {
		var o struct{ Spec struct{ Suspend bool } }
		if err := json.Unmarshal(raw, &o); err != nil {
			return errors.New("a " + k.kind + " that cannot be read")
		}
		found, suspended = true, o.Spec.Suspend
		return nil
	})
	switch {
	case agent.ReasonOf(err) == agent.ReasonKind:
		c.kinds.drop(res)
		return false
	case err != nil:
		return true
	}
	return found && !suspended
}

// list gives the items of one list, or of one page of it, one by one.
func (c *Client) list(ctx context.Context, k call, item func(json.RawMessage) error) (listMeta, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	resp, err := c.open(ctx, k)
	if err != nil {
		return listMeta{}, err
	}
	defer drain(resp.Body)
	return decodeList(resp.Body, item)
}
