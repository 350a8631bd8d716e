package unlock

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/protocol"
)

// ErrNamed is the error of objects that are known by a value: who is told of them would be told it.
var ErrNamed = errors.New("which objects there are, or what they are called, follows from a value that the " +
	"hub decrypts")

// Alike is ErrNamed unless two renders have the same objects, in the same order.
func Alike(masked, plain []model.Rendered) error {
	if !slices.EqualFunc(masked, plain, func(a, b model.Rendered) bool { return known(a) == known(b) }) {
		return ErrNamed
	}
	return nil
}

// identity is by what an object is known.
type identity struct {
	ref      protocol.ObjectRef
	version  string
	generate string
}

func known(o model.Rendered) identity {
	var m map[string]any
	if json.Unmarshal(o.JSON, &m) != nil {
		return identity{}
	}
	meta, _ := m["metadata"].(map[string]any)
	generate, _ := meta["generateName"].(string)
	version, _ := m["apiVersion"].(string)
	return identity{fleet.RefOf(m), version, generate}
}

// As gives of the objects of a render those that another one of the same app has, which was changed since: some
// were taken
// out, and others marked so that they are kept.
func As(masked, plain []model.Rendered) ([]model.Rendered, error) {
	by := map[identity][]model.Rendered{}
	for _, o := range plain {
		by[known(o)] = append(by[known(o)], o)
	}
	out := make([]model.Rendered, 0, len(masked))
	for _, m := range masked {
		id := known(m)
		if len(by[id]) == 0 {
			return nil, ErrNamed
		}
		o := by[id][0]
		by[id] = by[id][1:]
		if kept(m) && !kept(o) {
			mark := model.Metadata{Annotations: map[string]string{fleet.AnnotationPrune: fleet.PruneDisabled}}
			marked, err := mark.On([]model.Rendered{o})
			if err != nil {
				return nil, err
			}
			o = marked[0]
		}
		out = append(out, o)
	}
	return out, nil
}

// kept says whether an object is marked so that it is not deleted.
func kept(o model.Rendered) bool {
	var head struct {
		Metadata struct{ Annotations map[string]any }
	}
	if json.Unmarshal(o.JSON, &head) != nil {
		return false
	}
	word, _ := head.Metadata.Annotations[fleet.AnnotationPrune].(string)
	return strings.EqualFold(word, fleet.PruneDisabled)
}
