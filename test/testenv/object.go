package testenv

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"sigs.k8s.io/yaml"
)

// Ref names one object of a cluster.
type Ref struct {
	APIVersion string // such as v1 or apps/v1
	Kind       string
	Namespace  string // empty for objects of the whole cluster
	Name       string
}

// String returns the reference as people write it, such as "Deployment shop/web".
func (r Ref) String() string {
	if r.Namespace == "" {
		return r.Kind + " " + r.Name
	}
	return r.Kind + " " + r.Namespace + "/" + r.Name
}

// namespace returns the reference of a namespace.
func namespace(name string) Ref { return Ref{APIVersion: "v1", Kind: "Namespace", Name: name} }

// Object is a Kubernetes object as JSON gives it.
type Object map[string]any

// Objects reads the documents of a YAML or JSON manifest; empty ones are left out.
func Objects(manifest string) ([]Object, error) {
	var objects []Object
	for i, doc := range strings.Split("\n"+strings.ReplaceAll(manifest, "\r\n", "\n"), "\n---") {
		var o Object
		if err := yaml.Unmarshal([]byte(strings.TrimLeft(doc, " \t")), &o); err != nil {
			return nil, fmt.Errorf("read document %d of the manifest: %w", i+1, err)
		}
		if len(o) > 0 {
			objects = append(objects, o)
		}
	}
	return objects, nil
}

// Ref returns the reference of the object.
func (o Object) Ref() Ref {
	return Ref{o.Text("apiVersion"), o.Text("kind"), o.Text("metadata", "namespace"), o.Text("metadata", "name")}
}

// Field returns what stands at the path of field names, or nil.
func (o Object) Field(path ...string) any {
	var at any = map[string]any(o)
	for _, name := range path {
		switch fields := at.(type) {
		case map[string]any:
			at = fields[name]
		case Object: // as literals in Go have it
			at = fields[name]
		default:
			return nil
		}
	}
	return at
}

// Text returns the string at the path of field names, or "".
func (o Object) Text(path ...string) string {
	s, _ := o.Field(path...).(string)
	return s
}

// Number returns the number at the path of field names, or 0.
func (o Object) Number(path ...string) int {
	switch n := o.Field(path...).(type) {
	case float64:
		return int(n)
	case int:
		return n
	}
	return 0
}

// Items returns the objects in the list at the path of field names.
func (o Object) Items(path ...string) []Object {
	list, _ := o.Field(path...).([]any)
	var items []Object
	for _, item := range list {
		if fields, ok := item.(map[string]any); ok {
			items = append(items, fields)
		}
	}
	return items
}

// Condition reports whether the condition of this type is True in the object's status.
func (o Object) Condition(name string) bool {
	for _, c := range o.Items("status", "conditions") {
		if c.Text("type") == name {
			return c.Text("status") == "True"
		}
	}
	return false
}

// String returns the object as JSON, for messages.
func (o Object) String() string {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(map[string]any(o)); err != nil {
		return err.Error()
	}
	return strings.TrimSuffix(text.String(), "\n")
}
