package bounds

import (
	"errors"
	"net"
	"net/url"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/proxy"
)

func TestSilentServersAreLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer func() { _, _ = near.Close(), far.Close() }()
		c := quietConn{near, silence}
		go func() { _, _ = far.Read(make([]byte, 1)) }()
		begin := time.Now()
		if _, err := c.Write([]byte("?")); err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(silence-time.Second, func() { _, _ = far.Write([]byte("!")) }) // a sign of life
		if _, err := c.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		_, err := c.Read(make([]byte, 1))
		if !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(begin) != 2*silence-time.Second {
			t.Errorf("after %s: %v", time.Since(begin), err)
		}
	})
	LimitTransports()
	d, err := proxy.FromURL(&url.URL{Scheme: sshDialer}, proxy.Direct)
	if _, ok := d.(directDialer); !ok {
		t.Errorf("ssh dials with %T, %v", d, err)
	}
}
