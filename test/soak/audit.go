package soak

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// agentUser is the user of the agents at the API servers.
const agentUser = "drover-agent"

// auditPolicy has the requests of agents written down, and nothing else.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
  users: [` + agentUser + `]
- level: None
`

// agentNamespace is where an agent keeps its state; what it does there is its own business.
const agentNamespace = "drover-system"

// auditLog reads the audit log of one cluster, what is new each time.
type auditLog struct {
	cluster, path string
	offset        int64

	events   []Event     // deletes and creations, not taken yet
	requests []time.Time // of the agent, watches and its own Lease aside
	last     []string    // the newest of them, for messages
}

// entry is a line of an audit log.
type entry struct {
	Verb, RequestURI string
	Stage            string
	StageTimestamp   time.Time
	// RequestReceivedTimestamp is when the API server began with it.
	RequestReceivedTimestamp time.Time
	ResponseStatus           struct{ Code int }
	User                     struct{ Username string }
	ObjectRef                struct{ Resource, Subresource, Namespace, Name, APIGroup string }
}

// read takes in what was written since the last time. A line that is still in writing is left for the next time.
func (a *auditLog) read() error {
	f, err := os.Open(a.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // nothing was asked yet
	}
	if err != nil {
		return fmt.Errorf("read audit log of %s: %w", a.cluster, err)
	}
	defer f.Close()
	if _, err := f.Seek(a.offset, io.SeekStart); err != nil {
		return fmt.Errorf("read audit log of %s: %w", a.cluster, err)
	}
	for r := bufio.NewReader(f); ; {
		line, err := r.ReadBytes('\n')
		if err != nil {
			return nil
		}
		a.offset += int64(len(line))
		var e entry
		if err := json.Unmarshal(line, &e); err != nil {
			return fmt.Errorf("read audit log of %s: %w", a.cluster, err)
		}
		a.add(e)
	}
}

// add takes one line in.
func (a *auditLog) add(e entry) {
	if e.User.Username != agentUser || e.Stage == "ResponseComplete" && e.Verb == "watch" {
		return
	}
	o := e.ObjectRef
	if e.Verb != "watch" && o.Resource != "leases" {
		a.requests = append(a.requests, e.RequestReceivedTimestamp)
		text := clock(e.RequestReceivedTimestamp) + " " + e.Verb + " " + e.RequestURI
		a.last = append(a.last[max(0, len(a.last)-19):], text)
	}
	if o.Namespace == agentNamespace || o.Subresource != "" || e.ResponseStatus.Code >= 300 {
		return
	}
	verb := ""
	switch {
	case e.Verb == "delete" || e.Verb == "deletecollection":
		verb = "delete"
	case e.ResponseStatus.Code == 201:
		verb = "create"
	default:
		return
	}
	kind := o.Resource
	for _, k := range kinds {
		if k.resource == o.Resource {
			kind = k.kind
		}
	}
	ref := Ref{kind, o.Namespace, o.Name}
	if kind == "Namespace" {
		ref.Namespace = "" // the audit log names the namespace in both places
	}
	a.events = append(a.events, Event{Cluster: a.cluster, Time: e.RequestReceivedTimestamp, Verb: verb, Ref: ref})
}

// clock is a time as reports have it.
func clock(t time.Time) string { return t.Format("15:04:05.000") }

// take gives the events that were not taken yet.
func (a *auditLog) take() []Event {
	out := a.events
	a.events = nil
	return out
}

// since counts the agent's requests after a moment.
func (a *auditLog) since(t time.Time) (n int) {
	for _, at := range a.requests {
		if at.After(t) {
			n++
		}
	}
	return n
}
