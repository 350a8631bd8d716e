package resolve

import (
	"encoding/json"
	"sync"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/fleet/deletions"
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
