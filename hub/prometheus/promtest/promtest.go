// Package promtest runs a real Prometheus with one metric, for tests.
//
// It may import internal and the standard library.
package promtest

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/drover-dev/drover/internal/race"
)

// Server is a Prometheus that scrapes one metric, errors, four times a second.
type Server struct {
	URL   string
	value atomic.Uint64 // bits of a float64
	gone  atomic.Bool
	t     *testing.T
}

// Set gives the metric a value, and waits until queries give it.
func (s *Server) Set(v float64) {
	s.t.Helper()
	s.value.Store(math.Float64bits(v))
	s.gone.Store(false)
	want := fmt.Sprintf(`"%g"]`, v)
	for deadline := time.Now().Add(race.Patience(90 * time.Second)); ; time.Sleep(20 * time.Millisecond) {
		said := "nothing"
		if resp, err := http.Get(s.URL + "/api/v1/query?query=errors"); err == nil {
			data, _ := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			said = string(data)
		}
		if strings.Contains(said, want) {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("prometheus says %s, and not %s", said, want)
		}
	}
}

// Remove removes the metric: queries give no data two seconds later.
func (s *Server) Remove() { s.gone.Store(true) }

// Serve starts a Prometheus, and ends it with the test. Where there is none the test is skipped, except where CI must
// have one.
func Serve(t *testing.T) *Server {
	t.Helper()
	program, err := exec.LookPath("prometheus")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("prometheus is missing: install the package prometheus")
		}
		t.Skip("prometheus is missing: install the package prometheus to run this test")
	}
	s := &Server{t: t}
	s.gone.Store(true)
	exporter := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if !s.gone.Load() {
			fmt.Fprintf(w, "errors{cluster=\"a\"} %g\n", math.Float64frombits(s.value.Load()))
		}
	}))
	t.Cleanup(exporter.Close)
	dir := t.TempDir()
	config := filepath.Join(dir, "prometheus.yml")
	text := fmt.Sprintf("global: {scrape_interval: 250ms, scrape_timeout: 250ms}\nscrape_configs:\n- job_name: errors\n"+
		"  static_configs: [{targets: ['%s']}]\n", strings.TrimPrefix(exporter.URL, "http://"))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	_ = ln.Close()
	var log bytes.Buffer
	cmd := exec.Command(program, "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+addr, "--query.lookback-delta=2s")
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	t.Cleanup(func() { _ = cmd.Process.Kill(); <-ended })
	s.URL = "http://" + addr
	for deadline := time.Now().Add(race.Patience(90 * time.Second)); ; {
		resp, err := http.Get(s.URL + "/-/ready")
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return s
			}
		}
		select {
		case <-ended:
			t.Fatalf("prometheus ended: %s", &log)
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatal("prometheus does not get ready")
		}
	}
}
