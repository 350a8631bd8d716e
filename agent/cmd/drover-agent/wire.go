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

	"github.com/drover-dev/drover/agent/credential"
	"github.com/drover-dev/drover/agent/deliver"
	"github.com/drover-dev/drover/agent/kube"
	"github.com/drover-dev/drover/agent/kube/inspect"
	"github.com/drover-dev/drover/agent/nats"
	"github.com/drover-dev/drover/agent/pluginhost"
	"github.com/drover-dev/drover/agent/upgrade"
	"github.com/drover-dev/drover/internal/shown"
	"github.com/drover-dev/drover/internal/version"
	"github.com/drover-dev/drover/protocol"
)

// wiring is the program: who leads, and what the leader does.
type wiring struct {
	election *kube.Election
	client   *kube.Client // as what the pod runs as
	acting   *kube.Client // as the agent that leads
	leader   *kube.Leader // nil, if that is the same
	flags    flags
	log      *slog.Logger
	shown    *shown.Names // what the log shows for the keys of apps
	listener net.Listener
	upgrade  upgrade.Upgrade
	trial    *upgrade.Trial // nil, if this version need not prove itself
	admitted atomic.Bool    // it may take part in leading
	plugins  *pluginhost.Host
}

// build puts the parts together. Nothing runs yet.
func build(f flags, stderr io.Writer) (*wiring, error) {
	names := shown.New()
	log := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: f.level, ReplaceAttr: names.LogAttr}))
	cfg, err := kube.LoadConfig(f.kubeconfig)
	if err != nil {
		return nil, err
	}
	client, err := kube.New(cfg, log)
	if err != nil {
		return nil, err
	}
	w := &wiring{client: client, acting: client, flags: f, log: log, shown: names, plugins: &pluginhost.Host{Path: beside(pluginhost.Program), Folder: f.plugins, Log: log}}
	if f.leaderAccount != "" {
		if w.acting, w.leader, err = kube.NewLeader(cfg, client, f.namespace, f.leaderAccount); err != nil {
			return nil, err
		}
	}
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
	if w.leader != nil {
		defer w.leader.Forget()
	}
	identity := credential.NewIdentity(kube.NewVault(w.acting, w.flags.namespace), w.log)
	session := nats.Config{Identity: identity, TokenFile: w.flags.join, Log: w.log}
	if name := w.flags.joinSecret; name != "" {
		session.TokenFile = "Secret/" + w.flags.namespace + "/" + name
		session.Token = func(ctx context.Context) ([]byte, error) {
			return kube.JoinToken(ctx, w.acting, w.flags.namespace, name)
		}
		session.Spent = func(ctx context.Context, user string) error {
			return kube.EmptyJoinToken(ctx, w.acting, w.flags.namespace, name, func(data []byte) bool {
				t, err := protocol.DecodeJoinToken(data)
				return err == nil && t.User == user
			})
		}
	}
	bus := nats.New(session)
	var reported func()
	if w.trial != nil {
		reported = w.trial.Reported
	}
	return deliver.New(deliver.Config{
		Identity: identity, Namespace: w.flags.namespace, Name: w.flags.identity, Image: cmp.Or(w.upgrade.Image, w.flags.image), Scope: w.flags.scope,
		Cluster: w.acting, Objects: w.acting.With, Plugins: w.plugins, Store: kube.NewStore(w.acting, w.flags.namespace), Bus: bus, Log: w.log,
		Reader: inspect.New(w.acting), Answers: w.flags.answers,
		Upgrade: w.upgrade, Term: w.election.Term(), Reported: reported, Outdated: w.outdated(), Shown: w.shown,
	}).Run(ctx)
}

// outdated says, for the report, that the manifest that this pod was made of is of before pods had no rights of their own.
func (w *wiring) outdated() string {
	if w.flags.podName == "" || w.leader != nil {
		return ""
	}
	return "the agent was installed from an older manifest, by which each node that runs it holds a token with all its rights: " +
		"run `drover agent install` or apply `drover agent manifest` again"
}

// serve answers those who ask whether the process lives. Who waits to lead is as ready as who leads, and so is who has no
// session with the hub: it keeps the cluster, and to end it would help nobody. What a person has to do is said. A version that
// has to prove itself is ready when it has. Who leads, and what troubles it, is in the log and the report: any pod may ask here.
func (w *wiring) serve() (stop func()) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(rw http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(rw, "ok\n") })
	mux.HandleFunc("GET /readyz", func(rw http.ResponseWriter, _ *http.Request) {
		if !w.admitted.Load() {
			http.Error(rw, "not ready", http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(rw, "ok\n")
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second,
		IdleTimeout: time.Minute, MaxHeaderBytes: 8 << 10}
	go func() {
		if err := server.Serve(w.listener); !errors.Is(err, http.ErrServerClosed) {
			w.log.Warn("health is no longer served", "err", err)
		}
	}()
	return func() { _ = server.Close() }
}
