package testenv

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"strings"
	"sync"
)

// auditPolicy has every request written down once, when it is answered, and a watch when it begins and when it ends.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
rules:
- level: Metadata
  omitStages: [RequestReceived]
`

// auditLog reads what an API server writes down about its requests.
type auditLog struct {
	mu       sync.Mutex          // guards what follows
	read     int64               // bytes that were counted
	requests map[string]Requests // by user
	watches  map[string]watching // that are open, by their audit id
}

// watching is an open watch.
type watching struct {
	user string
	Request
}

// Requests returns what each user has asked for since the control plane started, by the user's name, such as
// system:serviceaccount:drover-system:drover-agent. Verbs are those of RBAC in capitals (GET, LIST, CREATE, …), except
// that server-side applies are told from other patches as APPLY, those that force as Drover's do. It needs WithAudit.
func (cp *ControlPlane) Requests() (map[string]Requests, error) {
	requests, _, err := cp.audited()
	return requests, err
}

// RequestsOf returns what the user of UserToken has asked for. It needs WithAudit.
func (cp *ControlPlane) RequestsOf(user string) (Requests, error) {
	all, err := cp.Requests()
	return all[user], err
}

// WatchesOf returns the watches of the user of UserToken that are open. It needs WithAudit.
func (cp *ControlPlane) WatchesOf(user string) (Requests, error) {
	_, watches, err := cp.audited()
	open := Requests{}
	for _, w := range watches {
		if w.user == user {
			open[w.Request]++
		}
	}
	return open, err
}

// audited reads what is new in the audit log, and returns what all of it counts.
func (cp *ControlPlane) audited() (requests map[string]Requests, watches []watching, err error) {
	if !cp.opts.audit {
		return nil, nil, fmt.Errorf("control plane %s writes no audit log; start it WithAudit", cp.Name)
	}
	l := &cp.audits
	l.mu.Lock()
	defer l.mu.Unlock()
	file, err := os.Open(cp.AuditLog())
	if err == nil {
		defer file.Close()
		_, err = file.Seek(l.read, io.SeekStart)
	}
	if err == nil {
		err = l.parse(bufio.NewReader(file))
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read audit log: %w", err)
	}
	requests = map[string]Requests{}
	for user, r := range l.requests {
		requests[cp.users.nameOf(user)] = maps.Clone(r)
	}
	for _, w := range l.watches {
		w.user = cp.users.nameOf(w.user)
		watches = append(watches, w)
	}
	return requests, watches, nil
}

// parse counts the entries that follow. The last line may be still in writing, and is then left for later.
func (l *auditLog) parse(log *bufio.Reader) error {
	if l.requests == nil {
		l.requests, l.watches = map[string]Requests{}, map[string]watching{}
	}
	for {
		line, err := log.ReadBytes('\n')
		if err != nil {
			return nil
		}
		var e auditEntry
		if err := json.Unmarshal(line, &e); err != nil {
			return err
		}
		l.read += int64(len(line))
		l.count(e)
	}
}

// auditEntry is a line of an audit log.
type auditEntry struct {
	AuditID, Stage, Verb, RequestURI string
	User                             struct{ Username string }
	ObjectRef                        struct{ APIGroup, Resource, Subresource string }
}

func (l *auditLog) count(e auditEntry) {
	user := e.User.Username
	req := Request{strings.ToUpper(e.Verb), e.ObjectRef.APIGroup, e.ObjectRef.Resource, e.ObjectRef.Subresource}
	switch {
	case e.Verb == "watch" && e.Stage == "ResponseComplete":
		delete(l.watches, e.AuditID)
		return // counted when it began
	case e.Verb == "watch":
		l.watches[e.AuditID] = watching{user, req}
	case req.Verb == "PATCH" && strings.Contains(e.RequestURI, "force="):
		req.Verb = "APPLY"
	}
	if l.requests[user] == nil {
		l.requests[user] = Requests{}
	}
	l.requests[user][req]++
}
