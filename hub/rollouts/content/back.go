package content

import (
	"encoding/json"
	"log/slog"
	"slices"

	rules "github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/protocol"
)

// Back has bundles say which apps go back.
type Back struct {
	objects func(protocol.Blob) ([]model.Rendered, error)
	log     *slog.Logger
	minds   map[string]bool // by the digest of a blob: its hooks depend on it
}

// maxMinds is of how many blobs it is remembered whether it matters to them that they are gone back to.
const maxMinds = 10_000

// NewBack makes one; objects gives the objects of a blob.
func NewBack(objects func(protocol.Blob) ([]model.Rendered, error), log *slog.Logger) *Back {
	return &Back{objects, log, map[string]bool{}}
}

// Say has those of some apps say that they go back to whose hooks that matters; from is what each goes back from. An
// agent that does not know of it leaves such an app alone: so it is said of no other.
func (x *Back) Say(apps []protocol.App, from map[string][]string) {
	for i := range apps {
		if a := &apps[i]; a.Blob != nil && len(from[a.Name]) > 0 && x.matters(*a.Blob) {
			a.Rollback = from[a.Name]
			a.Needs = a.Handling.Needs()
		}
	}
}

// matters says whether it matters to an object of a blob that the blob is gone back to. One that cannot be read may
// have such objects.
func (x *Back) matters(blob protocol.Blob) bool {
	if known, is := x.minds[blob.Digest]; is {
		return known
	}
	objects, err := x.objects(blob)
	if err != nil {
		x.log.Warn("what an app goes back to cannot be read: it is taken to have hooks", "digest", blob.Digest, "err", err)
		return true
	}
	if len(x.minds) >= maxMinds {
		clear(x.minds)
	}
	x.minds[blob.Digest] = slices.ContainsFunc(objects, func(o model.Rendered) bool {
		var head struct {
			Metadata struct{ Annotations map[string]any }
		}
		return json.Unmarshal(o.JSON, &head) != nil || minds(head.Metadata.Annotations)
	})
	return x.minds[blob.Digest]
}

// minds says whether an object with these annotations is a hook for which it matters whether its app goes back: it is
// done then alone, or not then. What cannot be read may be one.
func minds(annotations map[string]any) bool {
	c, err := rules.CourseOf(annotations)
	return err != nil || c.Hook != nil && slices.ContainsFunc(c.Hook.Upgrade, func(p rules.HookPhase) bool {
		return slices.Contains([]rules.HookPhase{rules.PreSync, rules.Sync, rules.PostSync, rules.PreRollback,
			rules.PostRollback}, p)
	})
}
