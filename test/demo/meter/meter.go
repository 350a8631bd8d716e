// Package meter measures the demo's payment service, as an exporter of the service would: by version and cluster, the
// ratio of payments that fail. A gate asks Prometheus for it or, on a machine without Prometheus, the exporter itself.
//
// It may import testenv and the standard library.
package meter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"github.com/drover-dev/drover/test/testenv/ports"
)

// Metric is the name of the exporter's gauge, which has the labels cluster and version.
const Metric = "payment_failure_ratio"

// Reading is what was measured of one version in one cluster.
type Reading struct {
	Cluster, Version string
	Failed           float64 // ratio of its payments, from 0 to 1
}

// Meter is the exporter, and the address of the Prometheus that scrapes it, if the machine has one.
type Meter struct {
	exporter net.Listener
	reserved net.Listener // holds the port of Prometheus until Prometheus starts; nil without one
	program  string       // path of Prometheus; "" without one
	server   *http.Server // nil before Serve
}

// Open reserves the addresses: the hub has to be told Address when it starts, long before anything answers there.
// prometheus is the program's name, looked for in PATH, or its path. Close releases the addresses.
func Open(prometheus string) (*Meter, error) {
	m := &Meter{}
	var err error
	if m.exporter, err = ports.Listen(); err != nil {
		return nil, err
	}
	if m.program, err = exec.LookPath(prometheus); err != nil {
		m.program = ""
		return m, nil
	}
	if m.reserved, err = ports.Listen(); err != nil {
		return nil, errors.Join(err, m.exporter.Close())
	}
	return m, nil
}

// Prometheus says whether the machine has one.
func (m *Meter) Prometheus() bool { return m.program != "" }

// Address is the host and port that the gate asks: those of Prometheus or, without one, of the exporter.
func (m *Meter) Address() string {
	if m.reserved != nil {
		return m.reserved.Addr().String()
	}
	return m.exporter.Addr().String()
}

// Serve answers with what read measures: at /metrics for Prometheus, and at /worst?clusters=REGEXP as JSON. It may be
// called once. read is called by several requests at the same time.
func (m *Meter) Serve(read func(context.Context) []Reading) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "# TYPE %s gauge\n", Metric)
		for _, one := range read(r.Context()) {
			fmt.Fprintf(w, "%s{cluster=%q,version=%q} %g\n", Metric, one.Cluster, one.Version, one.Failed)
		}
	})
	mux.HandleFunc("GET /worst", func(w http.ResponseWriter, r *http.Request) {
		clusters, err := regexp.Compile("^(?:" + r.URL.Query().Get("clusters") + ")$") // anchored, as in PromQL
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		var worst struct {
			Failed *float64 `json:"failed"` // null where no such cluster was measured
		}
		for _, one := range read(r.Context()) {
			if clusters.MatchString(one.Cluster) && (worst.Failed == nil || one.Failed > *worst.Failed) {
				worst.Failed = &one.Failed
			}
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(worst) // a client that is gone needs no answer
	})
	m.server = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = m.server.Serve(m.exporter) }() // it ends with Close
}

// Gate declares the gate in a RolloutPolicy: a list with one item, of that name, which needs count measurements below
// limit in a row, and fails with the first that is not.
func (m *Meter) Gate(name string, interval time.Duration, count int, limit float64) string {
	asks := fmt.Sprintf("web:\n    url: \"http://%s/worst?clusters=${wave.clusters}\"\n    jsonPath: \"{$.failed}\"",
		m.Address())
	result := "result"
	if m.Prometheus() {
		asks = fmt.Sprintf("prometheus: {address: \"http://%s\"}\n  query: max(%s{cluster=~\"${wave.clusters}\"})",
			m.Address(), Metric)
		result = "result[0]"
	}
	return fmt.Sprintf("- name: %s\n  %s\n  interval: %s\n  count: %d\n  successCondition: %s < %g\n", name, asks,
		interval, count, result, limit)
}

// scrape is how often Prometheus asks the exporter, and lookback how long its last answer counts where the next one is
// late.
const (
	scrape   = 250 * time.Millisecond
	lookback = 2 * time.Second
)

// Command releases the port of Prometheus and returns the command that starts it there, with its configuration and its
// data in dir. It has to be started at once, before another process takes the port.
func (m *Meter) Command(dir string) ([]string, error) {
	if !m.Prometheus() {
		return nil, errors.New("there is no prometheus: install Debian's package of that name")
	}
	config := filepath.Join(dir, "prometheus.yml")
	text := fmt.Sprintf("global: {scrape_interval: %[1]s, scrape_timeout: %[1]s}\nscrape_configs:\n"+
		"- job_name: payment-service\n  static_configs: [{targets: ['%[2]s']}]\n", scrape, m.exporter.Addr())
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("configure prometheus: %w", err)
	}
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, fmt.Errorf("configure prometheus: %w", err)
	}
	if err := m.reserved.Close(); err != nil {
		return nil, fmt.Errorf("release the port of prometheus: %w", err)
	}
	return []string{m.program, "--config.file=" + config, "--storage.tsdb.path=" + filepath.Join(dir, "data"),
		"--web.listen-address=" + m.Address(), "--query.lookback-delta=" + lookback.String()}, nil
}

// Worst asks as the gate does: for the worst ratio in clusters, a regular expression of their names. The error says why
// there is none, as long as Prometheus is starting or has scraped nothing.
func (m *Meter) Worst(ctx context.Context, clusters string) (float64, error) {
	var answer struct {
		Failed *float64
		Data   struct{ Result []struct{ Value []any } }
	}
	to := url.URL{Scheme: "http", Host: m.Address(), Path: "/worst",
		RawQuery: url.Values{"clusters": {clusters}}.Encode()}
	if m.Prometheus() {
		to.Path = "/api/v1/query"
		to.RawQuery = url.Values{"query": {fmt.Sprintf("max(%s{cluster=~%q})", Metric, clusters)}}.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, to.String(), nil)
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("%s answers %s", m.Address(), resp.Status)
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return 0, fmt.Errorf("read the answer of %s: %w", m.Address(), err)
	}
	if answer.Failed != nil {
		return *answer.Failed, nil
	}
	if len(answer.Data.Result) == 1 && len(answer.Data.Result[0].Value) == 2 {
		return strconv.ParseFloat(fmt.Sprint(answer.Data.Result[0].Value[1]), 64)
	}
	return 0, fmt.Errorf("%s has no %s of %s", m.Address(), Metric, clusters)
}

// Close ends the exporter and releases the addresses. Prometheus is to be stopped before.
func (m *Meter) Close() error {
	var err error
	if m.server != nil {
		err = m.server.Close()
	}
	if m.reserved != nil {
		_ = m.reserved.Close() // closed already, if Prometheus has the port
	}
	_ = m.exporter.Close() // by the server, if there is one
	return err
}
