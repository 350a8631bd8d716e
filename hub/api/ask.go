package api

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/drover-dev/drover/fleet/access"
	"github.com/drover-dev/drover/fleet/facts"
	"github.com/drover-dev/drover/fleet/query/ask"
	"github.com/drover-dev/drover/fleet/query/why"
	"github.com/drover-dev/drover/fleet/selector"
	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/protocol"
)

const (
	// defaultLimit is how many rows an answer has if nothing is said, maxLimit how many it may have.
	defaultLimit = 500
	maxLimit     = 5000
	// maxAsked is the most that a name, selector or cursor may have in a question, in bytes.
	maxAsked = 4096
)

// asking answers questions over the fleet.
type asking struct {
	sight
	joins func() hub.Joins
}

// routes are the questions, with what each needs.
func (a asking) routes(guard func(func(*http.Request) (any, error)) http.HandlerFunc) (out []route) {
	for _, q := range []struct {
		name string
		verb access.Verb
		on   access.Resource
		h    func(ask.Fleet, ask.Paging, *http.Request) (any, error)
	}{
		{"clusters", access.List, access.Clusters, a.clusters},
		{"apps", access.List, access.Apps, a.apps},
		{"images", access.List, access.Apps, a.images},
		{"charts", access.List, access.Apps, a.charts},
		{"objects", access.List, access.Objects, a.objects},
		{"causes", access.List, access.Apps, a.causes},
		{"why", access.Get, access.Apps, a.why},
	} {
		out = append(out, route{"GET /api/v1/ask/" + q.name, need(q.verb, q.on, ofSome),
			guard(func(r *http.Request) (any, error) {
				f, p, err := a.read(r, q.verb, q.on)
				if err != nil {
					return nil, err
				}
				return q.h(f, p, r)
			})})
	}
	return out
}

// read reads what all questions have: which clusters are asked for, and which part of the answer is wanted. It gives
// what the caller may see of them.
func (a asking) read(r *http.Request, v access.Verb, on access.Resource) (f ask.Fleet, p ask.Paging, err error) {
	q := r.URL.Query()
	for key := range q {
		if len(q.Get(key)) > maxAsked {
			return f, p, failure{http.StatusBadRequest, fmt.Sprintf("%.40s has more than %d characters", key, maxAsked)}
		}
	}
	sel, err := selector.Parse(q.Get("selector"))
	if err != nil {
		return f, p, failure{http.StatusBadRequest, err.Error()}
	}
	p.Limit, p.After = defaultLimit, q.Get("continue")
	if text := q.Get("limit"); text != "" {
		if p.Limit, err = strconv.Atoi(text); err != nil || p.Limit < 1 || p.Limit > maxLimit {
			return f, p, failure{http.StatusBadRequest,
				fmt.Sprintf("limit=%.20s: write a number from 1 to %d", text, maxLimit)}
		}
	}
	f = a.state.Ask(sel)
	if view := a.view(r, v, on); !view.Everywhere() {
		f.Clusters = a.sight.clusters(view, sel)
	}
	f.Rollouts = a.rollouts(a.view(r, access.Get, access.Rollouts))
	if a.joins().Distrusted.Count > 0 {
		for i := range f.Clusters {
			f.Clusters[i].Distrusted = true
		}
	}
	return f, p, nil
}

// refused turns what cannot be answered into an answer in HTTP.
func refused(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ask.ErrUnknown), errors.Is(err, why.ErrUnknown):
		return failure{http.StatusNotFound, err.Error()}
	}
	return failure{http.StatusBadRequest, err.Error()}
}

func (a asking) clusters(f ask.Fleet, p ask.Paging, r *http.Request) (any, error) {
	conditions, err := ask.ParseConditions(r.URL.Query().Get("state"))
	if err != nil {
		return nil, refused(err)
	}
	return f.InState(conditions, p), nil
}

func (a asking) apps(f ask.Fleet, p ask.Paging, r *http.Request) (any, error) {
	app := r.URL.Query().Get("app")
	if app == "" {
		return f.Apps(p), nil
	}
	var phases []protocol.Phase
	for word := range strings.SplitSeq(r.URL.Query().Get("phase"), ",") {
		if word != "" {
			phases = append(phases, protocol.Phase(word))
		}
	}
	page, err := f.Where(app, phases, p)
	return page, refused(err)
}

// places says whether all places are wanted, instead of a sample.
func places(r *http.Request) bool { return r.URL.Query().Get("places") == "true" }

func (a asking) images(f ask.Fleet, p ask.Paging, r *http.Request) (any, error) {
	match, err := facts.ParseImageMatch(r.URL.Query().Get("image"))
	if err != nil {
		return nil, refused(err)
	}
	return f.Images(match, places(r), p), nil
}

func (a asking) charts(f ask.Fleet, p ask.Paging, r *http.Request) (any, error) {
	match := ask.ChartMatch{Name: r.URL.Query().Get("chart"), OlderThan: r.URL.Query().Get("olderThan")}
	if match.OlderThan != "" && !facts.IsVersion(match.OlderThan) {
		return nil, failure{http.StatusBadRequest, fmt.Sprintf("olderThan=%.40q is no version: write one as 1.2.3",
			match.OlderThan)}
	}
	return f.Charts(match, places(r), p), nil
}

func (a asking) objects(f ask.Fleet, p ask.Paging, r *http.Request) (any, error) {
	match := ask.KindMatch{Kind: r.URL.Query().Get("kind"), APIVersion: r.URL.Query().Get("apiVersion")}
	return f.Kinds(match, places(r), p), nil
}

func (a asking) causes(f ask.Fleet, p ask.Paging, r *http.Request) (any, error) {
	page, err := f.Failures(r.URL.Query().Get("app"), places(r), p)
	return page, refused(err)
}

func (a asking) why(f ask.Fleet, _ ask.Paging, r *http.Request) (any, error) {
	name, of, _ := strings.Cut(r.URL.Query().Get("what"), "/")
	var names []string
	for _, c := range f.Clusters {
		if c.Name != name {
			names = append(names, c.Name)
			continue
		}
		answer, err := why.Explain(why.Question{Cluster: c, Rollouts: f.Rollouts, Of: of, Now: f.Now})
		return answer, refused(err)
	}
	return nil, failure{http.StatusNotFound, fmt.Sprintf("cluster %.80q is not found: %s", name,
		ask.Nearest(names, name, "see `drover clusters` for those there are"))}
}
