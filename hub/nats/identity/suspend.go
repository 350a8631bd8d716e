package identity

import "time"

// Suspend cuts a cluster's credentials off for a while from now on, and says whether it did: not where it is cut off.
func (ids *Identities) Suspend(cluster string, now time.Time, pause time.Duration) bool {
	ids.mu.Lock()
	_, known := ids.known[cluster]
	was := ids.suspended[cluster]
	if known && !was.After(now) {
		if ids.suspended == nil {
			ids.suspended = map[string]time.Time{}
		}
		ids.suspended[cluster] = now.Add(pause)
	}
	ids.mu.Unlock()
	if !known || was.After(now) {
		return false
	}
	ids.awaitEnd()
	return true
}

// maxDistrusting is how many addresses are told apart of those who do not trust the hub's certificate.
const maxDistrusting = 10_000

// Distrust counts a connection that an agent broke off because it does not trust the certificate of the embedded
// server.
func (ids *Identities) Distrust(host string) {
	ids.mu.Lock()
	defer ids.mu.Unlock()
	d := &ids.joins.Distrusted
	if len(ids.distrusting) < maxDistrusting {
		ids.distrusting[host] = struct{}{}
	}
	d.Count, d.Addresses, d.Last, d.Time = d.Count+1, len(ids.distrusting), host, time.Now().UTC()
}
