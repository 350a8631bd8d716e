package testenv

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Request is a kind of request to the API server.
type Request struct {
	Verb        string // such as GET, LIST, WATCH, APPLY, PATCH, POST, DELETE
	Group       string // API group, empty for the core
	Resource    string // such as configmaps; empty for discovery and health
	Subresource string // such as status
}

// String returns the request as people write it, such as "PATCH deployments.apps/status".
func (r Request) String() string {
	text := r.Verb + " " + r.Resource
	if r.Group != "" {
		text += "." + r.Group
	}
	if r.Subresource != "" {
		text += "/" + r.Subresource
	}
	return text
}

// Requests counts requests by their kind.
type Requests map[Request]int

// Total returns the number of requests that all of match hold for.
func (r Requests) Total(match ...func(Request) bool) int {
	total := 0
	for req, n := range r {
		if !slices.ContainsFunc(match, func(m func(Request) bool) bool { return !m(req) }) {
			total += n
		}
	}
	return total
}

// Since returns the requests that came after those of earlier.
func (r Requests) Since(earlier Requests) Requests {
	later := Requests{}
	for req, n := range r {
		if n > earlier[req] {
			later[req] = n - earlier[req]
		}
	}
	return later
}

// String lists the requests, the most frequent first.
func (r Requests) String() string {
	var lines []string
	for req, n := range r {
		lines = append(lines, fmt.Sprintf("%6d %s", n, req))
	}
	slices.Sort(lines)
	slices.Reverse(lines)
	return strings.Join(lines, "\n")
}

// Verb matches requests with one of verbs.
func Verb(verbs ...string) func(Request) bool {
	return func(r Request) bool { return slices.Contains(verbs, r.Verb) }
}

// Resource matches requests for one of resources.
func Resource(resources ...string) func(Request) bool {
	return func(r Request) bool { return slices.Contains(resources, r.Resource) }
}

// Write matches requests that ask for a change.
func Write(r Request) bool {
	return slices.Contains([]string{"APPLY", "CREATE", "DELETE", "DELETECOLLECTION", "PATCH", "POST", "PUT", "UPDATE"}, r.Verb)
}

// Metrics returns the requests that the API server has answered since it started, whoever made them, itself included; a
// watch counts when it ends.
func (k *Kube) Metrics(ctx context.Context) (Requests, error) {
	text, err := k.Raw(ctx, "/metrics", nil)
	if err != nil {
		return nil, fmt.Errorf("read metrics: %w", err)
	}
	return parseMetrics(text)
}

var label = regexp.MustCompile(`(\w+)="((?:[^"\\]|\\.)*)"`)

// parseMetrics sums apiserver_request_total over the labels that are of no interest.
func parseMetrics(text []byte) (Requests, error) {
	requests := Requests{}
	for line := range bytes.Lines(text) {
		rest, ok := bytes.CutPrefix(line, []byte("apiserver_request_total{"))
		if !ok {
			continue
		}
		end := bytes.LastIndexByte(rest, '}')
		if end < 0 {
			return nil, fmt.Errorf("read metrics: no end of labels in %q", line)
		}
		n, err := strconv.ParseFloat(string(bytes.TrimSpace(rest[end+1:])), 64)
		if err != nil {
			return nil, fmt.Errorf("read metrics: %q: %w", line, err)
		}
		labels := map[string]string{}
		for _, m := range label.FindAllSubmatch(rest[:end], -1) {
			labels[string(m[1])] = string(m[2])
		}
		requests[Request{labels["verb"], labels["group"], labels["resource"], labels["subresource"]}] += int(n)
	}
	if len(requests) == 0 {
		return nil, errors.New("read metrics: no apiserver_request_total in them; is this an API server?")
	}
	return requests, nil
}
