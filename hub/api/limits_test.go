package api

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/internal/race"
)

func TestWatchersAreLimitedAndMakeRoomWhenTheyGo(t *testing.T) {
	t.Parallel()
	c, _ := serve(t)
	watch := func() (end func(), err error) {
		ctx, cancel := context.WithCancel(t.Context())
		resp, err := c.send(ctx, http.MethodGet, "/api/v1/watch", nil)
		if err != nil {
			cancel()
			return nil, err
		}
		if _, err := bufio.NewReader(resp.Body).ReadString('\n'); err != nil { // it is one
			t.Error(err)
		}
		return func() { cancel(); _ = resp.Body.Close() }, nil
	}
	var ends []func()
	for range maxWatchers {
		end, err := watch()
		if err != nil {
			t.Fatal(err)
		}
		ends = append(ends, end)
	}
	if _, err := watch(); err == nil || !strings.Contains(err.Error(), "live answers") {
		t.Errorf("one more than %d: %v", maxWatchers, err)
	}
	if _, err := c.Clusters(t.Context(), ""); err != nil {
		t.Errorf("a question that is not live: %v", err)
	}
	ends[0]()
	deadline := time.Now().Add(race.Patience(90 * time.Second))
	for end, err := watch(); ; end, err = watch() {
		if err == nil {
			ends[0] = end
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("after one went: %v", err)
		}
		time.Sleep(10 * time.Millisecond)
	}
	for _, end := range ends {
		end()
	}
}

func TestWhoConnectsAndSaysNothingIsCutOff(t *testing.T) {
	t.Parallel()
	s := &Server{State: hub.New("/fleet").State(), Identities: nobody{}, Token: "the-token", Log: slog.New(slog.DiscardHandler)}
	server := httptest.NewUnstartedServer(s.Handler())
	Limit(server.Config)
	if server.Config.ReadHeaderTimeout == 0 || server.Config.ReadTimeout == 0 || server.Config.IdleTimeout == 0 {
		t.Error("a time-out is missing")
	}
	server.Config.ReadHeaderTimeout, server.Config.ReadTimeout = 100*time.Millisecond, 200*time.Millisecond
	server.Start()
	defer server.Close()
	for name, said := range map[string]string{
		"nothing":       "",
		"half a header": "GET /api/v1/clusters HTTP/1.1\r\nHost: ",
		"half a body":   "POST /api/v1/approve HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer the-token\r\nContent-Length: 100\r\n\r\n{",
	} {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, said); err != nil {
			t.Fatal(err)
		}
		_ = conn.SetReadDeadline(time.Now().Add(race.Patience(90 * time.Second)))
		if _, err := io.Copy(io.Discard, conn); err != nil {
			t.Errorf("%s: the connection is held: %v", name, err)
		}
		_ = conn.Close()
	}
	// A live answer outlasts the time that a request may take.
	c := Client{URL: server.URL, APIToken: "the-token"}
	resp, err := c.send(t.Context(), http.MethodGet, "/api/v1/watch", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	ended := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, resp.Body)
		ended <- err
	}()
	select {
	case err := <-ended:
		t.Errorf("a live answer ended: %v", err)
	case <-time.After(time.Second):
	}
}
