package server

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/drover-dev/drover/hub/nats/limits"
	"github.com/nats-io/nats-server/v2/server"
)

// serverLogGap is the least time between two lines of one kind.
const serverLogGap = time.Minute

// serverLog hands the server's own log on. Its notices are for its developers. A client that can reach the
// server must not be
// able to fill the log, nor thousands of agents that come back at once: a line of a kind that was logged within the
// last minute is counted, and the next one says how many there were.
type serverLog struct {
	log    *slog.Logger
	failed chan string // why the server cannot start, once
	// distrusted, if not nil, is told from where a client came that does not trust the certificate.
	distrusted func(host string)

	mu   sync.Mutex
	said map[string]*saidLine // by kind
}

// saidLine is what is remembered of a kind of line.
type saidLine struct {
	at   time.Time
	more int // not logged since
}

var _ server.Logger = (*serverLog)(nil)

func newServerLog(log *slog.Logger) *serverLog {
	return &serverLog{log: log.With("part", "nats-server"), said: map[string]*saidLine{}, failed: make(chan string, 1)}
}

// warn logs a line, if it is time for one of its kind: that is its format without the client, which the server puts
// before it.
func (l *serverLog) warn(format string, v []any) {
	kind := format[strings.LastIndex(format, " - ")+1:]
	l.mu.Lock()
	defer l.mu.Unlock()
	line := l.said[kind]
	if line == nil {
		if len(l.said) >= limits.MaxOnce {
			clear(l.said)
		}
		line = &saidLine{}
		l.said[kind] = line
	}
	if time.Since(line.at) < serverLogGap {
		line.more++
		return
	}
	attrs := []any{}
	if line.more > 0 {
		attrs = append(attrs, "unsaid", line.more)
	}
	line.at, line.more = time.Now(), 0
	l.log.Warn(fmt.Sprintf(format, v...), attrs...)
}

func (l *serverLog) Noticef(format string, v ...any) { l.log.Debug(fmt.Sprintf(format, v...)) }
func (l *serverLog) Warnf(format string, v ...any)   { l.warn(format, v) }

// Errorf logs an error, and has refused handshakes counted.
func (l *serverLog) Errorf(format string, v ...any) {
	if l.distrusted != nil {
		if host, is := distrusting(fmt.Sprintf(format, v...)); is {
			l.distrusted(host)
		}
	}
	l.warn(format, v)
}

func (l *serverLog) Debugf(string, ...any) {}
func (l *serverLog) Tracef(string, ...any) {}

// Fatalf is why the server ends as soon as it began: whoever started it says so.
func (l *serverLog) Fatalf(format string, v ...any) {
	select {
	case l.failed <- fmt.Sprintf(format, v...):
	default:
		l.log.Error(fmt.Sprintf(format, v...))
	}
}
