package analysis

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/drover-dev/drover/hub/layout/document"
)

// maxFile is how large a file with a template may be, in bytes.
const maxFile = 1 << 20

// Files reads files of the repository.
type Files interface {
	ReadFile(name string) ([]byte, error)
}

// reference is how a gate names a template.
type reference struct {
	Name       string `json:"name"`
	Namespace  string `json:"namespace"` // "" is any
	Cluster    bool   `json:"cluster"`
	Path       string `json:"path"` // of the file; "" for those below fleet/
	Credential string `json:"credential"`
	Args       []arg  `json:"args"`
}

func (r reference) String() string {
	switch {
	case r.Cluster:
		return kindCluster + " " + r.Name
	case r.Namespace == "":
		return kind + " " + r.Name
	}
	return kind + " " + r.Namespace + "/" + r.Name
}

// policy is a RolloutPolicy as far as it matters here.
type policy struct {
	Metadata struct{ Name string }
	Spec     struct {
		Gates []json.RawMessage
		Waves []map[string]json.RawMessage
	}
}

// named is a gate that may name a template.
type named struct {
	gate
	Template *json.RawMessage `json:"template"`
}

// Expand gives a RolloutPolicy with the questions of the templates that its gates name. templates are those below
// fleet/, files is the repository. A policy that names none is given back as it is. An error says what cannot be kept.
func Expand(data []byte, templates []document.Document, files Files) ([]byte, error) {
	var p policy
	if !strings.Contains(string(data), `"template"`) || json.Unmarshal(data, &p) != nil {
		return data, nil // what is wrong with it, its reader says
	}
	replaced := map[string][]string{} // names of gates by the name that waves use
	var gates []json.RawMessage
	for i, raw := range p.Spec.Gates {
		var n named
		if json.Unmarshal(raw, &n) != nil || n.Template == nil {
			gates = append(gates, raw)
			continue
		}
		made, err := n.expand(raw, templates, files)
		if err != nil {
			return data, fmt.Errorf("RolloutPolicy %s: spec.gates[%d].template: %w", p.Metadata.Name, i, err)
		}
		for _, g := range made {
			text, err := json.Marshal(g)
			if err != nil {
				return data, err
			}
			gates = append(gates, text)
			replaced[n.Name] = append(replaced[n.Name], g.Name)
		}
	}
	if len(replaced) == 0 {
		return data, nil
	}
	return p.with(data, gates, replaced)
}

// with gives a policy other gates, and its waves their names.
func (p policy) with(data []byte, gates []json.RawMessage, replaced map[string][]string) ([]byte, error) {
	for _, w := range p.Spec.Waves {
		var names, out []string
		if w["gates"] == nil || json.Unmarshal(w["gates"], &names) != nil {
			continue
		}
		for _, name := range names {
			if made := replaced[name]; made != nil {
				out = append(out, made...)
			} else {
				out = append(out, name)
			}
		}
		text, err := json.Marshal(out)
		if err != nil {
			return data, err
		}
		w["gates"] = text
	}
	var whole, spec map[string]json.RawMessage
	err := json.Unmarshal(data, &whole)
	if err == nil {
		err = json.Unmarshal(whole["spec"], &spec)
	}
	if err == nil {
		spec["gates"], err = json.Marshal(gates)
	}
	if err == nil && spec["waves"] != nil {
		spec["waves"], err = json.Marshal(p.Spec.Waves)
	}
	if err == nil {
		whole["spec"], err = json.Marshal(spec)
	}
	if err != nil {
		return data, err
	}
	return json.Marshal(whole)
}

// beside are the fields that may stand beside template.
var beside = []string{"name", "template", "interval", "count", "successCondition", "failureCondition", "failureLimit"}

// expand gives the gates that one stands for: one for each metric.
func (n named) expand(raw json.RawMessage, templates []document.Document, files Files) ([]gate, error) {
	var fields, inner map[string]json.RawMessage
	_ = json.Unmarshal(raw, &fields) // it was read before
	for name := range fields {
		if !slices.Contains(beside, name) {
			return nil, fmt.Errorf("%.40q stands beside it: the template has that; beside it may be %s", name,
				strings.Join(beside[2:], ", "))
		}
	}
	var ref reference
	if err := json.Unmarshal(*n.Template, &ref); err != nil || ref.Name == "" || n.Name == "" {
		return nil, fmt.Errorf("write it as {name: …, cluster: true, args: [{name: …, value: …}]}, in a gate with a name")
	}
	_ = json.Unmarshal(*n.Template, &inner)
	for name := range inner {
		if !slices.Contains([]string{"name", "namespace", "cluster", "path", "credential", "args"}, name) {
			return nil, fmt.Errorf("it has no field %.40q: use name, namespace, cluster, path, credential, args", name)
		}
	}
	d, err := ref.find(templates, files)
	if err != nil {
		return nil, err
	}
	made, err := n.from(d, ref)
	if err != nil {
		return nil, fmt.Errorf("%s, %s: %w", ref, d.Place(d.Node), err)
	}
	return made, nil
}

// from makes gates of a template.
func (n named) from(d document.Document, ref reference) ([]gate, error) {
	s, err := decode(d)
	if err != nil {
		return nil, err
	}
	args, err := ref.values(s.Args)
	if err != nil {
		return nil, err
	}
	if len(s.Metrics) > 1 && n.SuccessCondition+n.FailureCondition != "" {
		return nil, fmt.Errorf("it has %d metrics, and one condition beside template is not for all of them", len(s.Metrics))
	}
	var out []gate
	for i, m := range s.Metrics {
		name := n.Name
		if len(s.Metrics) > 1 {
			name += "/" + m.Name
		}
		if err := m.fill(args); err != nil {
			return nil, fmt.Errorf("metrics[%d] %s: %w", i, m.Name, err)
		}
		g, err := m.asGate(name, ref.Credential, n.gate)
		if err != nil {
			return nil, fmt.Errorf("metrics[%d] %s: %w", i, m.Name, err)
		}
		out = append(out, g)
	}
	return out, nil
}

// values are the arguments of a template: its own, and in their place those of the gate.
func (r reference) values(declared []arg) (map[string]string, error) {
	out := map[string]string{}
	for _, a := range declared {
		if a.Value != nil {
			out[a.Name] = *a.Value
		}
	}
	if len(r.Args) > maxArgs {
		return nil, fmt.Errorf("there are more than %d args", maxArgs)
	}
	for _, a := range r.Args {
		if !slices.ContainsFunc(declared, func(d arg) bool { return d.Name == a.Name }) || a.Value == nil {
			return nil, fmt.Errorf("it takes no argument %.60q, or the gate gives it no value: correct template.args", a.Name)
		}
		out[a.Name] = *a.Value
	}
	return out, nil
}

// find looks a template up.
func (r reference) find(templates []document.Document, files Files) (document.Document, error) {
	where := "below fleet/"
	if r.Path != "" {
		where = "in " + r.Path
		var err error
		if templates, err = r.read(files); err != nil {
			return document.Document{}, err
		}
	}
	var found []document.Document
	for _, d := range templates {
		namespace := document.Scalar(document.Field(document.Field(d.Node, "metadata"), "namespace"))
		cluster := document.Scalar(document.Field(d.Node, "kind")) == kindCluster
		if d.Name() == r.Name && cluster == r.Cluster && (r.Cluster || r.Namespace == "" || namespace == r.Namespace) {
			found = append(found, d)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return document.Document{}, fmt.Errorf("there is no %s %s: put it there, or name its file by path, from the root of "+
			"the repository", r, where)
	}
	return document.Document{}, fmt.Errorf("there are %d %s %s: name one by namespace or path", len(found), r, where)
}

// read reads the templates of a file.
func (r reference) read(files Files) ([]document.Document, error) {
	if path.Clean(r.Path) != r.Path || path.IsAbs(r.Path) || strings.HasPrefix(r.Path, "..") {
		return nil, fmt.Errorf("path is %.200q: write a file from the root of the repository", r.Path)
	}
	data, err := files.ReadFile(r.Path)
	if err != nil {
		return nil, fmt.Errorf("path: %w", err)
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("path: %s is larger than %d MiB", r.Path, maxFile>>20)
	}
	docs, err := document.Parse(r.Path, data)
	if err != nil {
		return nil, fmt.Errorf("path: %w", err)
	}
	var out []document.Document
	for _, d := range docs {
		for _, item := range d.Items() {
			if Is(item) {
				out = append(out, item)
			}
		}
	}
	return out, nil
}
