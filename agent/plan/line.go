package plan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// line is what is decoded of a line to index it.
type line struct {
	APIVersion string
	Kind       string
	Metadata   struct {
		Name, Namespace string
		GenerateName    string
		Annotations     map[string]any
		Labels          map[string]any
	}
	Spec       json.RawMessage
	StringData json.RawMessage // of a Secret
}

// definition is what is decoded of the spec of a CustomResourceDefinition.
type definition struct {
	Group string
	Names struct{ Kind, Plural string }
	Scope string

	Versions []struct {
		Name   string
		Served bool
	}
}

// ref is the object that the line names.
func (l *line) ref() protocol.ObjectRef {
	return protocol.ObjectRef{Group: fleet.GroupOf(l.APIVersion), Kind: l.Kind, Namespace: l.Metadata.Namespace,
		Name: l.Metadata.Name}
}

// hasReplicas reports whether the line sets a number of replicas.
func (l *line) hasReplicas() bool {
	var spec struct{ Replicas json.Number }
	return bytes.Contains(l.Spec, []byte(`"replicas"`)) && json.Unmarshal(l.Spec, &spec) == nil && spec.Replicas != ""
}

// course validates a line and reads from its annotations when it is applied.
func (l *line) course() (fleet.Course, error) {
	c, err := fleet.CourseOf(l.Metadata.Annotations)
	if err != nil {
		return c, err
	}
	if c.Hook != nil && l.Metadata.Name == "" && l.Metadata.GenerateName != "" {
		named := *l
		named.Metadata.Name = l.Metadata.GenerateName + "x"
		return c, named.validate()
	}
	return c, l.validate()
}

// validate refuses a line that would address another object in the API server's paths than the one that it names.
func (l *line) validate() error {
	for _, part := range [...]string{l.APIVersion, l.Kind, l.Metadata.Name} {
		if part == "" {
			return errors.New("lacks apiVersion, kind or name (generateName is not enough): correct it in Git")
		}
	}
	for _, part := range [...]string{l.Metadata.Name, l.Metadata.Namespace} {
		if strings.ContainsAny(part, "/%") || part == "." || part == ".." {
			return fmt.Errorf("has the name %.80q, which is invalid: correct it in Git", part)
		}
	}
	v := l.APIVersion
	if strings.Count(v, "/") > 1 || strings.ContainsAny(v, "%?#") || strings.Contains(v, "..") {
		return fmt.Errorf("has the apiVersion %.80q, which is invalid: correct it in Git", v)
	}
	return nil
}

// defines are the kinds that a CustomResourceDefinition adds.
func (l *line) defines() []agent.Resource {
	var d definition
	if json.Unmarshal(l.Spec, &d) != nil {
		return nil // the API server explains what is wrong with it
	}
	var out []agent.Resource
	for _, v := range d.Versions {
		if v.Served {
			out = append(out, agent.Resource{Group: d.Group, Version: v.Name, Kind: d.Names.Kind,
				Plural: d.Names.Plural, Namespaced: d.Scope == "Namespaced"})
		}
	}
	return out
}
