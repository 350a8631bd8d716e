package server

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestManyLinesOfOneKindAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		l := newServerLog(slog.New(slog.NewTextHandler(&out, nil)))
		for i := range 100 {
			l.Errorf("10.0.0.1:"+strings.Repeat("1", i%4+1)+" - cid:7 - TLS handshake error: %v", "EOF")
		}
		l.Warnf("JetStream is slow")
		time.Sleep(serverLogGap + time.Second)
		l.Errorf("10.0.0.2:5 - cid:8 - TLS handshake error: %v", "EOF")
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		if len(lines) != 3 || !strings.Contains(lines[0], "10.0.0.1") || !strings.Contains(lines[1], "slow") || !strings.Contains(lines[2], "unsaid=99") {
			t.Errorf("of 102 lines these were logged:\n%s", out.String())
		}
	})
}
