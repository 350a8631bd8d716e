package claim

import (
	"bytes"
	"encoding/json"

	"github.com/drover-dev/drover/fleet"
)

// head is what an object says of how it is kept.
type head struct {
	Metadata struct{ Annotations, Labels map[string]any }
}

// Kept says whether an object is to stay in the cluster whatever becomes of its app. The object is JSON.
func Kept(object []byte) bool {
	var h head
	return json.Unmarshal(object, &h) == nil && fleet.NeverPruned(h.Metadata.Annotations, h.Metadata.Labels)
}

// Form is Claim.Form of an object, which is JSON with sorted keys. It is "" for a hook, which runs for each app,
// and for what is encrypted, since each app may decrypt it with another key. The annotation that Keep asks for is
// not part of it: what stays at what was published may have it.
func Form(object []byte) string {
	var h struct {
		Metadata struct{ Annotations map[string]string }
	}
	if json.Unmarshal(object, &h) != nil || fleet.IsHook(h.Metadata.Annotations) ||
		bytes.Contains(object, []byte(`"sops":`)) || bytes.Contains(object, []byte("ENC[")) {
		return ""
	}
	if h.Metadata.Annotations[fleet.AnnotationPrune] != fleet.PruneDisabled {
		return string(object)
	}
	var o map[string]any
	dec := json.NewDecoder(bytes.NewReader(object))
	dec.UseNumber()
	if dec.Decode(&o) != nil {
		return string(object)
	}
	meta, _ := o["metadata"].(map[string]any)
	annotations, _ := meta["annotations"].(map[string]any)
	if delete(annotations, fleet.AnnotationPrune); len(annotations) == 0 {
		delete(meta, "annotations")
	}
	out, err := json.Marshal(o)
	if err != nil {
		return string(object)
	}
	return string(out)
}
