package asks

import (
	"cmp"
	"context"
	"encoding/json"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// get answers with one object as it is now.
func (d *answers) get(ctx context.Context, q protocol.Question, w *writer) error {
	if q.Resource == "" || q.Name == "" {
		return refuse(protocol.AnswerNotFound, "which object? Name its kind and its name")
	}
	res, err := d.reader.Find(ctx, q.Resource)
	if err != nil {
		return err
	}
	ref := protocol.ObjectRef{Group: res.Group, Kind: res.Kind, Name: q.Name}
	if res.Namespaced {
		ref.Namespace = cmp.Or(q.Namespace, "default")
	}
	if err := d.may(ref); err != nil {
		return err
	}
	raw, err := d.reader.Read(ctx, res, ref)
	if err != nil {
		return err
	}
	o, err := decode(raw)
	if err != nil {
		return err
	}
	mask(res, o, d.secretive(ctx, ref.Namespace, o))
	out, err := json.Marshal(o)
	if err == nil {
		_, err = w.Write(append(out, '\n'))
	}
	return err
}

// may says why an object is not read.
func (d *answers) may(ref protocol.ObjectRef) error {
	if d.scope.Outside(ref) {
		return d.scope.Failure()
	}
	if ref.Group == "" && ref.Kind == "Secret" && ref.Namespace == d.namespace {
		return refuse(protocol.AnswerRefused, "%s is in the agent's own namespace, whose Secrets hold its credential and "+
			"its state: nobody is shown them through the hub", ref)
	}
	return nil
}

// maxOwners is how far up the owners of an object are followed.
const maxOwners = 5

// secretive says whether an object may hold values of Secrets because it belongs to an app whose objects do, or is
// owned by such an object. Where the owners cannot be read, it may.
func (d *answers) secretive(ctx context.Context, namespace string, o object) bool {
	for range maxOwners {
		m := metaOf(o)
		if app := m.Labels[fleet.LabelApp]; app != "" {
			return d.apps.Secretive(app)
		}
		owner := m.controller()
		if owner == nil {
			return false
		}
		res, err := d.reader.Resolve(ctx, owner.APIVersion, owner.Kind)
		if err != nil {
			return true
		}
		ref := protocol.ObjectRef{Group: res.Group, Kind: res.Kind, Name: owner.Name}
		if res.Namespaced {
			ref.Namespace = namespace
		}
		raw, err := d.reader.Read(ctx, res, ref)
		if agent.ReasonOf(err) == agent.ReasonMissing {
			return false
		}
		if err == nil {
			o, err = decode(raw)
		}
		if err != nil {
			return true
		}
	}
	return true
}

// meta is what is read of an object's metadata.
type meta struct {
	Name, Namespace, UID string
	Labels               map[string]string
	OwnerReferences      []agent.Owner
}

func metaOf(o object) meta {
	var out struct{ Metadata meta }
	if data, err := json.Marshal(object{"metadata": o["metadata"]}); err == nil {
		_ = json.Unmarshal(data, &out) // what does not fit is not there
	}
	return out.Metadata
}

// controller is the owner that controls the object; nil if there is none.
func (m meta) controller() *agent.Owner {
	for i := range m.OwnerReferences {
		if m.OwnerReferences[i].Controller {
			return &m.OwnerReferences[i]
		}
	}
	return nil
}
