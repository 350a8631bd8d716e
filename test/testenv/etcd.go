package testenv

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/drover-dev/drover/test/testenv/ports"
)

// startLimit is how long a server may take until it answers. It is far beyond the usual two seconds, for a machine may
// be busy with other builds.
const startLimit = 60 * time.Second

// Etcd is a running etcd server. Many control planes can share one, each below its own prefix.
type Etcd struct {
	URL string // where clients reach it

	fsync bool
	env   []string
	dir   *TempDir
	p     *Process
}

// StartEtcd starts an etcd server with an empty store, having built it when it is missing. ctx limits the start only;
// Stop ends the server.
func StartEtcd(ctx context.Context, opts ...Option) (*Etcd, error) {
	o := newOptions(opts)
	bin, err := Binaries(ctx, o.log, "etcd")
	if err != nil {
		return nil, err
	}
	dir, err := NewTempDir("etcd")
	if err != nil {
		return nil, err
	}
	e := &Etcd{dir: dir, fsync: o.fsync, env: o.env}
	if err := retryPorts(func() error { return e.start(ctx, bin["etcd"]) }); err != nil {
		return nil, errors.Join(fmt.Errorf("start etcd: %w", err), e.Stop())
	}
	return e, nil
}

// start starts the server on ports that are free now.
func (e *Etcd) start(ctx context.Context, path string) error {
	port, peer, err := ports.Pair()
	if err != nil {
		return err
	}
	e.URL = fmt.Sprintf("http://127.0.0.1:%d", port)
	peerURL := fmt.Sprintf("http://127.0.0.1:%d", peer)
	name := filepath.Base(e.dir.Path)
	args := []string{
		path, "--name=" + name, "--log-level=warn", "--data-dir=" + e.dir.File(fmt.Sprintf("data-%d", port)),
		"--listen-client-urls=" + e.URL, "--advertise-client-urls=" + e.URL,
		"--listen-peer-urls=" + peerURL, "--initial-advertise-peer-urls=" + peerURL, "--initial-cluster=" + name + "=" + peerURL,
		"--quota-backend-bytes=8589934592", // the most that etcd recommends: a bench writes much and compacts seldom
	}
	if !e.fsync {
		args = append(args, "--unsafe-no-fsync")
	}
	if e.p, err = StartProcess("etcd", e.dir.File("etcd.log"), e.env, args...); err != nil {
		return err
	}
	return e.p.await(ctx, startLimit, func(ctx context.Context) error { return e.isNamed(ctx, name) })
}

// isNamed asks for the server's members, because on a port that another process was faster to take, another's etcd
// would answer.
func (e *Etcd) isNamed(ctx context.Context, name string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.URL+"/v3/cluster/member/list", bytes.NewReader([]byte("{}")))
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var list struct {
		Members []struct{ Name string }
	}
	if err := json.NewDecoder(resp.Body).Decode(&list); err != nil {
		return fmt.Errorf("read etcd's members: %w", err)
	}
	if len(list.Members) != 1 || list.Members[0].Name != name {
		return fmt.Errorf("another etcd listens at %s", e.URL)
	}
	return nil
}

// Stop ends the server and removes its data.
func (e *Etcd) Stop() error {
	e.p.Stop(2 * time.Second)
	return e.dir.Remove()
}

// shared is the etcd of all control planes that were not given one.
var shared struct {
	sync.Mutex
	etcd  *Etcd
	users int
}

// acquireEtcd returns the shared etcd, started if need be, and a function that gives it back; the last one stops it.
func acquireEtcd(ctx context.Context, opts []Option) (*Etcd, func() error, error) {
	shared.Lock()
	defer shared.Unlock()
	if shared.etcd == nil {
		e, err := StartEtcd(ctx, opts...)
		if err != nil {
			return nil, nil, err
		}
		shared.etcd = e
	}
	if newOptions(opts).fsync && !shared.etcd.fsync {
		return nil, nil, errors.New("the shared etcd runs without fsync already; start another with StartEtcd and WithFsync, and pass it with WithEtcd")
	}
	shared.users++
	return shared.etcd, sync.OnceValue(releaseEtcd), nil
}

// releaseEtcd counts down the users of the shared etcd.
func releaseEtcd() error {
	shared.Lock()
	defer shared.Unlock()
	if shared.users--; shared.users > 0 {
		return nil
	}
	e := shared.etcd
	shared.etcd = nil
	return e.Stop()
}
