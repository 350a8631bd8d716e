package agent

import (
	"testing"

	"github.com/drover-dev/drover/protocol"
)

// found is an object with an owner that controls it, unless that is "".
func found(kind, name, uid, controller string) Found {
	f := Found{Live: Live{Ref: protocol.ObjectRef{Kind: kind, Namespace: "ns", Name: name}, UID: uid}}
	if controller != "" {
		f.Owners = []Owner{{UID: "other"}, {UID: controller, Controller: true}}
	}
	return f
}

func TestRootsAreWhatWouldBeLost(t *testing.T) {
	deleting := found("ConfigMap", "deleting", "d", "")
	deleting.Deleting = true
	owned := found("ConfigMap", "owned", "o", "")
	owned.Owners = []Owner{{UID: "other"}} // and not controlled
	for name, c := range map[string]struct {
		in   []Found
		want []string
	}{
		"nothing":                                 {nil, nil},
		"what every namespace has":                {[]Found{found("ConfigMap", "kube-root-ca.crt", "1", ""), found("ServiceAccount", "default", "2", "")}, nil},
		"another ServiceAccount":                  {[]Found{found("ServiceAccount", "web", "2", "")}, []string{"web"}},
		"what is being deleted":                   {[]Found{deleting}, nil},
		"what is owned and not controlled":        {[]Found{owned}, []string{"owned"}},
		"a line of controllers":                   {[]Found{found("Pod", "p", "3", "2"), found("ReplicaSet", "r", "2", "1"), found("Deployment", "w", "1", "")}, []string{"w"}},
		"what is controlled from elsewhere":       {[]Found{found("Pod", "p", "3", "node")}, []string{"p"}},
		"the upper end is controlled elsewhere":   {[]Found{found("Pod", "p", "3", "2"), found("ReplicaSet", "r", "2", "gone")}, []string{"r"}},
		"a round of controllers":                  {[]Found{found("A", "a", "1", "2"), found("B", "b", "2", "1")}, []string{"a", "b"}},
		"something of a name as every namespace":  {[]Found{found("Secret", "default", "2", "")}, []string{"default"}},
		"a controller that is itself its subject": {[]Found{found("A", "a", "1", "1")}, []string{"a"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := roots(c.in)
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
