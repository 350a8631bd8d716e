package planning

import (
	"encoding/json"
	"errors"

	"github.com/drover-dev/drover/fleet/identity"
	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/model"
)

// Object is a declared object of a dialect.
type Object struct {
	model.Declaration
	Group, Kind, Namespace, Name string

	Spec    map[string]any
	Fields  Table     // what its dialect knows of its kind
	IsApp   bool      // it declares an app itself
	Home    string    // the namespace of the tool that it is for
	AppName string    // of the app that it is, if it is one
	Clash   string    // where the same object is declared otherwise
	Rivals  []*Object // these others
	Again   []string  // apps that declare the same once more
}

// String is Key.
func (o *Object) String() string { return o.Key() }

// Key names an object in a plan.
func (o *Object) Key() string { return ObjectKey(o.Kind, o.Namespace, o.Name) }

// KeyOf is the key of the app that an object declares, or would declare.
func KeyOf(kind, namespace, name string) string {
	return identity.ID{Kind: kind, Namespace: namespace, Name: name}.Key()
}

// ObjectKey is the key of an object of a kind, a namespace and a name.
func ObjectKey(kind, namespace, name string) string { return kind + " " + namespace + "/" + name }

// Where says where an object is declared.
func (o *Object) Where() string {
	if o.File != "" {
		return o.File
	}
	return "the app " + o.App
}

// Central says whether an object stands below FleetRoot, where what is for many clusters is declared.
func (o *Object) Central() bool { return o.App == "" }

// Decode reads the spec of an object, without the fields that its dialect does not know. An error names the field that
// cannot be what it is: a *ShapeError.
func (o *Object) Decode(to any) error {
	var top map[string]json.RawMessage // a field in another letter case is another field
	if err := json.Unmarshal(o.JSON, &top); err != nil {
		return err
	}
	spec := o.Fields.Strip(o.Kind, "spec", top["spec"])
	if len(spec) == 0 {
		return nil
	}
	return Unmarshal(spec, "spec", to)
}

// Unmarshal reads a value; at is its path. An error names the field that cannot be what it is: a *ShapeError.
func Unmarshal(data json.RawMessage, at string, to any) error {
	err := json.Unmarshal(data, to)
	if typed, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return &ShapeError{At: at + pathAt(data, typed.Offset), Is: isOf(typed.Value), Wants: wanted(typed.Type)}
	}
	return err
}

// head is what the object says of itself beside its spec.
func (o *Object) head() (document.Head, bool) {
	var h document.Head
	err := json.Unmarshal(o.JSON, &h)
	return h, err == nil
}

// Intents are what the annotations of an object that declares an app say of changes of it, see model.IntentsOf.
func (o *Object) Intents() (in model.Intents, unknown string) {
	h, _ := o.head()
	return model.IntentsOf(h.Annotations())
}

// Kept says whether an object is protected from being pruned, by an annotation or a label.
func (o *Object) Kept() bool {
	h, ok := o.head()
	return ok && h.KeptBy() != ""
}

// Annotation is the value of an annotation of the object; "" if it has none.
func (o *Object) Annotation(key string) string {
	h, _ := o.head()
	return h.Annotations()[key]
}
