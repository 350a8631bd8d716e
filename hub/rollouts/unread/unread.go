// Package unread says what of the rollouts that were stored this release cannot read, and what follows from it: nothing
// is released of it until it can be read, or a person decides.
//
// It may import fleet/query and fleet/rollout.
package unread

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/fleet/rollout"
)

// Parts are those of what was stored of a policy that cannot be read. The zero value is that all can be.
type Parts struct {
	definition string            // why it cannot be read what the policy says; "" if it can
	state      map[string]string // why, by the key of what was decided
	clusters   map[string]string // why, by cluster, of what was decided on clusters
}

// Definition notes that it cannot be read what the policy says.
func (p *Parts) Definition(err error) { p.definition = cmp.Or(err.Error(), "it is empty") }

// State notes that what was decided cannot be read.
func (p *Parts) State(key string, err error) { note(&p.state, key, err) }

// Cluster notes that what was decided on a cluster cannot be read.
func (p *Parts) Cluster(name string, err error) { note(&p.clusters, name, err) }

func note(in *map[string]string, key string, err error) {
	if *in == nil {
		*in = map[string]string{}
	}
	(*in)[key] = err.Error()
}

// Declared is told that the policy was read from Git.
func (p *Parts) Declared() { p.definition = "" }

// Undefined says whether it is not known what the policy says.
func (p Parts) Undefined() bool { return p.definition != "" }

// All says whether nothing is decided by the policy, in no cluster.
func (p Parts) All() bool { return p.definition != "" || len(p.state) > 0 }

// Any says whether anything cannot be read.
func (p Parts) Any() bool { return p.All() || len(p.clusters) > 0 }

// Of says whether nothing is decided by the policy in a cluster.
func (p Parts) Of(cluster string) bool {
	_, is := p.clusters[cluster]
	return is || p.All()
}

// Left is told that a cluster is gone: what was decided on it matters no more.
func (p *Parts) Left(cluster string) { delete(p.clusters, cluster) }

// Keys are those of what a person has forgotten, of which the state's are given as they were noted.
func (p Parts) Keys(ofCluster string) (out []string) {
	out = slices.Collect(maps.Keys(p.state))
	for name := range p.clusters {
		out = append(out, ofCluster+name)
	}
	return out
}

// Clusters are those of which what was decided cannot be read, sorted.
func (p Parts) Clusters() []string { return slices.Sorted(maps.Keys(p.clusters)) }

// Why says what cannot be read, and what to do.
func (p Parts) Why(policy string) string {
	what, more := "", len(p.state)+len(p.clusters)-1
	switch {
	case p.definition != "":
		return fmt.Sprintf("the policy that was stored cannot be read by this release of the hub (%s), so nothing of it is "+
			"released: run the release that stored it, or commit a RolloutPolicy %s that this release reads; to give the "+
			"policy up, delete it in Git, and then `drover rollout resume %[2]s --reason …`", clip(p.definition), policy)
	case len(p.state) > 0:
		key := slices.Min(slices.Collect(maps.Keys(p.state)))
		what = fmt.Sprintf("%s: %s", key, clip(p.state[key]))
	default:
		name := p.Clusters()[0]
		what = fmt.Sprintf("of the cluster %s: %s", name, clip(p.clusters[name]))
	}
	if more > 0 {
		what += fmt.Sprintf("; and %d more", more)
	}
	return fmt.Sprintf("what was decided cannot be read by this release of the hub (%s), so nothing of it is released: run "+
		"the release that stored it, or have it forgotten with `drover rollout resume %s --reason …`; what clusters have "+
		"counts as released then, and approvals, halts and pins have to be given again", what, policy)
}

// Refuse says why a person's decision on a policy is not taken while all of it waits.
func (p Parts) Refuse(policy string) error { return errors.New(p.Why(policy)) }

const maxWhy = 200

func clip(text string) string {
	if text = strings.Join(strings.Fields(text), " "); len(text) > maxWhy {
		text = strings.ToValidUTF8(text[:maxWhy], "") + "…"
	}
	return text
}

// Waves is how the waves of a policy stand of which nothing is decided.
func (p Parts) Waves(policy rollout.Policy) (out []rollout.WaveState) {
	for _, w := range policy.Waves {
		out = append(out, rollout.WaveState{Wave: w.Name, Reason: rollout.Unreadable, Text: p.Why(policy.Name)})
	}
	return out
}

// Placeholder stands for a policy of which it is not known what it says.
func Placeholder(name string) rollout.Policy {
	return rollout.Policy{Name: name, Waves: []rollout.Wave{{Name: "all"}}}
}

// Shown is what waits, for people; nil if nothing does.
func (p Parts) Shown(policy string) *query.Unread {
	if !p.Any() {
		return nil
	}
	out := &query.Unread{Reason: string(rollout.Unreadable), Text: p.Why(policy)}
	if !p.All() {
		out.Clusters = p.Clusters()
	}
	return out
}

// Decode reads what was stored.
func Decode(data []byte, into any) error {
	if len(data) == 0 {
		return errors.New("it is damaged, or sealed with another key")
	}
	return json.Unmarshal(data, into)
}

// Freeze is what stands for a freeze of the fleet of which it is not known whether there is any.
func Freeze() *rollout.HaltOrder {
	return &rollout.HaltOrder{By: "the hub", Reason: "what was decided on all releases cannot be read by this release of " +
		"the hub, and may have been a freeze: run the release that stored it, or end it"}
}
