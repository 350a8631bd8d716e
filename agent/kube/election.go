package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/internal/backoff"
	"github.com/drover-dev/drover/internal/memory"
)

const (
	leaseName = "drover-agent"
	// lostAfter is how long the node controller must have held the leader's node for lost.
	lostAfter = 10 * time.Second
	// processPrefix begins the identity of an agent that is no pod.
	processPrefix = "process/"
	releaseTime   = time.Second
	// restTime is how long an agent waits before it gives memory back to the machine.
	restTime = 3 * time.Second
)

var (
	leases = agent.Resource{Group: "coordination.k8s.io", Version: "v1", Kind: "Lease", Plural: "leases", Namespaced: true}
	pods   = agent.Resource{Version: "v1", Kind: "Pod", Plural: "pods", Namespaced: true}
)

// Election sees to it that one of a cluster's agents leads.
//
// The usual way is to renew a Lease every few seconds, which costs the API server of every cluster more than all else
// that an agent at rest does. Here the Lease names the pod that leads, and is written only when a process takes the
// lead: the API server already knows whether a pod is there, and a watch on it costs nothing while nothing happens.
// The others watch the Lease and the leader's Pod. The price is that the loss of a whole node is noticed when the
// node controller notices (with its defaults another agent leads after about a minute), where a deleted or ended pod
// is noticed at once.
//
// Two leaders for a moment do no harm: both apply the same bundle, and all state is written with preconditions, so
// the one who finds it changed stops.
type Election struct {
	Client    *Client
	Namespace string
	PodName   string // of this agent's pod, and its UID; both empty outside of a pod
	PodUID    string
	Identity  string // of an agent that is no pod
	TakeOver  bool   // once, whoever leads
	// Trial, if it is not 0, is how long the lease is taken for at first: others take it back after that, unless it was
	// confirmed.
	Trial time.Duration
	Log   *slog.Logger

	confirmed atomic.Bool
	led       atomic.Uint64 // see Term
	// trial is the lease on trial that was seen last, and seen when that was: no two clocks are compared.
	trial string
	seen  time.Time
}

// lease is a Lease as it is read and written.
type lease struct {
	APIVersion string     `json:"apiVersion"`
	Kind       string     `json:"kind"`
	Metadata   secretMeta `json:"metadata"`
	Spec       leaseSpec  `json:"spec"`
}

type leaseSpec struct {
	HolderIdentity   string `json:"holderIdentity"`
	AcquireTime      string `json:"acquireTime,omitempty"`
	LeaseTransitions int    `json:"leaseTransitions"`
	// LeaseDurationSeconds is how long a lease on trial lasts; 0 for as long as the pod.
	LeaseDurationSeconds int `json:"leaseDurationSeconds,omitempty"`
}

func (e *Election) holder() string {
	if e.PodName != "" {
		return e.PodName + "/" + e.PodUID
	}
	return processPrefix + e.Identity
}

// Run calls lead whenever this agent leads, with a context that ends when it no longer does. It returns when ctx
// is done and the lease is given back.
func (e *Election) Run(ctx context.Context, lead func(context.Context) error) error {
	pause := backoff.Backoff{Min: 500 * time.Millisecond, Max: 15 * time.Second}
	for ctx.Err() == nil {
		acquired, err := e.acquire(ctx)
		if err != nil && ctx.Err() == nil {
			e.Log.Warn("the lease cannot be acquired; retrying", "object", "Lease/"+e.Namespace+"/"+leaseName, "err", err)
			_ = pause.Wait(ctx, nil) // the loop looks at ctx itself
			continue
		}
		pause.Reset()
		if acquired {
			if err := e.term(ctx, lead); err != nil {
				return err
			}
		}
	}
	return nil
}

// acquire takes the lease if it is free. If not it waits until it may be, and says false.
func (e *Election) acquire(ctx context.Context) (bool, error) {
	l, err := e.get(ctx)
	if agent.ReasonOf(err) == agent.ReasonMissing {
		if err := e.makeNamespace(ctx); err != nil {
			return false, err
		}
		return e.write(ctx, http.MethodPost, lease{})
	}
	if err != nil {
		return false, err
	}
	if l.Spec.HolderIdentity == "" || l.Spec.HolderIdentity == e.holder() || e.TakeOver {
		ok, err := e.write(ctx, http.MethodPut, l)
		e.TakeOver = e.TakeOver && !ok
		return ok, err
	}
	gone, err := e.vacant(ctx, l.Spec.HolderIdentity)
	if err != nil {
		return false, err
	}
	if gone {
		e.Log.Info("the agent that led is gone; this one takes over", "leader", l.Spec.HolderIdentity)
		return e.write(ctx, http.MethodPut, l)
	}
	left := e.trialLeft(l, time.Now())
	if left < 0 {
		e.Log.Warn("the agent on trial has not proven itself in time; this one takes the lead back", "leader", l.Spec.HolderIdentity)
		return e.write(ctx, http.MethodPut, l)
	}
	e.Log.Info("another agent leads; this one waits", "leader", l.Spec.HolderIdentity, "hint", hint(l.Spec.HolderIdentity))
	if left > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, left)
		defer cancel()
	}
	e.await(ctx, l.Spec)
	return false, nil
}

// trialLeft is how long a lease on trial still lasts: negative if it is over, 0 if the lease is not on trial.
func (e *Election) trialLeft(l lease, now time.Time) time.Duration {
	if l.Spec.LeaseDurationSeconds == 0 {
		return 0
	}
	if which := l.Spec.HolderIdentity + " " + l.Spec.AcquireTime; which != e.trial {
		e.trial, e.seen = which, now
	}
	if left := e.seen.Add(time.Duration(l.Spec.LeaseDurationSeconds) * time.Second).Sub(now); left > 0 {
		return left
	}
	return -1
}

func hint(holder string) string {
	if strings.HasPrefix(holder, processPrefix) {
		return "it is no pod, so nobody can see whether it lives: if it does not, start one agent with --take-over"
	}
	return "it takes over when that pod ends"
}

func (e *Election) get(ctx context.Context) (lease, error) {
	var l lease
	_, err := e.Client.do(ctx, call{method: http.MethodGet, path: collectionPath(leases, e.Namespace) + "/" + leaseName, accept: acceptJSON}, &l)
	return l, err
}

// write makes this agent the holder, and begins a term. It says false if somebody else was quicker.
func (e *Election) write(ctx context.Context, method string, l lease) (bool, error) {
	if l.Spec.HolderIdentity != e.holder() {
		l.Spec.LeaseTransitions++
		l.Spec.AcquireTime = time.Now().UTC().Format("2006-01-02T15:04:05.000000Z")
		l.Spec.HolderIdentity, l.Spec.LeaseDurationSeconds = e.holder(), 0
		if !e.confirmed.Load() {
			l.Spec.LeaseDurationSeconds = int(e.Trial.Seconds())
		}
	}
	term := nextTerm(l.Metadata.Annotations[annotationTerm], time.Now())
	l.Metadata.Annotations = maps.Clone(l.Metadata.Annotations)
	if l.Metadata.Annotations == nil {
		l.Metadata.Annotations = map[string]string{}
	}
	l.Metadata.Annotations[annotationTerm] = strconv.FormatUint(term, 10)
	ok, err := e.put(ctx, method, l)
	if ok {
		e.led.Store(term)
	}
	return ok, err
}

// annotationTerm is the term of the process that leads, on the Lease.
const annotationTerm = "drover.dev/term"

// nextTerm is the term after the one that the Lease tells. Where it tells none, because it is new or was lost,
// counting begins at the time in milliseconds, so that it goes on above what was counted before: processes take the
// lead less often than that.
func nextTerm(last string, now time.Time) uint64 {
	if n, err := strconv.ParseUint(last, 10, 64); err == nil && n < math.MaxUint64 {
		return n + 1
	}
	return uint64(max(now.UnixMilli(), 1))
}

// Term counts the processes that have led. It is that of this process while it leads, and higher than that of any
// process before.
func (e *Election) Term() uint64 { return e.led.Load() }

// Confirm keeps the lease that was taken for a trial.
func (e *Election) Confirm(ctx context.Context) error {
	e.confirmed.Store(true)
	l, err := e.get(ctx)
	if err != nil {
		return err
	}
	if l.Spec.HolderIdentity != e.holder() {
		return fmt.Errorf("%w: its holder is %q", errDeposed, l.Spec.HolderIdentity)
	}
	l.Spec.LeaseDurationSeconds = 0
	ok, err := e.put(ctx, http.MethodPut, l)
	if err == nil && !ok {
		err = fmt.Errorf("write Lease/%s/%s: %w", e.Namespace, leaseName, agent.ErrLost)
	}
	return err
}

func (e *Election) put(ctx context.Context, method string, l lease) (bool, error) {
	l.APIVersion, l.Kind, l.Metadata.Name, l.Metadata.Namespace = "coordination.k8s.io/v1", "Lease", leaseName, e.Namespace
	body, err := json.Marshal(l)
	if err != nil {
		return false, err
	}
	path := collectionPath(leases, e.Namespace)
	if method == http.MethodPut {
		path += "/" + leaseName
	}
	_, err = e.Client.do(ctx, call{method: method, path: path, accept: acceptJSON, contentType: acceptJSON, body: body}, nil)
	if agent.ReasonOf(err) == agent.ReasonConflict {
		return false, nil
	}
	return err == nil, err
}

// makeNamespace makes the agent's namespace, if the agent is no pod: no manifest was applied then that would have
// brought it.
func (e *Election) makeNamespace(ctx context.Context) error {
	if e.PodName != "" {
		return nil
	}
	body, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "Namespace",
		"metadata": map[string]any{"name": e.Namespace, "labels": map[string]string{"app.kubernetes.io/part-of": "drover"}}})
	if err != nil {
		return err
	}
	_, err = e.Client.do(ctx, call{method: http.MethodPost, path: "/api/v1/namespaces", accept: acceptJSON, contentType: acceptJSON, body: body}, nil)
	if r := agent.ReasonOf(err); r == agent.ReasonConflict || r == agent.ReasonForbidden { // in a scope it must be there
		return nil
	}
	return err
}

// vacant says whether a holder no longer lives. Of one that is no pod nobody can say.
func (e *Election) vacant(ctx context.Context, holder string) (bool, error) {
	name, uid, ok := strings.Cut(holder, "/")
	if !ok || strings.HasPrefix(holder, processPrefix) {
		return false, nil
	}
	var p pod
	_, err := e.Client.do(ctx, call{method: http.MethodGet, path: collectionPath(pods, e.Namespace) + "/" + name, accept: acceptJSON}, &p)
	if agent.ReasonOf(err) == agent.ReasonMissing {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	dead, _ := p.dead(uid, time.Now())
	return dead, nil
}

// await returns when it is worth trying again: the lease or the holder's pod changed, or ctx is done.
func (e *Election) await(ctx context.Context, was leaseSpec) {
	rest := time.AfterFunc(restTime, memory.Release) // what it took to come here is not needed by who waits
	defer rest.Stop()
	holder := was.HolderIdentity
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		defer cancel()
		e.Client.single(ctx, leases, e.Namespace, leaseName, func(raw []byte) bool { return specOf(raw) != was })
	}()
	name, uid, ok := strings.Cut(holder, "/")
	if ok && !strings.HasPrefix(holder, processPrefix) {
		go func() {
			defer cancel()
			e.Client.single(ctx, pods, e.Namespace, name, func(raw []byte) bool { return e.podEnded(ctx, raw, uid, cancel) })
		}()
	}
	<-ctx.Done()
}

// podEnded looks at the holder's pod. Where it may be dead soon, cancel is called then.
func (e *Election) podEnded(ctx context.Context, raw []byte, uid string, cancel context.CancelFunc) bool {
	if raw == nil {
		return true
	}
	var p pod
	if json.Unmarshal(raw, &p) != nil {
		return false
	}
	dead, in := p.dead(uid, time.Now())
	if !dead && in > 0 {
		time.AfterFunc(in, func() {
			if ctx.Err() == nil {
				cancel() // and look again
			}
		})
	}
	return dead
}

func specOf(raw []byte) leaseSpec {
	var l lease
	if raw == nil || json.Unmarshal(raw, &l) != nil {
		return leaseSpec{}
	}
	return l.Spec
}

// errDeposed says that the lease names somebody else.
var errDeposed = errors.New("another agent took the lease")

// term leads until ctx is done or the lease names somebody else, and gives it back.
func (e *Election) term(ctx context.Context, lead func(context.Context) error) error {
	leading, depose := context.WithCancelCause(ctx)
	defer depose(nil)
	e.Log.Info("this agent leads", "identity", e.holder())
	watching := make(chan struct{})
	go func() {
		defer close(watching)
		e.Client.single(leading, leases, e.Namespace, leaseName, func(raw []byte) bool {
			if holder := specOf(raw).HolderIdentity; holder != e.holder() {
				depose(fmt.Errorf("%w: its holder is %q", errDeposed, holder))
				return true
			}
			return false
		})
	}()
	err := lead(leading)
	cause := context.Cause(leading)
	depose(nil)
	<-watching
	if errors.Is(cause, errDeposed) {
		e.Log.Warn("this agent steps down", "err", cause)
		return nil
	}
	return errors.Join(err, e.release(ctx))
}

// release gives the lease back, so that another agent need not find out.
func (e *Election) release(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTime)
	defer cancel()
	l, err := e.get(ctx)
	if err != nil || l.Spec.HolderIdentity != e.holder() {
		return nil // who takes over finds out that this one is gone
	}
	l.Spec.HolderIdentity, l.Spec.LeaseDurationSeconds = "", 0
	if _, err := e.put(ctx, http.MethodPut, l); err != nil {
		e.Log.Warn("the lease could not be given back; who takes over finds out by the pod", "err", err)
	}
	return nil
}
