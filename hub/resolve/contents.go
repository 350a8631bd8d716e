package resolve

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/fleet/deletions"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/protocol"
)

// maxContents is how many objects are remembered of blobs.
const maxContents = 50_000

// contents remembers what is in blobs, by their digests: the objects that an agent keeps, without hooks. Renders beside
// the loop use it, so it is safe for concurrent use.
type contents struct {
	mu      sync.Mutex // guards what follows
	known   map[string][]deletions.Owned
	objects int
}

func (c *contents) get(digest string) (objects []deletions.Owned, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	objects, known = c.known[digest]
	return objects, known
}

func (c *contents) put(digest string, objects []deletions.Owned) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil || c.objects+len(objects) > maxContents {
		c.known, c.objects = map[string][]deletions.Owned{}, 0
	}
	if _, ok := c.known[digest]; !ok {
		c.known[digest] = objects
		c.objects += len(objects)
	}
}

// owned adds an object to those that an agent keeps of a blob, unless it is a hook or is never applied.
func owned(to []deletions.Owned, ref protocol.ObjectRef, object map[string]any) []deletions.Owned {
	meta, _ := object["metadata"].(map[string]any)
	annotations, _ := meta["annotations"].(map[string]any)
	labels, _ := meta["labels"].(map[string]any)
	if course, err := fleet.CourseOf(annotations); err == nil && (course.Skip || course.Hook != nil) {
		return to
	}
	return append(to, deletions.Owned{Ref: ref, Keep: fleet.NeverPruned(annotations, labels),
		Permitted: fleet.AllowsDeletions(annotations)})
}

// Contents are the objects that an agent keeps of a blob, as the blob has them. They are not to be changed.
func (r *Resolver) Contents(ref protocol.Blob) ([]deletions.Owned, error) {
	if known, ok := r.contents.get(ref.Digest); ok {
		return known, nil
	}
	objects, err := r.Objects(ref)
	if err != nil {
		return nil, err
	}
	var out []deletions.Owned
	for _, o := range objects {
		var head struct {
			APIVersion, Kind string
			Metadata         map[string]any
		}
		if err := json.Unmarshal(o.JSON, &head); err != nil {
			return nil, err
		}
		object := map[string]any{"apiVersion": head.APIVersion, "kind": head.Kind, "metadata": head.Metadata}
		out = owned(out, fleet.RefOf(object), object)
	}
	r.contents.put(ref.Digest, out)
	return out, nil
}

func (r *Resolver) pack(objects []model.Rendered) (Render, []model.Packed, error) {
	return packFor(r, "", objects)
}

// packFor packs objects that one cluster alone may have; "" is for all.
func packFor(r *Resolver, cluster string, objects []model.Rendered) (Render, []model.Packed, error) {
	var out Render
	var kept []deletions.Owned
	for _, o := range objects {
		var m map[string]any
		if err := json.Unmarshal(o.JSON, &m); err != nil {
			return out, nil, fmt.Errorf("%s: a rendered object is no JSON object: %w", o.File, err)
		}
		ref := fleet.RefOf(m)
		if ref.Name == "" {
			ref.Name = generated(m, len(out.Refs))
		}
		if ref.Kind == "" || ref.Name == "" {
			return out, nil, fmt.Errorf("%s: an object without kind or metadata.name: give it both (generateName is "+
				"for hooks alone)", o.File)
		}
		out.Refs = append(out.Refs, ref)
		if bytes.Contains(o.JSON, []byte("${")) && o.File != "" {
			out.Files = append(out.Files, make([]string, len(out.Refs)-len(out.Files))...)
			out.Files[len(out.Refs)-1] = o.File
		}
		kept = owned(kept, ref, m)
	}
	p, err := model.Pack(r.cfg.Secret, objects)
	if cluster != "" {
		p, err = model.PackFor(r.cfg.Secret, cluster, objects)
	}
	if err != nil {
		return out, nil, err
	}
	out.Ref = p.Ref
	r.contents.put(p.Ref.Digest, kept)
	return out, []model.Packed{p}, nil
}

// anyName stands in the reference of an object whose name the API server makes up. No name can hold it.
const anyName = "*"

// generated stands for the name of the i-th object of a render, if that is a hook which has generateName in place of
// a name, as Argo CD allows it.
func generated(object map[string]any, i int) string {
	meta, _ := object["metadata"].(map[string]any)
	annotations, _ := meta["annotations"].(map[string]any)
	prefix, _ := meta["generateName"].(string)
	if course, err := fleet.CourseOf(annotations); err != nil || course.Hook == nil || prefix == "" {
		return ""
	}
	return fmt.Sprint(prefix, anyName, i)
}

// unnamed says whether a reference is of an object whose name nobody knows yet: it is no other's.
func unnamed(ref protocol.ObjectRef) bool { return strings.Contains(ref.Name, anyName) }
