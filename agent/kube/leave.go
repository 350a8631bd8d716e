package kube

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/internal/order"
	"github.com/drover-dev/drover/protocol"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/value"
)

// leave takes out of obj what is left to others, if the object exists. A field that Drover owns and no longer applies would be removed by
// server-side apply, so it lets go of these fields first: then they are nobody's, or others', and keep their values. Of what can only be owned
// as a whole all is left; whole are the pointers to these.
func (c *Client) leave(ctx context.Context, res agent.Resource, ref protocol.ObjectRef, obj map[string]any,
	l agent.Leave) (whole []string, err error) {
	l.Paths = slices.Clone(l.Paths)
	for i, p := range l.Paths {
		l.Paths[i] = fleet.CanonicalPointer(ref, p)
	}
	for try := 1; ; try++ {
		var raw json.RawMessage
		_, err := c.do(ctx, call{method: http.MethodGet, path: objectPath(res, ref), accept: acceptJSON, secret: isSecret(res)}, &raw)
		switch agent.ReasonOf(err) {
		case agent.ReasonMissing, agent.ReasonNamespace:
			return nil, nil
		}
		var live map[string]any
		var p partial
		if err == nil {
			err = errors.Join(decodeWhole(raw, &live), json.Unmarshal(raw, &p))
		}
		if err != nil {
			return nil, err
		}
		rest, whole, changed := letGo(obj, live, p.Metadata.ManagedFields, l)
		if !changed {
			return whole, nil
		}
		err = c.rewrite(ctx, res, ref, p.Metadata.ResourceVersion, rest)
		if agent.ReasonOf(err) != agent.ReasonConflict || try == rewriteTries {
			return whole, err
		}
	}
}

// letGo takes out of obj what is left to others, and gives the managedFields without it. whole are pointers to fields that are left because
// of a part of them. changed says whether the managedFields are others than before.
func letGo(obj, live map[string]any, managed []managedEntry, l agent.Leave) (rest []managedEntry, whole []string,
	changed bool) {
	all, theirs, mine := fieldpath.NewSet(), fieldpath.NewSet(), fieldpath.NewSet()
	var own managedEntry
	for _, e := range managed {
		set := decodeSet(e.FieldsV1)
		all = all.Union(set)
		switch {
		case e.ours():
			own, mine = e, set
			continue
		case slices.Contains(l.Managers, e.Manager):
			for path := range set.Leaves().All() {
				if n := len(path); n < 2 || !names(path[n-2], path[n-1]) {
					theirs.Insert(path.Copy())
				}
			}
		}
		rest = append(rest, e)
	}
	left := fieldpath.NewSet()
	for _, parts := range pointers(l.Paths) {
		w := walk{shape: all}
		if !w.cut(obj, live, parts) {
			continue
		}
		if left.Insert(w.path); w.whole {
			whole = append(whole, pointer(parts[:len(parts)-w.rest]))
		}
	}
	for path := range theirs.All() {
		cutPath(obj, path)
	}
	kept := mine.RecursiveDifference(left).Difference(theirs)
	return withSet(rest, own, kept), slices.Compact(whole), !kept.Equals(mine)
}

// pointers takes JSON pointers (RFC 6901) apart. Of the items of a list the last comes first, so that taking one out moves none that is still
// to be found. What is no pointer, or means the whole object, is left out.
func pointers(paths []string) (out [][]string) {
	for _, p := range paths {
		rest, ok := strings.CutPrefix(p, "/")
		if !ok {
			continue
		}
		parts := strings.Split(rest, "/")
		for i, part := range parts {
			parts[i] = strings.ReplaceAll(strings.ReplaceAll(part, "~1", "/"), "~0", "~")
		}
		out = append(out, parts)
	}
	order.Sort(out, func(a, b []string) int { return slices.CompareFunc(b, a, compareParts) })
	return out
}

// pointer reverses pointers for one.
func pointer(parts []string) string {
	var out strings.Builder
	for _, p := range parts {
		out.WriteString("/" + strings.ReplaceAll(strings.ReplaceAll(p, "~", "~0"), "/", "~1"))
	}
	return out.String()
}

func compareParts(a, b string) int {
	i, err := strconv.Atoi(a)
	j, err2 := strconv.Atoi(b)
	if err != nil || err2 != nil {
		return strings.Compare(a, b)
	}
	return cmp.Compare(i, j)
}

// walk follows a JSON pointer into an object that is to be applied, into the live object beside it, and into the fields that are managed,
// which tell the shape: by what the items of a list are known, and what is owned as a whole only.
type walk struct {
	shape *fieldpath.Set
	path  fieldpath.Path
	whole bool // the pointer leads into something that has one owner only, which is at path
	rest  int  // how many parts of the pointer are below path then
}

// cut takes out of at what parts point to, or what that is part of if it has one owner only. It says whether the field is at path and can be
// let go of. Where the cluster has nothing that holds the field, it stays: it is new.
func (w *walk) cut(at, live any, parts []string) bool {
	switch node := at.(type) {
	case map[string]any:
		there, ok := live.(map[string]any)
		if !ok {
			return false
		}
		return w.cutField(node, there, parts)
	case []any:
		there, ok := live.([]any)
		i, err := strconv.Atoi(parts[0])
		if !ok || err != nil || i < 0 || i >= len(node) {
			return false
		}
		return w.cutItem(node, there, i, parts)
	}
	return false
}

func (w *walk) cutField(node, there map[string]any, parts []string) bool {
	name := parts[0]
	if len(parts) == 1 {
		delete(node, name)
		w.path = append(w.path, fieldpath.PathElement{FieldName: &name})
		return true
	}
	current := there[name]
	w.step(fieldpath.PathElement{FieldName: &name})
	if w.whole {
		switch current.(type) {
		case map[string]any, []any:
			delete(node, name)
			w.rest = len(parts) - 1
			return true
		}
		return false
	}
	below, ours := node[name]
	if !ours { // Git has nothing there, and may have had: what Drover owns below is let go of all the same
		return w.follow(parts[1:])
	}
	if list, ok := below.([]any); ok && len(parts) == 2 {
		return w.cutListed(node, name, list, parts[1])
	}
	done := w.cut(below, current, parts[1:])
	if m, ok := below.(map[string]any); ok && len(m) == 0 && done {
		delete(node, name) // or else an empty map would be owned
	}
	return done
}

// follow adds parts that are names of fields, as far as these have owners of their own.
func (w *walk) follow(parts []string) bool {
	for i, p := range parts {
		if w.step(fieldpath.PathElement{FieldName: &p}); w.whole && i < len(parts)-1 {
			w.rest = len(parts) - 1 - i
			return true
		}
		w.whole = false // the field that is meant
	}
	return true
}

// cutListed takes an item out of the list that is the field name of node.
func (w *walk) cutListed(node map[string]any, name string, list []any, index string) bool {
	i, err := strconv.Atoi(index)
	if err != nil || i < 0 || i >= len(list) {
		return false
	}
	e, known := w.element(list[i])
	if !known {
		return false
	}
	w.path = append(w.path, e)
	if node[name] = slices.Delete(slices.Clone(list), i, i+1); len(list) == 1 {
		delete(node, name)
	}
	return true
}

// cutItem goes on below an item of a list.
func (w *walk) cutItem(node, there []any, i int, parts []string) bool {
	if len(parts) == 1 {
		return false // a list in a list: nobody's shape
	}
	e, known := w.element(node[i])
	if !known {
		return false
	}
	w.step(e)
	if w.whole { // an item that is atomic itself is not told from a new one without its key
		return false
	}
	for _, item := range there {
		if fits(e, item) {
			return w.cut(node[i], item, parts[1:])
		}
	}
	return false
}

// step goes on to an element.
func (w *walk) step(e fieldpath.PathElement) {
	if w.shape != nil {
		below, ok := w.shape.Children.Get(e)
		if !ok && w.shape.Members.Has(e) && !inMetadata(w.path) { // or somebody owns an empty map of labels or annotations
			w.whole = true
		}
		w.shape = below
	}
	w.path = append(w.path, e)
}

func inMetadata(path fieldpath.Path) bool {
	return len(path) > 0 && path[0].FieldName != nil && *path[0].FieldName == "metadata"
}

// element finds how an item of a list is known among the fields that are managed.
func (w *walk) element(item any) (found fieldpath.PathElement, known bool) {
	if w.shape == nil {
		return found, false
	}
	look := func(e fieldpath.PathElement) {
		if !known && fits(e, item) {
			found, known = e, true
		}
	}
	w.shape.Members.Iterate(look)
	w.shape.Children.Iterate(look)
	return found, known
}

// fits says whether an item of a list is the one that an element names. What an item does not say may have been a default.
func fits(e fieldpath.PathElement, item any) bool {
	switch {
	case e.Key != nil:
		m, ok := item.(map[string]any)
		said := 0
		for _, f := range *e.Key {
			v, has := m[f.Name]
			if has && fmt.Sprint(v) != fmt.Sprint(f.Value.Unstructured()) {
				return false
			}
			if has {
				said++
			}
		}
		return ok && said > 0
	case e.Value != nil:
		return fmt.Sprint(item) == fmt.Sprint((*e.Value).Unstructured())
	}
	return false
}

// cutPath takes a field that others own out of an object. What names an item of a list stays, and so does what makes the object Drover's.
func cutPath(at any, path fieldpath.Path) {
	if len(path) == 0 {
		return
	}
	e, last := path[0], len(path) == 1
	switch node := at.(type) {
	case map[string]any:
		if e.FieldName == nil {
			return
		}
		if last {
			delete(node, *e.FieldName)
			return
		}
		if list, ok := node[*e.FieldName].([]any); ok && len(path) == 2 && path[1].Value != nil {
			node[*e.FieldName] = slices.DeleteFunc(slices.Clone(list), func(item any) bool { return fits(path[1], item) })
			return
		}
		cutPath(node[*e.FieldName], path[1:])
	case []any:
		for _, item := range node {
			if fits(e, item) && !last {
				cutPath(item, path[1:])
			}
		}
	}
}

// names says whether a field is one that an item is known by.
func names(e, field fieldpath.PathElement) bool {
	if e.Key == nil || field.FieldName == nil {
		return false
	}
	return slices.ContainsFunc(*e.Key, func(f value.Field) bool { return f.Name == *field.FieldName })
}
