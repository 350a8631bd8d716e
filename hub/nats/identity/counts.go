package identity

import (
	"errors"
	"sync"
	"time"

	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/protocol"
)

// maxDistrusting is how many addresses are told apart of those who do not trust the hub's certificate.
const maxDistrusting = 10_000

// counts counts what was granted, refused and not taken. It is safe for concurrent use.
type counts struct {
	mu          sync.Mutex // guards what follows
	joins       hub.Joins
	distrusting map[string]struct{} // addresses of agents that do not trust the hub's certificate
	dropped     map[string]dropped  // by cluster
}

func newCounts() *counts {
	return &counts{distrusting: map[string]struct{}{}, dropped: map[string]dropped{}}
}

// Count counts what came of a request to join or renew.
func (c *counts) Count(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		c.joins.Granted++
		return
	}
	c.joins.Refused++
	c.joins.Last, c.joins.Time = err.Error(), time.Now().UTC()
}

// Unheard counts what was said in the name of a cluster and could not be verified.
func (c *counts) Unheard(cluster string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dropped[cluster] = dropped{c.dropped[cluster].count + 1, time.Now().UTC(), whyDropped(err)}
}

// Distrust counts a connection that an agent broke off because it does not trust the certificate of the embedded
// server.
func (c *counts) Distrust(host string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := &c.joins.Distrusted
	if len(c.distrusting) < maxDistrusting {
		c.distrusting[host] = struct{}{}
	}
	d.Count, d.Addresses, d.Last, d.Time = d.Count+1, len(c.distrusting), host, time.Now().UTC()
}

// now gives what was counted of requests.
func (c *counts) now() hub.Joins {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.joins
}

// of gives what was said in the name of a cluster and not taken.
func (c *counts) of(cluster string) dropped {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dropped[cluster]
}

// dropped counts what was said in the name of a cluster and was not taken.
type dropped struct {
	count uint64
	last  time.Time
	why   string
}

// whyDropped says for people what an error of verification means, and what to do.
func whyDropped(err error) string {
	switch {
	case errors.Is(err, protocol.ErrUnheard):
		return "signed with a key that was not this cluster's at that time: after a restore of the hub, or an upgrade " +
			"from one that kept no former keys, " +
			"it was said before, and there is nothing to do; if the number goes on rising, another program uses the " +
			"cluster's name: see who connects, and " +
			"run `drover cluster rotate %s`"
	case errors.Is(err, protocol.ErrNotSealed):
		return "sealed to the key of another hub: the agent joined a hub with other keys; bring those back with " +
			"`drover hub restore`, or let it join this one " +
			"with `drover agent manifest --cluster %s --replace | kubectl apply -f -`"
	}
	return "not a valid message of this cluster's agent: if the number goes on rising, see who connects with the " +
		"cluster's credential, and run " +
		"`drover cluster rotate %s`"
}
