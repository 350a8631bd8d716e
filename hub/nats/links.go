package nats

import (
	"context"
	"encoding/json"
	"maps"
	"time"

	natsgo "github.com/nats-io/nats.go"

	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/hub/nats/limits"
	"github.com/drover-dev/drover/hub/nats/servers"
)

// links knows who is connected, from the events of the system account.
type links struct {
	ears    *ears
	servers *servers.Servers
	account string // of the agents
	to      hub.Listener
	// live are the connections by cluster; those of users that are no cluster's yet are under "".
	live map[string]map[string]limits.Connection
	// While questions are under way, what events said since is kept: it is newer than what will be answered.
	asking  int             // questions under way
	touched map[string]bool // connections that came or went meanwhile
}

func newLinks(e *ears, s *servers.Servers, account string, to hub.Listener) *links {
	return &links{ears: e, servers: s, account: account, to: to,
		live: map[string]map[string]limits.Connection{}, touched: map[string]bool{}}
}

func (l *links) subscribe(call func(func())) error {
	hear := func(event string, up bool) error {
		_, err := l.servers.Conn().Subscribe("$SYS.ACCOUNT."+l.account+"."+event, func(m *natsgo.Msg) {
			var c limits.Connection
			if json.Unmarshal(m.Data, &c) != nil {
				return
			}
			if up && l.ears.meter.Came(c, time.Now()) || !up && l.ears.meter.Went(c, time.Now()) {
				l.ears.flooded(c.Client.User)
			}
			call(func() {
				cluster, _ := l.ears.ids.ClusterOf(c.Client.User)
				l.note(cluster, c, up)
			})
		})
		return err
	}
	if err := hear("CONNECT", true); err != nil {
		return err
	}
	return hear("DISCONNECT", false)
}

// note takes in that a connection came or went. A cluster is connected while any of its connections is.
func (l *links) note(cluster string, c limits.Connection, up bool) {
	if l.asking > 0 {
		l.touched[c.Key()] = true
	}
	was := len(l.live[cluster]) > 0
	at := c.Client.Start
	if up {
		if l.live[cluster] == nil {
			l.live[cluster] = map[string]limits.Connection{}
		}
		l.live[cluster][c.Key()] = c
	} else {
		delete(l.live[cluster], c.Key())
		at = c.Client.Stop // zero where its end was not heard of
	}
	if cluster != "" {
		l.crowd(cluster, c)
	}
	if is := len(l.live[cluster]) > 0; is != was && cluster != "" {
		if at.IsZero() {
			at = time.Now()
		}
		l.to.Link(cluster, is, at)
	}
}

// learned takes in that a user is a cluster's.
func (l *links) learned(cluster, user string) {
	for _, c := range maps.Clone(l.live[""]) {
		if c.Client.User == user {
			l.note("", c, false)
			l.note(cluster, c, true)
		}
	}
}

// refresh asks all servers who is connected: events were missed while the hub was away. Servers that do not
// answer within a second are taken to be gone, with their connections.
func (l *links) refresh(ctx context.Context, call func(func())) {
	call(func() { l.asking++ })
	found, err := l.servers.Connections(ctx)
	if err != nil {
		l.ears.log.Debug("who is connected cannot be told", "err", err)
		call(l.asked)
		return
	}
	byCluster := map[string]map[string]limits.Connection{}
	for _, c := range found {
		cluster, _ := l.ears.ids.ClusterOf(c.Client.User) // those of users that are no cluster's are under ""
		if byCluster[cluster] == nil {
			byCluster[cluster] = map[string]limits.Connection{}
		}
		byCluster[cluster][c.Key()] = c
	}
	call(func() { l.replace(byCluster) })
}

// asked ends a question.
func (l *links) asked() {
	if l.asking--; l.asking == 0 {
		clear(l.touched)
	}
}

// replace takes an answer for what is live, but for connections that came or went since it was asked for.
func (l *links) replace(found map[string]map[string]limits.Connection) {
	defer l.asked()
	since := maps.Clone(l.touched)
	for cluster, conns := range l.live {
		for key, c := range conns {
			if _, still := found[cluster][key]; !still && !since[key] {
				l.note(cluster, c, false)
			}
		}
	}
	for cluster, conns := range found {
		for key, c := range conns {
			if !since[key] {
				l.note(cluster, c, true)
			}
		}
	}
}
