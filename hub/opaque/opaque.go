// Package opaque has charts rendered with values that only the cluster has, by the rules of fleet/opaque: tokens stand
// for them, and the agent puts them in. It may import fleet/opaque, hub/model and protocol.
package opaque

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/drover-dev/drover/fleet/opaque"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/protocol"
)

// variable finds variables, with the dollars before them ($${a} is no variable) and what is done with them, but for
// those with others in them, as ${a:-${b}}.
var variable = regexp.MustCompile(`\$+\{([_A-Za-z][_A-Za-z0-9]*)([^${}\n]*)\}`)

// Release is an object that declares a chart, a HelmRelease of Flux, with tokens for the variables in its values
// (spec.values) that are not known. Other objects, and variables anywhere else in it, are as they were. from is where
// the variables are.
func Release(o model.Rendered, known map[string]string, from []protocol.VarsRef) model.Rendered {
	object, err := decode(o.JSON)
	if err != nil || object["kind"] != "HelmRelease" {
		return o
	}
	version, _ := object["apiVersion"].(string)
	spec, _ := object["spec"].(map[string]any)
	if !strings.HasPrefix(version, "helm.toolkit.fluxcd.io/") || spec["values"] == nil {
		return o
	}
	h := hiding{known: known, from: from}
	spec["values"] = h.hide(spec["values"])
	return h.rewritten(o, object)
}

// Data is a ConfigMap or a Secret whose data are values of charts, with tokens for the variables in its data that are
// not known.
func Data(o model.Rendered, known map[string]string, from []protocol.VarsRef) model.Rendered {
	object, err := decode(o.JSON)
	if err != nil {
		return o
	}
	h := hiding{known: known, from: from}
	for _, field := range []string{"data", "stringData"} {
		if object[field] != nil {
			object[field] = h.hide(object[field])
		}
	}
	return h.rewritten(o, object)
}

// Value is a token for a value under a key of an object.
func Value(key string, from protocol.VarsRef) protocol.Opaque {
	from.Optional = false
	refs := []protocol.VarsRef{from}
	return protocol.Opaque{Token: opaque.Token(key, refs), Key: key, From: refs}
}

func decode(data []byte) (map[string]any, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber() // a number is kept as it was written
	var object map[string]any
	return object, dec.Decode(&object)
}

// hiding puts tokens in the place of variables.
type hiding struct {
	known map[string]string
	from  []protocol.VarsRef
	made  []protocol.Opaque
}

func (h *hiding) rewritten(o model.Rendered, object map[string]any) model.Rendered {
	if len(h.made) == 0 {
		return o
	}
	data, err := json.Marshal(object)
	if err != nil {
		return o
	}
	o.JSON, o.Opaque = data, Join(o.Opaque, h.made)
	return o
}

func (h *hiding) hide(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, item := range v {
			out[h.text(key)] = h.hide(item)
		}
		return out
	case []any:
		for i := range v {
			v[i] = h.hide(v[i])
		}
	case string:
		return h.text(v)
	}
	return v
}

func (h *hiding) text(text string) string {
	return variable.ReplaceAllStringFunc(text, func(found string) string {
		parts := variable.FindStringSubmatch(found)
		if _, known := h.known[parts[1]]; known || strings.Count(found, "$") != 1 {
			return found
		}
		made := protocol.Opaque{Token: opaque.Token(parts[1]+parts[2], h.from), Key: parts[1], From: h.from}
		if parts[2] != "" {
			made.Template = found
		}
		h.made = Join(h.made, []protocol.Opaque{made})
		return made.Token
	})
}

// Join are two lists as one, each token once, sorted.
func Join(a, b []protocol.Opaque) []protocol.Opaque {
	out := slices.Concat(a, b)
	slices.SortFunc(out, func(a, b protocol.Opaque) int { return strings.Compare(a.Token, b.Token) })
	return slices.CompactFunc(out, func(a, b protocol.Opaque) bool { return a.Token == b.Token })
}

func tokens(of []protocol.Opaque) (out []string) {
	for _, o := range of {
		out = append(out, o.Token)
	}
	return out
}

// Shown is a text for people: a token reads as the variable or the key that it stands for.
func Shown(text string, of []protocol.Opaque) string {
	for _, o := range of {
		text = strings.ReplaceAll(text, o.Token, o.String())
		text = strings.ReplaceAll(text, opaque.Other(o.Token), o.String())
	}
	return text
}

// Object is an object for people: a token reads as the variable or the key that it stands for.
func Object(object []byte, of []protocol.Opaque) []byte {
	names := map[string]string{}
	for _, o := range of {
		if !o.Digest {
			names[o.Token] = o.String()
		}
	}
	return opaque.Fill(object, names)
}

// Render renders the chart of an app whose values have tokens, and says which of them the agent is to replace in the
// objects, digests over them included. An error says what the chart does with them but passing them on.
func Render(app model.App, render func(model.App) ([]model.Rendered, error)) ([]model.Rendered, []protocol.Opaque,
	error) {
	of := app.Handling.Opaque
	first, err := render(app)
	if err != nil {
		return nil, nil, shown(err, of)
	}
	if len(of) == 0 {
		return first, nil, nil
	}
	second, err := render(other(app))
	if err != nil {
		return nil, nil, fmt.Errorf("%s: with another value for it the chart does not render: %s%s", unreadable(app, of),
			Shown(err.Error(), of), instead)
	}
	all := tokens(of)
	if len(first) != len(second) {
		return nil, nil, fmt.Errorf("%s: which objects the chart gives depends on it%s", unreadable(app, of), instead)
	}
	var digests []protocol.Opaque
	for i, o := range first {
		if field := identifies(o.JSON, all); field != "" {
			return nil, nil, fmt.Errorf("%s: it is in %s of %s, by which the object is known%s", unreadable(app, of), field,
				Shown(named(o), of), instead)
		}
		found, err := opaque.Compare(o.JSON, second[i].JSON, all)
		if differs, ok := errors.AsType[*opaque.Difference](err); ok {
			return nil, nil, fmt.Errorf("%s: it does not stand as it is in %s of %s, or what stands there is something "+
				"else at each render%s", unreadable(app, of), Shown(differs.Path, of), Shown(named(o), of), instead)
		} else if err != nil {
			return nil, nil, err
		}
		for _, d := range found {
			digests = append(digests, protocol.Opaque{Token: d, Digest: true})
		}
	}
	if len(digests) == 0 { // else they follow from all
		of = in(first, of)
	}
	return first, Join(of, digests), nil
}

// instead ends the messages of Render.
const instead = ": give it a value in Git, or have the chart read a Secret of the cluster"

// unreadable begins the messages of Render.
func unreadable(app model.App, of []protocol.Opaque) string {
	var names []string
	for _, o := range of {
		if name := o.String(); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) > 3 {
		names = append(names[:3], fmt.Sprintf("%d more", len(names)-3))
	}
	return fmt.Sprintf("%s: the value of %s is known in the cluster alone, and the chart computes with it", app.File,
		strings.Join(names, ", "))
}

// shown is an error whose text names variables in the place of tokens. What the error is does not change.
func shown(err error, of []protocol.Opaque) error {
	if text := Shown(err.Error(), of); text != err.Error() {
		return &worded{text, err}
	}
	return err
}

// worded is an error in other words.
type worded struct {
	text string
	err  error
}

// Error implements error.
func (w *worded) Error() string { return w.text }

// Unwrap gives the error itself.
func (w *worded) Unwrap() error { return w.err }

// in are the tokens that are in objects.
func in(objects []model.Rendered, of []protocol.Opaque) (out []protocol.Opaque) {
	for _, o := range of {
		if slices.ContainsFunc(objects, func(r model.Rendered) bool { return opaque.Has(r.JSON, []string{o.Token}) != "" }) {
			out = append(out, o)
		}
	}
	return out
}

// Declares says what is wrong if objects that declare apps have tokens in them: nobody could know what they declare.
func Declares(declared []model.Rendered, of []protocol.Opaque) error {
	for _, o := range declared {
		if token := opaque.Has(o.JSON, tokens(of)); token != "" {
			return fmt.Errorf("%s: %s is in it, which is known in the cluster alone, and apps are declared before the cluster "+
				"sees anything: give it a value in Git", Shown(named(o), of), Shown(token, of))
		}
	}
	return nil
}

// other is an app with the tokens of the second render.
func other(app model.App) model.App {
	chart := *app.Chart
	chart.Values = slices.Clone(chart.Values)
	for i := range chart.Values {
		for _, o := range app.Handling.Opaque {
			chart.Values[i].Text = strings.ReplaceAll(chart.Values[i].Text, o.Token, opaque.Other(o.Token))
		}
	}
	app.Chart = &chart
	return app
}

// identifies names the field with a token in it by which an object is known to the hub; "" if there is none.
func identifies(object []byte, tokens []string) string {
	var head struct {
		APIVersion, Kind string
		Metadata         struct{ Name, GenerateName, Namespace string }
	}
	if json.Unmarshal(object, &head) != nil {
		return ""
	}
	fields := map[string]string{"apiVersion": head.APIVersion, "kind": head.Kind, "metadata.name": head.Metadata.Name,
		"metadata.generateName": head.Metadata.GenerateName, "metadata.namespace": head.Metadata.Namespace}
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		if opaque.Has([]byte(fields[field]), tokens) != "" {
			return field
		}
	}
	return ""
}

// named is an object with its file, for people.
func named(o model.Rendered) string {
	var head struct {
		Kind     string
		Metadata struct{ Name, Namespace string }
	}
	_ = json.Unmarshal(o.JSON, &head) // what cannot be read has no name
	name := head.Kind + " " + strings.TrimPrefix(head.Metadata.Namespace+"/"+head.Metadata.Name, "/")
	if o.File == "" {
		return name
	}
	return o.File + ": " + name
}
