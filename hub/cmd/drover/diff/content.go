package diff

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/fleet/deletions"
	"github.com/drover-dev/drover/hub/candidate"
	"github.com/drover-dev/drover/hub/difference"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/opaque"
	"github.com/drover-dev/drover/hub/release"
	"github.com/drover-dev/drover/hub/resolve"
	"github.com/drover-dev/drover/protocol"
)

// content is what a resolver rendered.
type content struct{ r *resolve.Resolver }

var _ difference.Content = content{}

// Objects implements difference.Content.
func (c content) Objects(app protocol.App) ([]difference.Object, error) {
	objects, err := c.r.Objects(*app.Blob)
	if err != nil {
		return nil, err
	}
	out := make([]difference.Object, len(objects))
	for i, o := range objects {
		var m map[string]any
		dec := json.NewDecoder(bytes.NewReader(opaque.Object(o.JSON, app.Opaque)))
		dec.UseNumber() // a number is compared as it was written
		if err := dec.Decode(&m); err != nil {
			return nil, err
		}
		ref := fleet.RefOf(m)
		if ref.Name == "" { // a hook whose name the API server makes up
			meta, _ := m["metadata"].(map[string]any)
			ref.Name = fmt.Sprint(meta["generateName"], "*", i)
		}
		out[i] = difference.Object{Ref: model.Claimed(ref, app.Namespace), Fields: m}
	}
	return out, nil
}

// Owned implements difference.Content.
func (c content) Owned(app protocol.App) ([]deletions.Owned, error) {
	return candidate.Owned(c.r.Contents, release.Given{Blob: *app.Blob, Namespace: app.Namespace})
}

// contents is Owned for the gate of releases.
func (c content) contents(_, _ string, g release.Given) []deletions.Owned {
	out, err := candidate.Owned(c.r.Contents, g)
	if err != nil {
		return nil // it was read before, when it was compared
	}
	return out
}
