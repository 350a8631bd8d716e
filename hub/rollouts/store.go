package rollouts

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"

	"github.com/drover-dev/drover/fleet/rollout"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/protocol"
)

// Keys of what is stored. What follows them is a name: of a policy, of a policy and a cluster or target, or a digest.
const (
	keyPolicy  = "policy/"
	keyCluster = "cluster/"
	keyTarget  = "target/"
	keyEntry   = "entry/"
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
	Gates     []measuring                   `json:"gates,omitempty"`
}

// storedCluster is what is stored of a cluster.
type storedCluster struct {
	rollout.Cluster
	Labels map[string]string `json:"labels,omitempty"` // that it had last
}

// clusters is what is to be stored of all clusters.
func (r *rolling) clusters() map[string]storedCluster {
	out := make(map[string]storedCluster, len(r.memory.Clusters))
	for name, c := range r.memory.Clusters {
		s := storedCluster{Cluster: c}
		if m := r.members[name]; m != nil {
			s.Labels = m.labels
		}
		out[name] = s
	}
	return out
}

// saved is what the store has of a policy.
type saved struct {
	clusters map[string]storedCluster
	targets  map[string]rollout.Known
	policy   []byte
}

// used are the digests of all that a cluster may be given, or be given again.
func (d *Driver) used() map[string]bool {
	out := map[string]bool{}
	note := func(c rollout.Content) {
		for _, a := range c {
			out[a.Digest] = true
		}
	}
	for _, r := range d.rollouts {
		for _, c := range r.memory.Clusters {
			for _, entries := range c.Apps {
				for _, e := range entries {
					out[e.Digest] = true
				}
			}
		}
		for _, t := range r.memory.Targets {
			for _, content := range t.Content {
				note(content)
			}
		}
		for _, m := range r.members {
			note(m.asked)
			note(m.given.Content)
		}
		for _, pin := range r.decisions.Pins {
			note(pin.Content)
		}
	}
	return out
}

// Unsaved is what the store has yet to be told, by key; nil is a key that it is to drop. Its cost follows what changed.
// Saved is told when the store has all of it.
func (d *Driver) Unsaved() map[string][]byte {
	out := map[string][]byte{}
	for name, r := range d.rollouts {
		has := d.stored[name]
		if data := encode(r.stored()); !bytes.Equal(data, has.policy) {
			out[keyPolicy+name] = data
		}
		changes(out, keyCluster+name+"/", has.clusters, r.clusters())
		changes(out, keyTarget+name+"/", has.targets, r.memory.Targets)
	}
	for name, has := range d.stored {
		if d.rollouts[name] == nil {
			out[keyPolicy+name] = nil
			changes(out, keyCluster+name+"/", has.clusters, nil)
			changes(out, keyTarget+name+"/", has.targets, nil)
		}
	}
	for digest, stored := range d.news {
		if out[keyEntry+digest] = nil; stored {
			out[keyEntry+digest] = encode(d.entries[digest])
		}
	}
	return out
}

// changes adds what differs between what was stored and what is to be.
func changes[V any](out map[string][]byte, prefix string, before, now map[string]V) {
	for name, v := range now {
		if was, stored := before[name]; !stored || !reflect.DeepEqual(was, v) { // quick where they share what they refer to
			out[prefix+name] = encode(v)
		}
	}
	for name := range before {
		if _, is := now[name]; !is {
			out[prefix+name] = nil
		}
	}
}

func encode(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic("rollouts: what is to be stored is not JSON: " + err.Error()) // plain data: cannot happen
	}
	return data
}

func (r *rolling) stored() storedPolicy {
	return storedPolicy{r.declared, r.gone, r.memory.Waves, r.memory.Seq, r.memory.Bad, r.decisions, r.history,
		r.gates.list()}
}

// Saved is told that the store has all that Unsaved gave.
func (d *Driver) Saved() {
	clear(d.news)
	clear(d.stored)
	for name, r := range d.rollouts {
		d.stored[name] = saved{r.clusters(), r.memory.Targets, encode(r.stored())}
	}
}

// sweep forgets what no cluster may be given any more.
func (d *Driver) sweep() (used map[string]bool) {
	used = d.used()
	for digest := range d.entries {
		if !used[digest] {
			delete(d.entries, digest)
			d.news[digest] = false
		}
	}
	return used
}

// load takes in what was stored. What cannot be read is said, and missing.
func (d *Driver) load(from map[string][]byte, read Read) {
	take := func(key string, into any) bool {
		if err := json.Unmarshal(from[key], into); err != nil {
			d.log.Error("a part of what was decided on rollouts cannot be read", "key", key, "err", err)
			return false
		}
		return true
	}
	for key := range from {
		name, is := strings.CutPrefix(key, keyPolicy)
		if !is {
			continue
		}
		var p storedPolicy
		if !take(key, &p) {
			continue
		}
		policy, _, err := read(model.Rendered{JSON: p.Declared})
		if err != nil {
			d.log.Error("the RolloutPolicy that was followed last cannot be read any more", "policy", name, "err", err)
			policy.Name = name
		}
		r := newRolling()
		r.policy, r.declared, r.gone, r.history = policy, p.Declared, p.Gone, p.History
		if r.decisions = p.Decisions; r.decisions.Pins == nil {
			r.decisions.Pins = map[string]rollout.Pin{}
		}
		r.memory = rollout.Memory{Waves: p.Waves, Seq: p.Seq, Bad: p.Bad, Clusters: map[string]rollout.Cluster{},
			Targets: map[string]rollout.Known{}}
		for _, m := range p.Gates {
			r.gates[m.place] = &m
		}
		d.rollouts[name] = r
	}
	for key := range from {
		kind, rest, _ := strings.Cut(key, "/")
		policy, name, _ := strings.Cut(rest, "/")
		r := d.rollouts[policy]
		switch kind + "/" {
		case keyCluster:
			var c storedCluster
			if r != nil && take(key, &c) {
				r.memory.Clusters[name] = c.Cluster
				r.members[name] = &member{labels: c.Labels}
			}
		case keyTarget:
			var t rollout.Known
			if r != nil && take(key, &t) {
				r.memory.Targets[name] = t
			}
		case keyEntry:
			var a protocol.App
			if take(key, &a) {
				d.entries[rest] = a
			}
		}
	}
	d.Saved()
}

// Blobs adds the blobs of all that a cluster may be given, or be given again, to ids, and forgets all others.
func (d *Driver) Blobs(ids map[string]bool) {
	for digest := range d.sweep() {
		if a, have := d.entries[digest]; have && a.Blob != nil {
			ids[a.Blob.ID()] = true
		}
	}
}
