package input

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/protocol"
)

// store is the ConfigMaps and Secrets of a cluster, by Kind, namespace and name. It notes which are watched, and with
// whose rights they are read.
type store struct {
	agent.Objects
	versions map[string]uint64
	err      error
	watched  []string
	rights   []agent.Access
}

func (s *store) Data(_ context.Context, ref protocol.VarsRef) (map[string]string, uint64, error) {
	switch version, ok := s.versions[ref.String()]; {
	case s.err != nil:
		return nil, 0, s.err
	case !ok:
		return nil, 0, &agent.Failure{Reason: agent.ReasonMissing}
	default:
		return map[string]string{"key": "value"}, version, nil
	}
}

func (s *store) Get(context.Context, agent.Resource, protocol.ObjectRef) (agent.Live, error) {
	return agent.Live{}, nil
}

func (s *store) reader(scope ...string) Reader {
	return Reader{Scope: scope, Namespace: "drover", Watch: func(ref protocol.VarsRef) {
		s.watched = append(s.watched,
			ref.String())
	},
		Reach: func(a agent.Access) agent.Objects {
			s.rights = append(s.rights, a)
			return s
		}}
}

func vars(namespace, name string, optional bool) protocol.VarsRef {
	return protocol.VarsRef{Kind: "ConfigMap", Namespace: namespace, Name: name, Optional: optional}
}

func TestVariablesAreReadAndWatched(t *testing.T) {
	t.Parallel()
	forbidden := &agent.Failure{Reason: agent.ReasonForbidden, Text: "no", Said: "may not get configmaps"}
	for name, c := range map[string]struct {
		from    []protocol.VarsRef
		scope   []string
		err     error
		watched string
		text    string // of the error
		lacks   bool
	}{
		"they are there": {from: []protocol.VarsRef{vars("ns", "a", false)}, watched: "ConfigMap ns/a"},
		"one is not": {from: []protocol.VarsRef{vars("ns", "a", false), vars("ns", "b", false)},
			watched: "ConfigMap ns/a, ConfigMap ns/b", text: "waits for the ConfigMap ns/b, from which it takes variables",
			lacks: true},
		"one is not, and it is optional": {from: []protocol.VarsRef{vars("ns", "b", true)}, watched: "ConfigMap ns/b"},
		"beyond the scope": {from: []protocol.VarsRef{vars("ns", "a", false)}, scope: []string{"other"},
			text: "the ConfigMap ns/a: " + agent.Scope{"other"}.Failure().Text},
		"a name that is a path": {from: []protocol.VarsRef{vars("ns", "../a", false)},
			text: "has a name that cannot be"},
		"no name": {from: []protocol.VarsRef{vars("ns", "", false)},
			text: "has a name that cannot be"},
		"its namespace is gone": {from: []protocol.VarsRef{vars("ns", "a", true)},
			err: &agent.Failure{Reason: agent.ReasonNamespace}, watched: "ConfigMap ns/a"},
		"the account may not": {from: []protocol.VarsRef{vars("ns", "a", true)}, err: forbidden,
			watched: "ConfigMap ns/a", text: "read the ConfigMap ns/a: the app is applied with the rights of the service " +
				"account ns/deployer"},
		"the API server does not answer": {from: []protocol.VarsRef{vars("ns", "a", false)}, err: errors.New("timeout"),
			watched: "ConfigMap ns/a", text: "read the ConfigMap ns/a: timeout"},
	} {
		s := &store{versions: map[string]uint64{"ConfigMap ns/a": 7}, err: c.err}
		spec := protocol.App{Handling: protocol.Handling{ServiceAccount: "ns/deployer",
			Substitute: &protocol.Substitution{From: c.from}}}
		got, err := s.reader(c.scope...).Transform(t.Context(), spec, nil)
		if (err != nil) != (c.text != "") || err != nil && !strings.Contains(err.Error(), c.text) ||
			(got != nil) != (err == nil) {
			t.Errorf("%s: %v, want %q", name, err, c.text)
		}
		if errors.As(err, new(*Lacking)) != c.lacks {
			t.Errorf("%s: it is lacking: %v", name, err)
		}
		if watched := strings.Join(s.watched, ", "); watched != c.watched || len(s.rights) > 0 &&
			s.rights[0].Account != "ns/deployer" {
			t.Errorf("%s: watched are %q, with the rights of %v", name, watched, s.rights)
		}
	}
}

// A tenant could have anything decrypted with the agent's keys that is in Git.
func TestTheAgentsKeysAreForAppsWithItsRights(t *testing.T) {
	t.Parallel()
	encrypted := []byte(`{"kind":"Secret","data":{"a":"ENC[AES256_GCM,data:x]"},"sops":{"mac":"m"}}` + "\n")
	for name, c := range map[string]struct {
		account, secret string
		lines           []byte
		watched, text   string
	}{
		"nothing is encrypted": {lines: []byte(`{"kind":"ConfigMap"}` + "\n")},
		"the agent's own":      {lines: encrypted, watched: "Secret drover/drover-sops"},
		"of a tenant": {account: "ns/deployer", lines: encrypted,
			text: "the agent's own are not for an app that is applied with the rights of a service account (ns/deployer)"},
		"of a tenant, with its own": {account: "ns/deployer", secret: "keys", lines: encrypted, watched: "Secret ns/keys"},
		"of a tenant, and not there": {account: "ns/deployer", secret: "none", lines: encrypted, watched: "Secret ns/none",
			text: "waits for the Secret ns/none, from which it takes the keys with which its objects are decrypted"},
	} {
		s := &store{versions: map[string]uint64{"Secret drover/drover-sops": 1, "Secret ns/keys": 2}}
		spec := protocol.App{Handling: protocol.Handling{ServiceAccount: c.account,
			Decrypt: &protocol.Decryption{Namespace: "ns", Secret: c.secret}}}
		_, err := s.reader("ns").Transform(t.Context(), spec, c.lines)
		if fmt.Sprint(err) == "" || (err != nil) != (c.text != "") || err != nil && !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v, want %q", name, err, c.text)
		}
		if watched := strings.Join(s.watched, ", "); watched != c.watched {
			t.Errorf("%s: watched are %q", name, watched)
		}
	}
}

func TestInputsOfAnApp(t *testing.T) {
	t.Parallel()
	h := protocol.Handling{Decrypt: &protocol.Decryption{},
		Substitute: &protocol.Substitution{From: []protocol.VarsRef{vars("ns", "a", true)}}}
	want := []protocol.VarsRef{vars("ns", "a", false), {Kind: "Secret", Namespace: "drover", Name: "drover-sops"}}
	if got := Of(h, "drover"); !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
	if got := Of(protocol.Handling{}, "drover"); len(got) != 0 {
		t.Errorf("%v", got)
	}
}
