package analysis

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/drover-dev/drover/hub/layout/cel"
	"github.com/drover-dev/drover/hub/layout/document"
)

const (
	group       = "argoproj.io"
	kind        = "AnalysisTemplate"
	kindCluster = "ClusterAnalysisTemplate"

	maxMetrics = 20  // of a template
	maxArgs    = 100 // of one, and of a gate
	maxText    = 64 << 10
)

// Is says whether a document is a template.
func Is(d document.Document) bool {
	of, _, _ := strings.Cut(document.Scalar(document.Field(d.Node, "apiVersion")), "/")
	k := document.Scalar(document.Field(d.Node, "kind"))
	return of == group && (k == kind || k == kindCluster)
}

// spec is what a template says (argo-rollouts, AnalysisTemplateSpec). What is not here is refused.
type spec struct {
	Metrics []metric
	Args    []arg
	// MeasurementRetention bounds a history that Drover does not keep.
	MeasurementRetention json.RawMessage
}

type arg struct {
	Name  string
	Value *string
}

type metric struct {
	Name             string
	Interval         string
	Count            *number
	SuccessCondition string
	FailureCondition string
	FailureLimit     *number
	// InconclusiveLimit ends in a pause in Argo Rollouts, and what is inconclusive holds the wave here.
	InconclusiveLimit json.RawMessage
	Provider          struct {
		Prometheus *prometheus
		Web        *web
	}
}

type prometheus struct {
	Address, Query string
	Insecure       bool
	Timeout        int
}

type web struct {
	Method, URL, Body, JSONPath string
	JSONBody                    json.RawMessage
	TimeoutSeconds              int
	Insecure                    bool
	Headers                     []struct{ Key, Value string }
}

// number is one that may be written as a text, in which arguments may stand.
type number string

// UnmarshalJSON implements json.Unmarshaler.
func (n *number) UnmarshalJSON(data []byte) error {
	var s string
	if json.Unmarshal(data, &s) != nil {
		s = string(data)
	}
	*n = number(s)
	return nil
}

// gate is a gate as a RolloutPolicy has it.
type gate struct {
	Name             string         `json:"name"`
	Prometheus       map[string]any `json:"prometheus,omitempty"`
	Query            string         `json:"query,omitempty"`
	Web              map[string]any `json:"web,omitempty"`
	Interval         string         `json:"interval,omitempty"`
	Count            any            `json:"count,omitempty"`
	SuccessCondition string         `json:"successCondition,omitempty"`
	FailureCondition string         `json:"failureCondition,omitempty"`
	FailureLimit     any            `json:"failureLimit,omitempty"`
}

// decode reads the spec of a template. An error names the fields that cannot be kept.
func decode(d document.Document) (spec, error) {
	var s spec
	in := document.Field(d.Node, "spec")
	if err := kept(in); err != nil {
		return s, err
	}
	var plain any
	if in == nil || in.Decode(&plain) != nil {
		return s, errors.New("it has no spec that can be read")
	}
	data, err := json.Marshal(plain)
	if err == nil {
		err = json.Unmarshal(data, &s)
	}
	var typed *json.UnmarshalTypeError
	switch {
	case errors.As(err, &typed):
		return s, fmt.Errorf("spec.%s is a %s", written(typed.Field), typed.Value)
	case err != nil:
		return s, errors.New("its spec cannot be read")
	case len(s.Metrics) == 0 || len(s.Metrics) > maxMetrics:
		return s, fmt.Errorf("it has %d metrics, and 1 to %d are taken", len(s.Metrics), maxMetrics)
	case len(s.Args) > maxArgs:
		return s, fmt.Errorf("it has more than %d args", maxArgs)
	}
	return s, nil
}

// written is a path of fields of Go as YAML has it.
func written(fields string) string {
	parts := strings.Split(fields, ".")
	for i, part := range parts {
		if part != "" {
			parts[i] = strings.ToLower(part[:1]) + part[1:]
		}
	}
	return strings.Join(parts, ".")
}

// fieldsOf are the fields that are read, by where they stand.
var fieldsOf = map[string][]string{
	"": {"metrics", "args", "measurementRetention"},
	"metrics": {"name", "interval", "count", "successCondition", "failureCondition", "failureLimit", "inconclusiveLimit",
		"provider"},
	"args":                        {"name", "value"},
	"metrics.provider":            {"prometheus", "web"},
	"metrics.provider.prometheus": {"address", "query", "insecure", "timeout"},
	"metrics.provider.web": {"method", "url", "body", "jsonPath", "jsonBody", "timeoutSeconds", "insecure",
		"headers"},
}

// instead says what to do about fields that are not read.
var instead = map[string]string{
	"initialDelay":          "measurements begin when the slice has settled; a gate has no delay",
	"consecutiveErrorLimit": "what gives no answer holds the wave, and never fails it",
	"dryRun":                "write a template without that metric",
	"templates":             "name each template by a gate of its own",
	"valueFrom": "a gate reads no Secret and no object of a cluster: give it a value, or " +
		"template.credential for a login",
	"authentication": "name a credential of the hub as template.credential",
	"rangeQuery":     "ask an instant query, such as avg_over_time(…[5m])",
}

// kept names the fields that cannot be kept.
func kept(in *yaml.Node) error {
	var wrong []string
	var walk func(n *yaml.Node, at, shown string)
	walk = func(n *yaml.Node, at, shown string) {
		fields, known := fieldsOf[at]
		switch {
		case n == nil || !known:
		case n.Kind == yaml.SequenceNode:
			for i, item := range n.Content {
				walk(item, at, fmt.Sprintf("%s[%d]", shown, i))
			}
		case n.Kind == yaml.MappingNode:
			for i := 0; i+1 < len(n.Content); i += 2 {
				name := n.Content[i].Value
				if !slices.Contains(fields, name) {
					text := shown + "." + name
					if says := instead[name]; says != "" {
						text += " (" + says + ")"
					}
					wrong = append(wrong, text)
					continue
				}
				walk(n.Content[i+1], strings.TrimPrefix(at+"."+name, "."), shown+"."+name)
			}
		}
	}
	walk(in, "", "spec")
	if len(wrong) > 0 {
		return fmt.Errorf("it has what a gate cannot do: %s", strings.Join(wrong[:min(len(wrong), 5)], "; "))
	}
	return nil
}

// placeholder is one of Argo Rollouts.
var placeholder = regexp.MustCompile(`\{\{([^{}]*)\}\}`)

// fill puts the arguments into every text of a metric.
func (m *metric) fill(args map[string]string) (err error) {
	texts := []*string{&m.Interval, &m.SuccessCondition, &m.FailureCondition}
	for _, n := range []*number{m.Count, m.FailureLimit} {
		if n != nil {
			texts = append(texts, (*string)(n))
		}
	}
	if p := m.Provider.Prometheus; p != nil {
		texts = append(texts, &p.Address, &p.Query)
	}
	if w := m.Provider.Web; w != nil {
		texts = append(texts, &w.URL, &w.Body, &w.JSONPath)
		for i := range w.Headers {
			texts = append(texts, &w.Headers[i].Value)
		}
		w.JSONBody, err = fillJSON(w.JSONBody, args)
	}
	for _, t := range texts {
		filled, wrong := fill(*t, args)
		err = errors.Join(err, wrong)
		*t = filled
	}
	return document.OneLine(err)
}

func fill(text string, args map[string]string) (string, error) {
	var err error
	out := placeholder.ReplaceAllStringFunc(text, func(found string) string {
		name := strings.TrimSpace(found[2 : len(found)-2])
		value, known := args[strings.TrimPrefix(name, "args.")]
		if !strings.HasPrefix(name, "args.") || !known {
			err = errors.Join(err, fmt.Errorf("%.80s has no value: give it by template.args of the gate", found))
		}
		return value
	})
	if len(out) > maxText {
		err = errors.Join(err, fmt.Errorf("a text of more than %d KiB", maxText>>10))
	}
	return out, err
}

// fillJSON fills the texts of a value.
func fillJSON(data json.RawMessage, args map[string]string) (json.RawMessage, error) {
	if len(data) == 0 {
		return nil, nil
	}
	escaped := make(map[string]string, len(args))
	for name, value := range args {
		quoted, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		escaped[name] = string(quoted[1 : len(quoted)-1])
	}
	out, err := fill(string(data), escaped)
	return json.RawMessage(out), err
}

// asGate is a metric as a gate of a name, which logs in with a credential. over are the fields that the gate says
// itself.
func (m metric) asGate(name, credential string, over gate) (gate, error) {
	g := gate{Name: name, Interval: m.Interval}
	var err error
	if g.Count, err = whole("count", m.Count, over.Count); err != nil {
		return g, err
	}
	if g.FailureLimit, err = whole("failureLimit", m.FailureLimit, over.FailureLimit); err != nil {
		return g, err
	}
	if over.Interval != "" {
		g.Interval = over.Interval
	}
	switch {
	case g.Count == nil && g.Interval != "":
		return g, errors.New("it has an interval and no count, so that it would be measured for ever: write count beside " +
			"template, how many answers in a row have to succeed")
	case g.Count == nil:
		g.Count = 1
	}
	switch {
	case m.Provider.Prometheus != nil && m.Provider.Web == nil:
		err = m.Provider.Prometheus.to(&g, credential)
	case m.Provider.Web != nil && m.Provider.Prometheus == nil:
		err = m.Provider.Web.to(&g, credential)
	default:
		err = errors.New("its provider is to be either prometheus or web")
	}
	if err != nil {
		return g, err
	}
	return g, m.judge(&g, over)
}

// whole is a number of a metric, unless the gate says one.
func whole(field string, n *number, over any) (any, error) {
	if over != nil || n == nil {
		return over, nil
	}
	v, err := strconv.Atoi(strings.TrimSpace(string(*n)))
	if err != nil || v < 0 {
		return nil, fmt.Errorf("%s is %.40q: write a number beside template", field, *n)
	}
	return v, nil
}

// maxAsk is how long a Prometheus may take, in seconds.
const maxAsk = 30

func (p prometheus) to(g *gate, credential string) error {
	switch {
	case p.Insecure:
		return errors.New("provider.prometheus.insecure is not done: give the credential the server's ca")
	case p.Timeout > maxAsk:
		return fmt.Errorf("provider.prometheus.timeout is %d: an answer may take %d seconds", p.Timeout, maxAsk)
	}
	g.Query = p.Query
	if g.Prometheus = map[string]any{"address": p.Address}; credential != "" {
		g.Prometheus["credential"] = credential
	}
	return nil
}

func (w web) to(g *gate, credential string) error {
	if w.Insecure {
		return errors.New("provider.web.insecure is not done: give the credential the server's ca")
	}
	for _, h := range w.Headers {
		if !strings.EqualFold(h.Key, "Content-Type") || h.Value != "application/json" {
			return fmt.Errorf("provider.web.headers: %.80q is not sent: give the hub a credential with headers, and name it as "+
				"template.credential", h.Key)
		}
	}
	if len(w.JSONBody) > 0 {
		w.Body = string(w.JSONBody)
	}
	g.Web = map[string]any{"url": w.URL}
	for name, value := range map[string]string{"method": w.Method, "body": w.Body, "jsonPath": w.JSONPath,
		"credential": credential} {
		if value != "" {
			g.Web[name] = value
		}
	}
	if w.TimeoutSeconds > 0 {
		g.Web["timeoutSeconds"] = w.TimeoutSeconds
	}
	return nil
}

// judge gives a gate its conditions.
func (m metric) judge(g *gate, over gate) (err error) {
	if over.SuccessCondition+over.FailureCondition != "" {
		g.SuccessCondition, g.FailureCondition = over.SuccessCondition, over.FailureCondition
		return nil
	}
	for _, c := range []struct {
		field, text string
		to          *string
	}{{"successCondition", m.SuccessCondition, &g.SuccessCondition}, {"failureCondition", m.FailureCondition,
		&g.FailureCondition}} {
		if c.text == "" {
			continue
		}
		if *c.to, err = condition(c.text, g.Web != nil); err != nil {
			return fmt.Errorf("%s: %w", c.field, err)
		}
	}
	switch {
	case g.SuccessCondition == "" && g.FailureCondition == "":
		return errors.New("it has no successCondition, so that every answer would do: write one beside template")
	case g.SuccessCondition == "": // what does not fail succeeds
		g.SuccessCondition, g.FailureCondition = "!("+g.FailureCondition+")", ""
	}
	return nil
}

// hints are what to write in place of functions that have no counterpart.
var hints = map[string]string{
	"isNaN": "NaN is never a result here, but holds the wave: leave that part out", "isInf": "compare with a number",
	"isNil": "null is never a result here, but holds the wave: leave that part out",
	"nil":   "null is never a result here, but holds the wave: leave that part out",
	"all":   "write result.all(x, x < 1)", "any": "write result.exists(x, x < 1)",
	"default": "no data is never a result here, but holds the wave: leave that part out",
	"in":      "write it as x in [a, b], which is CEL",
}

// condition is one of Argo Rollouts as CEL over the result of a query, or of the web.
func condition(text string, web bool) (string, error) {
	var wrong error
	for _, decimal := range []bool{true, false} {
		out, err := translate(text, decimal)
		if err != nil {
			says := fmt.Sprintf("%s has %s in it, which is not translated", text, err)
			if hint := hints[err.Error()]; hint != "" {
				says += " (" + hint + ")"
			}
			return "", fmt.Errorf("%.300s: write the condition in CEL beside template, as successCondition: result[0] < 0.95",
				says)
		}
		if !decimal && strings.Contains(text, "/") {
			break // a division of whole numbers would be another one
		}
		if wrong = cel.CheckGate(out, web); wrong == nil {
			return out, nil
		}
	}
	hint := ""
	if !web {
		hint = " (result is a list, also of a scalar: result[0])"
	}
	return "", fmt.Errorf("%w%s: write it in CEL beside template", wrong, hint)
}
