package entries

import "github.com/drover-dev/drover/fleet/rollout"

// Used says which apps are in use.
type Used struct {
	given map[string]bool // digests of what a cluster may be given, or be given again
	left  map[string]bool // and of what was taken back, from which clusters may have to go back
	// Unclear: it is not known what else is in use, so that nothing is forgotten.
	Unclear bool
}

// NewUsed says that none is.
func NewUsed() *Used { return &Used{given: map[string]bool{}, left: map[string]bool{}} }

// Content notes that the apps of a content are in use.
func (u *Used) Content(c rollout.Content) {
	for _, a := range c {
		u.given[a.Digest] = true
	}
}

// Cluster notes that what a cluster is to have, and had, is in use.
func (u *Used) Cluster(c rollout.Cluster) {
	for _, entries := range c.Apps {
		for _, e := range entries {
			u.given[e.Digest] = true
			for _, from := range e.From {
				u.left[from] = true
			}
		}
	}
}

// Sweep forgets the apps that are not in use, and adds the ids of the blobs that a cluster may be given.
func (e *Entries) Sweep(used *Used, ids map[string]bool) {
	for digest, kept := range e.all {
		switch {
		case used.given[digest] || used.Unclear:
			if kept.blob != nil {
				ids[kept.blob.ID()] = true
			}
		case !used.left[digest]:
			delete(e.all, digest)
			e.note(digest, false)
		}
	}
}
