package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/kube"
	"github.com/drover-dev/drover/agent/nats"
	"github.com/drover-dev/drover/internal/version"
	"github.com/drover-dev/drover/protocol"
)

// wiring is the program: who leads, and what the leader does.
type wiring struct {
	election *kube.Election
	client   *kube.Client
	cred     protocol.Credential
	flags    flags
	log      *slog.Logger
	listener net.Listener
	leading  atomic.Bool
}

// build puts the parts together. Nothing runs yet.
func build(f flags, stderr io.Writer) (*wiring, error) {
	log := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: f.level}))
	data, err := os.ReadFile(f.credential)
	if err != nil {
		return nil, fmt.Errorf("read the credential: %w; make one with `drover agent manifest` and name it with --credential", err)
	}
	cred, err := protocol.DecodeCredential(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.credential, err)
	}
	cfg, err := kube.LoadConfig(f.kubeconfig)
	if err != nil {
		return nil, err
	}
	client, err := kube.New(cfg, log)
	if err != nil {
		return nil, err
	}
	w := &wiring{client: client, cred: cred, flags: f, log: log}
	w.election = &kube.Election{Client: client, Namespace: f.namespace, PodName: f.podName, PodUID: f.podUID,
		Identity: f.identity, TakeOver: f.takeOver, Log: log}
	if f.listen != "" {
		if w.listener, err = net.Listen("tcp", f.listen); err != nil {
			return nil, fmt.Errorf("serve health at %s: %w; choose another address with --listen, or none with --listen=", f.listen, err)
		}
	}
	return w, nil
}

// run leads when it can, until ctx is done.
func (w *wiring) run(ctx context.Context) error {
	w.log.Info("drover-agent starts", "cluster", w.cred.Cluster, "version", version.String(), "namespace", w.flags.namespace, "identity", w.flags.identity)
	if w.listener != nil {
		stop := w.serve()
		defer stop()
	}
	err := w.election.Run(ctx, w.lead)
	w.log.Info("drover-agent ends", "cluster", w.cred.Cluster)
	return err
}

// lead is one term: an agent of its own, so that nothing is remembered from an earlier one.
func (w *wiring) lead(ctx context.Context) error {
	w.leading.Store(true)
	defer w.leading.Store(false)
	return agent.New(agent.Config{
		Credential: w.cred, Namespace: w.flags.namespace, Identity: w.flags.identity, Scope: w.flags.scope,
		Cluster: w.client, Objects: w.client, Store: kube.NewStore(w.client, w.flags.namespace),
		Bus: nats.New(w.cred, w.log), Log: w.log,
	}).Run(ctx)
}

// serve answers those who ask whether the process lives. Who waits to lead is as ready as who leads.
func (w *wiring) serve() (stop func()) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(rw http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(rw, "ok\n") })
	mux.HandleFunc("GET /readyz", func(rw http.ResponseWriter, _ *http.Request) {
		if w.leading.Load() {
			_, _ = io.WriteString(rw, "leading\n")
			return
		}
		_, _ = io.WriteString(rw, "waiting\n")
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() {
		if err := server.Serve(w.listener); !errors.Is(err, http.ErrServerClosed) {
			w.log.Warn("health is no longer served", "err", err)
		}
	}()
	return func() { _ = server.Close() }
}
