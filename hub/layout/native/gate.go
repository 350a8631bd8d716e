package native

import (
	"errors"
	"net/url"
	"slices"
	"strconv"
	"time"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/drover-dev/drover/fleet/rollout"
	"github.com/drover-dev/drover/hub/jsonpath"
	"github.com/drover-dev/drover/hub/layout/cel"
	"github.com/drover-dev/drover/hub/layout/document"
)

// What a gate that asks the web may be.
const (
	webGet     = "GET"
	webPost    = "POST"
	webTimeout = 10 // seconds, if nothing is said
	maxTimeout = 60 // seconds
)

func (r *policyReader) gates(spec *yaml.Node) error {
	return r.Each(spec, "gates", func(n *yaml.Node) error {
		g := rollout.Gate{Count: 1, Interval: time.Minute}
		prometheus := document.Field(n, "prometheus")
		err := errors.Join(r.CheckKeys(n, "an item of gates", namesOf(gateShapes)...), r.Text(n, "name", &g.Name),
			r.CheckKeys(prometheus, "prometheus", namesOf(prometheusShapes)...), r.Text(prometheus, "address", &g.Address),
			r.Text(prometheus, "credential", &g.Credential), r.web(n, &g), r.Text(n, "query", &g.Query),
			r.Duration(n, "interval", &g.Interval),
			r.count(n, "count", 1, &g.Count), r.count(n, "failureLimit", 0, &g.FailureLimit),
			r.condition(n, "successCondition", g.Web != nil, &g.SuccessCondition),
			r.condition(n, "failureCondition", g.Web != nil, &g.FailureCondition))
		switch template := document.Field(n, "template"); {
		case err != nil:
		case template != nil: // below fleet/ what it names stands in its place by now
			err = r.Errorf(template, "the gate %s names a template that was not read", g.Name)
		case g.Web != nil && (prometheus != nil || g.Query != ""):
			err = r.Errorf(n, "a gate asks either prometheus, with a query, or web: write two gates")
		case g.Web != nil && (g.Name == "" || g.Web.URL == "" || g.SuccessCondition == ""):
			err = r.Errorf(n, "a gate that asks the web needs name, web.url and successCondition")
		case g.Web == nil && (g.Name == "" || g.Address == "" || g.Query == "" || g.SuccessCondition == ""):
			err = r.Errorf(n, "a gate needs name, prometheus.address, query and successCondition; or web in place of "+
				"prometheus and query")
		case slices.ContainsFunc(r.out.Gates, func(x rollout.Gate) bool { return x.Name == g.Name }):
			err = r.Errorf(n, "there are two gates of the name %q: rename one", g.Name)
		case len(r.out.Gates) >= maxGates:
			err = r.Errorf(n, "there are more than %d gates", maxGates)
		}
		r.out.Gates = append(r.out.Gates, g)
		return err
	})
}

// web takes what a gate asks the web.
func (r *policyReader) web(gate *yaml.Node, g *rollout.Gate) error {
	n := document.Field(gate, "web")
	if n == nil {
		return nil
	}
	w := rollout.Web{Method: webGet}
	seconds := webTimeout
	err := errors.Join(r.CheckKeys(n, "web", namesOf(webShapes)...), r.Text(n, "url", &w.URL),
		r.Text(n, "method", &w.Method), r.Text(n, "body", &w.Body), r.Text(n, "jsonPath", &w.JSONPath),
		r.Text(n, "credential", &w.Credential), r.count(n, "timeoutSeconds", 1, &seconds))
	w.Timeout = time.Duration(seconds) * time.Second
	g.Web = &w
	if err != nil {
		return err
	}
	to, wrong := url.Parse(w.URL)
	_, path := jsonpath.Parse(w.JSONPath)
	switch {
	case w.URL != "" && (wrong != nil || to.Scheme != "http" && to.Scheme != "https" || to.Host == ""):
		return r.Errorf(document.Field(n, "url"), "url is no http or https address")
	case w.URL != "" && to.User != nil:
		return r.Errorf(document.Field(n, "url"), "url has a user in it: name a credential of the hub instead")
	case w.Method != webGet && w.Method != webPost:
		return r.Errorf(document.Field(n, "method"), "method is %q: write %s or %s", w.Method, webGet, webPost)
	case w.Body != "" && w.Method != webPost:
		return r.Errorf(document.Field(n, "body"), "a body is sent by POST alone: write method: POST, or remove it")
	case path != nil:
		return r.Errorf(document.Field(n, "jsonPath"), "jsonPath: %v", path)
	case seconds > maxTimeout:
		return r.Errorf(document.Field(n, "timeoutSeconds"), "timeoutSeconds is %s: write at most %d",
			strconv.Itoa(seconds), maxTimeout)
	}
	return nil
}

// condition takes CEL over the result of a query, or of the web.
func (r *policyReader) condition(in *yaml.Node, key string, web bool, to *string) error {
	if err := r.Text(in, key, to); err != nil || *to == "" {
		return err
	}
	if err := cel.CheckGate(*to, web); err != nil {
		return r.Errorf(document.Field(in, key), "%s: %v", key, err)
	}
	return nil
}
