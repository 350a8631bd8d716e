package guard

import (
	"testing"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/protocol"
)

// found is an object with an owner that controls it, unless that is "".
func found(kind, name, uid, controller string) agent.Found {
	f := agent.Found{Live: agent.Live{Ref: protocol.ObjectRef{Kind: kind, Namespace: "ns", Name: name}, UID: uid}}
	if controller != "" {
		f.Owners = []agent.Owner{{UID: "other"}, {UID: controller, Controller: true}}
	}
	return f
}

func TestRootsAreWhatWouldBeLost(t *testing.T) {
	t.Parallel()
	deleting := found("ConfigMap", "deleting", "d", "")
	deleting.Deleting = true
	owned := found("ConfigMap", "owned", "o", "")
	owned.Owners = []agent.Owner{{UID: "other"}} // and not controlled
	for name, c := range map[string]struct {
		in   []agent.Found
		want []string
	}{
		"nothing":                                 {nil, nil},
		"what every namespace has":                {[]agent.Found{found("ConfigMap", "kube-root-ca.crt", "1", ""), found("ServiceAccount", "default", "2", "")}, nil},
		"another ServiceAccount":                  {[]agent.Found{found("ServiceAccount", "web", "2", "")}, []string{"web"}},
		"what is being deleted":                   {[]agent.Found{deleting}, nil},
		"what is owned and not controlled":        {[]agent.Found{owned}, []string{"owned"}},
		"a line of controllers":                   {[]agent.Found{found("Pod", "p", "3", "2"), found("ReplicaSet", "r", "2", "1"), found("Deployment", "w", "1", "")}, []string{"w"}},
		"what is controlled from elsewhere":       {[]agent.Found{found("Pod", "p", "3", "node")}, []string{"p"}},
		"the upper end is controlled elsewhere":   {[]agent.Found{found("Pod", "p", "3", "2"), found("ReplicaSet", "r", "2", "gone")}, []string{"r"}},
		"a round of controllers":                  {[]agent.Found{found("A", "a", "1", "2"), found("B", "b", "2", "1")}, []string{"a", "b"}},
		"something of a name as every namespace":  {[]agent.Found{found("Secret", "default", "2", "")}, []string{"default"}},
		"a controller that is itself its subject": {[]agent.Found{found("A", "a", "1", "1")}, []string{"a"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := Roots(c.in)
			if len(got) != len(c.want) {
				t.Fatalf("%d roots, want %v", len(got), c.want)
			}
			for i, f := range got {
				if f.Ref.Name != c.want[i] {
					t.Errorf("root %d is %s, want %s", i, f.Ref.Name, c.want[i])
				}
			}
		})
	}
}
