package bench

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/drover-dev/drover/protocol"
)

// session is a connection with a cluster's credential that hears what the cluster's agent hears. It does nothing about it.
type session struct {
	cred protocol.Credential
	nc   *nats.Conn

	mu    sync.Mutex // guards what follows
	heard []delivery
	news  chan struct{} // closed at the next delivery
}

// delivery is one bundle that arrived.
type delivery struct {
	at     time.Time
	sealed []byte
}

// listen connects and subscribes, as an agent does.
func listen(cred protocol.Credential) (*session, error) {
	s := &session{cred: cred, news: make(chan struct{})}
	nc, err := connect(cred.Trust, cred.Cluster, cred.JWT, cred.Seed)
	if err != nil {
		return nil, fmt.Errorf("connect as %s: %w", cred.Cluster, err)
	}
	s.nc = nc
	_, err = nc.Subscribe(protocol.DesiredSubject(cred.Cluster), func(m *nats.Msg) {
		at := time.Now()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.heard = append(s.heard, delivery{at, m.Data})
		close(s.news)
		s.news = make(chan struct{})
	})
	if err == nil {
		err = nc.Flush()
	}
	if err != nil {
		nc.Close()
		return nil, fmt.Errorf("subscribe as %s: %w", cred.Cluster, err)
	}
	return s, nil
}

func (s *session) close() { s.nc.Close() }

// forget drops what was heard so far.
func (s *session) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard = nil
}

// counted is how many bundles were heard, and their bytes.
func (s *session) counted() (bundles, bytes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.heard {
		bytes += len(d.sealed)
	}
	return len(s.heard), bytes
}

// next waits until something was heard since forget, and gives the last of it.
func (s *session) next(ctx context.Context) (delivery, error) {
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for {
		s.mu.Lock()
		n, news := len(s.heard), s.news
		if n > 0 {
			d := s.heard[n-1]
			s.mu.Unlock()
			return d, nil
		}
		s.mu.Unlock()
		select {
		case <-news:
		case <-limit.C:
			return delivery{}, fmt.Errorf("waited %s for a bundle for %s in vain", patience, s.cred.Cluster)
		case <-ctx.Done():
			return delivery{}, context.Cause(ctx)
		}
	}
}

// report says hello, gets the cluster's bundle, verifies it, and reports that all of it runs: what the hub hears once of an agent
// that has nothing to do afterwards.
func (s *session) report(ctx context.Context) error {
	key, err := signer(s.cred.Seed)
	if err != nil {
		return err
	}
	if err := s.hello(key); err != nil {
		return err
	}
	sealed, err := s.desired(ctx)
	if err != nil {
		return err
	}
	envelope, err := protocol.Unseal(s.cred.OpenKey, s.cred.Cluster, sealed)
	if err != nil {
		return err
	}
	b, err := protocol.VerifyBundle(envelope, s.cred.Cluster, s.cred.SigningKeys())
	if err != nil {
		return err
	}
	now := time.Now()
	r := protocol.Report{Version: protocol.Version, Cluster: s.cred.Cluster, Seq: 1, Time: now, Generation: b.Generation, Digest: b.Digest(),
		Revision: b.Revision, Agent: protocol.Agent{Version: "bench", Identity: "bench", Started: now}}
	for _, a := range b.Apps {
		if a.Blob == nil {
			return fmt.Errorf("app %s of %s was not rendered: %s", a.Name, s.cred.Cluster, a.Error)
		}
		r.Apps = append(r.Apps, protocol.AppReport{Name: a.Name, Phase: protocol.PhaseHealthy, Health: protocol.HealthCurrent, Revision: a.Revision,
			Digest: a.Blob.Digest, Objects: a.Blob.Objects, Current: a.Blob.Objects, Since: now})
	}
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	spoken, err := protocol.Speak(protocol.SpeechReport, s.cred.Cluster, key, s.cred.HubOpen, data)
	if err != nil {
		return err
	}
	return errors.Join(s.nc.Publish(protocol.ReportSubject(s.cred.Cluster), spoken), s.nc.FlushTimeout(patience))
}

// hello tells the hub which key to seal the cluster's bundle to.
func (s *session) hello(key ed25519.PrivateKey) error {
	open, err := protocol.OpenPublic(s.cred.OpenKey)
	if err != nil {
		return err
	}
	hello, err := protocol.SignMessage(protocol.Hello{Version: protocol.Version, Cluster: s.cred.Cluster, Time: time.Now(), JWT: s.cred.JWT, OpenKey: open}, key)
	if err != nil {
		return err
	}
	return s.nc.Publish(protocol.HelloSubject(s.cred.Cluster), hello)
}

// desired gets the cluster's bundle as an agent does when it connects. The hub may still be publishing it.
func (s *session) desired(ctx context.Context) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		m, err := s.nc.RequestWithContext(ctx, protocol.DesiredGet(s.cred.Cluster), nil)
		if err != nil {
			return nil, fmt.Errorf("get the bundle of %s: %w", s.cred.Cluster, err)
		}
		if m.Header.Get("Status") == "" {
			return m.Data, nil
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return nil, err
		}
	}
}
