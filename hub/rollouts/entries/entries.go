// Package entries keeps what apps are delivered as, by their digests: what clusters may be given, or be given again.
//
// It may import fleet/rollout, hub/rollouts/content and protocol.
package entries

import (
	"encoding/json"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/drover-dev/drover/hub/rollouts/content"
	"github.com/drover-dev/drover/protocol"
)

// Entries are apps by their digests, and what of them the store has yet to be told. The zero value has none. It is not
// safe for concurrent use.
//
// Where clusters ask for things of their own there are many, which differ in nothing but their blobs: so what they have
// in common is kept once.
type Entries struct {
	all    map[string]entry
	shapes map[shape]*protocol.App
	news   map[string]bool // of digests that the store is to take (true) or to drop
}

// entry is an app: its shape, with these.
type entry struct {
	shape    *protocol.App // without Blob and Revision
	blob     *protocol.Blob
	revision string
}

// shape is all of an app that is plain but for its blob and revision.
type shape struct {
	name, declared, formerly, parent, namespace, account, needs string
	timeout                                                     int
	prune, orphan, recreate, keepDrift                          bool
}

// maxShapes bounds how many shapes are looked for.
const maxShapes = 10_000

// Keep remembers an app under its digest, which the store is to take.
func (e *Entries) Keep(digest string, a *protocol.App) {
	if _, have := e.all[digest]; !have {
		e.Load(digest, content.Lasting(*a))
		e.note(digest, true)
	}
}

// Load takes in an app that the store has.
func (e *Entries) Load(digest string, a protocol.App) {
	if e.all == nil {
		e.all, e.shapes = map[string]entry{}, map[shape]*protocol.App{}
	}
	kept := entry{blob: a.Blob, revision: a.Revision}
	a.Blob, a.Revision = nil, ""
	if !content.IsPlain(&a) || a.Error != "" || a.Reason != "" || a.Suspend {
		kept.shape = &a
		e.all[digest] = kept
		return
	}
	s := shape{name: a.Name, declared: a.Declared, formerly: strings.Join(a.Formerly, "\x00"), parent: a.Parent,
		namespace: a.Namespace, account: a.ServiceAccount, needs: strings.Join(a.Needs, "\x00"), timeout: a.Timeout,
		prune: a.Prune, orphan: a.Orphan, recreate: a.Recreate, keepDrift: a.KeepDrift}
	if len(e.shapes) >= maxShapes {
		clear(e.shapes)
	}
	if kept.shape = e.shapes[s]; kept.shape == nil {
		kept.shape, e.shapes[s] = &a, &a
	}
	e.all[digest] = kept
}

func (e *Entries) note(digest string, stored bool) {
	if e.news == nil {
		e.news = map[string]bool{}
	}
	e.news[digest] = stored
}

// Of is the app of a digest.
func (e *Entries) Of(digest string) (a protocol.App, have bool) {
	kept, have := e.all[digest]
	if !have {
		return a, false
	}
	a = *kept.shape
	a.Blob, a.Revision = kept.blob, kept.revision
	return a, true
}

// Digests are those of all apps.
func (e *Entries) Digests() iter.Seq[string] { return maps.Keys(e.all) }

// Blobs are the digests of the blobs of some apps, but for that of one.
func (e *Entries) Blobs(digests []string, but protocol.App) (out []string) {
	for _, digest := range digests {
		b := e.all[digest].blob
		if b != nil && (but.Blob == nil || b.Digest != but.Blob.Digest) && !slices.Contains(out, b.Digest) {
			out = append(out, b.Digest)
		}
	}
	return out
}

// Unsaved adds what the store has yet to be told, by keys with a prefix; nil is a key that it is to drop.
func (e *Entries) Unsaved(prefix string, out map[string][]byte) {
	for digest, stored := range e.news {
		if out[prefix+digest] = nil; stored {
			out[prefix+digest] = e.JSON(digest)
		}
	}
}

// JSON is an app as it is stored.
func (e *Entries) JSON(digest string) []byte {
	a, _ := e.Of(digest)
	data, err := json.Marshal(a)
	if err != nil {
		panic("entries: an app that is not JSON: " + err.Error()) // plain data: cannot happen
	}
	return data
}

// Saved is told that the store has all that Unsaved gave.
func (e *Entries) Saved() { clear(e.news) }
