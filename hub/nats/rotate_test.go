package nats

import (
	"testing"

	"github.com/drover-dev/drover/hub/nats/keyring"
	"github.com/drover-dev/drover/hub/nats/server"
)

func TestTheOperatorRotatesUnderAnExternalServer(t *testing.T) {
	t.Parallel()
	nodes := server.Servers{Nodes: []server.Node{{Name: "main", Host: "127.0.0.1"}}}
	e := newExternal(t, nodes)
	b := e.hub(1, "main")
	user := e.join()
	agent := e.agent(user, "main")
	publish(t, b, 1, "one")
	step := func(do func(*keyring.Keys, keyring.Kind) error, reconfigure bool, text string, generation uint64) {
		t.Helper()
		if err := do(e.keys, keyring.Operator); err != nil {
			t.Fatal(err)
		}
		e.keys = must(keyring.Open(e.keys.Dir()))
		b.Close()
		if reconfigure {
			e.kill("main")
			e.add(nodes)
		}
		b = e.hub(1, "main")
		publish(t, b, generation, text)
		agent = e.agent(user, "main")
		sees(t, agent, text)
	}
	step((*keyring.Keys).Begin, true, "two", 2)     // the server trusts both
	step((*keyring.Keys).Finish, false, "three", 3) // the accounts come from the new one, the server still trusts both
	e.kill("main")
	e.add(nodes) // it trusts the new one alone
	sees(t, e.agent(user, "main"), "three")
}
