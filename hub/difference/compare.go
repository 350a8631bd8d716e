package difference

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/drover-dev/drover/fleet/deletions"
	"github.com/drover-dev/drover/protocol"
)

// Object is a rendered object, as it will be in the cluster.
type Object struct {
	Ref    protocol.ObjectRef
	Fields map[string]any
}

// Content gives what is in the blobs of apps. What it gives is not changed.
type Content interface {
	// Objects are all objects of an app, each as it will be in the cluster.
	Objects(app protocol.App) ([]Object, error)
	// Owned are those of them that an agent keeps.
	Owned(app protocol.App) ([]deletions.Owned, error)
}

// Comparer compares clusters, one after the other. It is for one goroutine at a time.
type Comparer struct {
	content Content
	name    func(key string) string // of an app, as people are shown it
	pairs   map[pairKey]*pair
}

// NewComparer compares what content has. name gives the name that people are shown for the key of an app.
func NewComparer(content Content, name func(key string) string) *Comparer {
	return &Comparer{content: content, name: name, pairs: map[pairKey]*pair{}}
}

// ClusterChange is one change of one cluster.
type ClusterChange struct {
	Change
	digest        string
	before, after *protocol.App
}

// pairKey is what a comparison of two versions of an app depends on.
type pairKey struct {
	app           string
	before, after string // digests of content, with how it is delivered
}

// pair is a comparison of two versions of an app.
type pair struct {
	change Change
	digest string
	// leaves are the objects that only the version before has, and come those that only the newer one has.
	leaves, comes []protocol.ObjectRef
}

// Cluster compares two bundles of a cluster. An app of after with an error is not compared: what it would be is not
// known, and nothing of it counts as deleted. An app that is missing from an incomplete bundle is not gone either.
func (c *Comparer) Cluster(before, after *protocol.Bundle) ([]ClusterChange, error) {
	var out []ClusterChange
	if s := settingsOf(flagsOf(before), flagsOf(after)); len(s) > 0 && after.FlagsUnknown == "" {
		out = append(out, own(Change{Action: Changed, Settings: s}, nil, nil))
	}
	turn := clusterTurn{c: c, before: before, after: after}
	for _, names := range pairsOf(before.Apps, after.Apps) {
		if err := turn.app(names[0], names[1]); err != nil {
			return nil, err
		}
	}
	if err := turn.settleMoves(); err != nil {
		return nil, err
	}
	for _, p := range turn.found {
		if !p.change.empty() {
			out = append(out, ClusterChange{p.change, p.digest, p.before, p.after})
		}
	}
	return out, nil
}

// Added is a cluster that is new.
func (c *Comparer) Added(after *protocol.Bundle) []ClusterChange {
	return []ClusterChange{own(c.whole(Added, after), nil, nil)}
}

// Removed is a cluster whose folder is gone. prunes says whether what was delivered to it is deleted.
func (c *Comparer) Removed(before *protocol.Bundle, prunes bool) []ClusterChange {
	change := c.whole(Removed, before)
	change.Prunes = prunes
	return []ClusterChange{own(change, nil, nil)}
}

// Key is the app that changes; "" for the cluster itself.
func (c ClusterChange) Key() string {
	if c.before == nil && c.after == nil {
		return ""
	}
	return nameIn([2]*protocol.App{c.before, c.after})
}

// own is a change that is compared for one cluster alone.
func own(c Change, before, after *protocol.App) ClusterChange {
	return ClusterChange{c, c.digest(), before, after}
}

// whole is a cluster that was added or removed.
func (c *Comparer) whole(action Action, b *protocol.Bundle) Change {
	change := Change{Action: action}
	for _, a := range b.Apps {
		n := 0
		if a.Blob != nil {
			n = a.Blob.Objects
		}
		change.Apps = append(change.Apps, AppCount{c.name(a.Name), n})
	}
	slices.SortFunc(change.Apps, func(x, y AppCount) int { return compareNames(x.App, y.App) })
	return change
}

// pairsOf puts the apps of two bundles together that have the same name, sorted; nil stands for one that is not there.
func pairsOf(before, after []protocol.App) (out [][2]*protocol.App) {
	places := map[string]int{}
	for i := range before {
		places[before[i].Name] = len(out)
		out = append(out, [2]*protocol.App{&before[i], nil})
	}
	for i := range after {
		if at, both := places[after[i].Name]; both {
			out[at][1] = &after[i]
			continue
		}
		out = append(out, [2]*protocol.App{nil, &after[i]})
	}
	slices.SortFunc(out, func(a, b [2]*protocol.App) int { return compareNames(nameIn(a), nameIn(b)) })
	return out
}

func nameIn(p [2]*protocol.App) string {
	if p[0] != nil {
		return p[0].Name
	}
	return p[1].Name
}

// clusterTurn is the comparison of one cluster.
type clusterTurn struct {
	c             *Comparer
	before, after *protocol.Bundle
	found         []foundPair
}

// foundPair is a comparison, as it is so in one cluster.
type foundPair struct {
	*pair
	before, after *protocol.App
}

func (t *clusterTurn) app(before, after *protocol.App) error {
	switch {
	case after == nil && t.after.Incomplete != "":
		return nil
	case after != nil && (after.Error != "" || after.Blob == nil):
		return nil
	case before != nil && before.Blob == nil:
		return nil // what was before is not known
	case before != nil && after != nil && before.Blob.Digest == after.Blob.Digest &&
		reflect.DeepEqual(delivery(*before), delivery(*after)):
		return nil
	}
	p, err := t.c.pair(before, after)
	if err == nil {
		t.found = append(t.found, foundPair{p, before, after})
	}
	return err
}

// settleMoves takes the objects that go from one app of the cluster to another one out of what is deleted and added.
func (t *clusterTurn) settleMoves() error {
	leaves := map[protocol.ObjectRef]int{}
	for i, p := range t.found {
		for _, ref := range p.leaves {
			leaves[ref] = i
		}
	}
	if len(leaves) == 0 {
		return nil
	}
	for to, p := range t.found {
		for _, ref := range p.comes {
			from, moves := leaves[ref]
			if !moves || from == to {
				continue
			}
			if err := t.move(ref, from, to); err != nil {
				return err
			}
			delete(leaves, ref)
		}
	}
	return t.keepShared(leaves)
}

// move notes that an object goes from one app to another one.
func (t *clusterTurn) move(ref protocol.ObjectRef, from, to int) error {
	source, target := t.edit(from), t.edit(to)
	if source.change.Objects = slices.DeleteFunc(source.change.Objects, isOf(ref)); len(source.change.Objects) == 0 {
		source.change.Objects = nil
	}
	at := slices.IndexFunc(target.change.Objects, isOf(ref))
	if at < 0 {
		return nil
	}
	b, err := t.c.object(*t.found[from].before, ref)
	if err != nil {
		return err
	}
	a, err := t.c.object(*t.found[to].after, ref)
	if err != nil {
		return err
	}
	moved := changeOf(ref, b, a)
	moved.Action, moved.From = Moved, t.c.name(t.found[from].before.Name)
	target.change.Objects[at] = moved
	source.digest, target.digest = source.change.digest(), target.change.digest()
	return nil
}

// keepShared notes of objects that leave an app that another app of the cluster goes on to deliver them.
func (t *clusterTurn) keepShared(leaves map[protocol.ObjectRef]int) error {
	for i := range t.after.Apps {
		a := &t.after.Apps[i]
		if a.Blob == nil || len(leaves) == 0 {
			continue
		}
		owned, err := t.c.content.Owned(*a)
		if err != nil {
			return err
		}
		for _, o := range owned {
			from, left := leaves[o.Ref]
			if !left || t.nameOf(from) == a.Name {
				continue
			}
			source := t.edit(from)
			if at := slices.IndexFunc(source.change.Objects, isOf(o.Ref)); at >= 0 {
				source.change.Objects[at] = ObjectChange{Action: Moved, Object: o.Ref, To: t.c.name(a.Name)}
				source.digest = source.change.digest()
			}
			delete(leaves, o.Ref)
		}
	}
	return nil
}

func (t *clusterTurn) nameOf(i int) string {
	return nameIn([2]*protocol.App{t.found[i].before, t.found[i].after})
}

// edit gives a comparison of the cluster's own, which other clusters do not share.
func (t *clusterTurn) edit(i int) *pair {
	p := *t.found[i].pair
	p.change.Objects = slices.Clone(p.change.Objects)
	t.found[i].pair = &p
	return &p
}

func isOf(ref protocol.ObjectRef) func(ObjectChange) bool {
	return func(o ObjectChange) bool { return o.Object == ref }
}

// pair compares two versions of an app, of which one may be nil.
func (c *Comparer) pair(before, after *protocol.App) (*pair, error) {
	key := pairKey{app: nameIn([2]*protocol.App{before, after}), before: digestOf(before), after: digestOf(after)}
	if p, known := c.pairs[key]; known {
		return p, nil
	}
	p, err := c.compare(before, after)
	if err != nil {
		return nil, fmt.Errorf("app %s: %w", c.name(key.app), err)
	}
	p.digest = p.change.digest()
	c.pairs[key] = p
	return p, nil
}

func (c *Comparer) compare(before, after *protocol.App) (*pair, error) {
	old, err := c.objects(before)
	if err != nil {
		return nil, err
	}
	now, err := c.objects(after)
	if err != nil {
		return nil, err
	}
	p := &pair{change: Change{Action: Changed}}
	switch {
	case before == nil:
		p.change.Action, p.change.App = Added, c.name(after.Name)
	case after == nil:
		p.change.Action, p.change.App = Removed, c.name(before.Name)
	default:
		p.change.App = c.name(after.Name)
		p.change.Settings = settingsOf(delivery(*before), delivery(*after))
	}
	leaves := leaving{}
	if before != nil {
		if leaves, err = c.leaving(*before, after, now); err != nil {
			return nil, err
		}
	}
	p.change.Objects = objectsOf(old, now, leaves)
	for _, o := range p.change.Objects {
		switch o.Action {
		case Deleted, Left:
			p.leaves = append(p.leaves, o.Object)
		case Added:
			p.comes = append(p.comes, o.Object)
		}
	}
	return p, nil
}

// leaving says what becomes of the objects that only the version of an app before has.
func (c *Comparer) leaving(before protocol.App, after *protocol.App, now map[protocol.ObjectRef]Object) (leaving,
	error) {
	had, err := c.content.Owned(before)
	if err != nil {
		return leaving{}, err
	}
	prunes := before.Prune && !before.Orphan
	if after != nil {
		prunes = after.Prune
	}
	wants := make([]protocol.ObjectRef, 0, len(now))
	for ref := range now {
		wants = append(wants, ref)
	}
	return leavingOf(had, wants, prunes), nil
}

func (c *Comparer) objects(app *protocol.App) (map[protocol.ObjectRef]Object, error) {
	out := map[protocol.ObjectRef]Object{}
	if app == nil {
		return out, nil
	}
	objects, err := c.content.Objects(*app)
	for _, o := range objects {
		out[o.Ref] = o
	}
	return out, err
}

// object gives one object of an app; its fields are nil if the app has none of that reference.
func (c *Comparer) object(app protocol.App, ref protocol.ObjectRef) (map[string]any, error) {
	all, err := c.objects(&app)
	return all[ref].Fields, err
}
