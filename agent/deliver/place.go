package deliver

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/mailbox"
	"github.com/drover-dev/drover/agent/report"
	"github.com/drover-dev/drover/internal/backoff"
	"github.com/drover-dev/drover/protocol"
)

// A credential that came into another cluster with a copy of etcd or a restored backup would have two agents apply the
// same, and speak for one cluster. So it is noted in the credential to which cluster it belongs, by the uid of the
// namespace kube-system. An agent that finds itself in another one touches nothing and says so, until the hub, or a new
// join token, decides that this is the cluster.

// errPlace ends a session when it turns out to which cluster the credential belongs.
var errPlace = errors.New("which cluster the credential belongs to was decided")

// elsewhere ends the session if a bundle that is newer than all before is for another cluster.
func (s *session) elsewhere(ctx context.Context, b protocol.Bundle) bool {
	here := s.who.UID()
	if here == "" || b.ClusterUID == "" || b.ClusterUID == here {
		return false
	}
	s.log.Error("the hub's bundle is for another cluster: applying nothing", "uid", b.ClusterUID, "here", here,
		"generation", b.Generation)
	if s.persist(ctx, b.Generation, func() error {
		return s.who.Settle(ctx, protocol.Place{UID: b.ClusterUID, Epoch: b.Epoch, Generation: b.Generation})
	}) == nil {
		s.end(errPlace)
	}
	return true
}

// lookAround finds out in which cluster the agent is. An agent that may not read kube-system, as one with a scope, does
// not know.
func (a *Agent) lookAround(ctx context.Context) error {
	if len(a.c.Scope) > 0 {
		return nil
	}
	uid, err := a.c.Cluster.UID(ctx)
	if reason := agent.ReasonOf(err); reason == agent.ReasonForbidden || reason == agent.ReasonMissing {
		a.c.Log.Info("the namespace kube-system cannot be read: whether the credential was copied into another "+
			"cluster is not checked", "err", err)
		uid, err = "", nil
	}
	if err != nil {
		return fmt.Errorf("read the namespace kube-system, whose uid tells this cluster from a copy: %w", err)
	}
	a.self.ClusterUID = uid
	a.c.Identity.Here(uid)
	return nil
}

// hold does nothing in the cluster and says why, until it is decided that the credential belongs here, or ctx is done.
func (a *Agent) hold(parent context.Context, belongs protocol.Place) error {
	id, here := a.c.Identity, a.self.ClusterUID
	cluster := id.Credential().Cluster
	text := fmt.Sprintf("the credential of %[1]s was found in another cluster than before: kube-system has uid %[2]s "+
		"here, and had %[3]s; applying nothing. If this cluster takes "+
		"the place of the other, run `drover cluster accept %[1]s`; if it is a copy, run `drover agent uninstall` "+
		"here and `drover cluster rotate %[1]s`", cluster, here, belongs.UID)
	a.c.Log.Error(text, "cluster", cluster)
	id.Freeze(true)
	defer id.Freeze(false)
	ctx, end := context.WithCancelCause(parent)
	defer end(nil)
	box, news, bus := mailbox.NewNewest(), make(chan struct{}, 1), make(chan error, 1)
	tell := func() {
		select {
		case news <- struct{}{}:
		default:
		}
	}
	go func() {
		err := a.c.Bus.Run(ctx, box.Put, func(yes bool) {
			if yes {
				tell()
			}
		}, func(protocol.Ask) { tell() })
		end(err)
		bus <- err
	}()
	err := a.heldUntil(ctx, box, news, a.heldReport(belongs, text))
	end(err)
	return errors.Join(err, <-bus)
}

// heldUntil reports whenever there is news, and reads bundles, until one decides.
func (a *Agent) heldUntil(ctx context.Context, box *mailbox.Newest, news <-chan struct{}, report func() []byte) error {
	pause := backoff.Backoff{Min: time.Second, Max: time.Minute}
	var again <-chan time.Time
	for {
		if place := a.c.Identity.Credential().Place; place != nil && place.UID == a.self.ClusterUID {
			return errPlace // by a new join token
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-box.Full:
			if err := a.decide(ctx, box.Take()); err != nil {
				return err
			}
			continue
		case <-news:
			pause.Reset()
		case <-again:
		}
		again = nil
		if err := a.c.Bus.Report(ctx, report()); err != nil {
			again = time.After(pause.Next())
		} else if a.c.Reported != nil {
			a.c.Reported()
		}
	}
}

// decide takes a bundle that says to which cluster the credential belongs. It is errPlace if that is this one.
func (a *Agent) decide(ctx context.Context, sealed []byte) error {
	if sealed == nil {
		return nil
	}
	_, b, err := a.c.Identity.Open(sealed)
	belongs := a.c.Identity.Credential().Place
	if err != nil || belongs == nil || !belongs.SaidBefore(b) {
		return nil
	}
	switch b.ClusterUID {
	case "", belongs.UID:
		return nil
	case a.self.ClusterUID:
		if err := a.c.Identity.Settle(ctx, protocol.Place{UID: b.ClusterUID, Epoch: b.Epoch,
			Generation: b.Generation}); err != nil {
			return err
		}
		a.c.Log.Info("the hub decided that the credential belongs to this cluster", "uid", b.ClusterUID, "generation",
			b.Generation)
		return errPlace
	}
	return nil
}

// heldReport makes the reports of an agent that holds.
func (a *Agent) heldReport(belongs protocol.Place, text string) func() []byte {
	return func() []byte {
		a.seq++
		who, self := a.c.Identity.Credential(), a.self
		self.Trust, self.Expires = who.Trust.ID(), who.Expires
		return report.Fit(protocol.Report{Version: protocol.Version, Cluster: who.Cluster, Seq: a.seq, Time: time.Now(),
			Agent: self, Message: text,
			Apps: []protocol.AppReport{}, Held: []protocol.Held{{ID: protocol.HoldID(protocol.HoldIdentity, who.Cluster,
				belongs.UID, self.ClusterUID),
				Kind: protocol.HoldIdentity, Message: text}}})
	}
}
