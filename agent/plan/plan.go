package plan

import (
	"iter"
	"maps"
	"reflect"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// Want is one object as a plan wants it.
type Want struct {
	Ref              protocol.ObjectRef // see Is for the namespace of an unknown kind
	APIVersion       string
	Line             agent.Sum
	offset, length   uint32 // of the line among the plan's lines
	number           uint32 // of the line of the blob that it comes from, from 1
	Keep             bool   // annotated to be kept when it would be pruned
	KindUnknown      bool   // its kind was not served, so its namespace is a guess
	NamespaceOmitted bool   // the line names no namespace
	Recreate         bool   // annotated to be recreated where an immutable field changed
	HasReplicas      bool   // the line sets spec.replicas, which an autoscaler may change
	Mode             fleet.Mode
	Wave             int
	After            []protocol.ObjectRef // must be current before it is applied
}

// Is reports whether the want is for an object. While the kind of an object is unknown the object may turn out to have
// no namespace, so that a reference without one means it as well.
func (w *Want) Is(ref protocol.ObjectRef) bool {
	return w.Ref == ref || w.KindUnknown && w.WithoutNamespace() == ref
}

// WithoutNamespace is the object's reference if its kind has no namespace.
func (w *Want) WithoutNamespace() protocol.ObjectRef {
	ref := w.Ref
	ref.Namespace = ""
	return ref
}

// LineOf cuts the want's line out of the plan's lines.
func (w *Want) LineOf(lines []byte) []byte { return lines[w.offset : w.offset+w.length] }

// Plan is the index of an app's blob. It is immutable: Read, Place, Only and Former return a plan that nothing writes
// to afterwards. The lines themselves are kept compressed.
type Plan struct {
	Digest     string
	Home       string // the namespace of objects that name none
	Epoch      uint64 // with Generation: of the bundle that it comes from
	Generation uint64
	Invalid    []string             // objects that cannot be applied, and why
	Outside    []protocol.ObjectRef // objects outside of the agent's scope
	Wants      []Want               // in the order of applying
	Hooks      []Hook               // in the order of running
	// Images are those of the lines that are applied, where variables of the cluster make them others than the hub
	// rendered, sorted; otherwise there are none.
	Images []string

	spec        protocol.App
	received    time.Time
	packed      []byte // the blob's lines as the hub rendered them
	size        int64
	applied     []byte // the lines that are applied, where a Transform changed them; packed, and never stored
	appliedSize int64
	inputs      map[protocol.VarsRef]uint64 // the inputs of the Transform, by version
	definitions map[string][]agent.Resource
	steers      []Steer
	index       map[protocol.ObjectRef]*Want // of former content only; see Find
}

// Spec is the app as the bundle had it when the plan was read. Later bundles may change flags of the app that need no
// other plan.
func (p *Plan) Spec() protocol.App { return p.spec }

// Handling says with which rights and inputs the plan's lines were made.
func (p *Plan) Handling() protocol.Handling { return p.spec.Handling }

// Received is when the bundle arrived; zero if the plan was read from what was stored.
func (p *Plan) Received() time.Time { return p.received }

// Packed is the blob as the hub rendered it, compressed, and its size when it is not.
func (p *Plan) Packed() (blob []byte, size int64) { return p.packed, p.size }

// Inputs are the ConfigMaps and Secrets that the lines were made with, by version; 0 for one that did not exist.
func (p *Plan) Inputs() iter.Seq2[protocol.VarsRef, uint64] { return maps.All(p.inputs) }

// InputVersion is the version of one of the inputs; 0 if the plan does not have it.
func (p *Plan) InputVersion(ref protocol.VarsRef) uint64 { return p.inputs[ref] }

// Definitions are the kinds that the plan's CustomResourceDefinitions add, by the name of the definition.
func (p *Plan) Definitions() iter.Seq2[string, []agent.Resource] { return maps.All(p.definitions) }

// DefinedBy are the kinds that one CustomResourceDefinition adds.
func (p *Plan) DefinedBy(name string) []agent.Resource { return p.definitions[name] }

// Steers are the objects of the plan whose controllers write fields of other objects.
func (p *Plan) Steers() []Steer { return p.steers }

// Later reports whether p is from a later bundle than other.
func (p *Plan) Later(other *Plan) bool {
	return agent.Order(p.Epoch, p.Generation, other.Epoch, other.Generation) > 0
}

// Lines decompresses the lines that are applied.
func (p *Plan) Lines() ([]byte, error) {
	if p.applied != nil {
		return agent.Unpack(p.applied, p.appliedSize)
	}
	return p.Raw()
}

// Raw decompresses the lines as the hub rendered them.
func (p *Plan) Raw() ([]byte, error) { return agent.Unpack(p.packed, p.size) }

// Wanted reports whether the plan wants an object.
func (p *Plan) Wanted(ref protocol.ObjectRef) bool {
	if p == nil {
		return false
	}
	for i := range p.Wants {
		if p.Wants[i].Is(ref) {
			return true
		}
	}
	return false
}

// Same reports whether a spec asks for the objects of the plan, in the same places.
func (p *Plan) Same(spec protocol.App) bool {
	return p != nil && spec.Blob != nil && p.Digest == spec.Blob.Digest && p.Home == spec.Namespace &&
		sameTransform(p.Handling(), spec.Handling)
}

// sameTransform reports whether lines are changed in the same way by two handlings.
func sameTransform(a, b protocol.Handling) bool {
	return reflect.DeepEqual(a.Substitute, b.Substitute) && reflect.DeepEqual(a.Decrypt, b.Decrypt) &&
		reflect.DeepEqual(a.Opaque, b.Opaque) && (a.Substitute == nil && a.Decrypt == nil && a.Opaque == nil ||
		a.ServiceAccount == b.ServiceAccount)
}

// IsDefinition reports whether an object is a CustomResourceDefinition.
func IsDefinition(ref protocol.ObjectRef) bool { return fleet.StageOf(ref) == fleet.StageDefinitions }
