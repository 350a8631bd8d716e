package difference

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"sigs.k8s.io/yaml"

	"github.com/drover-dev/drover/hub/difference/unified"
)

// ObjectDiff is how one object differs, as YAML, without what is secret.
type ObjectDiff struct {
	Object string // as people are shown it
	Text   string // as `diff -u` writes it
}

// Full gives the whole difference of a group's objects, as the cluster of its Example has them.
func (c *Comparer) Full(g Group) (out []ObjectDiff, err error) {
	before, err := c.objects(g.Before)
	if err != nil {
		return nil, fmt.Errorf("app %s: %w", g.App, err)
	}
	after, err := c.objects(g.After)
	if err != nil {
		return nil, fmt.Errorf("app %s: %w", g.App, err)
	}
	for _, o := range g.Objects {
		old := o.Object
		if o.Action == Renamed {
			old.Name = o.From
		}
		b, a := before[old].Fields, after[o.Object].Fields
		if o.Action == Moved { // the other side is in another app
			continue
		}
		b, a, _ = mask(o.Object, b, a)
		x, err := lines(b)
		if err != nil {
			return nil, err
		}
		y, err := lines(a)
		if err != nil {
			return nil, err
		}
		out = append(out, ObjectDiff{o.Object.String(), unified.Diff(x, y)})
	}
	return out, nil
}

// lines is an object as YAML, with a short digest in place of each encrypted value.
func lines(object map[string]any) (string, error) {
	if object == nil {
		return "", nil
	}
	data, err := json.Marshal(shorten(object))
	if err != nil {
		return "", err
	}
	text, err := yaml.JSONToYAML(data)
	return string(text), err
}

func shorten(v any) any {
	switch x := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(x))
		for k, item := range x {
			out[k] = shorten(item)
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i, item := range x {
			out[i] = shorten(item)
		}
		return out
	}
	if isEncrypted(v) {
		sum := sha256.Sum256([]byte(v.(string)))
		return "(encrypted: " + hex.EncodeToString(sum[:4]) + ")"
	}
	return v
}
