package metrics

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/spf13/pflag"
)

// Flag is the address that Listen takes.
func Flag(f *pflag.FlagSet, address *string) {
	f.StringVar(address, "metrics-listen", "",
		"address at which Prometheus gets /metrics without a token; the API has it for those with one")
}

// Listen answers /metrics, and nothing else, at an address of its own where no token is asked for, until stop is
// called. It does nothing if there is no address.
func (m *Metrics) Listen(address string, log *slog.Logger) (stop func(), err error) {
	if address == "" {
		return func() {}, nil
	}
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("the address for Prometheus: %w: choose another with --metrics-listen", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", m.Handler())
	s := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second,
		WriteTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10}
	log.Info("Prometheus is answered without a token", "address", "http://"+ln.Addr().String()+"/metrics")
	go func() { _ = s.Serve(ln) }()
	return func() { _ = s.Close() }, nil
}
