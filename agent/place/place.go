package place

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/credential"
	"github.com/drover-dev/drover/agent/mailbox"
	"github.com/drover-dev/drover/agent/report"
	"github.com/drover-dev/drover/internal/backoff"
	"github.com/drover-dev/drover/protocol"
)

// ErrDecided ends a session when it turns out to which cluster the credential belongs.
var ErrDecided = errors.New("which cluster the credential belongs to was decided")

// Find finds out in which cluster the agent is, and tells its identity. An agent that may not read kube-system, as one
// with a scope, does not know: the uid is "" then.
func Find(ctx context.Context, cluster agent.Identifier, scope agent.Scope, id *credential.Identity,
	log *slog.Logger) (uid string, err error) {
	if len(scope) > 0 {
		return "", nil
	}
	uid, err = cluster.UID(ctx)
	if reason := agent.ReasonOf(err); reason == agent.ReasonForbidden || reason == agent.ReasonMissing {
		log.Info("the namespace kube-system cannot be read: whether the credential was copied into another "+
			"cluster is not checked", "err", err)
		uid, err = "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read the namespace kube-system, whose uid tells this cluster from a copy: %w", err)
	}
	id.Here(uid)
	return uid, nil
}

// Hold is an agent that waits for a decision.
type Hold struct {
	Identity *credential.Identity
	Bus      agent.Bus
	Log      *slog.Logger
	Self     protocol.Agent
	Next     func() uint64 // the number of the next report
	Reported func()        // if not nil, told of every report that reaches the hub
}

// Run does nothing in the cluster and says why, until it is decided that the credential belongs here, or ctx is done.
func (h *Hold) Run(parent context.Context, belongs protocol.Place) error {
	id, here := h.Identity, h.Self.ClusterUID
	cluster := id.Credential().Cluster
	text := fmt.Sprintf("the credential of %[1]s was found in another cluster than before: kube-system has uid %[2]s "+
		"here, and had %[3]s; applying nothing. If this cluster takes "+
		"the place of the other, run `drover cluster accept %[1]s`; if it is a copy, run `drover agent uninstall` "+
		"here and `drover cluster rotate %[1]s`", cluster, here, belongs.UID)
	h.Log.Error(text, "cluster", cluster)
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
		err := h.Bus.Run(ctx, box.Put, func(yes bool) {
			if yes {
				tell()
			}
		}, func(protocol.Ask) { tell() })
		end(err)
		bus <- err
	}()
	err := h.until(ctx, box, news, h.report(belongs, text))
	end(err)
	return errors.Join(err, <-bus)
}

// until reports whenever there is news, and reads bundles, until one decides.
func (h *Hold) until(ctx context.Context, box *mailbox.Newest, news <-chan struct{}, report func() []byte) error {
	pause := backoff.Backoff{Min: time.Second, Max: time.Minute}
	var again <-chan time.Time
	for {
		if place := h.Identity.Credential().Place; place != nil && place.UID == h.Self.ClusterUID {
			return ErrDecided // by a new join token
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-box.Full:
			if err := h.decide(ctx, box.Take()); err != nil {
				return err
			}
			continue
		case <-news:
			pause.Reset()
		case <-again:
		}
		again = nil
		if err := h.Bus.Report(ctx, report()); err != nil {
			again = time.After(pause.Next())
		} else if h.Reported != nil {
			h.Reported()
		}
	}
}

// decide takes a bundle that says to which cluster the credential belongs. It is ErrDecided if that is this one.
func (h *Hold) decide(ctx context.Context, sealed []byte) error {
	if sealed == nil {
		return nil
	}
	_, b, err := h.Identity.Open(sealed)
	belongs := h.Identity.Credential().Place
	if err != nil || belongs == nil || !belongs.SaidBefore(b) {
		return nil
	}
	switch b.ClusterUID {
	case "", belongs.UID:
		return nil
	case h.Self.ClusterUID:
		if err := h.Identity.Settle(ctx, protocol.Place{UID: b.ClusterUID, Epoch: b.Epoch,
			Generation: b.Generation}); err != nil {
			return err
		}
		h.Log.Info("the hub decided that the credential belongs to this cluster", "uid", b.ClusterUID, "generation",
			b.Generation)
		return ErrDecided
	}
	return nil
}

// report makes the reports of an agent that holds.
func (h *Hold) report(belongs protocol.Place, text string) func() []byte {
	return func() []byte {
		who, self := h.Identity.Credential(), h.Self
		self.Trust, self.Expires = who.Trust.ID(), who.Expires
		return report.Fit(protocol.Report{Version: protocol.Version, Cluster: who.Cluster, Seq: h.Next(), Time: time.Now(),
			Agent: self, Message: text,
			Apps: []protocol.AppReport{}, Held: []protocol.Held{{ID: protocol.HoldID(protocol.HoldIdentity, who.Cluster,
				belongs.UID, self.ClusterUID),
				Kind: protocol.HoldIdentity, Message: text}}})
	}
}
