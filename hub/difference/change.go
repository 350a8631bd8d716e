package difference

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/drover-dev/drover/protocol"
)

// Action is what becomes of a cluster, an app or an object.
type Action string

// The actions.
const (
	Added   Action = "added"
	Changed Action = "changed"
	Removed Action = "removed" // of clusters and apps
	Deleted Action = "deleted" // of objects: the agent deletes it
	// Left: the object leaves the app and is left in the cluster, because it is not pruned.
	Left Action = "left"
	// Moved: the object goes from one app of the cluster to another one, and is not deleted.
	Moved Action = "moved"
	// Renamed: an object that kustomize generated has another hash in its name.
	Renamed Action = "renamed"
	// Unhooked: a hook leaves the app. Hooks are deleted by their own policy, and never pruned.
	Unhooked Action = "unhooked"
)

// Change is what a revision changes of one app of a cluster, or of the cluster itself.
type Change struct {
	App    string `json:"app,omitempty"` // as people are shown it; "" of the cluster itself
	Action Action `json:"action"`
	// Objects are those that change, images first among their fields.
	Objects []ObjectChange `json:"objects,omitempty"`
	// Settings are fields of how the app or the cluster is delivered.
	Settings []FieldChange `json:"settings,omitempty"`
	// Apps are those of a cluster that was added or removed, with their objects.
	Apps []AppCount `json:"apps,omitempty"`
	// Prunes: what was delivered to a cluster that was removed is deleted. Otherwise it is left running.
	Prunes bool `json:"prunes,omitempty"`
}

// AppCount is an app and how many objects it has.
type AppCount struct {
	App     string `json:"app"`
	Objects int    `json:"objects"`
}

// ObjectChange is what becomes of one object.
type ObjectChange struct {
	Action Action             `json:"action"`
	Object protocol.ObjectRef `json:"object"`
	// From is the app that a moved object was in before, To the one it is in now; of a renamed object From is its name
	// before.
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
	// Fields are those that differ.
	Fields []FieldChange `json:"fields,omitempty"`
	// Masked is how many values differ that are not shown, because they are secret.
	Masked int `json:"masked,omitempty"`
}

// FieldChange is one field that differs. A side without the field has no value.
type FieldChange struct {
	Path   string          `json:"path"`
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
}

// empty says whether nothing changes.
func (c Change) empty() bool {
	return c.Action == Changed && len(c.Objects) == 0 && len(c.Settings) == 0
}

// Count is how many objects have one of some actions.
func (c Change) Count(actions ...Action) (n int) {
	for _, o := range c.Objects {
		for _, a := range actions {
			if o.Action == a {
				n++
			}
		}
	}
	return n
}

// digest identifies a change: two changes of equal digest are the same.
func (c Change) digest() string {
	data, err := json.Marshal(c)
	if err != nil {
		panic("difference: a change that is not JSON: " + err.Error()) // plain data: cannot happen
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:16])
}
