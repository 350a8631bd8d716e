package kube

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/protocol"
)

// What is read to explain an object.
var (
	podKind        = agent.Resource{Version: "v1", Kind: "Pod", Plural: "pods", Namespaced: true}
	eventKind      = agent.Resource{Version: "v1", Kind: "Event", Plural: "events", Namespaced: true}
	jobKind        = agent.Resource{Group: "batch", Version: "v1", Kind: "Job", Plural: "jobs", Namespaced: true}
	replicaSetKind = agent.Resource{Group: "apps", Version: "v1", Kind: "ReplicaSet", Plural: "replicasets", Namespaced: true}
)

// workload says which Pods an object has, and where else to look.
type workload struct {
	ref      protocol.ObjectRef
	owner    string     // uid of what controls the Pods; "" if the selector is enough
	query    url.Values // selects the Pods; nil if it has none
	revision string     // of the Pods that are wanted now; "" if nothing tells
	about    string     // uid of what events are about when Pods are not there; "" if there are none of use
	finished bool       // nothing will change any more
	counts   bool       // it counts its Pods' failures itself, so that a crash is not the end
}

// described is what is read of an object to find its Pods.
type described struct {
	Metadata struct {
		Name, Namespace, UID string
		Generation           int64
		CreationTimestamp    string
		Labels, Annotations  map[string]string
		OwnerReferences      []struct {
			UID        string
			Controller bool
		}
	}
	Spec struct {
		Selector *selector
	}
	Status struct {
		ObservedGeneration *int64
		UpdateRevision     string
		Conditions         []struct{ Type, Status string }
	}
}

type selector struct {
	MatchLabels      map[string]string
	MatchExpressions []struct {
		Key, Operator string
		Values        []string
	}
}

// String is the selector as a query has it.
func (s *selector) String() string {
	var terms []string
	for k, v := range s.MatchLabels {
		terms = append(terms, k+"="+v)
	}
	for _, e := range s.MatchExpressions {
		switch values := "(" + strings.Join(e.Values, ",") + ")"; e.Operator {
		case "In":
			terms = append(terms, e.Key+" in "+values)
		case "NotIn":
			terms = append(terms, e.Key+" notin "+values)
		case "Exists":
			terms = append(terms, e.Key)
		case "DoesNotExist":
			terms = append(terms, "!"+e.Key)
		}
	}
	slices.Sort(terms)
	return strings.Join(terms, ",")
}

func (d *described) ownedBy(uid string) bool {
	for _, o := range d.Metadata.OwnerReferences {
		if o.Controller && o.UID == uid {
			return true
		}
	}
	return false
}

func (d *described) is(condition string) bool {
	for _, c := range d.Status.Conditions {
		if c.Type == condition && c.Status == "True" {
			return true
		}
	}
	return false
}

// describe reads an object.
func (c *Client) describe(ctx context.Context, res agent.Resource, ref protocol.ObjectRef) (*described, error) {
	d := &described{}
	_, err := c.do(ctx, call{method: http.MethodGet, path: objectPath(res, ref), accept: acceptJSON}, d)
	return d, err
}

// workload finds an object's Pods. It gives nil where there is nothing to look at, as when the object's controller has not
// seen its newest state: the Pods are of an older one then.
func (c *Client) workload(ctx context.Context, res agent.Resource, ref protocol.ObjectRef) (*workload, error) {
	d, err := c.describe(ctx, res, ref)
	if err != nil {
		return nil, err
	}
	if seen := d.Status.ObservedGeneration; seen != nil && *seen != d.Metadata.Generation {
		return nil, nil
	}
	if ref.Kind == "CronJob" {
		last, err := c.lastJob(ctx, d)
		if last == nil || err != nil {
			return nil, err
		}
		ref.Kind, ref.Name, d = "Job", last.Metadata.Name, last
	}
	w := &workload{ref: ref, owner: d.Metadata.UID, about: d.Metadata.UID}
	if d.Spec.Selector != nil && ref.Kind != "PersistentVolumeClaim" { // whose selector is of volumes
		w.query = url.Values{"labelSelector": {d.Spec.Selector.String()}}
	}
	switch ref.Kind {
	case "Pod":
		w.query, w.owner, w.about = url.Values{"fieldSelector": {"metadata.name=" + ref.Name}}, "", ""
	case "Deployment":
		w.about = ""
		w.owner, err = c.newReplicaSet(ctx, d)
		if w.owner == "" {
			return nil, err
		}
	case "StatefulSet":
		w.revision = d.Status.UpdateRevision
	case "DaemonSet":
		w.revision = d.Metadata.Annotations["deprecated.daemonset.template.generation"]
	case "Job":
		w.counts, w.finished = true, d.is("Failed") || d.is("Complete")
	}
	return w, err
}

// lastJob is the newest Job of a CronJob.
func (c *Client) lastJob(ctx context.Context, owner *described) (last *described, err error) {
	_, err = c.listAll(ctx, jobKind, owner.Metadata.Namespace, url.Values{}, func(raw []byte) {
		d := &described{}
		if json.Unmarshal(raw, d) == nil && d.ownedBy(owner.Metadata.UID) &&
			(last == nil || d.Metadata.CreationTimestamp > last.Metadata.CreationTimestamp) {
			last = d
		}
	})
	return last, err
}

// newReplicaSet is the uid of the one that a Deployment is rolling out; "" if there is none. The Pods of former ones are on
// their way out, whatever is wrong with them.
func (c *Client) newReplicaSet(ctx context.Context, owner *described) (uid string, err error) {
	if owner.Spec.Selector == nil {
		return "", nil
	}
	newest := -1
	query := url.Values{"labelSelector": {owner.Spec.Selector.String()}}
	_, err = c.listAll(ctx, replicaSetKind, owner.Metadata.Namespace, query, func(raw []byte) {
		var d described
		if json.Unmarshal(raw, &d) != nil || !d.ownedBy(owner.Metadata.UID) {
			return
		}
		if n, err := strconv.Atoi(d.Metadata.Annotations["deployment.kubernetes.io/revision"]); err == nil && n > newest {
			newest, uid = n, d.Metadata.UID
		}
	})
	return uid, err
}
