package unlock

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/fleet/opaque"
	"github.com/drover-dev/drover/hub/model"
	hidden "github.com/drover-dev/drover/hub/opaque"
	"github.com/drover-dev/drover/protocol"
)

// Permitted are the names of the hub's keys that may be used for an app; none if its project permits none.
func Permitted(app model.App) []string {
	if app.Bounds == nil {
		return nil
	}
	return app.Bounds.Project.HubKeys
}

// Held are the values of the objects that an app takes variables and values from. They are in memory only, and only
// while a cluster is resolved.
type Held struct {
	cluster string
	known   bool // false where nothing here holds keys: then data are not those of the objects
	from    []string
	data    map[protocol.VarsRef]map[string]string
}

// New gives values of an app in a cluster, of no object yet. known says whether they are there at all: without
// keys, as on a person's machine, an app is shown with tokens.
func New(cluster string, keys []string, known bool) *Held {
	return &Held{cluster: cluster, known: known, from: slices.Clone(keys), data: map[protocol.VarsRef]map[string]string{}}
}

// Add adds an object, as it stands in Git and as it is decrypted.
func (h *Held) Add(ref protocol.VarsRef, inGit, plain []byte) error {
	data := map[string]string{}
	if err := AddData(data, plain, ref.Kind); h.known && err != nil {
		return err
	}
	ref.Optional = false
	h.data[ref] = data
	sum := sha256.Sum256(inGit)
	h.from = append(h.from, ref.String()+" "+hex.EncodeToString(sum[:]))
	return nil
}

// Absent adds an object that is taken not to be there.
func (h *Held) Absent(ref protocol.VarsRef) { h.from = append(h.from, ref.String()+" absent") }

// Known says whether the values themselves are there.
func (h *Held) Known() bool { return h != nil && h.known }

// ID identifies the values by what they were decrypted from, and the cluster that they are for. Nobody learns a
// value from
// it. It is "" of nil.
func (h *Held) ID() string {
	if h == nil {
		return ""
	}
	data, _ := json.Marshal([]any{h.cluster, h.known, h.from}) // texts alone: it cannot fail
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// Cluster is the one that the values are for.
func (h *Held) Cluster() string { return h.cluster }

// Concealed is an error that quotes none of the values.
func (h *Held) Concealed(err error) error {
	text := fleet.Conceal(err.Error(), h.Values())
	if text == err.Error() {
		return err
	}
	if _, transient := errors.AsType[*model.TransientError](err); transient {
		return &model.TransientError{Err: errors.New(text)}
	}
	return errors.New(text)
}

// Values are all values, which no error may quote.
func (h *Held) Values() (out []string) {
	if h == nil {
		return nil
	}
	for _, data := range h.data {
		for _, v := range data {
			out = append(out, Texts(v)...)
		}
	}
	return out
}

// Variables are the values of objects, of which a later one takes precedence; masked has a token in place of each.
func (h *Held) Variables(from []protocol.VarsRef) (plain, masked map[string]string) {
	plain, masked = map[string]string{}, map[string]string{}
	for _, ref := range from {
		ref.Optional = false
		for key, value := range h.data[ref] {
			plain[key], masked[key] = value, hidden.Value(key, ref).Token
		}
	}
	return plain, masked
}

// Refs are the objects that the values of an app come from that it has tokens for, and those of whole documents of
// values, each once.
func Refs(app model.App) (refs []protocol.VarsRef) {
	add := func(ref protocol.VarsRef) {
		if !slices.ContainsFunc(refs, func(r protocol.VarsRef) bool { return r.String() == ref.String() }) {
			refs = append(refs, ref)
		}
	}
	for _, o := range app.Handling.Opaque {
		for _, ref := range o.From {
			add(ref)
		}
	}
	return refs
}

// DocumentOf is the first object from which an app has a whole document of values with tokens; nil if there is none.
func DocumentOf(app model.App) *protocol.VarsRef {
	if app.Chart == nil {
		return nil
	}
	for _, v := range app.Chart.Values {
		if v.From == nil || v.Target != "" {
			continue
		}
		for _, o := range app.Handling.Opaque {
			if len(o.From) == 1 && o.From[0].String() == v.From.String() && opaque.Has([]byte(v.Text), []string{o.Token}) != "" {
				return v.From
			}
		}
	}
	return nil
}

// Replace replaces variables in objects, see resolve.Substitute.
type Replace func(objects []model.Rendered, vars map[string]string, strict bool) ([]model.Rendered, error)

// Chart is an app whose chart is given the values in place of tokens, with its variables. The values that stand in
// the
// text of others are put in as Flux replaces variables: what reads as a number becomes one.
func (h *Held) Chart(app model.App, vars map[string]string, replace Replace) (model.App, map[string]string, error) {
	tokens, values := app.Handling.Opaque, map[string]string{}
	for _, o := range tokens {
		plain, _ := h.Variables(o.From)
		if v, ok := plain[o.Key]; ok {
			values[o.Token] = v
		}
	}
	vars = maps.Clone(vars)
	for name, v := range vars {
		if value, ok := values[v]; ok {
			vars[name] = value
		}
	}
	chart := *app.Chart
	chart.Values = slices.Clone(chart.Values)
	for i := range chart.Values {
		v := &chart.Values[i]
		switch {
		case opaque.Has([]byte(v.Text), tokensOf(tokens)) == "":
		case h.has(v.From):
			data, _ := h.Variables([]protocol.VarsRef{*v.From})
			text, ok := data[v.Key]
			if !ok && !v.From.Optional {
				return app, nil, fmt.Errorf("%s: valuesFrom names the %s, which has no %q in its data: add it, or name "+
					"another with "+
					"valuesKey", app.File, v.From, v.Key)
			}
			v.Text = text
			if !ok {
				v.Target, v.Text = "", "{}\n"
			}
		default:
			text, err := put(v.Text, tokens, values, replace)
			if err != nil {
				return app, nil, fmt.Errorf("%s: values with variables whose values the hub decrypts cannot be made: is a "+
					"text without "+
					"quotes that reads as something else than YAML among them?", app.File)
			}
			v.Text = text
		}
	}
	app.Chart, app.Handling.Opaque = &chart, nil
	return app, vars, nil
}

// has says whether an object is among those with the values.
func (h *Held) has(ref *protocol.VarsRef) bool {
	if ref == nil {
		return false
	}
	of := *ref
	of.Optional = false
	_, is := h.data[of]
	return is
}

func tokensOf(of []protocol.Opaque) (out []string) {
	for _, o := range of {
		out = append(out, o.Token)
	}
	return out
}

// put puts values into a text of YAML in place of tokens.
func put(text string, tokens []protocol.Opaque, values map[string]string, replace Replace) (string, error) {
	data, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		return "", err
	}
	text = strings.ReplaceAll(string(data), "${", "$${") // what is left of them stands for itself
	for _, o := range tokens {
		variable := "${" + o.Token + "}"
		if o.Template != "" {
			variable = "${" + o.Token + strings.TrimPrefix(o.Template, "${"+o.Key)
		}
		text = strings.ReplaceAll(text, o.Token, quoted(variable))
	}
	out, err := replace([]model.Rendered{{JSON: []byte(`{"kind":"Values","values":` + text + `}`)}}, values, false)
	if err != nil {
		return "", err
	}
	var o struct{ Values json.RawMessage }
	if err := json.Unmarshal(out[0].JSON, &o); err != nil {
		return "", err
	}
	return string(o.Values), nil
}

// quoted is a text as it stands within a text of JSON.
func quoted(text string) string {
	data, _ := json.Marshal(text) // a text: it cannot fail
	return string(data[1 : len(data)-1])
}

// Document is a whole document of values with tokens in place of its texts, and 1 in that of its numbers, and what
// the
// tokens stand for, for people. What is no YAML is one token.
func Document(text, key string, from protocol.VarsRef) (masked string, tokens []protocol.Opaque) {
	from.Optional = false
	var v any
	if yaml.Unmarshal([]byte(text), &v) != nil {
		v = text
	}
	var walk func(v any, at string) any
	walk = func(v any, at string) any {
		switch v := v.(type) {
		case map[string]any:
			for k := range v {
				v[k] = walk(v[k], at+"."+k)
			}
		case []any:
			for i := range v {
				v[i] = walk(v[i], fmt.Sprintf("%s[%d]", at, i))
			}
		case nil, bool:
		case string:
			if v == "" {
				return v
			}
			refs := []protocol.VarsRef{from}
			o := protocol.Opaque{Token: opaque.Token(at, refs), Key: at, From: refs}
			tokens = append(tokens, o)
			return o.Token
		default:
			return 1
		}
		return v
	}
	data, err := yaml.Marshal(walk(v, key))
	if err != nil {
		return "{}\n", nil
	}
	return string(data), hidden.Join(nil, tokens)
}

// Once renders the chart of an app with tokens, whatever it does with them: what is delivered is rendered with
// values.
func Once(app model.App, render func(model.App) ([]model.Rendered, error)) ([]model.Rendered, []protocol.Opaque, error) {
	chart := *app.Chart
	chart.SkipSchema = true // tokens need not fit it
	masked := app
	masked.Chart = &chart
	objects, err := render(masked)
	return objects, app.Handling.Opaque, err
}
