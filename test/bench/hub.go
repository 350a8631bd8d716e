package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"github.com/drover-dev/drover/protocol"
	"github.com/drover-dev/drover/test/testenv"
	"github.com/drover-dev/drover/test/testenv/ports"
)

// hub is a running hub.
type hub struct {
	*process
	bin, dataDir string
	args         []string
	url, token   string // of its API
}

func startHub(bin, dir, repo string) (*hub, error) {
	api, bus, err := ports.Pair()
	if err != nil {
		return nil, err
	}
	h := &hub{bin: bin, dataDir: filepath.Join(dir, "hub")}
	h.args = []string{filepath.Join(bin, "drover"), "hub", "--repo", repo,
		"--data-dir", h.dataDir, fmt.Sprintf("--listen=127.0.0.1:%d", api), fmt.Sprintf("--nats-listen=127.0.0.1:%d", bus),
		fmt.Sprintf("--advertise=tls://127.0.0.1:%d", bus)}
	h.process, err = startProcess("the hub", filepath.Join(dir, "hub.log"), h.args...)
	return h, err
}

// again kills the hub without a word, and starts it again where it was.
func (h *hub) again() (err error) {
	h.Kill()
	h.process, err = startProcess("the hub", h.Log, h.args...)
	return err
}

// awaitRevision waits until the hub has resolved a commit.
func (h *hub) awaitRevision(ctx context.Context, commit string, limit time.Duration, waiting func()) error {
	return h.until(ctx, "resolve "+commit[:8], limit, func() (bool, error) {
		waiting()
		var fleet struct {
			Source struct {
				Revision protocol.Revision
				Error    string
			}
		}
		if h.url == "" && h.find() != nil {
			return false, nil // it is starting
		}
		if err := h.ask(ctx, http.MethodGet, "/api/v1/clusters?selector=env%3Dnone", &fleet); err != nil {
			return false, nil // as above
		}
		if fleet.Source.Error != "" {
			return false, errors.New(fleet.Source.Error)
		}
		return fleet.Source.Revision.Hash == commit, nil
	})
}

// until asks now and then. It is for setting things up, never for measuring.
func (h *hub) until(ctx context.Context, what string, limit time.Duration, done func() (bool, error)) error {
	for begin := time.Now(); ; {
		if err := h.ended(); err != nil {
			return err
		}
		ok, err := done()
		if ok || err != nil {
			return err
		}
		if time.Since(begin) > limit {
			return fmt.Errorf("the hub did not %s within %s; its log ends with:\n%s", what, limit, h.tail())
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}

// find reads where the hub's API is.
func (h *hub) find() error {
	data, err := os.ReadFile(filepath.Join(h.dataDir, "client.json"))
	if err != nil {
		return err
	}
	var at struct{ URL, Token string }
	if err := unmarshal(data, &at); err != nil {
		return err
	}
	h.url, h.token = at.URL, at.Token
	return nil
}

func (h *hub) ask(ctx context.Context, method, path string, answer any) error {
	req, err := http.NewRequestWithContext(ctx, method, h.url+path, http.NoBody)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+h.token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s: %s", path, resp.Status, text)
	}
	return unmarshal(text, answer)
}

// joinToken has the hub make a join token for a cluster.
func (h *hub) joinToken(ctx context.Context, cluster string) (t protocol.JoinToken, err error) {
	return t, h.ask(ctx, http.MethodPost, "/api/v1/clusters/"+cluster+"/token", &t)
}

// join buys a credential for a cluster, as its agent would.
func (h *hub) join(ctx context.Context, cluster string) (protocol.Credential, error) {
	token, err := h.joinToken(ctx, cluster)
	if err != nil {
		return protocol.Credential{}, err
	}
	return join(ctx, token)
}

// row is what the hub knows of a cluster.
type row struct {
	State, Health, Message string
	Synced                 bool
	Objects                struct{ Good, All int }
	AppRows                []struct{ Phase protocol.Phase }
}

// applied says whether all apps were applied. Without controllers they wait for their health for ever.
func (r row) applied() bool {
	for _, a := range r.AppRows {
		if a.Phase != protocol.PhaseWaiting && a.Phase != protocol.PhaseHealthy {
			return false
		}
	}
	return true
}

func (h *hub) cluster(ctx context.Context, name string) (r row, err error) {
	return r, h.ask(ctx, http.MethodGet, "/api/v1/clusters/"+name, &r)
}

// manifest is what installs a cluster's agent, as a person would get it, and the join token in it.
func (h *hub) manifest(ctx context.Context, cluster string) (text string, token []byte, err error) {
	cmd := exec.CommandContext(ctx, filepath.Join(h.bin, "drover"), "agent", "manifest", "--cluster", cluster, "--data-dir", h.dataDir)
	cmd.Env = append(os.Environ(), "DROVER_HUB=", "DROVER_TOKEN=")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", nil, fmt.Errorf("drover agent manifest: %w: %s", err, bytes.TrimSpace(stderr.Bytes()))
	}
	objects, err := testenv.Objects(string(out))
	if err != nil {
		return "", nil, err
	}
	for _, o := range objects {
		if o.Text("kind") == "Secret" && o.Text("data", "join.json") != "" {
			err := json.Unmarshal([]byte(strconv.Quote(o.Text("data", "join.json"))), &token)
			return string(out), token, err
		}
	}
	return "", nil, errors.New("drover agent manifest: there is no join token in it")
}

// work is what the hub has done for commits, as its log tells.
type work struct{ commits, affected, published int }

var resolvedLine = regexp.MustCompile(`msg=resolved .*affected=(\d+) published=(\d+)`)

// worked counts what the hub has done so far.
func (h *hub) worked() (w work, err error) {
	log, err := os.ReadFile(h.Log)
	if err != nil {
		return w, err
	}
	for _, m := range resolvedLine.FindAllSubmatch(log, -1) {
		affected, _ := strconv.Atoi(string(m[1])) // digits
		published, _ := strconv.Atoi(string(m[2]))
		w.commits, w.affected, w.published = w.commits+1, w.affected+affected, w.published+published
	}
	return w, nil
}

func (w work) since(earlier work) work {
	return work{w.commits - earlier.commits, w.affected - earlier.affected, w.published - earlier.published}
}
