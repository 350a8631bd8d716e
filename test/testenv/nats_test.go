package testenv

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

// ask sends a JetStream request by the text protocol and returns the answer.
func ask(t *testing.T, n *NATS, subject, payload string) string {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(n.URL, "nats://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "CONNECT {\"verbose\":false}\r\nSUB inbox 1\r\nPUB %s inbox %d\r\n%s\r\n", subject, len(payload), payload)
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "MSG ") && lines.Scan() {
			return lines.Text()
		}
	}
	t.Fatalf("no answer to %s", subject)
	return ""
}

func TestNATSKeepsItsStoreAndPort(t *testing.T) {
	t.Parallel()
	n := NATST(t, "jetstream {}")
	if made := ask(t, n, "$JS.API.STREAM.CREATE.kept", `{"name":"kept","subjects":["kept.>"],"storage":"file"}`); strings.Contains(made, `"error"`) {
		t.Fatal(made)
	}
	url := n.URL
	for _, end := range []func(){n.Kill, func() {}} { // by a crash, and in order
		end()
		if err := n.Restart(within(t)); err != nil {
			t.Fatal(err)
		}
		if names := ask(t, n, "$JS.API.STREAM.NAMES", ""); n.URL != url || !strings.Contains(names, `"kept"`) {
			t.Errorf("at %s, after %s, there are the streams %s", n.URL, url, names)
		}
	}
}

func TestNATSTellsWhatIsWrongWithItsConfiguration(t *testing.T) {
	t.Parallel()
	NeedT(t)
	n, err := StartNATS(within(t), "no_such_setting: 1")
	if err == nil {
		atEnd(t, n.Stop)
		t.Fatal("started")
	}
	if !strings.Contains(err.Error(), "no_such_setting") {
		t.Errorf("got %v; want the end of the log in it", err)
	}
}
