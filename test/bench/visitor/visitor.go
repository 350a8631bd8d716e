// Package visitor is agents without clusters, which join and report that all is well. It may import agent/credential,
// agent/nats and protocol.
package visitor

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/drover-dev/drover/agent/credential"
	agentnats "github.com/drover-dev/drover/agent/nats"
	"github.com/drover-dev/drover/protocol"
)

// Visitor is the session of an agent that has no cluster: the very one that agents have, with its pauses. It joins, and
// whenever it is connected it reports that all is well.
type Visitor struct {
	name string
	id   *credential.Identity
	bus  *agentnats.Session
	stop context.CancelFunc
	done chan struct{}

	mu     sync.Mutex // guards what follows
	moved  chan struct{}
	up     bool
	at     time.Time // when up changed
	sum    [sha256.Size]byte
	others int // bundles that came and were another than the one before
	report protocol.Report
}

// box is a vault in memory.
type box struct {
	mu                  sync.Mutex // guards what follows
	credential, pending []byte
}

func (b *box) Load(context.Context) (credential, pending []byte, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.credential, b.pending, nil
}

func (b *box) Save(_ context.Context, credential, pending []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.credential, b.pending = credential, pending
	return nil
}

// Credential is what it has joined with.
func (v *Visitor) Credential() protocol.Credential { return v.id.Credential() }

// patience is how long joining and a report may take.
const patience = 2 * time.Minute

// Visit joins as a cluster, with the token in a file, and stays connected from then on.
func Visit(ctx context.Context, name, token string) (*Visitor, error) {
	log := slog.New(slog.DiscardHandler)
	v := &Visitor{name: name, id: credential.NewIdentity(&box{}, log), moved: make(chan struct{}), done: make(chan struct{})}
	v.bus = agentnats.New(agentnats.Config{Identity: v.id, TokenFile: token, Log: log})
	v.report = protocol.Report{Version: protocol.Version, Cluster: name, Agent: protocol.Agent{Version: "bench", Identity: "bench", Started: time.Now()}}
	joining, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := v.bus.Join(joining); err != nil {
		return nil, fmt.Errorf("%s does not join: %w %s", name, err, v.bus.Trouble())
	}
	if err := os.Remove(token); err != nil {
		return nil, err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx)) // until close
	v.stop = stop
	go func() {
		defer close(v.done)
		_ = v.bus.Run(running, v.deliver, v.connected, v.asked) // it ends when it is told to
	}()
	return v, nil
}

// Close ends its session.
func (v *Visitor) Close() {
	v.stop()
	<-v.done
}

// deliver takes a bundle, and reports that all of it runs if it is news.
func (v *Visitor) deliver(sealed []byte) {
	sum := sha256.Sum256(sealed)
	v.mu.Lock()
	defer v.mu.Unlock()
	if sum == v.sum {
		return
	}
	b, err := v.open(sealed)
	if err != nil {
		return // one that this cluster cannot read is waited for in vain, and that is said
	}
	v.sum = sum
	v.others++
	v.report.Generation, v.report.Digest, v.report.Revision, v.report.Apps = b.Generation, b.Digest(), b.Revision, nil
	for _, a := range b.Apps {
		if a.Blob != nil {
			v.report.Apps = append(v.report.Apps, protocol.AppReport{Name: a.Name, Phase: protocol.PhaseHealthy, Health: protocol.HealthCurrent,
				Revision: a.Revision, Digest: a.Blob.Digest, Objects: a.Blob.Objects, Current: a.Blob.Objects})
		}
	}
	v.tell()
}

// asked reports again, if the hub may have missed it.
func (v *Visitor) asked(a protocol.Ask) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if a.Kind == protocol.AskFetch && v.report.Generation > 0 {
		v.tell()
	}
}

func (v *Visitor) open(sealed []byte) (protocol.Bundle, error) {
	cred := v.id.Credential()
	envelope, err := protocol.Unseal(cred.OpenKey, v.name, sealed)
	if err != nil {
		return protocol.Bundle{}, err
	}
	return protocol.VerifyBundle(envelope, v.name, cred.SigningKeys())
}

func (v *Visitor) connected(up bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.up, v.at = up, time.Now()
	if up && v.report.Generation > 0 {
		v.tell() // as an agent does: the hub may have missed anything
	}
	v.move()
}

// tell reports, without waiting for it. v.mu is held.
func (v *Visitor) tell() {
	v.report.Seq++
	v.report.Time = time.Now()
	data, err := json.Marshal(v.report)
	if err != nil {
		return // plain data: cannot happen
	}
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		_ = v.bus.Report(ctx, data) // what does not arrive is told again when it is connected again
	}()
	v.move()
}

// move wakes those who wait. v.mu is held.
func (v *Visitor) move() {
	close(v.moved)
	v.moved = make(chan struct{})
}

// await waits until cond, which is called with v.mu held, holds.
func (v *Visitor) await(ctx context.Context, what string, cond func() bool) error {
	for {
		v.mu.Lock()
		ok, moved := cond(), v.moved
		v.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("%s: timed out waiting for %s; %s", v.name, what, v.bus.Trouble()), context.Cause(ctx))
		}
	}
}

// Settled waits until it is connected, and has the first bundle.
func (v *Visitor) Settled(ctx context.Context) error {
	return v.await(ctx, "its bundle", func() bool { return v.up && v.others > 0 })
}

// Back waits until it is connected again after a cut, and says when that was.
func (v *Visitor) Back(ctx context.Context, cut time.Time) (time.Time, error) {
	var at time.Time
	err := v.await(ctx, "the hub", func() bool {
		at = v.at
		return v.up && v.at.After(cut)
	})
	return at, err
}

// Bundles is how many there were that were not the one before.
func (v *Visitor) Bundles() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.others
}
