package testenv

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/drover-dev/drover/test/testenv/ports"
)

// NATS is a running nats-server, in a process of its own.
type NATS struct {
	URL  string // where clients reach it
	Port int    // of URL; it stays the same over restarts
	Dir  string // holds the configuration, the store and the log; removed by Stop

	bin string
	dir *TempDir
	p   *Process
}

// StartNATS starts a nats-server with a configuration in its own language, which may be empty. Address, port, name and
// JetStream's directory are set from here; the configuration says the rest, such as "jetstream {}" to have JetStream at
// all. Other ports that it names come from FreePort. ctx limits the start only.
func StartNATS(ctx context.Context, config string, opts ...Option) (*NATS, error) {
	bin, err := Binaries(ctx, newOptions(opts).log, "nats-server")
	if err != nil {
		return nil, err
	}
	dir, err := NewTempDir("nats")
	if err != nil {
		return nil, err
	}
	n := &NATS{Dir: dir.Path, dir: dir, bin: bin["nats-server"]}
	err = os.WriteFile(dir.File("nats.conf"), []byte(config), 0o600)
	if err == nil {
		err = retryPorts(func() (err error) {
			if n.Port, err = ports.Free(); err != nil {
				return err
			}
			n.URL = fmt.Sprintf("nats://127.0.0.1:%d", n.Port)
			return n.run(ctx)
		})
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start nats-server: %w", err), n.Stop())
	}
	return n, nil
}

// run runs the server until it greets its clients.
func (n *NATS) run(ctx context.Context) (err error) {
	name := filepath.Base(n.Dir)
	n.p, err = StartProcess("nats-server", n.dir.File("nats.log"), nil, n.bin, "--config", n.dir.File("nats.conf"),
		"--addr", "127.0.0.1", "--port", strconv.Itoa(n.Port), "--name", name, "--store_dir", n.dir.File("store"))
	if err != nil {
		return err
	}
	return n.p.await(ctx, startLimit, func(ctx context.Context) error { return n.greets(ctx, name) })
}

// greets reads the line with which the server receives a client, because on a port that another process was faster to
// take, another's server would answer.
func (n *NATS) greets(ctx context.Context, name string) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(n.Port)))
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })() // who listens may say nothing
	line, err := bufio.NewReader(conn).ReadBytes('\n')
	if err != nil {
		return err
	}
	var info struct {
		Name string `json:"server_name"`
	}
	if err := json.Unmarshal(bytes.TrimPrefix(line, []byte("INFO ")), &info); err != nil {
		return fmt.Errorf("read the greeting %q: %w", line, err)
	}
	if info.Name != name {
		return fmt.Errorf("another server, %s, listens at %s", info.Name, n.URL)
	}
	return nil
}

// Kill ends the server at once, as a crash of its machine would.
func (n *NATS) Kill() { n.p.Kill() }

// Restart starts the server again, having ended it in order if it runs, on the same port and with the same store.
func (n *NATS) Restart(ctx context.Context) error {
	n.p.Stop(5 * time.Second)
	if err := n.run(ctx); err != nil {
		return fmt.Errorf("start nats-server again: %w", err)
	}
	return nil
}

// Configure replaces the configuration; Restart brings it into force.
func (n *NATS) Configure(config string) error {
	return os.WriteFile(n.dir.File("nats.conf"), []byte(config), 0o600)
}

// Stop ends the server and removes its directory.
func (n *NATS) Stop() error {
	n.p.Stop(5 * time.Second)
	return n.dir.Remove()
}
