package query

import (
	"testing"
	"time"

	"github.com/drover-dev/drover/protocol"
)

func TestBehind(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(*Cluster)
		want bool
	}{
		"nothing was reported": {func(c *Cluster) { c.Report = nil }, true},
		"an older generation":  {func(c *Cluster) { c.Report.Generation = 6 }, true},
		"another content":      {func(c *Cluster) { c.Report.Digest = "other" }, true},
		"accepted":             {func(*Cluster) {}, false},
		"offline":              {func(c *Cluster) { c.Report.Generation, c.Link.Connected = 6, false }, false},
		"revoked":              {func(c *Cluster) { c.Report.Generation, c.Joined = 6, false }, false},
		"refused": {func(c *Cluster) {
			c.Report.Generation, c.Report.Refused = 6,
				&protocol.Refusal{Generation: 7}
		}, false},
		"an older one was refused": {func(c *Cluster) {
			c.Report.Generation, c.Report.Refused = 5,
				&protocol.Refusal{Generation: 6}
		}, true},
		"nothing was published": {func(c *Cluster) { c.Desired.Generation = 0 }, false},
		"released":              {func(c *Cluster) { c.Report.Generation, c.Released = 6, time.Now() }, false},
		"pruning": {func(c *Cluster) {
			c.Report.Generation, c.Released, c.Pruning = 6, time.Now(),
				true
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			x := Cluster{Joined: true, Link: Link{Connected: true}, Desired: Desired{Generation: 7, Digest: "d"},
				Report: &protocol.Report{Generation: 7, Digest: "d"}}
			c.edit(&x)
			if got := x.Behind(); got != c.want {
				t.Errorf("behind: %t, want %t", got, c.want)
			}
		})
	}
}
