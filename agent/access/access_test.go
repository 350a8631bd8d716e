package access

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/protocol"
)

// answer is what a Get answers.
type answer struct {
	live agent.Live
	err  error
}

func (a answer) Get(context.Context, agent.Resource, protocol.ObjectRef) (agent.Live, error) {
	return a.live, a.err
}

func refused(reason agent.Reason, said string) error {
	return &agent.Failure{Reason: reason, Text: "refused", Said: said}
}

func TestWhatMayQuoteASecret(t *testing.T) {
	t.Parallel()
	from := func(kind string) *protocol.Substitution {
		return &protocol.Substitution{From: []protocol.VarsRef{{Kind: "ConfigMap", Name: "a"}, {Kind: kind, Name: "b"}}}
	}
	for name, c := range map[string]struct {
		handling protocol.Handling
		want     agent.Access
	}{
		"nothing is asked for": {protocol.Handling{}, agent.Access{}},
		"a service account": {protocol.Handling{ServiceAccount: "ns/deployer"},
			agent.Access{Account: "ns/deployer"}},
		"objects are decrypted":      {protocol.Handling{Decrypt: &protocol.Decryption{}}, agent.Access{Secret: true}},
		"variables of ConfigMaps":    {protocol.Handling{Substitute: from("ConfigMap")}, agent.Access{}},
		"variables, one of a Secret": {protocol.Handling{Substitute: from("Secret")}, agent.Access{Secret: true}},
	} {
		if got := Of(c.handling); got != c.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestWhoseRightsDoNotSuffice(t *testing.T) {
	t.Parallel()
	there, gone := answer{}, answer{err: refused(agent.ReasonMissing, "")}
	forbidden := refused(agent.ReasonForbidden, "may not patch configmaps")
	for name, c := range map[string]struct {
		account string
		own     answer
		err     error
		want    string
	}{
		"the agent's own": {"", there, forbidden, "refused"},
		"the account may not": {"ns/deployer", there, forbidden,
			"the service account ns/deployer, which may not do this: give it the right, or take the object out of the app " +
				"(may not patch configmaps)"},
		"the account does not exist": {"ns/deployer", gone, forbidden,
			"does not exist: make it (kubectl create serviceaccount deployer --namespace ns)"},
		"its namespace does not": {"ns/deployer", answer{err: refused(agent.ReasonNamespace, "")}, forbidden,
			"does not exist: make it"},
		"nor is it known whether it does": {"ns/deployer", answer{err: errors.New("timeout")}, forbidden,
			"which may not do this"},
		"the agent may not act as it": {"ns/deployer", there, refused(agent.ReasonForbidden,
			"cannot impersonate resource"), "give the agent the right to impersonate it, in its namespace"},
		"another failure": {"ns/deployer", there, refused(agent.ReasonInvalid, ""), "refused"},
	} {
		r := Rights{App: "web", Account: c.account, Own: func() Reader { return c.own }}
		got := r.Explain(t.Context(), c.err)
		if !strings.Contains(got.Error(), c.want) || agent.ReasonOf(got) != agent.ReasonOf(c.err) {
			t.Errorf("%s: %v", name, got)
		}
	}
	if err := (Rights{Account: "ns/deployer"}).Explain(t.Context(), nil); err != nil {
		t.Error("a success is explained:", err)
	}
}

// The agent's own rights tell whether there is anything to delete where those of the app do not.
func TestPeekUsesTheAgentsRightsForThatAlone(t *testing.T) {
	t.Parallel()
	forbidden := answer{err: refused(agent.ReasonForbidden, "no")}
	of := func(app string) answer { return answer{live: agent.Live{App: app}} }
	for name, c := range map[string]struct {
		account string
		at, own answer
		app     string // of the object that is found
		reason  agent.Reason
	}{
		"the app may":       {"ns/deployer", of("web"), of("own"), "web", agent.ReasonOther},
		"the agent may not": {"", forbidden, of("own"), "", agent.ReasonForbidden},
		"there is none": {"ns/deployer", forbidden, answer{err: refused(agent.ReasonMissing, "")}, "",
			agent.ReasonMissing},
		"its namespace is gone": {"ns/deployer", forbidden, answer{err: refused(agent.ReasonNamespace, "")}, "",
			agent.ReasonNamespace},
		"it belongs to others": {"ns/deployer", forbidden, of("other"), "other", agent.ReasonOther},
		"it is the app's":      {"ns/deployer", forbidden, of("web"), "", agent.ReasonForbidden},
		"the API server does not answer": {"ns/deployer", forbidden, answer{err: refused(agent.ReasonUnreachable, "")}, "",
			agent.ReasonForbidden},
	} {
		r := Rights{App: "web", Account: c.account, At: c.at, Own: func() Reader { return c.own }}
		live, err := r.Peek(t.Context(), agent.Resource{}, protocol.ObjectRef{})
		if live.App != c.app || agent.ReasonOf(err) != c.reason {
			t.Errorf("%s: %q, %v", name, live.App, err)
		}
	}
}
