package main

import (
	"strings"
	"testing"

	"github.com/drover-dev/drover/hub/install"
	"github.com/drover-dev/drover/protocol"
)

func TestAnAgentIsNotInstalledOverAnother(t *testing.T) {
	ours, theirs := [][]byte{{1}, {2}}, [][]byte{{9}}
	joined := func(cluster string, keys [][]byte) install.Present {
		return install.Present{Namespace: "drover-system", Installed: true, Joined: cluster,
			Trust: protocol.Trust{Servers: []string{"tls://hub.example.com:4222"}, HubKeys: keys}}
	}
	for name, c := range map[string]struct {
		present install.Present
		others  []install.Present
		replace bool
		want    []string // nil if it may be installed
	}{
		"nothing is there": {present: install.Present{Namespace: "drover-system"}},
		"its own agent":    {present: joined("a", ours[1:])},
		"its own token":    {present: install.Present{Namespace: "drover-system", Invited: "a"}},
		"another cluster's": {joined("b", ours), nil, false, []string{"context kind-b is b (joined the hub at " +
			"tls://hub.example.com:4222), and not a", "drover agent uninstall --context kind-b"}},
		"that, though it is lost": {joined("b", ours), nil, true, []string{"is b", "and not a"}},
		"another cluster's token": {install.Present{Namespace: "drover-system", Invited: "b"}, nil, false,
			[]string{"context kind-b is b, and not a"}},
		"a token of its own, another's credential": {install.Present{Namespace: "drover-system", Joined: "b",
			Invited: "a"}, nil, false,
			[]string{"is b", "and not a"}},
		"another hub's": {joined("a", theirs), nil, false, []string{"is a of another hub (joined the hub at " +
			"tls://hub.example.com:4222)",
			"drover hub restore", "--replace"}},
		"another hub's that is lost": {joined("a", theirs), nil, true, nil},
		"one in another namespace": {install.Present{Namespace: "drover-system"}, []install.Present{{Namespace: "ops",
			Joined: "b"}}, false,
			[]string{"the agent of b already, in namespace ops", "give --namespace ops", "--namespace ops`"}},
	} {
		t.Run(name, func(t *testing.T) {
			o := installOptions{tokenOptions: tokenOptions{cluster: "a", replace: c.replace}}
			o.Namespace = "drover-system"
			err := o.misplaced(c.present, c.others, "kind-b", ours)
			if (err != nil) != (c.want != nil) {
				t.Fatalf("got %v", err)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
		})
	}
}
