package rollouts

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/drover-dev/drover/fleet/rollout"
	"github.com/drover-dev/drover/hub/rollouts/content"
	"github.com/drover-dev/drover/hub/rollouts/entries"
	"github.com/drover-dev/drover/hub/rollouts/gate"
	"github.com/drover-dev/drover/hub/rollouts/policies"
	"github.com/drover-dev/drover/hub/rollouts/unread"
	"github.com/drover-dev/drover/protocol"
)

// Keys of what is stored. What follows them is a name: of a policy, of a policy and a cluster or target, or a digest.
const (
	keyPolicy  = "policy/"
	keyCluster = "cluster/"
	keyTarget  = "target/"
	keyContent = "content/" // of a target: what it asks of clusters
	keyEntry   = "entry/"
	keyFleet   = "fleet/" // and nothing
)

// storedPolicy is what is stored of a policy beside its clusters and targets.
type storedPolicy struct {
	Declared  json.RawMessage               `json:"declared"`
	Gone      bool                          `json:"gone,omitempty"`
	Waves     map[string]rollout.WaveMemory `json:"waves,omitempty"`
	Seq       uint64                        `json:"seq"`
	Bad       []rollout.BadContent          `json:"bad,omitempty"`
	Decisions rollout.Decisions             `json:"decisions,omitzero"`
	History   []Event                       `json:"history,omitempty"`
	Gates     []gate.Measuring              `json:"gates,omitempty"`
	Reverts   map[string]*reverting         `json:"reverts,omitempty"`
	Names     map[uint64]string             `json:"names,omitempty"`
}

// storedCluster is what is stored of a cluster.
type storedCluster struct {
	rollout.Cluster
	Labels map[string]string `json:"labels,omitempty"` // that it had last
	Never  []string          `json:"never,omitempty"`  // apps that are never taken back, as Git said last
	Named  []string          `json:"named,omitempty"`  // apps that name the policy, as Git said last
}

// storedCluster is what is to be stored of a cluster; is says whether there is anything.
func (r *rolling) storedCluster(name string) (s storedCluster, is bool) {
	s.Cluster, is = r.memory.Clusters[name]
	if m := r.members[name]; m != nil {
		s.Labels, s.Never, s.Named = m.labels, m.stays, m.named
	}
	return s, is
}

// used are the digests of all that a cluster may be given, or be given again, or may have to go back from.
func (d *Driver) used() *entries.Used {
	used := entries.NewUsed()
	for _, r := range d.rollouts {
		for _, c := range r.memory.Clusters {
			used.Cluster(c)
		}
		for _, t := range r.memory.Targets {
			for _, content := range t.Content {
				used.Content(content)
			}
		}
		for _, m := range r.members {
			used.Content(m.asked)
			used.Content(m.given.Content)
		}
		for _, pin := range r.decisions.Pins {
			used.Content(pin.Content)
		}
		used.Unclear = used.Unclear || r.unread.Any()
	}
	return used
}

// Unsaved is what the store has yet to be told, by key; nil is a key that it is to drop. Its cost follows what changed.
// Saved is told when the store has all of it.
func (d *Driver) Unsaved() map[string][]byte {
	out := map[string][]byte{}
	for key := range d.dropped {
		out[key] = nil
	}
	for name, r := range d.rollouts {
		if r.unread.All() {
			continue // the release that stored it is to find what it left
		}
		if r.news.policy {
			out[keyPolicy+name] = encode(r.stored())
			r.unsavedTargets(out)
		}
		for cluster := range r.news.unstored {
			if r.unread.Of(cluster) {
				continue
			}
			key := keyCluster + name + "/" + cluster
			out[key] = nil
			if c, is := r.storedCluster(cluster); is {
				out[key] = encode(c)
			}
		}
	}
	if data := encode(d.fleet); !bytes.Equal(data, d.before) {
		out[keyFleet] = data
	}
	d.entries.Unsaved(keyEntry, out)
	return out
}

// unsavedTargets adds the targets that the store has otherwise. What they ask of clusters is stored beside them,
// because it is large, and does not change where the target does.
func (r *rolling) unsavedTargets(out map[string][]byte) {
	name := r.policy.Name + "/"
	for id, t := range r.memory.Targets {
		was, stored := r.news.targets[id]
		if !stored || !sameContents(was.Content, t.Content) {
			out[keyContent+name+id] = content.Store(t.Content)
		}
		was.Content, t.Content = nil, nil
		if !stored || !reflect.DeepEqual(was, t) {
			out[keyTarget+name+id] = encode(t)
		}
	}
	for id := range r.news.targets {
		if _, is := r.memory.Targets[id]; !is {
			out[keyTarget+name+id], out[keyContent+name+id] = nil, nil
		}
	}
}

// sameContents says whether two targets ask for the same, where that is known at once: a target is never changed, but
// replaced.
func sameContents(a, b map[string]rollout.Content) bool {
	return len(a) == len(b) && reflect.ValueOf(a).Pointer() == reflect.ValueOf(b).Pointer()
}

func encode(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic("rollouts: what is to be stored is not JSON: " + err.Error()) // plain data: cannot happen
	}
	return data
}

func (r *rolling) stored() storedPolicy {
	return storedPolicy{r.declared, r.ends != nil, r.memory.Waves, r.memory.Seq, r.memory.Bad, r.decisions, r.history,
		r.gates.List(), r.reverts, r.names}
}

// Saved is told that the store has all that Unsaved gave.
func (d *Driver) Saved() {
	d.entries.Saved()
	clear(d.dropped)
	d.before = encode(d.fleet)
	for _, r := range d.rollouts {
		if r.news.policy {
			r.news.targets = maps.Clone(r.memory.Targets)
		}
		r.news.policy = false
		clear(r.news.unstored)
	}
}

// drop notes which keys the store is to drop, because the policy has ended.
func drop(r *rolling, keys map[string]bool) {
	name := r.policy.Name
	keys[keyPolicy+name] = true
	for cluster := range r.memory.Clusters {
		keys[keyCluster+name+"/"+cluster] = true
	}
	for cluster := range r.news.unstored {
		keys[keyCluster+name+"/"+cluster] = true
	}
	for id := range r.news.targets {
		keys[keyTarget+name+"/"+id], keys[keyContent+name+"/"+id] = true, true
	}
	for _, key := range r.unread.Keys(keyCluster + name + "/") {
		keys[key] = true
	}
}

// load takes in what was stored. Nothing is released of what cannot be read, see package unread.
func (d *Driver) load(from map[string][]byte, read Read) {
	l := loading{d, from, map[string]map[string][]rollout.Entry{}}
	if _, has := from[keyFleet]; has && l.take(keyFleet, &d.fleet) != nil {
		d.fleet = fleetState{Frozen: unread.Freeze()}
	}
	for key := range from {
		name, is := strings.CutPrefix(key, keyPolicy)
		if !is {
			continue
		}
		var p storedPolicy
		err := l.take(key, &p)
		if d.rollouts[name] = d.recall(name, p, read); err != nil {
			d.rollouts[name].unread.State(key, err)
		}
	}
	var older []*rolling
	for _, key := range slices.Sorted(maps.Keys(from)) {
		kind, rest, _ := strings.Cut(key, "/")
		policy, name, _ := strings.Cut(rest, "/")
		switch r := d.rollouts[policy]; {
		case kind+"/" == keyEntry:
			var a protocol.App
			if l.take(key, &a) == nil {
				d.entries.Load(rest, a)
			}
		case r == nil:
		case kind+"/" == keyCluster:
			l.cluster(r, key, name)
		case kind+"/" == keyTarget && l.target(r, key, rest, name):
			older = append(older, r)
		}
	}
	d.Saved()
	for _, r := range older { // they are stored in the form of this hub
		r.news.policy, r.news.targets = true, map[string]rollout.Known{}
	}
}

// loading is a driver that takes in what was stored.
type loading struct {
	*Driver
	from   map[string][]byte
	shared map[string]map[string][]rollout.Entry // of clusters that are to have, and had, the same
}

// take reads what was stored by a key.
func (l loading) take(key string, into any) error {
	err := unread.Decode(l.from[key], into)
	if err != nil {
		l.log.Error("a part of what was decided on rollouts cannot be read: nothing is released of it", "key", key, "err", err)
	}
	return err
}

// cluster takes in a cluster of a policy.
func (l loading) cluster(r *rolling, key, name string) {
	var c storedCluster
	if err := l.take(key, &c); err != nil {
		r.unread.Cluster(name, err)
		r.members[name] = &member{}
		return
	}
	apps := string(encode(c.Apps))
	if l.shared[apps] == nil {
		l.shared[apps] = c.Apps
	}
	c.Apps = l.shared[apps]
	r.memory.Clusters[name], r.memory.Seq = c.Cluster, max(r.memory.Seq, c.Seq)
	r.members[name] = &member{labels: c.Labels, stays: c.Never, named: c.Named}
}

// target takes in a target of a policy, and says whether it was stored in the form of an older hub, with its content.
func (l loading) target(r *rolling, key, rest, id string) (older bool) {
	var t rollout.Known
	var s content.Stored
	_, beside := l.from[keyContent+rest]
	if err := l.take(key, &t); err != nil {
		r.unread.State(key, err)
		return false
	}
	if r.memory.Seq = max(r.memory.Seq, t.Seq); beside {
		if err := l.take(keyContent+rest, &s); err != nil {
			r.unread.State(keyContent+rest, err)
			return false
		}
		t.Content = s.Asked()
	}
	r.memory.Targets[id] = t
	return !beside
}

// recall is a policy as it was stored, without its clusters and targets.
func (d *Driver) recall(name string, p storedPolicy, read Read) *rolling {
	policy, err := policies.One(read, p.Declared, name)
	r := newRolling()
	if err != nil {
		d.log.Error("the RolloutPolicy that was followed last cannot be read any more: nothing of it is released", "policy",
			name, "err", err)
		r.unread.Definition(err)
		policy = unread.Placeholder(name)
	}
	r.policy, r.declared, r.history = policy, p.Declared, p.History
	if p.Gone {
		r.ends = &ending{} // Follow says what comes after it
	}
	if r.decisions = p.Decisions; r.decisions.Pins == nil {
		r.decisions.Pins = map[string]rollout.Pin{}
	}
	r.memory = rollout.Memory{Waves: p.Waves, Seq: p.Seq, Bad: p.Bad, Clusters: map[string]rollout.Cluster{},
		Targets: map[string]rollout.Known{}}
	r.reverts, r.names = p.Reverts, p.Names
	for _, m := range p.Gates {
		r.gates[m.Place] = &m
	}
	return r
}

// Blobs adds the blobs of all that a cluster may be given, or be given again, to ids, and forgets all others.
func (d *Driver) Blobs(ids map[string]bool) {
	d.entries.Sweep(d.used(), ids)
}
