package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/kube"
	"github.com/drover-dev/drover/agent/nats"
	"github.com/drover-dev/drover/agent/plugins"
	"github.com/drover-dev/drover/internal/version"
)

// wiring is the program: who leads, and what the leader does.
type wiring struct {
	election *kube.Election
	client   *kube.Client
	flags    flags
	log      *slog.Logger
	listener net.Listener
	bus      atomic.Pointer[nats.Session] // while this process leads
	upgrade  agent.Upgrade
	trial    *agent.Trial // nil, if this version need not prove itself
	admitted atomic.Bool  // it may take part in leading
	plugins  *plugins.Host
}

// build puts the parts together. Nothing runs yet.
func build(f flags, stderr io.Writer) (*wiring, error) {
	log := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: f.level}))
	cfg, err := kube.LoadConfig(f.kubeconfig)
	if err != nil {
		return nil, err
	}
	client, err := kube.New(cfg, log)
	if err != nil {
		return nil, err
	}
	w := &wiring{client: client, flags: f, log: log, plugins: &plugins.Host{Path: beside(plugins.Program), Folder: f.plugins, Log: log}}
	w.election = &kube.Election{Client: client, Namespace: f.namespace, PodName: f.podName, PodUID: f.podUID,
		Identity: f.identity, TakeOver: f.takeOver, Log: log}
	if f.listen != "" {
		if w.listener, err = net.Listen("tcp", f.listen); err != nil {
			return nil, fmt.Errorf("serve health at %s: %w; choose another address with --listen, or none with --listen=", f.listen, err)
		}
	}
	return w, nil
}

// beside is the path of a program that lies beside this one.
func beside(program string) string {
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	return filepath.Join(filepath.Dir(self), program)
}

// run leads when it can, until ctx is done.
func (w *wiring) run(ctx context.Context) error {
	w.log.Info("drover-agent starts", "version", version.String(), "namespace", w.flags.namespace, "identity", w.flags.identity)
	if w.listener != nil {
		stop := w.serve()
		defer stop()
	}
	var err error
	if w.admit(ctx) == nil { // or it was told to end
		err = w.compete(ctx)
	}
	w.plugins.Close()
	w.log.Info("drover-agent ends")
	return err
}

// lead is one term: an agent of its own, so that nothing is remembered from an earlier one. Only who leads holds the
// credential and a connection.
func (w *wiring) lead(ctx context.Context) error {
	identity := agent.NewIdentity(kube.NewVault(w.client, w.flags.namespace), w.log)
	bus := nats.New(nats.Config{Identity: identity, TokenFile: w.flags.join, Log: w.log})
	w.bus.Store(bus)
	defer w.bus.Store(nil)
	var reported func()
	if w.trial != nil {
		reported = w.trial.Reported
	}
	return agent.New(agent.Config{
		Identity: identity, Namespace: w.flags.namespace, Name: w.flags.identity, Image: cmp.Or(w.upgrade.Image, w.flags.image), Scope: w.flags.scope,
		Cluster: w.client, Objects: w.client.With, Plugins: w.plugins, Store: kube.NewStore(w.client, w.flags.namespace), Bus: bus, Log: w.log,
		Upgrade: w.upgrade, Term: w.election.Term(), Reported: reported,
	}).Run(ctx)
}

// serve answers those who ask whether the process lives. Who waits to lead is as ready as who leads, and so is who has no
// session with the hub: it keeps the cluster, and to end it would help nobody. What a person has to do is said. A version that
// has to prove itself is ready when it has.
func (w *wiring) serve() (stop func()) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(rw http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(rw, "ok\n") })
	mux.HandleFunc("GET /readyz", func(rw http.ResponseWriter, _ *http.Request) {
		bus := w.bus.Load()
		switch {
		case !w.admitted.Load():
			http.Error(rw, "not proven yet", http.StatusServiceUnavailable)
		case bus == nil:
			_, _ = io.WriteString(rw, "waiting\n")
		case bus.Trouble() != "":
			_, _ = io.WriteString(rw, "leading: "+bus.Trouble()+"\n")
		default:
			_, _ = io.WriteString(rw, "leading\n")
		}
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() {
		if err := server.Serve(w.listener); !errors.Is(err, http.ErrServerClosed) {
			w.log.Warn("health is no longer served", "err", err)
		}
	}()
	return func() { _ = server.Close() }
}
