package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/hub/api"
	"github.com/drover-dev/drover/hub/bolt"
	"github.com/drover-dev/drover/hub/cmd/drover/auth"
	"github.com/drover-dev/drover/hub/cmd/drover/call"
	"github.com/drover-dev/drover/hub/cmd/drover/datadir"
	"github.com/drover-dev/drover/hub/cmd/drover/hooks"
	"github.com/drover-dev/drover/hub/cmd/drover/keysworker"
	"github.com/drover-dev/drover/hub/cmd/drover/people"
	"github.com/drover-dev/drover/hub/cmd/drover/tree"
	"github.com/drover-dev/drover/hub/cmd/drover/waves"
	"github.com/drover-dev/drover/hub/fetch"
	"github.com/drover-dev/drover/hub/git"
	"github.com/drover-dev/drover/hub/git/access"
	hubkeys "github.com/drover-dev/drover/hub/keys"
	"github.com/drover-dev/drover/hub/kustomize"
	"github.com/drover-dev/drover/hub/layout"
	"github.com/drover-dev/drover/hub/layout/cel"
	"github.com/drover-dev/drover/hub/metrics"
	"github.com/drover-dev/drover/hub/nats/identity"
	"github.com/drover-dev/drover/hub/nats/keyring"
	tokens "github.com/drover-dev/drover/hub/people"
	"github.com/drover-dev/drover/hub/resolve"
	"github.com/drover-dev/drover/hub/roles"
	"github.com/drover-dev/drover/internal/shown"
	"github.com/drover-dev/drover/internal/version"
	"github.com/drover-dev/drover/protocol"
)

// gitPassword is the environment variable for the password or token of an https repository.
const gitPassword = "DROVER_GIT_PASSWORD"

// minCredentialTTL leaves agents enough time to renew.
const minCredentialTTL = 10 * time.Minute

// hubOptions are the flags of `drover hub`.
type hubOptions struct {
	tree.Layout
	repo, branch, dataDir string
	listen, metrics       string
	nats                  natsOptions
	poll, credentialTTL   time.Duration
	auth                  access.Auth
	takeOver              bool
	sources               tree.Sources
	reverts               waves.RevertOptions
	logLevel, webhooks    string
	provider              auth.Provider
}

func newHubCommand() *cobra.Command {
	var o hubOptions
	cmd := &cobra.Command{
		Use: "hub", Short: "Run the hub: follow a repository and publish a bundle to every cluster",
		Long: `Follows one branch of a Git repository, resolves every folder below clusters/ into a signed bundle, and
publishes the bundles that changed to the clusters' agents over NATS. It runs until it is stopped; when it starts
again, it continues where it stopped.

Files in the repository may name other sources: Git repositories, charts, OCI artifacts. They are fetched with the
credentials that --credentials-dir has for their addresses. An error in a source stops only the apps that use it.

All state that must be kept is in the data directory; "drover hub backup" puts it into one file. Agents connect with
TLS only: the hub has its own certificate authority for that, which agents learn with their join token.`,
		Example: `  drover hub --repo https://git.example.com/platform/fleet.git --branch main
  drover hub --repo ~/src/fleet --data-dir /var/lib/drover
  drover hub --repo https://git.example.com/platform/fleet.git --advertise tls://hub.example.com:4222 --nats-websocket 0.0.0.0:443
  drover hub --repo git@git.example.com:platform/fleet.git --nats-url tls://nats.internal:4222`,
		Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.repo == "" {
				return usageError{errors.New("which repository? Give it with --repo, as a path or a URL")}
			}
			if o.credentialTTL < minCredentialTTL {
				return usageError{fmt.Errorf("--credential-ttl %s: it takes at least %s", o.credentialTTL, minCredentialTTL)}
			}
			return runHub(cmd.Context(), o, cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.repo, "repo", "", "the Git repository: a path, or a file, https or ssh URL")
	f.StringVar(&o.branch, "branch", "", "the branch to follow (default: the repository's own)")
	o.Layout.AddTo(f)
	f.StringVar(&o.dataDir, "data-dir", defaultDataDir(), "where the hub keeps its keys and its store [$DROVER_DATA_DIR]")
	f.StringVar(&o.listen, "listen", "127.0.0.1:7780", "address of the API, for the command line; with TLS if other machines can reach it")
	metrics.Flag(f, &o.metrics)
	o.nats.flags(cmd)
	f.DurationVar(&o.poll, "poll-interval", 30*time.Second, "how often to fetch the repository without an announced change")
	f.DurationVar(&o.credentialTTL, "credential-ttl", identity.DefaultTTL, "how long a cluster's credential is good for; its agent renews it at two thirds")
	f.StringVar(&o.auth.Username, "git-username", "", "user for an https repository (password or token: $"+gitPassword+" or --git-password-file)")
	f.StringVar(&o.auth.PasswordFile, "git-password-file", "", "file with the password or token for an https repository")
	f.StringVar(&o.auth.CAFile, "git-ca-file", "", "certificates to trust for an https repository, besides the system's")
	f.StringVar(&o.auth.KeyFile, "git-key-file", "", "private key for an ssh repository (default: the ssh agent's)")
	f.StringVar(&o.auth.KnownHostsFile, "git-known-hosts-file", "", "known hosts for an ssh repository (default: the user's)")
	f.BoolVar(&o.takeOver, "take-over", false, "publish with a new epoch although another hub does or did, "+
		"which then publishes nothing more; of no effect where nothing is in the way")
	o.sources.AddTo(f)
	o.reverts.Flags(f)
	hooks.Flag(f, &o.webhooks)
	o.provider.AddTo(f)
	f.StringVar(&o.logLevel, "log-level", "info", "debug, info, warn or error")
	cmd.AddCommand(newEndFormerCommand())
	cmd.AddCommand(datadir.Commands(datadir.Config{Connection: connect, Wrong: wrong, DataDir: defaultDataDir(),
		Running: func(dir string) (api.Client, error) { return (&connection{dataDir: dir}).client() }})...)
	return cmd
}

// hubProcess is a running hub with what it stands on; closers are undone last first.
type hubProcess struct {
	opts    hubOptions
	log     *slog.Logger
	hub     *hub.Hub
	trust   *protocol.Trust // what clusters are told to trust
	people  *tokens.Register
	roles   *roles.Keeper
	metrics *metrics.Metrics
	api     *http.Server
	ln      net.Listener
	apiURL  string
	closers []func()
}

func runHub(ctx context.Context, o hubOptions, stderr io.Writer) error {
	h := hub.New(call.Redact(o.repo))
	log, err := newLogger(stderr, o.logLevel, h.State().Shown())
	if err != nil {
		return err
	}
	if err := o.nats.check(log); err != nil {
		return err
	}
	p := &hubProcess{opts: o, log: log, hub: h}
	defer p.close()
	if err := p.open(); err != nil {
		return err
	}
	log.Info("the hub runs", "version", version.String(), "repository", p.hub.Repository, "api", p.apiURL,
		"data", o.dataDir)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		if err := p.api.Serve(p.ln); !errors.Is(err, http.ErrServerClosed) {
			cancel(err)
		}
	}()
	if err := p.hub.Run(ctx); err != nil {
		return err
	}
	if err := context.Cause(ctx); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	log.Info("the hub stops; agents keep their clusters as they are")
	return nil
}

func (p *hubProcess) close() {
	for i := len(p.closers) - 1; i >= 0; i-- {
		p.closers[i]()
	}
}

// newLogger makes a log that shows people no key of an app that names knows.
func newLogger(w io.Writer, level string, names *shown.Names) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, usageError{fmt.Errorf("--log-level %q: use debug, info, warn or error", level)}
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: l, ReplaceAttr: names.LogAttr})), nil
}

// open puts the parts together. What it opened is closed by close, also after an error.
func (p *hubProcess) open() error {
	o := p.opts
	if err := os.MkdirAll(o.dataDir, 0o700); err != nil {
		return fmt.Errorf("the data directory: %w: choose another with --data-dir", err)
	}
	keys, err := keyring.Open(filepath.Join(o.dataDir, "keys"))
	if err != nil {
		return err
	}
	if keys.New {
		p.log.Warn("new keys were made, because the data directory had none: agents that joined another hub refuse this "+
			"one. If there was a hub before, stop this one and bring its keys back with `drover hub restore`", "data", o.dataDir)
	}
	store, err := bolt.Open(filepath.Join(o.dataDir, "hub.db"), keys.Secret, p.log, keys.Former)
	if err != nil {
		return err
	}
	p.closers = append(p.closers, func() { _ = store.Close() })
	ids, err := identity.Open(o.dataDir, keys)
	if err != nil {
		return err
	}
	ids.TTL, ids.Log = o.credentialTTL, p.log
	if _, given := os.LookupEnv(gitPassword); given {
		o.auth.PasswordEnv = gitPassword
	}
	source, err := git.Open(git.Options{URL: o.repo, Branch: o.branch, Dir: filepath.Join(o.dataDir, "git"),
		PollInterval: o.poll, Login: p.login(o.auth), Log: p.log})
	if err != nil {
		return err
	}
	p.closers = append(p.closers, func() { _ = source.Close() })
	sources, err := p.follow(o.auth)
	if err != nil {
		return err
	}
	bus, err := p.connect(keys, ids)
	if err != nil {
		return err
	}
	h := p.hub
	h.Source, h.Store, h.Bus, h.Identities, h.Signers, h.Trust, h.Log = source, store, bus, ids, keys.Signers, p.trust, p.log
	h.Peers, h.Leads, h.TakeOver = bus, store, o.takeOver
	p.metrics = metrics.New(h, ids.Joins)
	if p.people, h.Journal, err = people.Open(store, keys, bus); err != nil {
		return err
	}
	if p.roles, err = people.Roles(store, h.State(), p.log); err != nil {
		return err
	}
	if err := o.provider.Open(p.people, &p.opts.sources); err != nil {
		return err
	}
	h.Sources = sources
	allowed, err := p.opts.sources.Allowed()
	if err != nil {
		return err
	}
	h.Policies, h.Gates.Condition = &layout.Layout{}, cel.Gate
	if h.Reverts, err = o.reverts.Pusher(o.repo, o.branch, o.dataDir, o.sources.Credentials); err != nil {
		return err
	}
	h.Gates.Metrics = waves.Metrics(p.opts.sources.Credentials, p.opts.sources.Local, allowed)
	holder := hubkeys.New(o.sources.Credentials.Dir, ownProgram(), keysworker.Name)
	builds := kustomize.NewWorkers(ownProgram(), kustomizeWorker)
	resolver, done, err := o.Resolver(resolve.Config{Renderer: builds, Repository: git.Addresses(o.repo), Sources: sources, NoRemoteBases: o.sources.NoBases, Store: store,
		Secret: keys.Secret, Background: true, Keys: holder})
	if err != nil {
		return err
	}
	h.Resolver = resolver
	p.closers = append(p.closers, builds.Close, holder.Close, done)
	webhooks, err := hooks.Open(o.webhooks, o.sources.Credentials.Dir, git.Addresses(o.repo), source.Poke, sources, p.log)
	if err != nil {
		return err
	}
	all := func() { source.Poke(); sources.Poke() }
	return p.serve(keys, ids, all, webhooks, store, api.Checks{Store: store.Writable, Bus: bus.Reach})
}

// login is how to log in to the repository: as the flags say, or with the credential for its address.
func (p *hubProcess) login(flags access.Auth) func(context.Context) (access.Auth, error) {
	return func(ctx context.Context) (access.Auth, error) {
		if flags != (access.Auth{}) || p.opts.sources.Credentials.Dir == "" {
			return flags, nil
		}
		c, err := p.opts.sources.Credentials.Find(ctx, p.opts.repo, "", false)
		if c.URLs == nil || err != nil {
			return flags, err
		}
		return tree.AuthOf(c), nil
	}
}

// follow keeps the sources beside the repository up to date.
func (p *hubProcess) follow(own access.Auth) (*fetch.Follower, error) {
	for _, name := range p.opts.sources.Credentials.Exposed() {
		p.log.Warn("every user of this machine may read a credential: chmod o-r it", "file", name, "in", p.opts.sources.Credentials.Dir)
	}
	if err := p.opts.sources.Credentials.Check(); err != nil {
		p.log.Warn("some credentials cannot be used; the others are", "err", err)
	}
	dir := filepath.Join(p.opts.dataDir, "sources")
	open, err := p.opts.sources.Opener(dir, p.opts.repo, own, p.log)
	if err != nil {
		return nil, err
	}
	f := fetch.NewFollower(dir, open, 0, p.log)
	p.closers = append(p.closers, f.Close)
	return f, nil
}

// serve opens the API and tells the command line where it is.
func (p *hubProcess) serve(keys *keyring.Keys, ids api.Identities, poke func(), webhooks api.Webhooks,
	store io.WriterTo, checks api.Checks) error {
	token, err := people.SharedToken(filepath.Join(p.opts.dataDir, "token"))
	if err != nil {
		return err
	}
	p.ln, err = net.Listen("tcp", p.opts.listen)
	if err != nil {
		return fmt.Errorf("the API: %w: choose another address with --listen", err)
	}
	s := &api.Server{State: p.hub.State(), Identities: ids, Approve: p.hub.Approve, Held: p.hub.Held, Forget: p.hub.Forget, Rollouts: hub.RolloutsOf(p.hub),
		Accept: p.hub.Accept, Poke: poke, Webhooks: webhooks, Checks: checks,
		Trust: *p.trust, KeysMade: keys.Made, Store: store, Token: token, People: p.people,
		Journal: p.hub.Journal, Asker: p.hub.Bus, Access: p.roles, Metrics: p.metrics.Handler(), Log: p.log}
	p.api = &http.Server{Handler: s.Handler()}
	api.Limit(p.api)
	p.closers = append(p.closers, func() { _ = p.api.Close() })
	known, err := p.secure(keys)
	if err != nil {
		return err
	}
	known.Token = token
	p.apiURL = known.URL
	stop, err := p.metrics.Listen(p.opts.metrics, p.log)
	if err != nil {
		return err
	}
	p.closers = append(p.closers, stop)
	return writeClientFile(p.opts.dataDir, known)
}

// secure has the API speak TLS, unless only this machine can reach it, and says how it is reached.
func (p *hubProcess) secure(keys *keyring.Keys) (clientInfo, error) {
	addr := p.ln.Addr().(*net.TCPAddr)
	if addr.IP.IsLoopback() {
		return clientInfo{URL: "http://" + addr.String()}, nil
	}
	certificate, err := p.certificate(keys)
	if err != nil {
		return clientInfo{}, err
	}
	p.ln = tls.NewListener(p.ln, &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: certificate})
	known := clientInfo{URL: "https://" + net.JoinHostPort(reachable(addr.IP), strconv.Itoa(addr.Port)), CA: keys.CA()}
	if p.opts.nats.tlsCert != "" {
		known.CA, err = readCA("--tls-ca", p.opts.nats.tlsCA)
	}
	return known, err
}
