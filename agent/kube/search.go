package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

const (
	// searchSlots is how many kinds are listed at once.
	searchSlots = 4
	// maxInside is how many objects of a container are told.
	maxInside = 5000
)

// search is a look through the objects of many kinds.
type search struct {
	client *Client
	query  url.Values
	limit  int  // objects; 0 for no limit
	strict bool // what cannot be read at all is an error, too
	each   func(res agent.Resource, l agent.Live)

	mu     sync.Mutex // guards what follows
	n      int
	errs   []error
	beyond bool // there are more objects than the limit
}

// Inside implements agent.Searcher.
func (c *Client) Inside(ctx context.Context, container protocol.ObjectRef) (kinds []agent.Resource, found []agent.Found,
	more bool, err error) {
	namespace := ""
	if container.Kind == "Namespace" {
		namespace = container.Name
		var unread []string
		kinds, unread, err = c.deletable(ctx)
		if err == nil && len(unread) > 0 {
			err = fmt.Errorf("the API server cannot say which kinds %s has, because what serves it does not answer: "+
				"see kubectl get apiservices", strings.Join(unread, ", "))
		}
		kinds = slices.DeleteFunc(kinds, func(r agent.Resource) bool { return !r.Namespaced || byControllers(r) })
	} else {
		var served bool
		if kinds, served, err = c.definedBy(ctx, container.Name); !served {
			return kinds, nil, false, err
		}
	}
	if err != nil {
		return nil, nil, false, err
	}
	s := &search{client: c, strict: true, limit: maxInside, query: url.Values{}}
	s.each = func(res agent.Resource, l agent.Live) { found = append(found, agent.Found{Resource: res, Live: l}) }
	list := kinds
	if container.Kind != "Namespace" {
		list = kinds[:min(len(kinds), 1)] // all versions have the same objects
	}
	err = s.run(ctx, list, []string{namespace})
	return kinds, found, s.beyond, err
}

// Labelled implements agent.Searcher.
func (c *Client) Labelled(ctx context.Context, namespaces []string) (found []agent.Found, unread, others []string,
	err error) {
	kinds, unread, err := c.deletable(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	scoped := len(namespaces) > 0
	kinds = slices.DeleteFunc(kinds, func(r agent.Resource) bool { return byControllers(r) || scoped && !r.Namespaced })
	if !scoped {
		namespaces = []string{""}
		if others, err = c.otherApps(ctx); err != nil {
			return nil, nil, nil, err
		}
	}
	s := &search{client: c, query: url.Values{"labelSelector": {fleet.LabelApp}}}
	s.each = func(res agent.Resource, l agent.Live) { found = append(found, agent.Found{Resource: res, Live: l}) }
	err = s.run(ctx, kinds, namespaces)
	return found, unread, others, err
}

// otherApps are the names of the apps that agents in any namespace have state of, as often as there are such agents.
func (c *Client) otherApps(ctx context.Context) (names []string, err error) {
	s := &search{client: c, query: url.Values{"labelSelector": {LabelState + "=" + labelOfApp}}}
	s.each = func(_ agent.Resource, l agent.Live) {
		if app, ok := strings.CutPrefix(l.Ref.Name, appPrefix); ok && !isPart(l.Ref.Name) {
			names = append(names, l.Ref.Namespace+"/"+app)
		}
	}
	return names, s.run(ctx, []agent.Resource{secrets}, []string{""})
}

// byControllers says whether objects of a kind come and go by themselves with others.
func byControllers(r agent.Resource) bool {
	switch r.Group + "/" + r.Kind {
	case "/Event", "events.k8s.io/Event", "/Endpoints", "discovery.k8s.io/EndpointSlice":
		return true
	}
	return false
}

// run lists kinds in some namespaces; "" is all. Unless the search is strict, what is not served or may not be read
// has nothing that the agent ever applied.
func (s *search) run(ctx context.Context, kinds []agent.Resource, namespaces []string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	slots := make(chan struct{}, searchSlots)
	var wg sync.WaitGroup
	for _, res := range kinds {
		for _, ns := range namespaces {
			slots <- struct{}{}
			wg.Go(func() {
				defer func() { <-slots }()
				err := s.list(ctx, res, ns)
				if err == nil || !s.strict && unreadable(err) {
					return
				}
				s.mu.Lock()
				defer s.mu.Unlock()
				s.errs = append(s.errs, fmt.Errorf("list %s: %w", res.Plural, err))
				cancel()
			})
		}
	}
	wg.Wait()
	if len(s.errs) > 0 {
		return s.errs[0]
	}
	return nil
}

func unreadable(err error) bool {
	switch agent.ReasonOf(err) {
	case agent.ReasonKind, agent.ReasonMissing, agent.ReasonForbidden:
		return true
	}
	return false
}

// list goes through the objects of one kind.
func (s *search) list(ctx context.Context, res agent.Resource, namespace string) error {
	query := url.Values{"limit": {strconv.Itoa(pageSize)}}
	for key, values := range s.query {
		query[key] = values
	}
	for {
		meta, err := s.page(ctx, res, namespace, query)
		if err == nil && parseVersion(meta.ResourceVersion) == 0 {
			err = errors.New("the list has no version: it is not taken as complete")
		}
		if err != nil || meta.Continue == "" {
			return err
		}
		s.mu.Lock()
		enough := s.beyond
		s.mu.Unlock()
		if enough {
			return nil
		}
		query.Set("continue", meta.Continue)
	}
}

func (s *search) page(ctx context.Context, res agent.Resource, namespace string, query url.Values) (listMeta, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	resp, err := s.client.open(ctx, call{method: http.MethodGet, path: collectionPath(res, namespace), query: query,
		accept: acceptMetaList + "," + acceptJSON, secret: isSecret(res)})
	if err != nil {
		return listMeta{}, err
	}
	defer drain(resp.Body)
	return decodeList(resp.Body, func(raw json.RawMessage) error {
		var p partial
		if err := json.Unmarshal(raw, &p); err != nil {
			return errors.New("an object of the list cannot be read") // the error of json might quote it
		}
		l := p.Metadata.live(res)
		l.Managed = nil
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.limit > 0 && s.n >= s.limit {
			s.beyond = true
			return nil
		}
		s.n++
		s.each(res, l)
		return nil
	})
}

// definedBy are the kinds that a definition has, one for each version, and whether they were ever served.
func (c *Client) definedBy(ctx context.Context, name string) (kinds []agent.Resource, served bool, err error) {
	var d struct {
		Spec struct {
			Group    string
			Scope    string
			Names    struct{ Kind, Plural string }
			Versions []struct {
				Name   string
				Served bool
			}
		}
		Status struct {
			Conditions []struct{ Type, Status string }
		}
	}
	ref := protocol.ObjectRef{Group: definitions.Group, Kind: definitions.Kind, Name: name}
	get := call{method: http.MethodGet, path: objectPath(definitions, ref), accept: acceptJSON}
	if _, err := c.do(ctx, get, &d); err != nil {
		return nil, false, err
	}
	for _, v := range d.Spec.Versions {
		if v.Served {
			kinds = append(kinds, agent.Resource{Group: d.Spec.Group, Version: v.Name, Kind: d.Spec.Names.Kind,
				Plural: d.Spec.Names.Plural, Namespaced: d.Spec.Scope == "Namespaced"})
		}
	}
	for _, cond := range d.Status.Conditions {
		served = served || cond.Type == "Established" && cond.Status == "True"
	}
	if served && len(kinds) == 0 {
		err = errors.New("it serves no version, so its objects cannot be listed")
	}
	return kinds, served, err
}
