package agent_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/protocol"
	"github.com/drover-dev/drover/test/testenv"
)

// TestNoReportQuotesASecret that cannot be made or is refused.
func TestNoReportQuotesASecret(t *testing.T) {
	t.Parallel()
	const mark = "tops3cretmark"
	cp, home, hub := stage(t)
	ns := testenv.NamespaceT(t, cp)
	made(t, cp, secret(home, "drover-sops", "{a.agekey: x}"))
	agenttest.Start(t, cp, home, hub, with(pluginFunc(func(object []byte, _ map[string][]byte) ([]byte, error) {
		return []byte(strings.ReplaceAll(string(object), ciphertext, "${"+mark)), nil
	})))
	object := func(field string) string {
		return fmt.Sprintf(`{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s","namespace":%q},%s}`, ns, field)
	}
	vars := map[string]string{"a": "b"}
	strict := from(hub.App(t, "strict", object(`"stringData":{"p":"${`+mark+`}"}`)), ns, vars)
	strict.Substitute.Strict = true
	apps := []protocol.App{
		strict,
		from(hub.App(t, "unclosed", object(`"stringData":{"p":"${`+mark+`"}`)), ns, vars),
		from(hub.App(t, "broken", object(`"stringData":{"p":"${v}"}`)), ns, map[string]string{"v": "*" + mark}),
		decrypting(from(hub.App(t, "decrypted", configMap(ns, "web", ciphertext)), ns, vars), "", ""),
		hub.App(t, "typed", object(`"stringData":{"p":{"`+mark+`":"`+mark+`"}}`)),
		hub.App(t, "base64", object(`"data":{"p":"`+mark+`*"}`)),
		hub.App(t, "unknown", object(`"`+mark+`":"`+mark+`"`)),
	}
	for i := range apps {
		b := hub.Bundle(apps[i])
		hub.Publish(t, b)
		r := hub.Report(t, apps[i].Name+" failed", func(r protocol.Report) bool {
			phase := agenttest.PhaseOf(r, apps[i].Name)
			return r.Generation == b.Generation && (phase == protocol.PhaseFailed || phase == protocol.PhaseDegraded)
		})
		if said := fmt.Sprintf("%+v %+v", r, hub.Events()); strings.Contains(said, mark) {
			t.Errorf("%s: it says %s", apps[i].Name, said)
		}
	}
}
