package query

import (
	"fmt"
	"time"
)

// Urged is how often a connected agent was asked to fetch a bundle that it has not accepted.
type Urged struct {
	Generation uint64    // of the bundle
	Times      int       // 0 if it was not
	Last       time.Time // when it was asked last
}

// Behind says whether the agent is connected and has neither accepted nor refused what was published last.
func (c Cluster) Behind() bool {
	if !c.Link.Connected || !c.Joined || c.Desired.Generation == 0 || !c.Released.IsZero() && !c.Pruning {
		return false
	}
	r := c.Report
	switch {
	case r == nil:
		return true
	case r.Refused != nil && r.Refused.Generation == c.Desired.Generation:
		return false
	}
	return r.Generation != c.Desired.Generation || r.Digest != c.Desired.Digest
}

// behind says that a published generation was not accepted, and what is done about it.
func (c Cluster) behind(generation uint64) string {
	text := fmt.Sprintf("generation %d was published and not accepted yet", generation)
	if c.Urged.Times == 0 || c.Urged.Generation != generation || !c.Behind() {
		return text
	}
	times := "once"
	if c.Urged.Times > 1 {
		times = fmt.Sprintf("%d times", c.Urged.Times)
	}
	return fmt.Sprintf("%s: its agent is connected and was asked %s to fetch it, last at %s; if that goes on, see "+
		"`kubectl -n drover-system logs ds/drover-agent` in that "+
		"cluster", text, times, c.Urged.Last.UTC().Format(time.RFC3339))
}
